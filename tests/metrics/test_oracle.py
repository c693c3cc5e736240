"""Reference values of four BSDS500 images: label maps of many kinds under every protocol.

They come from the published evaluators. All scores agree to 1e-12. In boundary F both totals
and the matched annotation pixels agree exactly; the reference leaves open which of equally
good pairings it takes, so the segmentation pixels it matches differ by up to 4.
"""

from functools import partial

import numpy as np
import pytest
from scipy.io import loadmat

from sklearn_spx import metrics
from sklearn_spx.metrics._inputs import check_truths
from sklearn_spx.metrics._thinning import thin_boundaries

IMAGES = ("3096", "42049", "101087", "296059")
KINDS = ("slic200", "fh", "ucm12", "ucm30", "grid", "one")


def each(score, **params):
    return partial(score, per_annotator=True, **params)


SCORES = {
    "asa": each(metrics.achievable_segmentation_accuracy),
    "br_seal_r1": each(metrics.boundary_recall),
    "br_seal_r3": each(metrics.boundary_recall, tolerance=3),
    "br_stutz": each(metrics.boundary_recall, protocol="stutz"),
    "bp_stutz": each(metrics.boundary_precision),
    "ue_np": each(metrics.undersegmentation_error),
    "ue_levinshtein": each(metrics.undersegmentation_error, variant="levinshtein"),
    "ue_achanta": each(metrics.undersegmentation_error, variant="achanta"),
    "mde_euclidean": each(metrics.mean_distance_to_edge),
    "mde_chamfer3": each(metrics.mean_distance_to_edge, metric="chamfer3"),
    "iou_area": each(metrics.achievable_iou),
    "iou_segment": each(metrics.achievable_iou, average="segment"),
    "iou_pixel": each(metrics.achievable_iou, average="pixel"),
    "compactness": lambda labels, truths: metrics.compactness(labels),
    "fop": partial(metrics.object_part_f_measure, return_precision_recall=True),
    "covering": metrics.segmentation_covering,
    "pri": metrics.probabilistic_rand_index,
    "vi": metrics.variation_of_information,
}


@pytest.fixture(scope="module")
def reference(oracle):
    return oracle("metrics_reference")


@pytest.fixture(scope="module")
def annotations(data_root):
    folder = data_root / "BSDS500" / "groundTruth" / "val"
    return {
        image: [
            (one[0, 0]["Segmentation"], one[0, 0]["Boundaries"] > 0)
            for one in loadmat(folder / f"{image}.mat")["groundTruth"][0]
        ]
        for image in IMAGES
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("image", IMAGES)
def test_scores(reference, annotations, image, kind):
    labels = reference[f"{image}_{kind}_labels"]
    truths = [segments for segments, _ in annotations[image]]
    for name, score in SCORES.items():
        np.testing.assert_allclose(
            score(labels, truths), reference[f"{image}_{kind}_{name}"], rtol=1e-12, err_msg=name
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("image", IMAGES)
def test_boundary_f(reference, annotations, image, kind):
    labels = reference[f"{image}_{kind}_labels"]
    truths = [segments for segments, _ in annotations[image]]
    counts = metrics.boundary_f_counts(labels, truths)
    expected = reference[f"{image}_{kind}_fb_counts"]
    assert counts[[0, 1, 3]].tolist() == expected[[0, 1, 3]].tolist()
    assert abs(counts[2] - expected[2]) <= 4
    f = metrics.boundary_f_measure(labels, truths, return_precision_recall=True)
    np.testing.assert_allclose(f, reference[f"{image}_{kind}_fb"], atol=1e-3)
    assert f[2] == pytest.approx(reference[f"{image}_{kind}_fb"][2], rel=1e-12)


def test_annotated_boundaries(annotations):
    for image in IMAGES:
        for segments, boundaries in annotations[image]:
            (truth,) = check_truths(np.zeros(segments.shape, np.int32), segments)
            np.testing.assert_array_equal(thin_boundaries(truth), boundaries)


def test_sweep(reference, annotations):
    segmentations = [reference[f"{image}_sweep_labels"] for image in IMAGES]
    truths = [[segments for segments, _ in annotations[image]] for image in IMAGES]
    result = metrics.evaluate_segmentations(segmentations, truths)
    f = {"ods_f": "ods", "ods_p": "ods_precision", "ods_r": "ods_recall", "ois_f": "ois"}
    best = {"ods": "ods", "ois": "ois"}
    for short, name, keys in (
        ("fop", "object_part_f", f),
        ("covering", "covering", best | {"best": "best"}),
        ("pri", "probabilistic_rand_index", best),
        ("vi", "variation_of_information", best),
    ):
        for key, ours in keys.items():
            assert result[name][ours] == pytest.approx(
                float(reference[f"sweep_{short}_{key}"]), rel=1e-12
            ), (name, key)
    between = metrics.evaluate_segmentations(segmentations, truths, interpolate=True)
    for prefix, figures in (("sweep_fb", result), ("sweep_fb_bsds", between)):
        figures = figures.boundary_f
        assert figures.ods_recall == pytest.approx(float(reference[f"{prefix}_ods_r"]), rel=1e-12)
        assert figures.ods_precision == pytest.approx(float(reference[f"{prefix}_ods_p"]), abs=1e-4)
        assert figures.ods == pytest.approx(float(reference[f"{prefix}_ods_f"]), abs=1e-4)
        assert figures.ois == pytest.approx(float(reference[f"{prefix}_ois_f"]), abs=1e-4)
