"""Object proposals of a merge tree: exact boxes, scores and order on small trees."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from sklearn_spx import DELSegmenter
from sklearn_spx.kernels.boxes import box_overlaps
from sklearn_spx.regions import object_proposals

SUPERPIXELS = np.array(
    [
        [0, 0, 0, 0, 0],
        [0, 1, 1, 2, 0],
        [0, 1, 1, 2, 3],
        [0, 0, 0, 0, 3],
    ]
)
# nodes: 0 to 3 superpixels, 4 = 1 + 2, 5 = 0 + 3, 6 all
TREE = Bunch(superpixels=SUPERPIXELS, merges=[[2, 1], [3, 0], [0, 1]], heights=[0.25, 0.5, 2.0])


def test_boxes_scores_and_order_by_hand():
    found = object_proposals(TREE, max_overlap=1.0)
    assert found.nodes.tolist() == [4, 5, 3, 1, 2]  # 0 and 6 have the box of 5, and live shorter
    assert found.scores.tolist() == [1.75, 1.5, 0.5, 0.25, 0.25]
    assert found.boxes.tolist() == [
        [1, 1, 4, 3],
        [0, 0, 5, 4],
        [4, 2, 5, 4],
        [1, 1, 3, 3],
        [3, 1, 4, 3],
    ]
    assert found.boxes.dtype == np.int32


def test_parameters_choose_among_the_boxes():
    assert object_proposals(TREE, min_size=4).nodes.tolist() == [4, 5, 1]
    assert object_proposals(TREE, max_proposals=2).nodes.tolist() == [4, 5]
    assert object_proposals(TREE, max_overlap=0.6).nodes.tolist() == [4, 5, 3, 2]  # 1: 4 / 6


def test_what_is_never_merged_lives_to_the_top():
    tree = Bunch(superpixels=SUPERPIXELS, merges=[[2, 1]], heights=[0.25])
    found = object_proposals(tree)
    assert dict(zip(found.nodes.tolist(), found.scores)) == {
        0: 0.25, 1: 0.25, 2: 0.25, 3: 0.25, 4: 0.0
    }  # fmt: skip
    alone = object_proposals(Bunch(superpixels=np.zeros((2, 3), int), merges=[], heights=[]))
    assert alone.boxes.tolist() == [[0, 0, 3, 2]]
    outside = object_proposals(Bunch(superpixels=np.full((2, 3), -1), merges=[], heights=[]))
    assert outside.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("changes", "parameters", "message"),
    [
        ({"heights": [1.0, 0.5, 2.0]}, {}, "never fall"),
        ({"heights": [0.5, np.nan, 2.0]}, {}, "must be finite"),
        ({"heights": [0.5, 2.0]}, {}, "expected .3,., one a merge"),
        ({"merges": [[1, 2], [2, 1], [0, 1]]}, {}, r"merges\[1\] .* one region already"),
        ({}, {"min_size": 0}, "min_size must be at least 1"),
        ({}, {"max_proposals": 0}, "max_proposals must be at least 1"),
        ({}, {"max_overlap": 1.5}, "max_overlap must be at most 1"),
    ],
)
def test_what_does_not_fit_is_named(changes, parameters, message):
    with pytest.raises(ValueError, match=message):
        object_proposals(Bunch(**{**TREE, **changes}), **parameters)


def test_an_object_is_found_by_the_hierarchy_of_a_net():
    image = np.full((60, 80, 3), 200, np.uint8)
    image[20:40, 30:50] = 220, 40, 40
    (tree,) = DELSegmenter.from_pretrained("bsds500").hierarchy([image])
    found = object_proposals(tree, max_proposals=10)
    again = object_proposals(tree, max_proposals=10)
    assert all((found[name] == again[name]).all() for name in found)
    assert box_overlaps(found.boxes, [[30, 20, 50, 40]]).max() > 0.8
