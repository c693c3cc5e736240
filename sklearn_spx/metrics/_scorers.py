"""The scores as scikit-learn scorers, for ``GridSearchCV(scoring=...)`` and its like.

A scorer calls ``estimator.predict(X)``, which returns one label image per image, and takes the
mean over images of the score, itself a mean over annotators. Greater is better: errors are
negated. Several scorers used together share one prediction.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import make_scorer

from ._boundary import boundary_precision, boundary_recall, mean_distance_to_edge
from ._boundary_f import boundary_f_measure
from ._compactness import compactness_of_pair
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


class _OverImages:
    """Mean over images of ``score(labels, ground_truths)``."""

    def __init__(self, score):
        self.score = score
        self.__name__ = score.__name__

    def __call__(self, y_true, y_pred, *, sample_weight=None, **params):
        if len(y_true) != len(y_pred):
            raise ValueError(f"{len(y_pred)} images were segmented and {len(y_true)} annotated")
        values = []
        for i in range(len(y_true)):
            try:
                values.append(self.score(y_pred[i], y_true[i], **params))
            except (TypeError, ValueError) as error:
                raise type(error)(f"image {i}: {error}") from error
        return float(np.average(values, weights=sample_weight))


def make_image_scorer(
    score: Callable[..., Any], *, greater_is_better: bool = True, **params: Any
) -> Callable[..., Any]:
    """Return a scorer for model selection that averages a score over images.

    Parameters
    ----------
    score : callable
        ``score(labels, ground_truths, **params)`` returns a number for one image. It must be
        importable where the scorer is pickled.
    greater_is_better : bool, default=True
        False negates the score.
    **params : dict
        Further keyword arguments of ``score``.

    Returns
    -------
    callable
        ``scorer(estimator, X, y, sample_weight=None)``, with one weight an image.

    Examples
    --------
    >>> from sklearn_spx.metrics import boundary_recall, make_image_scorer
    >>> cityscapes = make_image_scorer(boundary_recall, tolerance=3)
    >>> cityscapes
    make_scorer(boundary_recall, response_method='predict', tolerance=3)
    """
    return make_scorer(
        _OverImages(score),
        response_method="predict",
        greater_is_better=greater_is_better,
        **params,
    )


asa_scorer = make_image_scorer(achievable_segmentation_accuracy)
boundary_recall_scorer = make_image_scorer(boundary_recall)
boundary_precision_scorer = make_image_scorer(boundary_precision)
undersegmentation_error_scorer = make_image_scorer(undersegmentation_error, greater_is_better=False)
mean_distance_to_edge_scorer = make_image_scorer(mean_distance_to_edge, greater_is_better=False)
compactness_scorer = make_image_scorer(compactness_of_pair)
achievable_iou_scorer = make_image_scorer(achievable_iou)
boundary_f_scorer = make_image_scorer(boundary_f_measure)
object_part_f_scorer = make_image_scorer(object_part_f_measure)
segmentation_covering_scorer = make_image_scorer(segmentation_covering)
probabilistic_rand_index_scorer = make_image_scorer(probabilistic_rand_index)
variation_of_information_scorer = make_image_scorer(
    variation_of_information, greater_is_better=False
)
