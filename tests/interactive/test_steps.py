"""Segmenting, merging and learning, without whoever asks for it."""

import numpy as np
import pytest

from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.interactive import METHODS, learn_classes, make_estimator, segment
from sklearn_spx.interactive.steps import merge_by_colour
from sklearn_spx.methods.deep_embedding.hierarchy import RegionHierarchy
from sklearn_spx.methods.deep_embedding.merging import THRESHOLDS


def nobody(stage, share):
    """Told how it goes."""


def test_methods_that_take_volumes():
    others = [key for key, method in METHODS.items() if not method.takes_volumes]
    assert others == ["seal", "del"]


def test_weights_are_those_that_are_shipped():
    assert METHODS["slic"].weights == []
    assert "bsds500" in METHODS["del"].weights
    assert make_estimator("seal", {"weights": "bsds500"}).pretrained == "bsds500"


@pytest.mark.slow
def test_del_begins_at_its_threshold():
    image = make_dead_leaves(1, (60, 90), random_state=0).images[0]
    _, _, merges, heights, cut = segment(nobody, "del", {"weights": "bsds500"}, image, None)
    assert 0 < cut < len(merges)
    assert heights[cut - 1] <= THRESHOLDS["greedy"] < heights[cut]


def test_the_most_similar_neighbours_join_first():
    image = np.repeat(np.array([[10, 20, 200, 60]], np.uint8), 3, axis=0)
    atoms = np.tile(np.arange(4, dtype=np.int32), (3, 1))
    tree = RegionHierarchy(atoms, *merge_by_colour(image, None, atoms))
    assert tree.regions(n_segments=3).tolist() == [0, 0, 1, 2]


def test_a_volume_is_merged_along_its_depth_too():
    volume = np.full((2, 3, 4), 10, np.uint8)
    volume[1, :, 2:] = 200
    atoms = np.zeros((2, 3, 4), np.int32)
    atoms[1, :, :2], atoms[1, :, 2:] = 1, 2  # 0 and 1 are of one colour, in slices of their own
    tree = RegionHierarchy(atoms, *merge_by_colour(volume, None, atoms))
    assert tree.regions(n_segments=2).tolist() == [0, 0, 1]
    colours = np.repeat(volume[..., None], 3, axis=3)
    assert np.array_equal(tree.heights, merge_by_colour(colours, None, atoms)[2])


def test_a_volume_is_segmented_by_its_spacing():
    volume = make_dead_leaves(1, (36, 20), random_state=0).images[0][..., 0].reshape(6, 6, 20)
    found = segment(nobody, "ers", {"n_segments": 7}, volume, None, spacing=(2, 1, 1))
    assert found[0].shape == volume.shape
    assert np.array_equal(np.unique(found[0]), np.arange(7))
    assert len(found[2]) == 6


def test_classes_are_learned_and_predicted_for_others():
    image = np.zeros((20, 30), np.uint8)
    image[:, 15:] = 200
    regions = np.arange(30, dtype=np.int32)[None] // 3 + np.zeros((20, 1), np.int32)
    regions[:2] = -1
    known = np.full(image.shape, -1, np.int32)
    known[5, 2], known[5, 20] = 4, 7
    (own, certainty), (other, _) = learn_classes(
        nobody, [(image, regions)], [known], [(image[:, ::-1].copy(), regions)]
    )
    assert own.dtype == np.int32
    assert set(np.unique(own[2:, :15])) == {4}
    assert set(np.unique(own[2:, 15:])) == {7}
    assert np.array_equal(other[2:], own[2:, ::-1])
    assert (own[:2] == -1).all()
    assert (certainty[:2] == 0).all()
    assert (certainty[2:] > 0.5).all()
