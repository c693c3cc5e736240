"""What takes label images further: tables, graphs, files, saliency, boxes, video."""

from .annotations import labels_from_coco, labels_from_geojson
from .classifier import SuperpixelClassifier
from .coco import rle_to_mask, to_coco
from .explain import RegionMasker, SegmentationFunction, segmentation_fn
from .features import RegionFeatures
from .geojson import to_geojson
from .graph import RegionGraph, region_graph
from .masks import label_once
from .polygons import label_polygons, polygons_to_labels
from .pooling import pool_over_regions
from .proposals import object_proposals
from .saliency import background_detection, region_saliency
from .straddling import straddling_expansion, straddling_score
from .table import region_table
from .video import frame_shift, segment_frames

__all__ = [
    "RegionFeatures",
    "RegionGraph",
    "RegionMasker",
    "SegmentationFunction",
    "SuperpixelClassifier",
    "background_detection",
    "frame_shift",
    "label_once",
    "label_polygons",
    "labels_from_coco",
    "labels_from_geojson",
    "object_proposals",
    "polygons_to_labels",
    "pool_over_regions",
    "region_graph",
    "region_saliency",
    "region_table",
    "rle_to_mask",
    "segment_frames",
    "segmentation_fn",
    "straddling_expansion",
    "straddling_score",
    "to_coco",
    "to_geojson",
]
