from . import datasets, features, inspection, kernels, metrics, utils
from ._del import DELSegmenter
from ._egb import EGBSegmenter
from ._ers import ERSSuperpixels
from ._slic import SLICSuperpixels
from ._trainable_slic import TrainableSLIC

__all__ = [
    "DELSegmenter",
    "EGBSegmenter",
    "ERSSuperpixels",
    "SLICSuperpixels",
    "TrainableSLIC",
    "datasets",
    "features",
    "inspection",
    "kernels",
    "metrics",
    "utils",
]
