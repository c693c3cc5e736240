"""What people do by hand with an image, wherever they do it: the page in the browser, or napari.

image, method -> segment -> atoms and merge tree ; labelled regions -> learn_classes -> classes
"""

from .methods import METHODS, make_estimator
from .reasons import DIED, TOO_FEW_CLASSES, reason_of
from .steps import learn_classes, merge_by_colour, segment

__all__ = [
    "DIED",
    "METHODS",
    "TOO_FEW_CLASSES",
    "learn_classes",
    "make_estimator",
    "merge_by_colour",
    "reason_of",
    "segment",
]
