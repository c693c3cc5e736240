"""What all scores share: annotators, masks, errors, and that they leave their input alone."""

import numpy as np
import pytest

from sklearn_spx import metrics

from .common import random_labels

SCORES = [
    metrics.achievable_segmentation_accuracy,
    metrics.boundary_recall,
    metrics.boundary_precision,
    metrics.undersegmentation_error,
    metrics.mean_distance_to_edge,
    metrics.achievable_iou,
    metrics.boundary_f_measure,
    metrics.object_part_f_measure,
    metrics.segmentation_covering,
    metrics.probabilistic_rand_index,
    metrics.variation_of_information,
]
PER_ANNOTATOR = [
    s for s in SCORES if s.__name__ not in ("boundary_f_measure", "object_part_f_measure")
]

every_score = pytest.mark.parametrize("score", SCORES, ids=lambda s: s.__name__)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("score", PER_ANNOTATOR, ids=lambda s: s.__name__)
def test_mean_over_annotators(score, rng):
    labels = random_labels(rng, (20, 25), 9)
    truths = [random_labels(rng, (20, 25), 6) for _ in range(3)]
    values = score(labels, truths, per_annotator=True)
    np.testing.assert_array_equal(values, [score(labels, truth) for truth in truths])
    mean = score(labels, truths)
    assert type(mean) is float
    assert mean == pytest.approx(values.mean())


@every_score
def test_forms_of_ground_truths(score, rng):
    labels, truth = random_labels(rng, (9, 8)), random_labels(rng, (9, 8))
    value = score(labels, truth)
    other = truth.astype(np.int64) * 3 + 7
    for same in (
        [truth],
        (truth,),
        truth[None],
        truth.tolist(),
        [truth.tolist()],
        np.asfortranarray(truth),
        truth.astype(np.uint8),
        other,
        other + 2**40,
    ):
        assert score(labels, same) == value
    assert score(labels.tolist(), truth) == value


@every_score
def test_what_an_annotator_does_not_know_is_left_out(score, rng):
    labels = random_labels(rng, (14, 15))
    truth = np.add.outer(np.arange(14) // 5 * 3, np.arange(15) // 5)
    unknown = rng.random(truth.shape) < 0.3
    part = np.where(unknown, -1, truth)
    value = score(np.where(unknown, -1, labels), truth)
    far = truth + np.int64(2**40)
    for same in (part, np.where(unknown, -9, truth), np.where(unknown, -9, far)):
        assert score(labels, same) == value
    assert score(labels, [part, part]) == pytest.approx(value)
    assert score(labels, truth) != value
    with pytest.raises(ValueError, match=r"ground_truths\[1\] is negative, which is unknown"):
        score(labels, [truth, np.full_like(truth, -1)])


@every_score
def test_annotators_who_know_different_pixels(score, rng):
    labels, whole, part = (random_labels(rng, (14, 15)) for _ in range(3))
    part[:, :6] = -1
    if score not in PER_ANNOTATOR:
        with pytest.raises(ValueError, match=r"ground_truths\[1\] and ground_truths\[0\] are neg"):
            score(labels, [whole, part])
    else:
        alone = [score(labels, whole), score(labels, part)]
        assert score(labels, [whole, part]) == pytest.approx(np.mean(alone))


@every_score
def test_input_is_left_alone(score, rng):
    labels, truth = random_labels(rng, (9, 8), masked=True), random_labels(rng, (9, 8))
    copies = labels.copy(), truth.copy()
    score(labels, [truth, truth])
    np.testing.assert_array_equal(labels, copies[0])
    np.testing.assert_array_equal(truth, copies[1])


@every_score
def test_masked_margin_equals_crop(score, rng):
    labels, truth = random_labels(rng, (20, 30), 9), random_labels(rng, (20, 30), 6)
    masked = labels.copy()
    masked[:, 22:] = -1
    masked[:3] = -5
    params = {}, {}
    if score in (metrics.boundary_recall, metrics.boundary_precision):
        params = {"tolerance": 1}, {"tolerance": 1}
    if score is metrics.boundary_f_measure:
        params = tuple({"max_distance": 2.3 / np.hypot(*s)} for s in ((20, 30), (17, 22)))
    assert score(masked, truth, **params[0]) == pytest.approx(
        score(labels[3:, :22], truth[3:, :22], **params[1]), rel=1e-12
    )
    assert metrics.compactness(masked) == pytest.approx(metrics.compactness(labels[3:, :22]))


@every_score
def test_annotations_outside_the_mask_do_not_matter(score, rng):
    labels, truth = random_labels(rng, (20, 30), 9, masked=True), random_labels(rng, (20, 30), 6)
    other = np.where(labels < 0, rng.integers(0, 50, labels.shape), truth)
    assert score(labels, truth) == score(labels, other)


@every_score
def test_single_pixel(score):
    values = {
        "undersegmentation_error": 0.0,
        "mean_distance_to_edge": 0.0,
        "variation_of_information": 0.0,
        "boundary_precision": 0.0,
    }
    assert score([[4]], [[9]]) == values.get(score.__name__, 1.0)


@every_score
def test_errors_name_the_argument(score):
    good = np.zeros((3, 4), dtype=int)
    with pytest.raises(ValueError, match=r"ground_truths\[1\] has shape \(4, 3\)"):
        score(good, [good, good.T])
    with pytest.raises(ValueError, match=r"ground_truths has shape \(4, 3\)"):
        score(good, good.T)
    with pytest.raises(ValueError, match=r"ground_truths\[0\] has shape \(4, 3\)"):
        score(good, [good.T])
    with pytest.raises(ValueError, match="ground_truths is an empty list"):
        score(good, [])
    with pytest.raises(TypeError, match=r"ground_truths\[0\] has dtype float64"):
        score(good, [good.astype(float), good])
    with pytest.raises(TypeError, match="labels has dtype float32"):
        score(good.astype(np.float32), good)
    with pytest.raises(ValueError, match=r"labels has shape \(3,\)"):
        score(good[:, 0], good)
    with pytest.raises(ValueError, match="labels is negative everywhere"):
        score(good - 1, good)


def test_choices_are_checked():
    good = np.zeros((3, 4), dtype=int)
    with pytest.raises(ValueError, match="variant"):
        metrics.undersegmentation_error(good, good, variant="other")
    with pytest.raises(ValueError, match="average"):
        metrics.achievable_iou(good, good, average="other")
    with pytest.raises(ValueError, match="protocol"):
        metrics.boundary_recall(good, good, protocol="other")
    with pytest.raises(ValueError, match="metric"):
        metrics.mean_distance_to_edge(good, good, metric="other")
    with pytest.raises(ValueError, match="tolerance"):
        metrics.boundary_recall(good, good, tolerance=-1)
    with pytest.raises(TypeError, match="tolerance"):
        metrics.boundary_precision(good, good, tolerance=1.5)


@every_score
def test_what_is_no_list_of_annotations_is_named(score):
    truth = np.zeros((3, 4), int)
    for wrong, words in (
        (None, "of type NoneType; accepted are one label image and a list of them"),
        ({"anna": truth}, r"of type dict; .* pass list\(ground_truths.values\(\)\)"),
        ((t for t in [truth]), r"of type generator; .* pass list\(ground_truths\)"),
        ("truth.png", "of type str"),
    ):
        with pytest.raises(TypeError, match=f"ground_truths is {words}"):
            score(truth, wrong)
