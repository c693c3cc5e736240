"""What takes label images further: saliency, explanations of classifiers."""

from .explain import RegionMasker, SegmentationFunction, segmentation_fn
from .saliency import background_detection, region_saliency

__all__ = [
    "RegionMasker",
    "SegmentationFunction",
    "background_detection",
    "region_saliency",
    "segmentation_fn",
]
