"""Scores of superpixels over a data set, and their curves over the number of superpixels."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from ._boundary import boundary_precision, boundary_recall, mean_distance_to_edge
from ._compactness import compactness_of_pair
from ._contingency import compact
from ._data_set import over_images
from ._inputs import as_list, check_labels, is_one_image
from ._overlap import (
    achievable_iou,
    achievable_segmentation_accuracy,
    undersegmentation_error,
)

_DEFAULT_SCORES: dict[str, Callable[..., Any]] = {
    **{
        score.__name__: partial(score, per_annotator=True)
        for score in (
            achievable_segmentation_accuracy,
            boundary_recall,
            boundary_precision,
            undersegmentation_error,
            mean_distance_to_edge,
            achievable_iou,
        )
    },
    "compactness": compactness_of_pair,
}


def evaluate_superpixels(
    segmentations: Sequence[Any] | NDArray[Any],
    ground_truths: Sequence[Any] | NDArray[Any],
    *,
    scores: dict[str, Callable[..., Any]] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Bunch:
    """Return the scores of superpixels over a data set.

    Data-set figures are plain means over (image, annotation) pairs, as in [1]_, and stand
    beside the number of superpixels that was produced, never the one that was asked for.

    Parameters
    ----------
    segmentations : sequence of label images, or of lists of label images
        For every image its superpixels; or a list with its superpixels at every setting of
        ``n_segments``, the same settings for all images.
    ground_truths : sequence of label images, or of lists of label images
        For every image one annotation or a list of them; negative where unknown.
    scores : dict of str to callable, default=None
        Functions ``(labels, ground_truths)`` that return a number an image or an array with
        one an annotation, by name. None: every superpixel score with its default parameters.
    n_jobs : int or None, default=None
        Images scored at the same time, in threads; results do not depend on it.
    verbose : int, default=0
        Above 0: show a progress bar.

    Returns
    -------
    Bunch
        With the axis of settings only where ``segmentations`` holds lists:

        mean : Bunch of float or ndarray of shape (n_settings,)
            Data-set mean of every score.
        per_image : Bunch of ndarray of shape (n_images,) or (n_images, n_settings)
            Every score of every image, mean over its annotations.
        n_segments : float or ndarray of shape (n_settings,)
            Mean number of superpixels produced.
        n_segments_per_image : ndarray of shape (n_images,) or (n_images, n_settings), int
            Number of superpixels produced.
        average : Bunch of float
            Only with settings: every score averaged over ``n_segments``, the area under its
            curve divided by the range, as in [2]_; NaN where all settings produce equally
            many.

    Raises
    ------
    ValueError, TypeError
        If the collections do not match, images differ in their numbers of settings, or an image
        cannot be scored; the message says which.

    References
    ----------
    .. [1] W.-C. Tu et al., "Learning superpixels with segmentation-aware affinity loss", CVPR
       2018.
    .. [2] D. Stutz, A. Hermans, B. Leibe, "Superpixels: an evaluation of the state of the
       art", CVIU 2018.

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn_spx.metrics import boundary_recall, evaluate_superpixels
    >>> truth = [[0, 0, 1, 1], [0, 0, 1, 1]]
    >>> coarse, fine = [[0, 0, 0, 0], [1, 1, 1, 1]], [[0, 0, 1, 1], [2, 2, 3, 3]]
    >>> result = evaluate_superpixels([[coarse, fine]], [truth])
    >>> result.mean.achievable_segmentation_accuracy
    array([0.5, 1. ])
    >>> result.n_segments
    array([2., 4.])
    >>> result.average.achievable_segmentation_accuracy
    0.75
    >>> strict = partial(boundary_recall, tolerance=0, per_annotator=True)
    >>> evaluate_superpixels([fine], [truth], scores={"recall": strict}).mean.recall
    1.0
    """
    scores = _DEFAULT_SCORES if scores is None else scores
    if not (isinstance(scores, dict) and all(map(callable, scores.values()))):
        raise TypeError(f"scores must be a dict of functions by name, got {scores!r}")
    results = over_images(
        partial(_score_image, scores), segmentations, ground_truths, n_jobs=n_jobs, verbose=verbose
    )
    kinds = {(len(counts), listed) for counts, _, listed in results}
    if len(kinds) > 1:
        raise ValueError(
            "segmentations holds different numbers of settings for different images: "
            f"{sorted({n for n, _ in kinds})}"
        )
    ((_, listed),) = kinds

    def shown(values):  # the axis of settings is the last
        if listed:
            return values
        return values[..., 0] if values.ndim > 1 else values.item()

    counts = np.array([counts for counts, _, _ in results], dtype=np.int64)
    n_segments = counts.mean(axis=0)
    mean, per_image, average = Bunch(), Bunch(), Bunch()
    for name in scores:
        # (n_settings, n_annotators) for every image
        values = [value[name] for _, value, _ in results]
        curve = np.concatenate(values, axis=1).mean(axis=1)
        mean[name] = shown(curve)
        per_image[name] = shown(np.array([value.mean(axis=1) for value in values]))
        average[name] = _average(n_segments, curve)
    result = Bunch(
        mean=mean,
        per_image=per_image,
        n_segments=shown(n_segments),
        n_segments_per_image=shown(counts),
    )
    if listed:
        result.average = average
    return result


def _score_image(scores, segmentation, truths):
    """Return the produced counts, the scores by name, and whether there is a list of settings."""
    counts = []
    values = {name: [] for name in scores}
    for labels in as_list(segmentation, "labels"):
        labels = check_labels(labels)
        counts.append(compact(labels[labels >= 0])[1])
        for name, score in scores.items():
            values[name].append(np.atleast_1d(score(labels, truths)))
    values = {name: np.array(value, dtype=np.float64) for name, value in values.items()}
    return counts, values, not is_one_image(segmentation)


def _average(n_segments, curve):
    order = np.argsort(n_segments, kind="stable")
    x, y = n_segments[order], curve[order]
    if x[0] == x[-1]:
        return float("nan")
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum() / (x[-1] - x[0]))
