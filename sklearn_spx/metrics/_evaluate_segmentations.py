"""Scores of segmentations over a data set at the best settings: ODS and OIS.

A setting is a threshold of a hierarchy, or any other choice made once for all images. The
optimal data-set scale (ODS) is the one setting that scores best over all images; the optimal
image scale (OIS) takes the best setting of every image.
"""

import math
from collections.abc import Sequence
from functools import partial
from hashlib import sha1
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from ..kernels.checks import check_real
from ._boundary_f import match_counts
from ._contingency import compact, count_compact
from ._data_set import over_images
from ._inputs import as_list, check_known_alike, check_labels, check_truths, known
from ._matching import pixels_of
from ._object_part_f import object_part_scores
from ._regions import best_iou, information, rand_index
from ._thinning import thin_boundaries
from .f_measure import f_of_counts, harmonic_mean

_STEPS = 100  # points that the Berkeley benchmark reads off between two settings


def evaluate_segmentations(
    segmentations: Sequence[Any] | NDArray[Any],
    ground_truths: Sequence[Any] | NDArray[Any],
    *,
    max_distance: float = 0.0075,
    interpolate: bool = False,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Bunch:
    """Return the ODS and OIS figures of segmentations over a data set, and their curves.

    Boundary F: the four counts of every setting are summed over images, and F is taken of the
    sums; OIS sums the counts of every image's best setting. Objects and parts F: precision and
    recall are averaged over images; OIS averages those of every image's best setting [2]_.
    Covering: annotated pixels covered, summed over images and annotations, over all annotated
    pixels. Probabilistic Rand index and variation of information: mean over images. In these
    three, OIS takes every image's best [1]_. The first of equally good settings counts as best.

    Parameters
    ----------
    segmentations : sequence of lists of label images
        For every image its segmentation at every setting; the same settings for all images.
        Pixels with a negative label are left out; they must be the same at every setting.
    ground_truths : sequence of label images, or of lists of label images
        For every image one annotation or a list of them; negative where unknown.
    max_distance : float, default=0.0075
        Largest distance of two matched boundary pixels as a share of the image diagonal.
    interpolate : bool, default=False
        Read the best boundary F off the precision and recall curves between neighbouring
        settings too, as the Berkeley benchmark's own script does. Settings must then be in
        order.
    n_jobs : int or None, default=None
        Images scored at the same time, in threads; results do not depend on it.
    verbose : int, default=0
        Above 0: show a progress bar.

    Returns
    -------
    Bunch
        One Bunch for each of ``boundary_f``, ``object_part_f``, ``covering``,
        ``probabilistic_rand_index`` and ``variation_of_information``, with

        ods, ois : float
            The score at the best setting, of the data set and of every image.
        ods_setting : int
            Index of the data set's best setting.
        curve : ndarray of shape (n_settings,)
            The score at every setting.

        The two F measures also have ``ods_precision``, ``ods_recall``, ``ois_precision``,
        ``ois_recall`` and the curves ``precision`` and ``recall``; ``boundary_f`` has
        ``counts``, shape (n_images, n_settings, 4), as :func:`boundary_f_counts` returns
        them; the others have ``per_image``, shape (n_images, n_settings), to which
        ``object_part_f`` adds a last axis (precision, recall). ``covering`` has ``best``, where
        every annotated segment takes its own best setting.

    Raises
    ------
    ValueError, TypeError
        If the collections do not match, images differ in their numbers of settings, or an image
        cannot be scored; the message says which.

    References
    ----------
    .. [1] P. Arbelaez, M. Maire, C. Fowlkes, J. Malik, "Contour detection and hierarchical
       image segmentation", PAMI 2011.
    .. [2] J. Pont-Tuset, F. Marques, "Supervised evaluation of image segmentation and object
       proposal techniques", PAMI 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.metrics import evaluate_segmentations
    >>> truth = np.repeat([[0, 0, 1, 2]], 4, axis=0)
    >>> coarse, fine = np.zeros_like(truth), np.repeat([[0, 1, 2, 3]], 4, axis=0)
    >>> result = evaluate_segmentations([[coarse, truth, fine]], [truth])
    >>> result.boundary_f.ods, result.boundary_f.ods_setting
    (1.0, 1)
    >>> result.covering.curve
    array([0.375, 1.   , 0.75 ])
    """
    max_distance = check_real(max_distance, "max_distance", 0.0)
    results = over_images(
        partial(_score_image, max_distance),
        segmentations,
        ground_truths,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    n_settings = {len(one["counts"]) for one in results}
    if len(n_settings) > 1:
        raise ValueError(
            "segmentations holds different numbers of settings for different images: "
            f"{sorted(n_settings)}"
        )
    stacked = {name: np.array([one[name] for one in results]) for name in results[0]}
    return Bunch(
        boundary_f=_boundary_figures(stacked["counts"], interpolate),
        object_part_f=_object_part_figures(stacked["object_part"]),
        covering=Bunch(
            **_figures(stacked["covering"], weights=stacked["annotated"]),
            best=float(np.average(stacked["best"], weights=stacked["annotated"])),
        ),
        probabilistic_rand_index=_figures(stacked["rand"]),
        variation_of_information=_figures(stacked["information"], lower_is_better=True),
    )


def _score_image(max_distance, segmentation, truths):
    """Return every score of one image at every setting."""
    settings = [
        check_labels(one, f"labels[{k}]") for k, one in enumerate(as_list(segmentation, "labels"))
    ]
    outside = settings[0] < 0
    for k, labels in enumerate(settings):
        if labels.shape != outside.shape or not np.array_equal(labels < 0, outside):
            raise ValueError(
                f"labels[{k}] and labels[0] differ in their shape or in the pixels outside the mask"
            )
    truths = check_truths(settings[0], truths)
    check_known_alike(truths)
    settings = [known(labels, truths[0]) for labels in settings]
    inside = settings[0] >= 0
    wanted = [pixels_of(thin_boundaries(truth)) for truth in truths]
    segments = [compact(truth[inside]) for truth in truths]
    radius = max_distance * math.hypot(*outside.shape)
    best = [0.0] * len(truths)
    keys = [sha1(labels, usedforsecurity=False).digest() for labels in settings]
    scored = {}  # settings that change nothing are common
    for key, labels in zip(keys, settings):
        if key in scored:
            continue
        regions = compact(labels[inside])
        tables = [count_compact(regions, one) for one in segments]
        ious = [best_iou(table) for table in tables]
        best = [np.maximum(old, new) for old, new in zip(best, ious)]
        scored[key] = {
            "counts": match_counts(thin_boundaries(labels), wanted, radius),
            "object_part": object_part_scores(tables),
            "covering": _mean_covering(tables, ious),
            "rand": np.mean([rand_index(table) for table in tables]),
            "information": np.mean([information(table) for table in tables]),
        }
    scores = {name: [scored[key][name] for key in keys] for name in scored[keys[0]]}
    scores["best"] = _mean_covering(tables, best)
    scores["annotated"] = len(tables) * tables[0].n_pixels
    return scores


def _mean_covering(tables, ious):
    return np.mean([(t.column_size * iou).sum() / t.n_pixels for t, iou in zip(tables, ious)])


def _figures(per_image, *, weights=None, lower_is_better=False):
    sign = -1.0 if lower_is_better else 1.0
    curve = np.average(per_image, axis=0, weights=weights)
    ods_setting = int(np.argmax(sign * curve))
    return Bunch(
        ods=float(curve[ods_setting]),
        ods_setting=ods_setting,
        ois=float(sign * np.average((sign * per_image).max(axis=1), weights=weights)),
        curve=curve,
        per_image=per_image,
    )


def _boundary_figures(counts, interpolate):
    f, precision, recall = f_of_counts(counts.sum(axis=0))
    best = np.argmax(f_of_counts(counts)[0], axis=1)
    at_best = counts[np.arange(best.size), best].sum(axis=0)
    figures = _f_figures(f, precision, recall, f_of_counts(at_best))
    if interpolate:
        share = np.linspace(0.0, 1.0, _STEPS)
        p, r = (
            np.append(c, np.outer(c[:-1], 1 - share) + np.outer(c[1:], share))
            for c in (precision, recall)
        )
        between = harmonic_mean(p, r)
        top = int(np.argmax(between))
        if between[top] > figures.ods:
            figures.update(
                ods=float(between[top]), ods_precision=float(p[top]), ods_recall=float(r[top])
            )
    return Bunch(**figures, counts=counts)


def _object_part_figures(per_image):
    precision, recall = np.moveaxis(per_image.mean(axis=0), -1, 0)
    best = np.argmax(harmonic_mean(per_image[..., 0], per_image[..., 1]), axis=1)
    p, r = per_image[np.arange(best.size), best].mean(axis=0)
    figures = _f_figures(
        harmonic_mean(precision, recall), precision, recall, (harmonic_mean(p, r), p, r)
    )
    return Bunch(**figures, per_image=per_image)


def _f_figures(f, precision, recall, ois):
    ods_setting = int(np.argmax(f))
    return Bunch(
        ods=float(f[ods_setting]),
        ods_precision=float(precision[ods_setting]),
        ods_recall=float(recall[ods_setting]),
        ods_setting=ods_setting,
        ois=float(ois[0]),
        ois_precision=float(ois[1]),
        ois_recall=float(ois[2]),
        curve=f,
        precision=precision,
        recall=recall,
    )
