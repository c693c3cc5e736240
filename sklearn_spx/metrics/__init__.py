"""Scores of superpixels and segmentations, by the published protocols.

A score compares one label image with one annotation or a list of them and returns the mean over
annotators; :func:`compactness`, :func:`explained_variation`, :func:`global_regularity` and
:func:`label_consistency` need no annotation. Pixels with a negative label, outside a mask, are
left out of every score. Scores of overlaps are of volumes too: :func:`achievable_iou`,
:func:`achievable_segmentation_accuracy`, :func:`undersegmentation_error`,
:func:`segmentation_covering`, :func:`probabilistic_rand_index` and
:func:`variation_of_information`. :func:`saliency_mae`, :func:`weighted_f_measure` and
:func:`s_measure` compare a saliency map with the mask of the objects, and
:func:`detection_recall` boxes with those of the objects.
"""

from ._boundary import boundary_precision, boundary_recall, mean_distance_to_edge
from ._boundary_f import boundary_f_counts, boundary_f_measure
from ._compactness import compactness
from ._detection_recall import detection_recall
from ._evaluate_segmentations import evaluate_segmentations
from ._evaluate_superpixels import evaluate_superpixels
from ._explained_variation import explained_variation
from ._global_regularity import global_regularity
from ._label_consistency import label_consistency
from ._mean_iou import class_iou, mean_iou
from ._object_part_f import object_part_f_measure
from ._overlap import (
    achievable_iou,
    achievable_segmentation_accuracy,
    undersegmentation_error,
)
from ._regions import (
    probabilistic_rand_index,
    segmentation_covering,
    variation_of_information,
)
from ._s_measure import s_measure
from ._saliency_mae import saliency_mae
from ._scorers import (
    achievable_iou_scorer,
    asa_scorer,
    boundary_f_scorer,
    boundary_precision_scorer,
    boundary_recall_scorer,
    compactness_scorer,
    make_image_scorer,
    mean_distance_to_edge_scorer,
    object_part_f_scorer,
    probabilistic_rand_index_scorer,
    scorers,
    segmentation_covering_scorer,
    undersegmentation_error_scorer,
    variation_of_information_scorer,
)
from ._weighted_f import weighted_f_measure

__all__ = [
    "achievable_iou",
    "achievable_iou_scorer",
    "achievable_segmentation_accuracy",
    "asa_scorer",
    "boundary_f_counts",
    "boundary_f_measure",
    "boundary_f_scorer",
    "boundary_precision",
    "boundary_precision_scorer",
    "boundary_recall",
    "boundary_recall_scorer",
    "class_iou",
    "compactness",
    "compactness_scorer",
    "detection_recall",
    "evaluate_segmentations",
    "evaluate_superpixels",
    "explained_variation",
    "global_regularity",
    "label_consistency",
    "make_image_scorer",
    "mean_distance_to_edge",
    "mean_distance_to_edge_scorer",
    "mean_iou",
    "object_part_f_measure",
    "object_part_f_scorer",
    "probabilistic_rand_index",
    "probabilistic_rand_index_scorer",
    "s_measure",
    "saliency_mae",
    "scorers",
    "segmentation_covering",
    "segmentation_covering_scorer",
    "undersegmentation_error",
    "undersegmentation_error_scorer",
    "variation_of_information",
    "variation_of_information_scorer",
    "weighted_f_measure",
]
