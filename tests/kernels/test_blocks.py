"""SLIC and connectivity block by block: the labels of the whole image, whatever the blocks."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.kernels import slic
from sklearn_spx.kernels.connectivity import blocks as joining
from sklearn_spx.kernels.connectivity import connect
from sklearn_spx.kernels.slic import blocks as clustering


def tiling(rng, length, side, n):
    """Where blocks start: at n multiples of a side, and at the end."""
    inner = np.arange(side, length, side)
    cuts = rng.permutation(inner)[: min(n, len(inner))]
    return [0, *sorted(cuts.tolist()), length]


def slic_by_blocks(rng, image, n_segments, n_cuts, compactness=10.0, slic_zero=False, max_iter=10):
    """The steps that a caller goes through; blocks are seen in any order."""
    rgb = 255 if image.dtype == np.uint8 else None
    n_channels = image.shape[2]
    planes = np.arange(n_channels), np.ones(n_channels, np.float32), max(3, n_channels)
    shape = image.shape[:2]
    plan = clustering.plan_blocks(
        shape, n_segments, compactness, planes, rgb,
        max_iter, slic_zero,
    )  # fmt: skip
    rows, columns = (tiling(rng, n, plan.side, n_cuts) for n in shape)
    boxes = [(a, b, c, d) for (a, b), (c, d) in product(pairwise(rows), pairwise(columns))]

    def block(a, b, c, d):
        return np.ascontiguousarray(image[a:b, c:d])

    def place(a, b, c, d):
        return (b - a, d - c), a, c

    looks = []
    for box in boxes:
        ids = clustering.seeds_of_block(plan, *place(*box))
        own = plan._replace(seeds=plan.seeds[ids])
        largest, colours = clustering.look_at_block(own, block(*box), box[0], box[2])
        looks.append((largest, ids, colours))
    centres = clustering.first_centres(plan, looks)
    for iteration in range(max_iter - 1):
        found = []
        for i in rng.permutation(len(boxes)):
            a, _, c, _ = boxes[i]
            ids, some = clustering.centres_of_block(plan, centres, *place(*boxes[i]))
            image_block = block(*boxes[i])
            sums = clustering.sum_block(plan, image_block, a, c, iteration, ids, some)
            found.append((ids, *sums))
        centres = clustering.move_centres(plan, centres, found)
    labels = np.empty(shape, np.int32)
    for a, b, c, d in boxes:
        ids, some = clustering.centres_of_block(plan, centres, *place(a, b, c, d))
        labels[a:b, c:d] = clustering.assign_block(plan, block(a, b, c, d), a, c, ids, some)
    settled = labels.copy()
    if plan.min_size > 1:
        joining.settle(settled)
    return join_by_blocks(
        settled, rows, columns, (plan.min_size, plan.n_segments),
        (centres.places[:, 2:], compactness),
    )  # fmt: skip


def join_by_blocks(labels, rows, columns, target, looks):
    """`connect`, once pixels have settled, by blocks between these rows and columns."""
    shape = labels.shape
    parts = [
        [np.ascontiguousarray(labels[a:b, c:d]) for c, d in pairwise(columns)]
        for a, b in pairwise(rows)
    ]
    found = [
        [joining.find_components(part, a, c, shape[1]) for part, c in zip(row, columns)]
        for row, a in zip(parts, rows)
    ]
    starts = list(product(rows[:-1], columns[:-1]))

    def gather(numbers, wanted):
        pixels, regions = [], []
        for k, (part, (a, c)) in enumerate(zip([p for row in parts for p in row], starts)):
            region = part.copy()
            own = np.where(wanted[numbers[k]], numbers[k], -1).astype(np.int32)
            joining.write_block(region, a, c, own, {})
            ys, xs = np.nonzero(region >= 0)
            pixels.append((ys + a) * shape[1] + xs + c)
            regions.append(region[ys, xs].astype(np.int64))
        return np.concatenate(pixels[::-1]), np.concatenate(regions[::-1])

    joined = joining.join_blocks(found, (shape, *target), looks, gather)
    out = np.empty(shape, np.int32)
    for k, (part, (a, c)) in enumerate(zip([p for row in parts for p in row], starts)):
        joining.write_block(part, a, c, joined.numbers[k], joined.cuts)
        out[a : a + part.shape[0], c : c + part.shape[1]] = part
    assert joined.n_regions == out.max() + 1
    return out


@pytest.mark.parametrize("slic_zero", [False, True])
@pytest.mark.parametrize("n_segments", [1, 7, 60, 900, 20_000])
def test_the_labels_of_the_whole_image(n_segments, slic_zero):
    rng = np.random.default_rng(n_segments)
    image = make_dead_leaves(1, shape=(121, 187), random_state=3).images[0]
    whole = slic(image, n_segments, slic_zero=slic_zero)
    for n_cuts in (1, 40):
        found = slic_by_blocks(rng, image, n_segments, n_cuts, slic_zero=slic_zero)
        np.testing.assert_array_equal(found, whole)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.integers(1, 5),
    st.integers(1, 200),
    st.sampled_from([1e-3, 1.0, 1e6]),
)
def test_any_image_in_any_blocks(seed, shape, n_channels, n_segments, unit):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(*shape, n_channels)).astype(np.float32) * np.float32(unit)
    if n_channels > 3:  # so many planes go together as eight, the rest being empty
        image = np.dstack([image, np.zeros((*shape, 8 - n_channels), np.float32)])
    image[:, : shape[1] // 2] = 0  # sums of nothing beside large ones
    options = {"compactness": 3.0 * unit, "max_iter": int(rng.integers(1, 5))}
    order = np.argsort(
        -image[:: 1 + shape[0] // 32, :: 1 + shape[1] // 32]
        .reshape(-1, image.shape[2])
        .std(axis=0),
        kind="stable",
    )
    image = np.ascontiguousarray(image[:, :, order])  # as the kernel would turn to them
    whole = slic(image, n_segments, convert2lab=False, **options)
    found = slic_by_blocks(rng, image, n_segments, 3, **options)
    np.testing.assert_array_equal(found, whole)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    st.integers(1, 4),
    st.integers(0, 20),
    st.one_of(st.none(), st.integers(1, 150)),
    st.booleans(),
)
def test_any_labels_in_any_blocks(seed, shape, n_labels, min_size, n_segments, masked):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_labels, shape, np.int32)
    if rng.random() < 0.5:  # larger regions
        labels = np.repeat(np.repeat(labels, 3, axis=0), 2, axis=1)
    labels = np.ascontiguousarray(labels[: shape[0], : shape[1]])
    if masked:
        labels[rng.random(shape) < 0.3] = -1
    whole = labels.copy()
    connect(whole, min_size, n_segments)
    if min(min_size, labels.size) > 1:
        joining.settle(labels)
    rows, columns = (tiling(rng, n, 1, 4) for n in shape)
    found = join_by_blocks(labels, rows, columns, (min_size, n_segments), (None, 1.0))
    np.testing.assert_array_equal(found, whole)
