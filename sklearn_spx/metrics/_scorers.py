"""The scores as scikit-learn scorers, for ``GridSearchCV(scoring=...)`` and its like.

A scorer calls ``estimator.predict(X)``, which returns one label image per image, and takes the
mean over images of the score, itself a mean over annotators. Greater is better: errors are
negated. Several scorers used together share one prediction.

scikit-learn keeps the names that ``scoring="accuracy"`` may say in a table of its own, to which it
has no way to add others; the scorers here are passed as objects, or by ``scorers`` as a dict.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from sklearn.metrics import make_scorer

from ..kernels.checks import check_weights
from ._boundary import boundary_precision, boundary_recall, mean_distance_to_edge
from ._boundary_f import boundary_f_measure
from ._compactness import compactness_of_pair
from ._inputs import check_sequence
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
        accepted = "is a sequence with an item an image"
        y_true = check_sequence(y_true, "y", accepted)
        if len(y_true) != len(y_pred):
            raise ValueError(f"{len(y_pred)} images were segmented and {len(y_true)} annotated")
        weights = check_weights(sample_weight, len(y_true))
        values = []
        for i in range(len(y_true)):
            if y_pred[i] is None or np.max(y_pred[i]) < 0:  # that of a stacked array is -1
                raise ValueError(f"image {i} could not be segmented, so it has no score")
            try:
                values.append(self.score(y_pred[i], y_true[i], **params))
            except (TypeError, ValueError) as error:
                raise type(error)(f"image {i}: {error}") from error
        return float(np.average(values, weights=weights))


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
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> from sklearn_spx.metrics import boundary_recall, make_image_scorer
    >>> data = make_dead_leaves(2, random_state=0)
    >>> slic = SLICSuperpixels(100).fit(data.images)
    >>> scorers = [make_image_scorer(boundary_recall, tolerance=t) for t in (0, 3)]
    >>> [round(score(slic, data.images, data.ground_truths), 1) for score in scorers]
    [0.6, 0.9]
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

_SUPERPIXELS = {
    "asa": asa_scorer,
    "boundary_recall": boundary_recall_scorer,
    "boundary_precision": boundary_precision_scorer,
    "undersegmentation_error": undersegmentation_error_scorer,
    "mean_distance_to_edge": mean_distance_to_edge_scorer,
    "achievable_iou": achievable_iou_scorer,
    "compactness": compactness_scorer,
}
_SEGMENTS = {
    "segmentation_covering": segmentation_covering_scorer,
    "boundary_f": boundary_f_scorer,
    "object_part_f": object_part_f_scorer,
    "probabilistic_rand_index": probabilistic_rand_index_scorer,
    "variation_of_information": variation_of_information_scorer,
}
_GROUPS = {"superpixels": _SUPERPIXELS, "segments": _SEGMENTS}


def scorers(names: str | Iterable[str] = "superpixels") -> dict[str, Callable[..., Any]]:
    """Return several scorers by name, for ``cross_validate`` and ``GridSearchCV``.

    Those of one call share one prediction. The number of regions is not among them: both kinds of
    scores depend on it, so compare at one number.

    Parameters
    ----------
    names : {"superpixels", "segments"} or iterable of str, default="superpixels"
        "superpixels": asa, boundary_recall, boundary_precision, undersegmentation_error,
        mean_distance_to_edge, achievable_iou, compactness. "segments": segmentation_covering,
        boundary_f, object_part_f, probabilistic_rand_index, variation_of_information. Or some of
        these names.

    Returns
    -------
    scorers : dict of str to callable
        What ``scoring`` takes. Greater is better: undersegmentation_error, mean_distance_to_edge
        and variation_of_information are negated.

    Raises
    ------
    ValueError
        If there is no scorer of a name; the message lists those that are there.

    Examples
    --------
    >>> from sklearn.model_selection import cross_validate
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> from sklearn_spx.metrics import scorers
    >>> leaves = make_dead_leaves(4, random_state=0)
    >>> scoring = scorers(["asa", "undersegmentation_error"])
    >>> result = cross_validate(
    ...     SLICSuperpixels(50), leaves.images, leaves.ground_truths, cv=2, scoring=scoring
    ... )
    >>> sorted(result)
    ['fit_time', 'score_time', 'test_asa', 'test_undersegmentation_error']
    """
    if isinstance(names, str) and names in _GROUPS:
        return dict(_GROUPS[names])
    known = {**_SUPERPIXELS, **_SEGMENTS}
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in known:
            raise ValueError(
                f"there is no scorer {name!r}; names are {', '.join(known)}, and superpixels or "
                "segments for all of a kind"
            )
    return {name: known[name] for name in names}
