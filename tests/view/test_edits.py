"""Edits of regions and classes, every step back, and how thresholds get on with both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sklearn_spx.kernels import merge_heights, region_adjacency
from sklearn_spx.methods.deep_embedding.hierarchy import RegionHierarchy
from sklearn_spx.view import edits
from sklearn_spx.view.document import UNKNOWN, Document
from sklearn_spx.view.images import enlarged, reduced, reductions
from sklearn_spx.view.partition import make_partition
from sklearn_spx.view.problems import Problem
from sklearn_spx.view.strokes import draw_stroke

SHAPE = (24, 36)


def grid(rows=4, columns=6):
    """Atoms in a grid of squares, six pixels a side."""
    numbers = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    return numbers.repeat(6, axis=0).repeat(6, axis=1)


def tree_of(atoms, seed=0):
    """A RegionHierarchy of random heights."""
    edges, _ = region_adjacency(atoms)
    weights = np.random.default_rng(seed).random(len(edges))
    kept = merge_heights(edges, weights, int(atoms.max()) + 1)[1]
    return RegionHierarchy(atoms, edges, edges[kept], weights[kept])


def document(cut=0, seed=0, factor=1):
    found = Document((SHAPE[0] * factor, SHAPE[1] * factor))
    tree = tree_of(grid(), seed)
    partition = make_partition(24, tree.edges, tree.merges, tree.heights, cut)
    found.start(tree.superpixels, partition, factor, "a grid")
    return found


def stroke(*points, radius=0):
    return draw_stroke(points, radius, 1, SHAPE)


def apply(document, edit, *arguments):
    return document.commit(edit.__name__, edit(document.layers, *arguments))


def partition_of(labels):
    """Labels numbered by first pixel, so that equal partitions are equal arrays."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.reshape(labels.shape)]


@pytest.mark.parametrize("cut", [0, 1, 7, 22, 23])
def test_a_cut_is_that_of_the_hierarchy(cut):
    found = document(cut)
    expected = tree_of(grid()).labels(n_segments=24 - cut)
    assert (partition_of(found.regions()) == partition_of(expected)).all()
    assert found.layers.partition.n_regions == 24 - cut


def test_label_takes_whole_regions():
    doc = document(cut=5)
    changed = apply(doc, edits.label, stroke((2, 2), (20, 2)), 3)
    regions = doc.regions()
    touched = np.unique(regions[2, 2:21])
    assert (doc.layers.classes == np.where(np.isin(regions, touched), 3, UNKNOWN)).all()
    assert list(changed["layers"]) == ["classes"]
    assert not changed["tree"]
    apply(doc, edits.label, stroke((2, 2), (20, 2)), UNKNOWN)
    assert (doc.layers.classes == UNKNOWN).all()


def test_mark_takes_pixels():
    doc = document()
    apply(doc, edits.mark, stroke((3, 4), (9, 4)), 1)
    rows, columns = np.nonzero(doc.layers.classes == 1)
    assert set(rows) == {4}
    assert columns.tolist() == list(range(3, 10))


def test_marks_stay_inside_the_mask():
    atoms = grid()
    atoms[atoms == 23] = -1
    doc = Document(SHAPE)
    doc.start(atoms, make_partition(23, *_no_tree(), 0), 1, "")
    apply(doc, edits.mark, stroke((20, 20), (35, 20)), 1)
    assert (doc.layers.classes[:, 30:] == UNKNOWN)[18:].all()
    with pytest.raises(Problem, match="no region there"):
        apply(doc, edits.label, stroke((33, 20)), 1)


def _no_tree():
    return np.empty((0, 2), np.int32), np.empty((0, 2), np.int32), np.empty(0)


def test_join_holds_at_every_cut():
    doc = document()
    apply(doc, edits.join, stroke((2, 2), (14, 2)))
    for cut in range(24):
        doc.set_cut(cut)
        regions = doc.regions()
        assert len(np.unique(regions[2, :18])) == 1
    with pytest.raises(Problem, match="lies in one region"):
        apply(doc, edits.join, stroke((2, 2), (14, 2)))


def test_a_line_splits():
    doc = document()
    apply(doc, edits.join, stroke((2, 2), (14, 2)))
    apply(doc, edits.split_by_line, stroke((8, -3), (8, 9)))
    regions = doc.regions()
    left, right = regions[2, 2], regions[2, 12]
    assert left != right
    assert (regions[:6, :8] == left).all()
    assert (regions[:6, 9:18] == right).all()
    assert doc.layers.partition.n_regions == 23
    for cut in range(1, 24):  # no threshold joins them again, or to others
        doc.set_cut(cut)
        regions = doc.regions()
        assert np.count_nonzero(regions == regions[2, 2]) in (48, 54)
        assert np.count_nonzero(regions == regions[2, 12]) in (54, 60)


def test_a_line_that_ends_inside_does_not_split():
    doc = document(cut=23)
    with pytest.raises(Problem, match="from border to border"):
        apply(doc, edits.split_by_line, stroke((8, 2), (8, 15)))
    with pytest.raises(Problem, match="no region"):
        apply(doc, edits.split_by_line, stroke((-9, -9), (-1, -1)))


def test_pieces_that_do_not_fit_are_refused():
    doc = document()
    _, inside = edits.part_of(doc.layers, 0)
    with pytest.raises(Problem, match="changed meanwhile"):
        edits.put_pieces(doc.layers, 0, np.zeros((3, 3), np.int32))
    with pytest.raises(Problem, match="too small"):
        edits.put_pieces(doc.layers, 0, np.zeros(inside.shape, np.int32))
    with pytest.raises(Problem, match="no region 99"):
        edits.part_of(doc.layers, 99)


def test_a_join_across_what_is_split_holds_what_is_left():
    """a - b - c were joined by way of b: when d, another part of the region, goes, they stay."""
    doc = document()
    apply(doc, edits.join, stroke((2, 2), (14, 2)))
    before = doc.layers.partition
    gone = np.zeros(24, bool)
    gone[1] = True  # between the two others
    after = before.with_pieces(gone, 2)
    assert after.groups[0] == after.groups[2]
    assert len(set(after.groups[[0, 24, 25]])) == 3


def test_regions_stay_connected_when_one_between_is_split():
    for seed in range(5):
        doc = document(cut=6, seed=seed)
        region = int(doc.regions()[9, 9])
        _, inside = edits.part_of(doc.layers, region)
        pieces = np.where(inside, np.arange(inside.shape[1]) % 2, -1)
        doc.commit("split", edits.put_pieces(doc.layers, region, pieces))
        fixed = doc.layers.regions >= 24
        for cut in range(6, 24):
            doc.set_cut(cut)
            regions = doc.regions()
            for label in np.unique(regions[~fixed]):
                assert ndimage.label(regions == label)[1] == 1


def test_accept_leaves_what_people_said():
    doc = document()
    apply(doc, edits.label, stroke((2, 2)), 0)
    predicted = np.where(grid() % 2 == 0, np.uint8(1), np.uint8(0))
    certainty = np.where(grid() < 12, np.uint8(255), np.uint8(100))
    apply(doc, edits.accept, (predicted, certainty), 0.9)
    expected = np.where(grid() < 12, predicted, np.uint8(UNKNOWN))
    expected[grid() == 0] = 0
    assert (doc.layers.classes == expected).all()
    with pytest.raises(Problem, match="certainty"):
        edits.accept(doc.layers, (predicted, certainty), 0.9)


EDITS = st.one_of(
    st.tuples(st.just(edits.label), st.integers(0, 3)),
    st.tuples(st.just(edits.mark), st.integers(0, 3)),
    st.tuples(st.just(edits.join)),
    st.tuples(st.just(edits.split_by_line)),
)
POINTS = st.lists(st.tuples(st.integers(-4, 40), st.integers(-4, 28)), min_size=1, max_size=4)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(EDITS, POINTS, st.integers(0, 23)), max_size=8), st.data())
def test_undo_and_redo_lead_back(steps, data):
    doc = document()
    seen = [doc.layers]
    for (edit, *arguments), points, cut in steps:
        doc.set_cut(cut)
        try:
            apply(doc, edit, stroke(*points), *arguments)
        except Problem:
            continue
        seen.append(doc.layers)
    place = len(seen) - 1
    for back in data.draw(st.lists(st.booleans(), max_size=20)):
        if back and place:
            doc.undo()
            place -= 1
        elif not back and place < len(seen) - 1:
            doc.redo()
            place += 1
        state, expected = doc.layers, seen[place]
        assert (state.regions == expected.regions).all()
        assert (state.classes == expected.classes).all()
        assert (state.partition.alive == expected.partition.alive).all()
        assert state.partition.joins == expected.partition.joins
    assert doc.undone == ("segmentation" if place == 0 else doc.undone)


def test_undo_to_the_begin_and_no_further():
    doc = document()
    apply(doc, edits.label, stroke((2, 2)), 1)
    assert doc.undone == "label"
    doc.undo()
    assert doc.redone == "label"
    doc.undo()
    assert (doc.layers.regions == -1).all()
    with pytest.raises(Problem, match="nothing to undo"):
        doc.undo()
    doc.redo()
    assert (doc.layers.regions == grid()).all()
    apply(doc, edits.label, stroke((9, 9)), 2)
    with pytest.raises(Problem, match="nothing to redo"):
        doc.redo()


def test_a_step_does_not_move_the_threshold_back():
    doc = document(cut=3)
    apply(doc, edits.join, stroke((2, 2), (34, 2)))
    doc.set_cut(9)
    doc.undo()
    assert doc.layers.partition.cut == 9


def test_changes_name_the_part_that_changed():
    doc = document()
    changed = apply(doc, edits.label, stroke((8, 8)), 1)
    assert changed["layers"] == {"classes": [6, 6, 12, 12]}
    assert doc.undo()["layers"] == {"classes": [6, 6, 12, 12]}


def test_another_state_is_not_edited():
    doc = document()
    doc.check(doc.version)
    with pytest.raises(Problem, match="changed elsewhere"):
        doc.check(doc.version - 1)
    with pytest.raises(Problem, match="not segmented"):
        Document((4, 4)).check(0)


def test_classes_stay_when_the_size_changes():
    doc = document(factor=2)
    apply(doc, edits.label, draw_stroke([(17, 17)], 0, 2, SHAPE), 1)
    large = grid().repeat(2, axis=0).repeat(2, axis=1)
    tree = tree_of(large)
    doc.start(large, make_partition(24, tree.edges, tree.merges, tree.heights, 0), 1, "")
    assert (doc.layers.classes == np.where(large == 7, 1, UNKNOWN)).all()
    changed = doc.undo()
    assert changed["resized"]
    assert doc.layers.factor == 2
    assert (doc.layers.classes == np.where(grid() == 7, 1, UNKNOWN)).all()


def test_strokes():
    assert stroke((3, 4)).mask(SHAPE).sum() == 1
    thick = stroke((10, 10), (20, 10), radius=3).mask(SHAPE)
    assert thick[7:14, 10:21].all()
    assert not thick[6].any()
    assert not thick[14].any()
    assert draw_stroke([(8, 8)], 0, 4, SHAPE).mask(SHAPE)[2, 2]
    far = draw_stroke([(-1e7, -1e7), (1e7, 1e7)], 5, 1, SHAPE)
    assert far.mask(SHAPE).any()


@settings(deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([2, 3]),
    st.sampled_from([np.uint8, np.uint16, np.float32, bool]),
)
def test_reduced_and_enlarged(factor, height, width, channels, dtype):
    image = np.random.default_rng(0).integers(0, 255, (height, width, channels)).astype(dtype)
    small = reduced(image, factor)
    assert small.shape == (-(-height // factor), -(-width // factor), channels)
    assert small.dtype == dtype
    rows, columns = (len(range(0, n, factor)) - 1 for n in (height, width))
    for row, column in ((0, 0), (rows, columns)):  # the last one is of what there is
        block = image[row * factor :, column * factor :][:factor, :factor]
        assert abs(small[row, column] - block.mean(axis=(0, 1))).max() < 1
    back = enlarged(small, factor, (height, width))
    assert back.shape == image.shape
    assert (back[::factor, ::factor] == small).all()


def test_reductions():
    assert reductions((10, 10)) == ([1], 1)
    factors, proposed = reductions((4000, 6000))
    assert proposed == 3
    assert factors[0] == 1
