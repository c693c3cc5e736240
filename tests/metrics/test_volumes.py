"""Scores of overlaps are of volumes too; scores of boundaries say that they are not."""

import numpy as np
import pytest

from sklearn_spx import metrics

RNG = np.random.default_rng(0)
LABELS = RNG.integers(-1, 6, (4, 5, 6))
TRUTHS = [RNG.integers(-1, 3, LABELS.shape) for _ in range(2)]
OF_OVERLAPS = (
    "achievable_iou",
    "achievable_segmentation_accuracy",
    "undersegmentation_error",
    "segmentation_covering",
    "probabilistic_rand_index",
    "variation_of_information",
)


@pytest.mark.parametrize("name", OF_OVERLAPS)
def test_a_volume_scores_as_its_slices_side_by_side(name):
    score = getattr(metrics, name)
    flat = [truth.reshape(4, -1) for truth in TRUTHS]
    assert score(LABELS, TRUTHS) == score(LABELS.reshape(4, -1), flat)
    assert score(LABELS, np.stack(TRUTHS)) == score(LABELS, TRUTHS)
    assert score(LABELS, TRUTHS[0]) == score(LABELS, list(TRUTHS[0])) == score(LABELS, TRUTHS[:1])
    with pytest.raises(ValueError, match=r"ground_truths.*\(4, 5, 5\), expected \(4, 5, 6\)"):
        score(LABELS, TRUTHS[0][:, :, :5])


@pytest.mark.parametrize(
    "name",
    ["boundary_recall", "boundary_precision", "mean_distance_to_edge", "boundary_f_measure"]
    + ["object_part_f_measure"],
)
def test_other_scores_name_those_of_volumes(name):
    with pytest.raises(ValueError, match=r"labels has shape \(4, 5, 6\).*achievable_segm"):
        getattr(metrics, name)(LABELS, TRUTHS[0])
    with pytest.raises(ValueError, match=r"labels has shape \(4, 5, 6\).*achievable_segm"):
        metrics.compactness(LABELS)
