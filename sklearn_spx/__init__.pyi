__version__: str

from . import datasets, features, inspection, io, kernels, metrics, regions, training, utils
from .methods.deep_embedding.estimator import DELSegmenter
from .methods.egb import EGBSegmenter
from .methods.ers import ERSSuperpixels
from .methods.seal.estimator import SEALSuperpixels
from .methods.slic import SLICSuperpixels
from .methods.trainable_slic.estimator import TrainableSLIC

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
    "io",
    "kernels",
    "metrics",
    "regions",
    "training",
    "utils",
]
