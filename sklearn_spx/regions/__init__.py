"""What takes label images further: regions from frame to frame."""

from .video import frame_shift, segment_frames

__all__ = ["frame_shift", "segment_frames"]
"""What takes label images further: regions as a graph, as polygons, as files of other tools."""

from .coco import rle_to_mask, to_coco
from .geojson import to_geojson
from .graph import RegionGraph, region_graph
from .masks import label_once
from .polygons import label_polygons, polygons_to_labels

__all__ = [
    "RegionGraph",
    "label_once",
    "label_polygons",
    "polygons_to_labels",
    "region_graph",
    "rle_to_mask",
    "to_coco",
    "to_geojson",
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
"""What takes label images further: tables of regions, features for scikit-learn, classification."""

from .classifier import SuperpixelClassifier
from .features import RegionFeatures
from .table import region_table

__all__ = ["RegionFeatures", "SuperpixelClassifier", "region_table"]
