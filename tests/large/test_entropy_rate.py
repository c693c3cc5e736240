"""segment_array by entropy rate superpixels, of colours and of affinities: as the whole image."""

import multiprocessing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx import ERSSuperpixels, SEALSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.kernels.entropy_rate import blocks, rest
from sklearn_spx.large import _entropy_rate, _seal, _windows, segment_array
from sklearn_spx.training import NetTraining

from .test_segment_array import Failing

try:
    import dask
except ImportError:
    dask = None

LEAVES = make_dead_leaves(2, shape=(90, 135), random_state=0)
IMAGE = LEAVES.images[0]
RNG = np.random.default_rng(0)
IMAGES = {
    "8 bits": IMAGE,
    "8 bits, gray": IMAGE[..., 0],
    "8 bits as floats": IMAGE / 255,
    "floats": (IMAGE / 255) ** 1.1,
    "five bands": np.dstack([IMAGE, IMAGE[..., :2]]) * 3.0,
    "noise": RNG.integers(0, 256, (90, 135, 3), np.uint8),
    "of one colour": np.full((90, 135, 3), 200, np.uint8),
}


@pytest.fixture(autouse=True)
def with_dask():
    """Skip test by test, so that each is named among those that want the package."""
    pytest.importorskip("dask")


@pytest.fixture
def small(monkeypatch):
    """Windows as small as blocks."""
    monkeypatch.setattr(_entropy_rate, "_SIDE", 32)


@pytest.fixture(scope="module")
def seal():
    pytest.importorskip("torch")
    return SEALSuperpixels.from_pretrained("bsds500-train")


def whole(estimator, image):
    return estimator.transform([image])[0]


@pytest.mark.parametrize("name", IMAGES)
def test_the_labels_of_the_whole_image(small, name):
    estimator = ERSSuperpixels(60).fit([IMAGES[name]])
    expected = whole(estimator, IMAGES[name])
    for block_size in (32, 1024):
        found = segment_array(estimator, IMAGES[name], block_size=block_size)
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"connectivity": 4}, "8 bits"),
        ({"balance": 0, "sigma": 0.5}, "8 bits"),
        ({"balance": 1e308}, "8 bits"),
        pytest.param({"regularity": 0}, "8 bits", marks=pytest.mark.slow),
        ({"regularity": 0}, "of one colour"),
        ({"regularity": 1}, "noise"),
        ({"value_range": (0, 100)}, "8 bits"),
        ({"n_segments": 1}, "8 bits"),
        pytest.param({"n_segments": 2000}, "noise", marks=pytest.mark.slow),
        ({"n_segments": 90 * 135}, "8 bits"),
    ],
)
def test_every_parameter_counts(small, parameters, name):
    estimator = ERSSuperpixels(**{"n_segments": 60} | parameters).fit([IMAGES[name]])
    expected = whole(estimator, IMAGES[name])
    found = segment_array(estimator, IMAGES[name], block_size=32)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 80), st.integers(1, 80)),
    st.sampled_from([0.0, 0.5, 4.0]),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([4, 8]),
)
def test_any_image(seed, shape, balance, regularity, connectivity):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*shape, 3), np.uint8) // int(rng.integers(1, 128))
    most = max(1, shape[0] * shape[1] // int(rng.integers(1, 40)))
    n_segments = int(rng.integers(1, 1 + most))
    estimator = ERSSuperpixels(
        n_segments, balance=balance, regularity=regularity, connectivity=connectivity
    ).fit([image])
    expected = whole(estimator, image)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_entropy_rate, "_SIDE", 16)
        patch.setattr(rest, "_BUDGET", (int(rng.choice([1, 100, 10**6])),) * 2)
        found = segment_array(estimator, image, block_size=16)
    np.testing.assert_array_equal(found, expected)


def test_what_went_too_far_is_begun_again(small, monkeypatch):
    depths, join_rest = [], rest.join_rest

    def counted(*arguments):
        labels, depth = join_rest(*arguments)
        depths.append((labels is None, depth))
        return labels, depth

    monkeypatch.setattr(rest, "join_rest", counted)
    estimator = ERSSuperpixels(600).fit([IMAGES["noise"]])
    found = segment_array(estimator, IMAGES["noise"], block_size=48)
    assert [failed for failed, _ in depths] == [True, False]
    assert depths[0][1] <= depths[1][1]  # so what went too far said how deep is safe
    np.testing.assert_array_equal(found, whole(estimator, IMAGES["noise"]))


def test_windows_are_no_wider_than_their_edges_have_numbers(monkeypatch):
    sides, boxes = [], _entropy_rate._boxes
    monkeypatch.setattr(_entropy_rate, "_MOST", 32)
    monkeypatch.setattr(
        _entropy_rate,
        "_boxes",
        lambda shape, side, shift: sides.append(side) or boxes(shape, side, shift),
    )
    estimator = ERSSuperpixels(60).fit([IMAGE])
    np.testing.assert_array_equal(segment_array(estimator, IMAGE), whole(estimator, IMAGE))
    assert set(sides) == {32}


def test_steps_of_costs_reach_beyond_what_blocks_have_joined():
    """Where the balancing term is all, costs are many greatest gains, and yet told apart."""
    plan = blocks.plan_blocks((90, 135), 60, 1e4, 6.0)
    swept = 2**60
    assert rest.step_of(plan, swept) * blocks.N_STEPS > 2 * swept


def test_superpixels_wider_than_windows():
    estimator = ERSSuperpixels(3).fit([IMAGE])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_entropy_rate, "_SIDE", 16)
        found = segment_array(estimator, IMAGE, block_size=16)
    np.testing.assert_array_equal(found, whole(estimator, IMAGE))


def test_edges_that_are_too_many_are_an_error(small, monkeypatch):
    estimator = ERSSuperpixels(9, regularity=0).fit([IMAGES["of one colour"]])
    monkeypatch.setattr(rest, "_BUDGET", (1, 1))
    monkeypatch.setattr(rest, "_MOST", 100)
    with pytest.raises(ValueError, match=r"equally alike .* give regularity above 0, or larger"):
        segment_array(estimator, IMAGES["of one colour"], block_size=32)


# --- SEAL ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["8 bits", "8 bits, gray", "floats", "noise"])
def test_seal_in_one_window_has_the_labels_of_transform(seal, small, name):
    for n_segments in (40, 400):  # of 400 regularity is less
        seal.set_params(n_segments=n_segments)
        found = segment_array(seal, IMAGES[name], block_size=48)
        np.testing.assert_array_equal(found, whole(seal, IMAGES[name]))


@pytest.mark.parametrize(
    "parameters",
    [
        {"connectivity": 4},
        {"balance": 1.0, "sharpness": 1.0},
        {"regularity": 0.0},
        {"colour": 0},
    ],
)
def test_parameters_of_seal_count(seal, small, parameters):
    given = {name: seal.get_params()[name] for name in parameters}
    plain = segment_array(seal.set_params(n_segments=40), IMAGE, block_size=32)
    try:
        seal.set_params(**parameters)
        found = segment_array(seal, IMAGE, block_size=32)
        np.testing.assert_array_equal(found, whole(seal, IMAGE))
        assert (found != plain).any()
    finally:
        seal.set_params(**given)


@pytest.mark.parametrize("name", ["compact", "pan-no-canny"])
def test_affinities_by_windows_are_those_of_the_whole(seal, monkeypatch, tmp_path, name):
    """To the last digits of what a net gives, for the net sees enough around a window."""
    estimator, image = seal, np.tile(IMAGE, (4, 3, 1))  # wider than the net sees
    if name != "compact":
        image = np.tile(IMAGE, (1, 2, 1))
        few = NetTraining(max_steps=2, batch_size=1, crop_size=32)
        estimator = SEALSuperpixels(40, net=name, training=few, sharpness=1.0)
        estimator.fit(LEAVES.images, LEAVES.ground_truths)
    monkeypatch.setattr(_windows, "CORE", 64)
    segment_array(estimator, image, checkpoint=tmp_path / "c")
    found = np.load(tmp_path / "c" / "affinities.npy").transpose(2, 0, 1)
    expected = estimator.affinities([image])[0] ** estimator._reading().sharpness
    np.testing.assert_allclose(found[0, :, :-1], expected[0, :, :-1], atol=2e-4)
    np.testing.assert_allclose(found[1, :-1], expected[1, :-1], atol=2e-4)


@pytest.mark.parametrize("name", ["8 bits", "floats", "noise", "of one colour", "five bands"])
@pytest.mark.parametrize("cut", [np.s_[:], np.s_[:1], np.s_[:, :1], np.s_[:2, :2], np.s_[:1, :1]])
def test_the_median_of_differences(name, cut):
    """Found digit by digit over blocks, it is numpy's."""
    from sklearn_spx.large._engine import Engine
    from sklearn_spx.large._journal import Journal
    from sklearn_spx.large._source import as_source
    from sklearn_spx.large._whole import Whole
    from sklearn_spx.methods.seal.growth import differences_of
    from sklearn_spx.utils.scale import seen

    image = np.ascontiguousarray(IMAGES[name][cut])
    estimator = ERSSuperpixels(9).fit([IMAGES[name]])
    boxes = [
        (y, min(y + 32, image.shape[0]), x, min(x + 48, image.shape[1]))
        for y in range(0, image.shape[0], 32)
        for x in range(0, image.shape[1], 48)
    ]
    engine = Engine(Journal(None, None), len(boxes), 0)
    known = Whole(estimator, as_source(image), boxes, engine)
    picture = seen(image, estimator.value_range_)
    differences = np.concatenate([part.ravel() for part in differences_of(picture)])
    expected = float(np.median(differences)) if differences.size else 0.0
    assert _seal.median_difference(known) == expected


# --- arrays, workers and interruptions ----------------------------------------------------------


def test_no_block_and_no_chunk_shows(seal, small, monkeypatch, tmp_path):
    import dask.array

    monkeypatch.setattr(_windows, "CORE", 48)
    seal.set_params(n_segments=50)
    expected = segment_array(seal, IMAGE)
    np.save(tmp_path / "image.npy", IMAGE)
    for array, block_size in (
        (dask.array.from_array(IMAGE, chunks=(37, 55, 2)), 32),
        (np.load(tmp_path / "image.npy", mmap_mode="r"), 48),
        (IMAGE, 64),
    ):
        out = np.zeros(IMAGE.shape[:2], np.int64)
        assert segment_array(seal, array, out, block_size=block_size) is out
        np.testing.assert_array_equal(out, expected)


@pytest.mark.slow
def test_processes(small):
    from concurrent.futures import ProcessPoolExecutor

    estimator = ERSSuperpixels(50).fit([IMAGE])
    spawned = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(2, spawned) as pool,
        dask.config.set(scheduler="processes", pool=pool),
    ):
        found = segment_array(estimator, IMAGE, block_size=32)
    np.testing.assert_array_equal(found, whole(estimator, IMAGE))


@pytest.mark.slow
def test_a_cluster_of_two_workers(seal, small):
    distributed = pytest.importorskip("distributed")
    seal.set_params(n_segments=50)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        found = segment_array(seal, IMAGE, block_size=32)
    np.testing.assert_array_equal(found, whole(seal, IMAGE))


@pytest.mark.parametrize("times", [23, pytest.param(7, marks=pytest.mark.slow)])
def test_it_goes_on_where_it_was_interrupted(small, monkeypatch, tmp_path, times):
    monkeypatch.setattr("sklearn_spx.large._engine._n_workers", lambda: 1)
    estimator = ERSSuperpixels(60).fit([IMAGE])
    out, runs = np.full(IMAGE.shape[:2], -7), 0
    with dask.config.set(scheduler="synchronous"):
        while runs < 200:
            try:
                array = Failing(IMAGE, times)
                segment_array(estimator, array, out, block_size=32, checkpoint=tmp_path / "c")
                break
            except KeyboardInterrupt:
                runs += 1
    assert 5 < runs < 200
    np.testing.assert_array_equal(out, whole(estimator, IMAGE))


@pytest.mark.parametrize("gone", ["clusters0.npy", "loops1.npy", "cells.npy"])
def test_files_that_are_gone_are_made_again(small, monkeypatch, tmp_path, gone):
    estimator = ERSSuperpixels(60).fit([IMAGE])
    arguments = {"block_size": 32, "checkpoint": tmp_path / "c"}

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_entropy_rate, "_join_rest", interrupted)
        with pytest.raises(KeyboardInterrupt):
            segment_array(estimator, IMAGE, **arguments)
    (tmp_path / "c" / gone).unlink()
    found = segment_array(estimator, IMAGE, **arguments)
    np.testing.assert_array_equal(found, whole(estimator, IMAGE))


def test_what_it_cannot_do_is_named(seal):
    few = NetTraining(max_steps=1, batch_size=1, crop_size=32)
    pan = SEALSuperpixels(9, net="pan-no-canny", training=few)
    pan.fit(LEAVES.images, LEAVES.ground_truths)
    pan.net_.canny = True
    unlike = ERSSuperpixels(9, spacing=(2, 1)).fit([IMAGE])
    for estimator, words in (
        (ERSSuperpixels(90 * 135 + 1).fit([IMAGE]), "n_segments is 12151, but there are 12150"),
        (unlike, r"images of square pixels, and spacing is \(2, 1\)"),
        (ERSSuperpixels(9, device="auto").fit([IMAGE]), 'needs device="cpu"'),
        (pan, "this net sees Canny edges"),
    ):
        with pytest.raises(ValueError, match=words):
            segment_array(estimator, IMAGE)
    with pytest.raises(ValueError, match="backend is 'egb'"):
        segment_array(seal.set_params(backend="egb"), IMAGE)
    seal.set_params(backend="ers")


def test_progress_is_shown(capsys):
    estimator = ERSSuperpixels(60).fit([IMAGE])
    segment_array(estimator, IMAGE, block_size=48, verbose=1)
    shown = capsys.readouterr().err.split("segment_array:")[-1]
    done, total = shown.split("block")[0].split("|")[-1].split("[")[0].split("/")
    assert int(done) == int(total) > 50
