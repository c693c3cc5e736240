"""Entropy rate superpixels: exact count, exact greedy."""

import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import generate_binary_structure, label
from skimage import data

from sklearn_spx.kernels import entropy_rate as package
from sklearn_spx.kernels import entropy_rate_superpixels
from sklearn_spx.kernels._bands import Bands
from sklearn_spx.kernels._grid import grid_of
from sklearn_spx.kernels.affinities import as_affinities, diagonal_affinities
from sklearn_spx.kernels.compilation import njit
from sklearn_spx.kernels.entropy_rate import _cpu_weights, _queue, _rules, _sweeps
from sklearn_spx.kernels.entropy_rate._weights import affinity_weights

from . import naive


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.floats(0.05, 1),
    st.sampled_from([0.0, 0.5, 3.0]),
    st.sampled_from([4, 8]),
    st.booleans(),
)
def test_affinities_give_the_naive_partition(seed, shape, share, balance, connectivity, masked):
    rng = np.random.default_rng(seed)
    affinities = rng.uniform(0.01, 1, (2, *shape))  # no two gains are alike
    mask = np.ones(shape, bool)
    if masked:
        mask[-1, -1] = mask[0, 0] = shape == (1, 1)
    structure = generate_binary_structure(2, 1 if connectivity == 4 else 2)
    n_parts = label(mask, structure)[1]
    if n_parts == 0:
        return
    n_segments = max(n_parts, int(share * mask.sum()))
    found = entropy_rate_superpixels(
        affinities=affinities,
        n_segments=n_segments,
        balance=balance,
        connectivity=connectivity,
        mask=mask,
    )
    affinity = naive.given_affinity(affinities.astype(np.float32), mask)
    wanted, _ = naive.entropy_rate_superpixels(
        shape, affinity, n_segments, balance, connectivity, mask
    )
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_an_image_gives_the_naive_partition(connectivity):
    image = np.random.default_rng(0).uniform(0, 40, (7, 8, 3)).astype(np.float32)
    found = entropy_rate_superpixels(image, 9, connectivity=connectivity)
    wanted, _ = naive.entropy_rate_superpixels(
        (7, 8), naive.colour_affinity(image, 5.0), 9, 0.5, connectivity, np.ones((7, 8), bool)
    )
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_image_affinities_and_cells_together_give_the_naive_partition(connectivity):
    rng = np.random.default_rng(1)
    image = rng.uniform(0, 40, (7, 8, 3)).astype(np.float32)
    affinities = rng.uniform(0.01, 1, (2, 7, 8)).astype(np.float32)
    cells = np.arange(7)[:, None] // 3 * 3 + np.arange(8) // 3
    cells[:2, 5:] = -1  # no cell is known there
    given, colours = naive.given_affinity(affinities), naive.colour_affinity(image, 9.0)

    def affinity(p, q, kind):
        border = cells[p] != cells[q] and min(cells[p], cells[q]) >= 0
        return given(p, q, kind) * colours(p, q, kind) * (0.75 if border else 1.0)

    found = entropy_rate_superpixels(
        image,
        9,
        affinities=affinities,
        sigma=9.0,
        connectivity=connectivity,
        cells=cells,
        regularity=0.25,
    )
    wanted, _ = naive.entropy_rate_superpixels(
        (7, 8), affinity, 9, 0.5, connectivity, np.ones((7, 8), bool)
    )
    np.testing.assert_array_equal(found, wanted)


def test_where_nothing_is_seen_superpixels_are_the_cells():
    cells = np.kron(np.arange(6).reshape(2, 3), np.ones((5, 5), int))
    found = entropy_rate_superpixels(np.zeros((10, 15)), 6, cells=cells, regularity=0.3)
    np.testing.assert_array_equal(found, cells)
    free = entropy_rate_superpixels(np.zeros((10, 15)), 6, cells=cells, regularity=0.0)
    np.testing.assert_array_equal(free, entropy_rate_superpixels(np.zeros((10, 15)), 6))
    assert (free != cells).any()


def _segment(
    affinities,
    n_segments,
    side,
    mask,
    balance=0.5,
    connectivity=8,
    n_threads=1,
    depth=package._DEPTHS[0],
):
    """Labels, or None where sweeps over tiles of this side went too far."""
    grid = grid_of(mask.shape, connectivity)
    weights = affinity_weights(affinities, grid)
    inside = np.zeros(weights.shape[:2], bool)
    inside[:, : mask.shape[-1]] = grid.flat(mask)
    of_edges = grid.shape[1], grid.offsets
    _cpu_weights.cut_edges((0, len(inside)), inside, *of_edges, weights)
    graph = weights, inside, *of_edges, int(inside.sum()), n_segments, balance
    with Bands(n_threads) as bands:
        labels, n_left = _sweeps.segment(*graph, (side, 2, depth) if side else None, bands)
    assert n_left == n_segments or (n_left == -1 and side > 0)
    return labels if n_left > 0 else None


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.5, 3.0]),
    st.sampled_from([4, 8]),
    st.booleans(),
    st.integers(1, 3),
    st.sampled_from([0.8, 1.0, 1.5]),
)
def test_sweeps_over_tiles_change_nothing(
    seed, shape, side, balance, connectivity, ties, n_threads, depth
):
    rng = np.random.default_rng(seed)
    affinities = rng.uniform(0.01, 1, (2, *shape)).astype(np.float32)
    if ties:  # few values: most gains have a twin
        affinities = np.float32([0.25, 0.5, 1])[rng.integers(0, 3, affinities.shape)]
    mask = np.ones(shape, bool)
    mask[-1, shape[1] // 2 :] = shape[0] == 1
    n_segments = int(rng.integers(1, max(2, mask.sum() // 10)))
    arguments = (mask, balance, connectivity)
    swept = _segment(affinities, n_segments, side, *arguments, n_threads, depth)
    if swept is not None:
        np.testing.assert_array_equal(swept, _segment(affinities, n_segments, 0, *arguments))


def test_sweeps_do_not_go_too_far_for_the_usual_size():
    affinities = np.random.default_rng(0).uniform(0.05, 1, (2, 90, 120)).astype(np.float32)
    assert _segment(affinities, 90, 16, np.ones((90, 120), bool)) is not None


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("kind", ["image", "constant", "holes"])
def test_threads_do_not_show(kind, connectivity):
    image = data.coffee()[:280, :300] if kind != "constant" else np.zeros((280, 300), np.uint8)
    mask = (
        np.random.default_rng(0).uniform(size=image.shape[:2]) < 0.97 if kind == "holes" else None
    )
    options = {"n_segments": 300, "connectivity": connectivity, "mask": mask}
    wanted = entropy_rate_superpixels(image, **options)
    for n_threads in (2, 3, 50):
        found = entropy_rate_superpixels(image, **options, n_threads=n_threads)
        np.testing.assert_array_equal(found, wanted)


def test_threads_share_the_sweeps(monkeypatch):
    threads, sweep = set(), _sweeps._cpu.sweep

    def noted(*arguments):
        threads.add(threading.get_ident())
        return sweep(*arguments)

    monkeypatch.setattr(_sweeps._cpu, "sweep", noted)
    entropy_rate_superpixels(data.coffee()[:280, :300], 100, n_threads=2)
    assert len(threads) == 2


def test_more_threads_than_boxes_have_numbers_for():
    image = np.random.default_rng(0).integers(0, 256, (1, 9000), np.uint8)
    options = {"n_segments": 90, "connectivity": 4}
    wanted = entropy_rate_superpixels(image, **options)
    found = entropy_rate_superpixels(image, **options, n_threads=_sweeps._cpu.N_WORKERS + 9)
    np.testing.assert_array_equal(found, wanted)


def test_arrays_given_away_go_when_they_became_weights(monkeypatch):
    there, segment = [], _sweeps.segment

    def noted(*arguments):
        there.extend(one() is not None for one in known)
        return segment(*arguments)

    monkeypatch.setattr(_sweeps, "segment", noted)
    given = [np.ones((2, 30, 40), np.float32), np.zeros((30, 40), np.int32)]
    known = [weakref.ref(array) for array in given]
    entropy_rate_superpixels(n_segments=9, affinities=given.pop(0), cells=given.pop())
    assert there[:2] == [False, False]


def test_sweeps_that_go_too_far_are_made_good(monkeypatch):
    shape = (40, 50)
    affinities = np.random.default_rng(0).uniform(0.05, 1, (2, *shape)).astype(np.float32)
    mask = np.ones(shape, bool)
    wanted = _segment(affinities, 1900, 0, mask)[:, :50]
    assert _segment(affinities, 1900, 8, mask) is None
    monkeypatch.setattr(package, "_TILES", {2: (8, 8)})
    monkeypatch.setattr(package, "_LEAST_SIZE", 0)
    found = entropy_rate_superpixels(affinities=affinities, n_segments=1900)
    np.testing.assert_array_equal(found, wanted)


def test_shallower_sweeps_follow_those_that_go_too_far(monkeypatch):
    tried, least, segment = [], [np.inf], _sweeps.segment

    def noted(*arguments):
        *graph, sweeps, bands = arguments
        tried.append(None if sweeps is None else sweeps[-1])
        labels, n_left = segment(*graph, sweeps, bands)
        return labels, -1 if sweeps is not None and sweeps[-1] >= least[0] else n_left

    monkeypatch.setattr(_sweeps, "segment", noted)
    image = data.coffee()[:200, :300]
    found = []
    for least[0] in (np.inf, 1.0, 0.0):
        found.append(entropy_rate_superpixels(image, 60))
        np.testing.assert_array_equal(found[-1], found[0])
    assert tried == [1.0, 1.0, 0.8, 1.0, 0.8, None]


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("kind", ["noise", "constant", "stripes"])
@pytest.mark.parametrize("n_segments", [1, 7, 300, 1200])
def test_exact_count_and_connected(kind, n_segments, connectivity):
    rng = np.random.default_rng(0)
    image = {
        "noise": rng.integers(0, 256, (30, 40, 3), dtype=np.uint8),
        "constant": np.full((30, 40, 3), 9, np.uint8),
        "stripes": np.tile(np.uint8([[0, 255]]), (30, 20)),
    }[kind]
    labels = entropy_rate_superpixels(image, n_segments, connectivity=connectivity)
    np.testing.assert_array_equal(np.unique(labels), np.arange(n_segments))
    structure = generate_binary_structure(2, 1 if connectivity == 4 else 2)
    assert all(label(labels == i, structure)[1] == 1 for i in range(n_segments))
    first = [np.argmax(labels.ravel() == i) for i in range(n_segments)]
    assert first == sorted(first)


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 9), (9, 1), (2, 2)])
def test_tiny_images(shape, connectivity):
    for n_segments in range(1, shape[0] * shape[1] + 1):
        labels = entropy_rate_superpixels(np.zeros(shape), n_segments, connectivity=connectivity)
        assert labels.max() + 1 == n_segments


@pytest.mark.parametrize("connectivity", [4, 8])
def test_tiny_masks(connectivity):
    mask = np.array([[False, True, True, False, False], [False, True, True, True, True]])
    for n_segments in range(1, 7):
        labels = entropy_rate_superpixels(
            np.zeros((2, 5)), n_segments, connectivity=connectivity, mask=mask
        )
        assert (labels[~mask] == -1).all()
        np.testing.assert_array_equal(np.unique(labels[mask]), np.arange(n_segments))


@njit
def unbalance(n_log_n, m, n):
    return _queue.unbalance_of(n_log_n, m, n)


def test_sizes_beyond_the_table_give_the_same_bits():
    short, long = _queue.tabulate(20), _queue.tabulate(200)
    assert short.size < long.size
    for m in (1, 7, 19, 20, 21, 90):
        for n in (1, 8, 20, 100):
            assert unbalance(short, m, n) == unbalance(long, m, n)


def test_affinities_may_underflow():
    affinities = np.zeros((2, 10, 12))
    assert entropy_rate_superpixels(affinities=affinities, n_segments=5).max() + 1 == 5


def test_a_strong_balance_makes_sizes_alike():
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    weak = np.bincount(entropy_rate_superpixels(image, 16, balance=0.0).ravel())
    strong = np.bincount(entropy_rate_superpixels(image, 16, balance=100.0).ravel())
    assert strong.std() < 0.5 * weak.std()


@pytest.mark.parametrize("name", ["small", "odd", "full"])
@pytest.mark.parametrize("connectivity", [4, 8])
def test_reference_partitions(oracle, name, connectivity):
    reference = oracle("ers_reference")
    cases = [
        key
        for key in reference.files
        if key.startswith(f"{name}_labels") and key.endswith(f"conn{connectivity}")
    ]
    assert len(cases) == 3
    for key in cases:
        n_segments = int(key.split("_k")[1].split("_")[0])
        found = entropy_rate_superpixels(
            affinities=reference[f"{name}_affinity"],
            n_segments=n_segments,
            connectivity=connectivity,
        )
        pairs = np.unique(np.stack([found.ravel(), reference[key].ravel()]), axis=1)
        assert pairs.shape[1] == n_segments == len(np.unique(reference[key]))


def test_what_does_not_fit_is_named():
    image = np.zeros((4, 5))
    with pytest.raises(ValueError, match="n_segments is 21, but there are 20 pixels"):
        entropy_rate_superpixels(image, 21)
    with pytest.raises(ValueError, match="n_segments must be at least 1"):
        entropy_rate_superpixels(image, 0)
    with pytest.raises(TypeError, match="n_segments must be an integer"):
        entropy_rate_superpixels(image, 2.5)
    with pytest.raises(ValueError, match="sigma must be above 0"):
        entropy_rate_superpixels(image, 2, sigma=0)
    with pytest.raises(ValueError, match="balance must be at least 0"):
        entropy_rate_superpixels(image, 2, balance=-1)
    with pytest.raises(ValueError, match="give an image, affinities, or both"):
        entropy_rate_superpixels(n_segments=2)
    with pytest.raises(ValueError, match="regularity must be from 0 to 1, got 2"):
        entropy_rate_superpixels(image, 2, regularity=2)
    with pytest.raises(ValueError, match=r"cells has shape \(5, 4\)"):
        entropy_rate_superpixels(image, 2, cells=np.zeros((5, 4), int))
    with pytest.raises(ValueError, match=r"affinities has shape \(2, 5, 4\), but the image asks"):
        entropy_rate_superpixels(image, 2, affinities=np.ones((2, 5, 4)))
    bad = np.ones((2, 4, 5))
    bad[0, 0, 1] = np.nan
    with pytest.raises(ValueError, match="right neighbour of row 0, column 1 is nan"):
        entropy_rate_superpixels(affinities=bad, n_segments=2)
    mask = np.ones((4, 5), bool)
    mask[:, 2] = False
    with pytest.raises(ValueError, match="the mask has 2 unconnected parts"):
        entropy_rate_superpixels(image, 1, mask=mask)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_more_edges_than_int32_counts_are_refused_before_anything_is_allocated(connectivity):
    shape = (2**15, 2**15)
    options = {"n_segments": 2, "connectivity": connectivity}
    with pytest.raises(ValueError, match=r"\(32768, 32768\) has \d+ edges .*large.segment_array"):
        entropy_rate_superpixels(np.broadcast_to(np.uint8(0), (*shape, 3)), **options)
    with pytest.raises(ValueError, match="more than 31 bits count"):
        entropy_rate_superpixels(affinities=np.broadcast_to(np.float32(1), (2, *shape)), **options)
    n_edges = connectivity // 2
    rows = (2**31 - 1) // n_edges
    package._check_edges((rows, 1), n_edges)
    with pytest.raises(ValueError, match="more than 31 bits count"):
        package._check_edges((rows + 1, 1), n_edges)


@njit(error_model="numpy")
def compiled_log_and_exp(x, y):
    return _rules.own_log(x), _rules.exp(y)


def test_log_and_exp_err_by_little_more_than_their_last_bit():
    rng = np.random.default_rng(0)
    xs = np.concatenate([np.exp(rng.uniform(-87, 21, 300)), 1 + rng.normal(0, 1e-6, 50), [0.5, 2]])
    ys = -np.concatenate([rng.uniform(0, 99, 300), 10.0 ** rng.uniform(-18, 0, 51), [0]])
    for x, y in zip(xs, ys):
        log, exp = compiled_log_and_exp(x, y)
        assert abs(log - np.log(x)) <= 2 * np.spacing(abs(np.log(x)))
        assert abs(exp - np.exp(y)) <= 2 * np.spacing(np.exp(y))
        assert (_rules.log(x), _rules.exp(y)) == (log, exp)  # in Python, as in the simulator
    assert compiled_log_and_exp(1.0, 0.0) == (0.0, 1.0)
    assert compiled_log_and_exp(1.0, -np.inf)[1] < _rules.LEAST_WEIGHT


# --- volumes and spacing -------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
    st.floats(0.05, 1),
    st.sampled_from([0.0, 0.5, 3.0]),
    st.sampled_from([6, 26]),
    st.booleans(),
)
def test_affinities_of_volumes_give_the_naive_partition(
    seed, shape, share, balance, connectivity, masked
):
    rng = np.random.default_rng(seed)
    affinities = rng.uniform(0.01, 1, (len(naive.OFFSETS[connectivity]), *shape))
    affinities = affinities.astype(np.float32)
    mask = rng.random(shape) < 0.8 if masked else np.ones(shape, bool)
    mask[0, 0, 0] = True
    n_parts = label(mask, generate_binary_structure(3, 1 if connectivity == 6 else 3))[1]
    n_segments = max(n_parts, int(share * mask.sum()))
    options = {"balance": balance, "connectivity": connectivity, "spacing": (1, 1, 1)}
    found = entropy_rate_superpixels(
        affinities=affinities, n_segments=n_segments, mask=mask, **options
    )
    wanted, tied = naive.entropy_rate_superpixels(
        shape, lambda p, q, k: float(affinities[(k, *p)]), n_segments, balance, connectivity, mask
    )
    if not tied:
        np.testing.assert_array_equal(found, wanted)
    affinities[:, ~mask] = np.nan  # nothing that leads out is looked at
    affinities[0, :, :, -1] = -1
    again = entropy_rate_superpixels(
        affinities=affinities, n_segments=n_segments, mask=mask, **options
    )
    np.testing.assert_array_equal(again, found)


@pytest.mark.parametrize("connectivity", [6, 26])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (5, 2, 2.5)])
def test_a_volume_gives_the_naive_partition(connectivity, spacing):
    volume = np.random.default_rng(0).uniform(0, 40, (3, 4, 5, 2)).astype(np.float32)
    mask = np.ones(volume.shape[:3], bool)
    options = {"connectivity": connectivity, "spacing": spacing}
    found = entropy_rate_superpixels(volume, 7, **options)
    affinity = naive.colour_affinity(volume, 5.0, spacing)
    wanted, _ = naive.entropy_rate_superpixels(mask.shape, affinity, 7, 0.5, connectivity, mask)
    np.testing.assert_array_equal(found, wanted)
    double = tuple(8 * s for s in spacing)  # only ratios count
    np.testing.assert_array_equal(
        entropy_rate_superpixels(volume, 7, connectivity=connectivity, spacing=double), found
    )
    meaning_the_same = {6: 4, 26: 8}[connectivity]
    np.testing.assert_array_equal(
        entropy_rate_superpixels(volume, 7, connectivity=meaning_the_same, spacing=spacing), found
    )


@pytest.mark.parametrize("connectivity", [4, 8])
def test_spacing_of_an_image(connectivity):
    image = np.random.default_rng(0).uniform(0, 40, (7, 8)).astype(np.float32)
    found = entropy_rate_superpixels(image, 9, connectivity=connectivity, spacing=(3, 2))
    affinity = naive.colour_affinity(image[..., None], 5.0, (3, 2))
    wanted, _ = naive.entropy_rate_superpixels(
        (7, 8), affinity, 9, 0.5, connectivity, np.ones((7, 8), bool)
    )
    np.testing.assert_array_equal(found, wanted)
    plain = entropy_rate_superpixels(image, 9, connectivity=connectivity)
    assert (found != plain).any()
    np.testing.assert_array_equal(
        plain, entropy_rate_superpixels(image, 9, connectivity=connectivity, spacing=(2, 2))
    )


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("masked", [False, True])
def test_a_volume_of_one_slice_is_the_image(connectivity, masked):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (20, 31, 3), np.uint8)
    cells = np.add.outer(np.arange(20) // 5 * 9, np.arange(31) // 5)
    mask = np.ones((20, 31), bool)
    mask[3:5, 4:20] = not masked
    options = {"connectivity": connectivity, "regularity": 0.2}
    wanted = entropy_rate_superpixels(image, 25, cells=cells, mask=mask, **options)
    found = entropy_rate_superpixels(
        image[None], 25, cells=cells[None], mask=mask[None], spacing=(1, 1, 1), **options
    )
    np.testing.assert_array_equal(found[0], wanted)


@pytest.mark.parametrize("connectivity", [6, 26])
def test_turned_volumes_have_turned_superpixels(connectivity):
    volume = np.random.default_rng(4).uniform(0, 50, (5, 6, 7)).astype(np.float32)
    options = {"connectivity": connectivity, "spacing": (1, 1, 1)}
    wanted = entropy_rate_superpixels(volume, 12, **options)
    for turn in (
        lambda v: v[::-1],
        lambda v: v[:, ::-1, ::-1],
        lambda v: v.transpose(2, 0, 1),
        lambda v: v.transpose(1, 0, 2),
    ):
        found = entropy_rate_superpixels(turn(volume), 12, **options)
        pairs = np.unique(np.stack([found.ravel(), turn(wanted).ravel()]), axis=1)
        assert pairs.shape[1] == 12


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12)),
    st.integers(1, 5),
    st.sampled_from([6, 26]),
    st.booleans(),
    st.integers(1, 2),
)
def test_sweeps_over_cubes_change_nothing(seed, shape, side, connectivity, ties, n_threads):
    rng = np.random.default_rng(seed)
    affinities = rng.uniform(0.01, 1, (len(naive.OFFSETS[connectivity]), *shape))
    affinities = affinities.astype(np.float32)
    if ties:
        affinities = np.float32([0.25, 0.5, 1])[rng.integers(0, 3, affinities.shape)]
    mask = np.ones(shape, bool)
    n_segments = int(rng.integers(1, max(2, mask.size // 10)))
    how = {"mask": mask, "connectivity": connectivity}
    found = _segment(affinities, n_segments, side, **how, n_threads=n_threads)
    wanted = _segment(affinities, n_segments, 0, **how)
    if found is not None:
        np.testing.assert_array_equal(found, wanted)


def test_sweeps_over_cubes_are_made():
    volume = np.random.default_rng(0).integers(0, 256, (30, 20, 40), np.uint8)
    affinities = np.random.default_rng(1).uniform(0.01, 1, (3, *volume.shape)).astype(np.float32)
    mask = np.ones(volume.shape, bool)
    assert _segment(affinities, 50, 16, mask, connectivity=6) is not None  # not gone too far


@pytest.mark.parametrize("connectivity", [6, 26])
@pytest.mark.parametrize("n_segments", [1, 7, 300])
def test_exact_count_and_connected_in_a_volume(n_segments, connectivity):
    rng = np.random.default_rng(0)
    for volume in (rng.integers(0, 256, (9, 10, 11), np.uint8), np.zeros((9, 10, 11))):
        labels = entropy_rate_superpixels(
            volume, n_segments, connectivity=connectivity, spacing=(2, 1, 1)
        )
        assert labels.dtype == np.int32
        assert labels.flags.c_contiguous
        np.testing.assert_array_equal(np.unique(labels), np.arange(n_segments))
        structure = generate_binary_structure(3, 1 if connectivity == 6 else 3)
        assert all(label(labels == i, structure)[1] == 1 for i in range(n_segments))
        first = [np.argmax(labels.ravel() == i) for i in range(n_segments)]
        assert first == sorted(first)


def test_what_does_not_fit_a_volume_is_named():
    volume, spacing = np.zeros((3, 4, 5)), (1, 1, 1)
    with pytest.raises(ValueError, match=r"A volume needs spacing=\(z, y, x\)"):
        entropy_rate_superpixels(volume[..., None], 2)
    with pytest.raises(ValueError, match=r"shape \(4, 5\).*as spacing has three numbers"):
        entropy_rate_superpixels(volume[0], 2, spacing=spacing)
    with pytest.raises(ValueError, match=r"connectivity must be 6 or 26, of a volume, .* got 5"):
        entropy_rate_superpixels(volume, 2, spacing=spacing, connectivity=5)
    with pytest.raises(ValueError, match="connectivity must be 4 or 8, got 6"):
        entropy_rate_superpixels(volume[0], 2, connectivity=6)
    with pytest.raises(ValueError, match=r"cells has shape \(4, 5\); accepted is \(depth"):
        entropy_rate_superpixels(volume, 2, spacing=spacing, cells=np.zeros((4, 5), int))
    with pytest.raises(ValueError, match=r"mask has shape \(4, 5\), expected \(3, 4, 5\)"):
        entropy_rate_superpixels(volume, 2, spacing=spacing, mask=np.ones((4, 5)))
    with pytest.raises(ValueError, match="n_segments is 61, but there are 60 pixels"):
        entropy_rate_superpixels(volume, 61, spacing=spacing)
    with pytest.raises(ValueError, match=r"\(3, 3, 4, 4\), but the image asks for \(3, 3, 4, 5\)"):
        entropy_rate_superpixels(volume, 2, affinities=np.ones((3, 3, 4, 4)), spacing=spacing)
    with pytest.raises(ValueError, match="each sample has 13: give connectivity=6"):
        entropy_rate_superpixels(n_segments=2, affinities=np.ones((3, 3, 4, 5)), spacing=spacing)
    with pytest.raises(ValueError, match="device is 'cuda'; volumes, and images with spacing"):
        entropy_rate_superpixels(volume, 2, spacing=spacing, device="cuda")
    with pytest.raises(ValueError, match=r"a volume of shape .* edges at .* more than 31 bits"):
        entropy_rate_superpixels(
            np.broadcast_to(np.uint8(0), (2**9, 2**9, 2**9)), 2, spacing=spacing
        )


@njit
def _bound_and_gain(w, loop_a, loop_b):
    return _queue.most_gain(w, loop_a, loop_b, np.inf), _rules.loop_gain(w, loop_a, loop_b)


@settings(max_examples=300, deadline=None)
@given(st.floats(1e-38, 1), st.floats(0, 7), st.floats(0, 7))
def test_no_gain_is_above_its_bound(w, more_a, more_b):
    for scale in (1.0, w):  # other edges as strong as any, and as weak as this one
        bound, gain = _bound_and_gain(w, w + more_a * scale, w + more_b * scale)
        assert gain <= bound
    assert _bound_and_gain(w, w * (1 - 1e-9), 1.0)[0] == np.inf  # a loop that rounding made small


@pytest.mark.parametrize("step", [1, -3, 7])
def test_bounds_of_a_row_are_those_of_its_edges(step):
    rng = np.random.default_rng(0)
    loop, weight = rng.uniform(0, 8, 40), rng.uniform(0, 2, 160)
    weight[rng.uniform(size=160) < 0.2] = 0
    for first, stop in [(0, 40), (5, 17), (36, 40), (0, 2)]:
        bounds = np.full(40, -1.0)
        _queue.bound_gains(weight, loop, 2, 3, step, first, stop, 9.0, bounds)
        for a in range(first, stop):
            if 0 <= a + step < 40:
                w, of_a, of_b = weight[4 * a + 3], loop[a], loop[a + step]
                assert bounds[a - first] == _bound(w, of_a, of_b) or w == 0


@njit
def _bound(w, loop_a, loop_b):
    return _queue.most_gain(w, loop_a, loop_b, 9.0)


def test_bounds_are_near_enough_to_spare_gains():
    bound, gain = _bound_and_gain(0.5, 4.0, 4.0)
    assert bound < (1 + 1e-3) * gain


def test_memory_is_that_of_the_graph():
    """Bytes a pixel: four weights, a loop, four links of lists, and links and labels of pixels."""
    benchmark = Path(__file__).parents[2] / "benchmarks" / "memory.py"
    if not benchmark.exists() or not Path("/proc/self/statm").exists():
        pytest.skip("no benchmarks, or no /proc")
    command = [sys.executable, benchmark, "--here", "--only", "entropy_rate_superpixels"]
    found = subprocess.run(
        [*command, "--size", "1600x1200"], check=True, capture_output=True, text=True
    )
    ratio = float(found.stdout.split()[-2])
    assert 12 * ratio < 73


@pytest.mark.parametrize("n_threads", [1, 2])
def test_many_rows_may_lie_outside_the_mask(n_threads):
    affinities = np.random.default_rng(0).random((2, 200, 9), np.float32)
    mask = np.zeros((200, 9), bool)
    mask[:20] = True
    found = entropy_rate_superpixels(
        n_segments=5, affinities=affinities, mask=mask, n_threads=n_threads
    )
    wanted = entropy_rate_superpixels(n_segments=5, affinities=affinities[:, :20])
    np.testing.assert_array_equal(found[:20], wanted)
    assert (found[20:] == -1).all()


@pytest.mark.parametrize("masked", [False, True])
def test_weights_found_by_blocks_of_rows(masked):
    rng = np.random.default_rng(0)
    affinities = rng.random((2, 131, 5), np.float32)
    mask = rng.random((131, 5)) > 0.2 if masked else None
    weights = affinity_weights(affinities, grid_of((131, 5), 8), mask)
    known = as_affinities(affinities, mask=mask).astype(np.float64)
    diagonal = np.maximum(diagonal_affinities(known, mask) / np.sqrt(2), _rules.LEAST_WEIGHT)
    np.testing.assert_array_equal(weights[:-1, :4, 2], diagonal)
    np.testing.assert_array_equal(weights[:-1, 1:5, 3], diagonal)
