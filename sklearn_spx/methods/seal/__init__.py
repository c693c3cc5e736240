"""SEAL superpixels: affinities learned from human segmentations, then entropy rate superpixels."""
