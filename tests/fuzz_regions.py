"""What the long property run does with the kernels of regions: each against its slow twin."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from skimage.measure import perimeter

from sklearn_spx.kernels.boxes import box_overlaps, suppress_overlaps, tree_boxes
from sklearn_spx.kernels.flow import as_flow, count_kept, move_labels, shared_pixels
from sklearn_spx.kernels.polygons import fill_polygons, simplify_borders, trace_borders
from sklearn_spx.kernels.region_statistics import (
    number_regions,
    region_gradients,
    region_perimeters,
    region_quantiles,
    region_statistics,
)
from sklearn_spx.kernels.slic import region_seeds
from sklearn_spx.kernels.straddling import align_and_expand, straddling_scores
from sklearn_spx.regions import pool_over_regions

from .kernels import naive_boxes, naive_flow, naive_polygons, naive_region_statistics
from .scenes import LAYOUTS

DTYPES = ["?", "u1", "i1", ">i2", "i4", ">i4", "u4", "i8"]
GAPS = [1, 3, 10, 2**27]
VALUES = ["?", "u1", ">u2", "i2", "f4", "f8"]


@st.composite
def label_images(draw, max_side=9):
    """Labels in blocks or of noise, with gaps or without, of any dtype and layout."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    block, lowest = draw(st.integers(1, 3)), draw(st.sampled_from([-2, 0]))
    labels = rng.integers(lowest, draw(st.integers(1, 9)), (height, width))
    labels = labels.repeat(block, axis=0).repeat(block, axis=1)[:height, :width]
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    gap = draw(st.sampled_from(GAPS)) if dtype.itemsize >= 4 else 1
    labels = (labels if dtype.kind == "i" else np.maximum(labels, 0)) * gap
    layout = draw(st.sampled_from(["plain", "negative strides", "Fortran", "read-only", "spaced"]))
    return LAYOUTS[layout](labels.astype(dtype))


@st.composite
def images_and_labels(draw):
    labels = draw(label_images())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (*labels.shape, draw(st.integers(1, 4)))
    dtype = np.dtype(draw(st.sampled_from(VALUES)))
    if dtype.kind == "f":
        return rng.normal(draw(st.sampled_from([0, 1e4])), 3, shape).astype(dtype), labels
    return rng.integers(0, 2 if dtype.kind == "b" else 127, shape).astype(dtype), labels


def check_region_statistics(case):
    image, labels = case
    index, ids = number_regions(labels)
    inside = labels >= 0
    assert ids.tolist() == np.unique(labels[inside]).tolist()
    np.testing.assert_array_equal(ids[index[inside]], labels[inside])
    assert (index[~inside] == -1).all()
    if not ids.size:
        return
    found = region_statistics(index, image)
    for a, b in zip(found, naive_region_statistics.statistics(index, image)):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(region_statistics(index, image, spread=False).mean, found.mean)
    lengths, sides = region_perimeters(index)
    assert sides.tolist() == naive_region_statistics.sides(index).tolist()
    wanted = [perimeter(np.pad(index == a, 1), 4) for a in range(ids.size)]
    np.testing.assert_allclose(lengths, wanted, rtol=1e-12)
    shares = [0, 1 / 3, 0.5, 1]
    for a, values in enumerate(region_quantiles(image, index, shares)):
        wanted = np.quantile(image[index == a].astype(float), shares, axis=0)
        np.testing.assert_allclose(values, wanted, rtol=1e-9, atol=1e-9)
    if image.dtype.kind == "f":  # else orientations may lie between two bins
        found = region_gradients(image, index, 8)
        wanted = naive_region_statistics.gradients(image, index, 8)
        np.testing.assert_allclose(found[0], wanted[0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found[1], wanted[1], rtol=1e-9, atol=1e-12)


def check_pooling(case):
    image, labels = case
    for how in ("mean", "max", "vote"):
        pooled = pool_over_regions(image, labels, how=how)
        votes = np.eye(image.shape[2])[image.argmax(axis=2)]
        for label in np.unique(labels[labels >= 0]):
            own = (votes if how == "vote" else image)[labels == label].astype(float)
            wanted = own.max(axis=0) if how == "max" else own.mean(axis=0)
            found = pooled[labels == label]
            np.testing.assert_allclose(found, np.broadcast_to(wanted, found.shape), rtol=1e-5)
        outside = labels < 0
        np.testing.assert_array_equal(pooled[outside], image[outside])


def segments_of(borders):
    ends = zip(borders.arc_starts[:-1], borders.arc_starts[1:])
    arcs = [[tuple(p) for p in borders.points[a:b].tolist()] for a, b in ends]
    return [pair for arc in arcs for pair in pairwise(arc)]


def check_polygons(case):
    labels, tolerance = case
    borders = trace_borders(labels)
    points, starts = borders.rings()
    rings = np.split(points, starts[1:-1]) if len(borders.ring_labels) else []
    for label in np.unique(labels[labels >= 0]):
        own = [ring for ring, of in zip(rings, borders.ring_labels) if of == label]
        steps = [step for ring in own for step in naive_polygons.unit_steps(ring)]
        assert sorted(steps) == naive_polygons.cracks(labels, label)
    drawn = fill_polygons(points, starts, borders.ring_labels, labels.shape)
    np.testing.assert_array_equal(drawn, np.maximum(labels.astype(np.int64), -1))
    fewer = simplify_borders(borders, tolerance)
    segments = segments_of(fewer)
    assert len(segments) <= len(segments_of(borders))
    for k, first in enumerate(segments):
        assert not any(naive_polygons.cross(*first, *second) for second in segments[:k])
    if (labels >= 0).all():  # no pixel falls between two regions
        assert (fill_polygons(*fewer.rings(), fewer.ring_labels, labels.shape) >= 0).all()


@st.composite
def rings(draw):
    """Closed rings of any shape, with corners on and between the centres of pixels."""
    at = st.tuples(st.integers(-6, 16), st.integers(-6, 16))
    corners = st.lists(at, min_size=3, max_size=6)
    found = draw(st.lists(corners, min_size=1, max_size=4))
    scale = draw(st.sampled_from([1, 2]))
    return [np.array([*ring, ring[0]]) / scale for ring in found], draw(st.booleans())


def check_fill(case):
    closed, as_one = case
    labels = np.zeros(len(closed), int) if as_one else np.arange(len(closed))
    starts = np.cumsum([0, *(len(ring) for ring in closed)])
    found = fill_polygons(np.concatenate(closed), starts, labels, (7, 8))
    for y, x in np.ndindex(7, 8):
        wanted = -1
        for label in np.unique(labels):
            own = [ring for ring, of in zip(closed, labels) if of == label]
            if naive_polygons.is_inside(own, x, y):
                wanted = label
        assert found[y, x] == wanted, (y, x)


@st.composite
def labels_and_boxes(draw):
    labels = draw(label_images(max_side=7))
    height, width = labels.shape
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = rng.integers(0, (width, height), (draw(st.integers(1, 6)), 2))
    high = rng.integers(low + 1, (width + 1, height + 1))
    merge_until = draw(st.integers(1, 8))
    return labels, np.concatenate([low, high], axis=1), merge_until


def check_boxes(case):
    labels, boxes, n_left = case
    wanted = [[naive_boxes.overlap(a, b, labels.shape) for b in boxes] for a in boxes]
    np.testing.assert_allclose(box_overlaps(boxes, boxes), wanted)
    for most in (0.0, 0.4, 1.0):
        kept = suppress_overlaps(boxes, most).tolist()
        assert kept == naive_boxes.suppress(boxes, most, labels.shape)
    thresholds = [0.25, 1.0, 0.1]
    for box, found in zip(boxes, align_and_expand(boxes, labels, thresholds).tolist()):
        aligned = naive_boxes.align(box, labels)
        if aligned is None:
            assert not np.any(found)
        else:
            expanded = [naive_boxes.expand(aligned, labels, t) for t in thresholds]
            assert found == [aligned, *expanded]
    wanted = [naive_boxes.straddling(box, labels) for box in boxes]
    np.testing.assert_allclose(straddling_scores(boxes, labels), wanted, atol=1e-12)
    index, ids = number_regions(labels)
    if ids.size:
        merges = [[0, k] for k in range(1, ids.size - n_left + 1)]
        found, sizes, _ = tree_boxes(index, merges)
        wanted = naive_boxes.tree_boxes(index, merges)
        assert found.tolist() == [list(box) for box, _ in wanted]
        assert sizes.tolist() == [size for _, size in wanted]


@st.composite
def frames(draw):
    labels = draw(label_images())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from([(2, 1, 1), (2, *labels.shape)]))
    flow = rng.integers(-9, 10, shape) / 2
    flow[rng.random(shape) < draw(st.sampled_from([0, 0.2]))] = rng.choice([np.nan, np.inf, 1e300])
    return labels, rng.integers(-2, 5, labels.shape).astype(np.int32), flow


def check_flow(case):
    labels, following, flow = case
    index, _ = number_regions(labels)
    checked = as_flow(flow, index.shape)
    np.testing.assert_array_equal(move_labels(index, checked), naive_flow.move_labels(index, flow))
    assert count_kept(index, following, checked) == naive_flow.count_kept(index, following, flow)
    sizes, pairs = shared_pixels(index, following)
    wanted = naive_flow.shared_pixels(index, following)
    assert sizes.tolist() == wanted[0]
    assert {(a, b): n for a, b, n in pairs.T.tolist()} == wanted[1]
    np.testing.assert_array_equal(region_seeds(labels, 5), naive_flow.region_seeds(labels, 5))


CHECKS = {
    "region statistics": (check_region_statistics, images_and_labels()),
    "pooling": (check_pooling, images_and_labels()),
    "polygons": (
        check_polygons,
        st.tuples(label_images(max_side=7), st.sampled_from([0.5, 0.75, 2.0, 100.0])),
    ),
    "filled polygons": (check_fill, rings()),
    "boxes": (check_boxes, labels_and_boxes()),
    "flow": (check_flow, frames()),
}
