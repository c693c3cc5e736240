"""Borders as arcs and rings, fewer points of them, and polygons as pixels."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import label as components

from sklearn_spx.kernels.polygons import fill_polygons, simplify_borders, trace_borders

from . import naive_polygons as naive

small = hnp.arrays(
    np.int32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=7),
    elements=st.sampled_from([-3, -1, 0, 1, 4, 2**31 - 1]),
)


def blocks(seed):
    """Labels of larger parts, with crumbs in them, so that there is something to simplify."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(6, 24, 2)
    seeds = rng.uniform(0, (height, width), (rng.integers(1, 6), 2))
    places = np.indices((height, width)).reshape(2, 1, -1)
    labels = ((seeds.T[:, :, None] - places) ** 2).sum(axis=0).argmin(axis=0)
    labels = labels.reshape(height, width)
    crumbs = rng.random(labels.shape) < 0.06
    return np.where(crumbs, rng.integers(-1, 6, labels.shape), labels)


def rings_of(borders):
    points, starts = borders.rings()
    return np.split(points, starts[1:-1]) if len(borders.ring_labels) else []


@settings(max_examples=150, deadline=None)
@given(small)
def test_rings_are_the_borders_of_pieces(labels):
    borders = trace_borders(labels)
    rings = rings_of(borders)
    for label in np.unique(labels[labels >= 0]):
        mine = [ring for ring, of in zip(rings, borders.ring_labels) if of == label]
        steps = [step for ring in mine for step in naive.unit_steps(ring)]
        assert sorted(steps) == naive.cracks(labels, label)
        for ring in mine:
            assert ring[0].tolist() == ring[-1].tolist()
            corners = [tuple(corner) for corner in ring[:-1].tolist()]
            assert len(set(corners)) == len(corners), "a ring touches itself"
        pieces, n_pieces = components(labels == label)
        shells = np.unique(borders.ring_shells[borders.ring_labels == label])
        areas = []
        for shell in shells:
            own = [naive.shoelace(rings[r]) for r in np.flatnonzero(borders.ring_shells == shell)]
            assert own[0] > 0
            assert all(area < 0 for area in own[1:])
            areas.append(sum(own))
        assert sorted(areas) == sorted(np.bincount(pieces.ravel())[1:])
        assert len(shells) == n_pieces
    assert sorted(np.unique(borders.ring_labels)) == sorted(np.unique(labels[labels >= 0]))


@settings(max_examples=100, deadline=None)
@given(small)
def test_every_border_is_one_arc_of_two_regions(labels):
    borders = trace_borders(labels)
    steps = []
    for a in range(len(borders.arc_starts) - 1):
        arc = borders.points[borders.arc_starts[a] : borders.arc_starts[a + 1]]
        assert len(arc) >= 2
        turns = np.diff(arc, axis=0)
        assert (np.abs(turns[1:] * turns[:-1]).sum(axis=1) == 0).all(), "a point on a straight line"
        steps += [frozenset(step) for step in naive.unit_steps(arc)]
    assert len(set(steps)) == len(steps)
    every = {frozenset(s) for k in np.unique(labels) if k >= 0 for s in naive.cracks(labels, k)}
    assert set(steps) == every
    halves, counts = np.unique(borders.ring_arcs, return_counts=True)
    assert (counts == 1).all()
    assert set(halves // 2) == set(range(len(borders.arc_starts) - 1))


def test_a_pinch_is_a_hole_that_touches():
    labels = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1]])  # 0 goes around 1, but for a corner
    borders = trace_borders(labels)
    assert borders.ring_labels.tolist() == [0, 0, 1, 1]
    assert borders.ring_shells.tolist() == [0, 0, 2, 3]
    assert [naive.shoelace(ring) for ring in rings_of(borders)] == [8, -1, 1, 1]


def test_labels_of_rings_are_never_rounded_or_cut():
    ring = [[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]
    with pytest.raises(TypeError, match="ring_labels has dtype float64; accepted are integers"):
        fill_polygons(ring, [0, 5], [1.7], (2, 2))
    with pytest.raises(TypeError, match="ring_starts has dtype float64"):
        fill_polygons(ring, [0.0, 5.2], [1], (2, 2))
    with pytest.raises(ValueError, match=r"ring_labels go from 1099511627776 .* beyond int32"):
        fill_polygons(ring, [0, 5], [2**40], (2, 2))


def test_no_region_has_no_border():
    borders = trace_borders([[-1, -2]])
    assert borders.points.shape == (0, 2)
    assert borders.rings()[0].shape == (0, 2)
    assert len(simplify_borders(borders, 3).points) == 0


# --- fewer points --------------------------------------------------------------------------------


def segments_of(borders):
    found = []
    for a in range(len(borders.arc_starts) - 1):
        arc = borders.points[borders.arc_starts[a] : borders.arc_starts[a + 1]].tolist()
        found += list(zip(map(tuple, arc[:-1]), map(tuple, arc[1:])))
    return found


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.4, 0.75, 1.5, 4, 100]))
def test_simplified_borders_lie_as_the_borders_did(seed, tolerance):
    labels = blocks(seed)
    before = trace_borders(labels)
    after = simplify_borders(before, tolerance)
    for a in range(len(before.arc_starts) - 1):
        old = before.points[before.arc_starts[a] : before.arc_starts[a + 1]].tolist()
        new = after.points[after.arc_starts[a] : after.arc_starts[a + 1]].tolist()
        assert (new[0], new[-1]) == (old[0], old[-1])
        assert len(new) >= (4 if new[0] == new[-1] else 2)
        i = 0
        for start, end in pairwise(new):  # in order, and all between is near
            i, j = old.index(start, i), old.index(end, i + 1)
            assert max(distances(old[i + 1 : j], start, end), default=0) <= tolerance + 1e-9
            i = j
    for (a, b), (c, d) in combinations(segments_of(after), 2):
        assert not naive.cross(a, b, c, d)
    # no gap, no overlap: every centre inside is in exactly one piece
    covered, pieces = np.zeros(labels.shape, int), rings_of(after)
    for shell in np.unique(after.ring_shells):
        own = [pieces[r] for r in np.flatnonzero(after.ring_shells == shell)]
        assert naive.shoelace(own[0]) > 0
        assert all(naive.shoelace(ring) < 0 for ring in own[1:])
        starts = np.cumsum([0] + [len(ring) for ring in own])
        covered += fill_polygons(np.concatenate(own), starts, [0] * len(own), labels.shape) + 1
    assert covered.max() <= 1
    if labels.min() >= 0:
        assert covered.min() == 1


def distances(points, start, end):
    (ax, ay), (bx, by) = start, end
    for x, y in points:
        along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
        along = min(max(along, 0), 1)
        yield np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))


def test_a_staircase_becomes_a_line():
    borders = trace_borders(np.tri(20, dtype=int))
    assert len(segments_of(simplify_borders(borders, 0.5))) > 40
    simple = segments_of(simplify_borders(borders, 0.75))
    assert len(simple) == 7  # the frame in six parts, and a line
    assert simplify_borders(borders, 0) is borders


def test_an_island_stays_on_its_side_of_a_border():
    labels = np.zeros((12, 12), int)
    labels[6:] = 1
    labels[2:6, 4:8] = 1  # a bulge of 1 into 0
    labels[3, 5] = 2  # and an island in it, which the straight border would give to 0
    after = simplify_borders(trace_borders(labels), 5)
    (island,) = np.flatnonzero(after.ring_labels == 2)
    assert (
        len(segments_of(after))
        > len(segments_of(simplify_borders(trace_borders(np.where(labels == 2, 1, labels)), 5))) + 3
    )
    for r, label in enumerate(after.ring_labels):
        if label == 1 and after.ring_shells[r] == r:
            assert naive.is_inside([rings_of(after)[r]], 5, 3)
    assert naive.shoelace(rings_of(after)[island]) > 0


# --- polygons as pixels --------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(-3, 9), st.integers(-3, 9)), min_size=3, max_size=7),
        min_size=1,
        max_size=3,
    )
)
def test_a_pixel_is_inside_where_its_centre_is(rings):
    rings = [np.array([*ring, ring[0]]) for ring in rings]
    starts = np.cumsum([0] + [len(ring) for ring in rings])
    found = fill_polygons(np.concatenate(rings), starts, [5] * len(rings), (6, 7))
    for y in range(6):
        for x in range(7):
            assert found[y, x] == (5 if naive.is_inside(rings, x, y) else -1)


def test_the_later_area_is_on_top():
    square = np.array([[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]])
    found = fill_polygons(np.concatenate([square, square + [1, 0]]), [0, 5, 10], [3, 0], (2, 4))
    assert found.tolist() == [[3, 0, 0, -1]] * 2


@pytest.mark.parametrize(
    ("points", "starts", "labels", "message"),
    [
        ([[0, 0, 0]], [0, 1], [0], r"points has shape \(1, 3\)"),
        ([[0, np.nan]], [0, 1], [0], "NaN or infinite"),
        ([[0, 0]], [0, 1], [0, 1], r"shapes \(2,\) and \(2,\)"),
        ([[0, 0]], [0, 2], [0], "ascend from 0 to 1"),
        ([[0, 0], [1, 0], [1, 1]], [0, 3], [0], "ring 0 is not closed"),
    ],
)
def test_rings_that_are_none_are_named(points, starts, labels, message):
    with pytest.raises(ValueError, match=message):
        fill_polygons(points, starts, labels, (2, 2))


def test_a_tolerance_below_zero_is_refused():
    with pytest.raises(ValueError, match="tolerance must be at least 0"):
        simplify_borders(trace_borders([[0]]), -1)
