from . import datasets, features, inspection, kernels, metrics, utils
from ._del import DELSegmenter
from ._egb import EGBSegmenter
from ._ers import ERSSuperpixels
from ._seal import SEALSuperpixels
from ._slic import SLICSuperpixels
from ._trainable_slic import TrainableSLIC

__all__ = [
    "DELSegmenter",
    "EGBSegmenter",
    "ERSSuperpixels",
    "SEALSuperpixels",
    "SLICSuperpixels",
    "TrainableSLIC",
    "datasets",
    "features",
    "inspection",
    "kernels",
    "metrics",
    "utils",
]
