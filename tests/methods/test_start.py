"""``start``: superpixels that start from others."""

import numpy as np
import pytest

from sklearn_spx import ERSSuperpixels, SEALSuperpixels, SLICSuperpixels, TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.kernels import entropy_rate_superpixels, slic
from sklearn_spx.kernels.slic import region_seeds

IMAGES = make_dead_leaves(2, shape=(40, 56), random_state=0).images
STARTS = [np.add.outer(np.arange(40) // 9 * 9, np.arange(56) // 11), None]  # numbers with gaps
ESTIMATORS = [
    SLICSuperpixels(20),
    ERSSuperpixels(20),
    SEALSuperpixels(20, pretrained="bsds500"),
    TrainableSLIC(20, pretrained="bsds500"),
]


def differ(a, b):
    return (a != b).any()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_a_start_is_for_its_own_image(estimator):
    estimator.fit(IMAGES)
    plain = estimator.transform(IMAGES)
    found = estimator.transform(IMAGES, start=STARTS)
    assert differ(found[0], plain[0])
    np.testing.assert_array_equal(found[1], plain[1])
    assert found[0].max() + 1 == 20
    # which numbers regions have does not matter, nor what is outside the mask
    mask = np.ones((40, 56), bool)
    mask[:, :5] = False
    other = np.where(mask, 1000 + STARTS[0] * 3, 77)
    masked = [
        estimator.transform(IMAGES[:1], masks=[mask], start=[start])[0]
        for start in (STARTS[0], other)
    ]
    np.testing.assert_array_equal(masked[0], masked[1])
    empty = estimator.transform(IMAGES[:1], start=[np.full((40, 56), -1)])
    np.testing.assert_array_equal(empty[0], plain[0])


def test_what_is_started():
    found = SLICSuperpixels(20).fit(IMAGES).transform(IMAGES[:1], start=STARTS[:1])[0]
    np.testing.assert_array_equal(found, slic(IMAGES[0], 20, seeds=region_seeds(STARTS[0])))
    found = ERSSuperpixels(20, regularity=0.4).fit(IMAGES).transform(IMAGES[:1], start=STARTS[:1])
    expected = entropy_rate_superpixels(IMAGES[0], 20, cells=STARTS[0], regularity=0.4)
    np.testing.assert_array_equal(found[0], expected)


def test_several_counts_from_one_start():
    seal = SEALSuperpixels(20, pretrained="bsds500")
    found = seal.transform(IMAGES[:1], start=STARTS[:1], n_segments=[20, 30])[0]
    np.testing.assert_array_equal(found[0], seal.transform(IMAGES[:1], start=STARTS[:1])[0])


@pytest.mark.parametrize(
    ("estimator", "start", "words"),
    [
        (ERSSuperpixels(20, regularity=0), STARTS, "regularity is 0"),
        (SEALSuperpixels(20, pretrained="bsds500", regularity=0), STARTS, "regularity is 0"),
        (SEALSuperpixels(20, pretrained="bsds500", backend="egb"), STARTS, 'backend is "egb"'),
        (SLICSuperpixels(20), STARTS[:1], "start"),
        (SLICSuperpixels(20), [STARTS[0][:9], None], r"start\[0\] has shape"),
        (SLICSuperpixels(20), [np.zeros((40, 56)) + 0.5, None], r"start\[0\]"),
    ],
)
def test_a_start_that_cannot_be_is_named(estimator, start, words):
    estimator.fit(IMAGES)
    with pytest.raises((ValueError, TypeError), match=words):
        estimator.transform(IMAGES, start=start)
