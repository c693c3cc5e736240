"""Nets for the programs of bioimage.io: a fitted estimator's, as a package of BioImage.IO.

estimator -> maps_of: a torch module, RGB to maps -> TorchScript, test tensors, texts -> zip

Programs that read such packages run the net without this one; superpixels and segments are grown of
its maps by :mod:`sklearn_spx.kernels`, or theirs.
"""

from ._export import export_bioimageio

__all__ = ["export_bioimageio"]
