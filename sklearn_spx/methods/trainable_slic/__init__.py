"""Trainable SLIC: superpixels by a learned distance."""
