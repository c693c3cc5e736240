"""segment_array with Trainable SLIC: the same labels whatever the blocks, nearly the whole's."""

import numpy as np
import pytest

from sklearn_spx import TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import (
    ChannelUnion,
    ConvFeatures,
    EmbeddingFeatures,
    LabFeatures,
    ScatteringFeatures,
)
from sklearn_spx.large import _features, _slic, _windows, segment_array
from sklearn_spx.nets.compact_unet import CompactUNet
from sklearn_spx.training import NetTraining

from .test_segment_array import Failing, memmap

try:
    import dask
except ImportError:
    dask = None

LEAVES = make_dead_leaves(2, shape=(90, 135), random_state=0)
IMAGE = LEAVES.images[0]
FEW = ChannelUnion([("lab", LabFeatures()), ("scattering", ScatteringFeatures(L=2))])


@pytest.fixture(autouse=True)
def with_dask():
    pytest.importorskip("dask")


@pytest.fixture(scope="module")
def linear():
    return TrainableSLIC(60, size=12, features=FEW).fit(LEAVES.images, LEAVES.ground_truths)


@pytest.fixture(scope="module")
def embedding():
    slic = TrainableSLIC(
        60, size=12, distance="embedding", training=NetTraining(max_steps=2), random_state=0
    )
    return slic.fit(LEAVES.images, LEAVES.ground_truths)


@pytest.mark.parametrize("of", ["linear", "embedding"])
@pytest.mark.parametrize("name", ["8 bits", "8 bits as floats", "floats", "gray"])
def test_one_window_has_the_labels_of_transform(request, of, name):
    estimator = request.getfixturevalue(of)
    image = {
        "8 bits": IMAGE,
        "8 bits as floats": IMAGE / 255,
        "floats": (IMAGE / 255) ** 1.1,
        "gray": IMAGE[..., 1],
    }[name]
    expected = estimator.transform([image])[0]
    for block_size in (48, 1024):
        found = segment_array(estimator, image, block_size=block_size)
        np.testing.assert_array_equal(found, expected)


def test_no_block_and_no_chunk_shows(linear, monkeypatch, tmp_path):
    import dask.array

    monkeypatch.setattr(_windows, "CORE", 32)
    expected = segment_array(linear, IMAGE)
    sources = {
        "dask": dask.array.from_array(IMAGE, chunks=(37, 55, 2)),
        "memmap": memmap(tmp_path / "rows", IMAGE),
        "array": IMAGE,
    }
    for name, array in sources.items():
        for block_size, scheduler in ((16, "synchronous"), (48, "threads"), (64, "threads")):
            with dask.config.set(scheduler=scheduler):
                found = segment_array(linear, array, block_size=block_size)
            np.testing.assert_array_equal(found, expected, err_msg=name)


@pytest.mark.parametrize("of", ["linear", "embedding"])
def test_windows_have_nearly_the_features_of_the_whole(request, of, monkeypatch, tmp_path):
    estimator = request.getfixturevalue(of)
    image = np.tile(IMAGE, (4, 3, 1))  # wider than an embedding sees
    monkeypatch.setattr(_windows, "CORE", 64)
    segment_array(estimator, image, checkpoint=tmp_path / "c")
    found = np.load(tmp_path / "c" / "features.npy")
    whole = estimator._values(image, "cpu")
    # windows of scattering lie otherwise among its tiles, whose sides show a little
    tolerance = 1e-4 if of == "embedding" else 0.02
    assert np.abs(found - whole).max() < tolerance * np.abs(whole).max()


@pytest.mark.slow
def test_processes(linear, monkeypatch):
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    expected = segment_array(linear, IMAGE)
    spawned = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(2, spawned) as pool,
        dask.config.set(scheduler="processes", pool=pool),
    ):
        np.testing.assert_array_equal(segment_array(linear, IMAGE, block_size=64), expected)


@pytest.mark.slow
def test_a_cluster_of_two_workers(linear, embedding, monkeypatch):
    distributed = pytest.importorskip("distributed")
    image = np.tile(IMAGE, (2, 2, 1))
    monkeypatch.setattr(_windows, "CORE", 64)
    for estimator in (linear, embedding):
        expected = segment_array(estimator, image)
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster),
        ):
            found = segment_array(estimator, image, block_size=160)
        np.testing.assert_array_equal(found, expected)


def test_it_goes_on_where_it_was_interrupted(linear, monkeypatch, tmp_path):
    monkeypatch.setattr("sklearn_spx.large._engine._n_workers", lambda: 1)
    monkeypatch.setattr(_windows, "CORE", 32)
    expected = segment_array(linear, IMAGE)
    out, runs, seen = np.full(expected.shape, -7), 0, []
    task = _features._features
    monkeypatch.setattr(_features, "_features", lambda *a: seen.append(a[-1]) or task(*a))
    with dask.config.set(scheduler="synchronous"):
        while runs < 20:
            array = Failing(IMAGE, 6)
            try:
                segment_array(linear, array, out, block_size=32, checkpoint=tmp_path / "c")
                break
            except KeyboardInterrupt:
                runs += 1
    assert runs >= 2  # 15 windows, six a run, of which those of a batch that fails are lost
    np.testing.assert_array_equal(out, expected)
    assert len(set(seen)) == 15
    assert len(seen) <= 15 + 4 * runs
    # those of another net are not taken
    other = TrainableSLIC(60, size=12, features=FEW).fit(
        LEAVES.images[:1], LEAVES.ground_truths[:1]
    )
    with pytest.raises(ValueError, match="belongs to another array, estimator"):
        segment_array(other, IMAGE, block_size=32, checkpoint=tmp_path / "c")


@pytest.mark.parametrize("left", ["nothing", "an empty file", "other features"])
def test_features_that_are_gone_are_made_again(linear, monkeypatch, tmp_path, left):
    expected, out = segment_array(linear, IMAGE), np.full(IMAGE.shape[:2], -7)
    arguments = {"block_size": 32, "checkpoint": tmp_path / "c"}

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # the features are there, and the centres
        patch.setattr(_slic, "_join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            segment_array(linear, IMAGE, out, **arguments)
    path = tmp_path / "c" / "features.npy"
    path.unlink()
    if left == "an empty file":
        path.write_bytes(b"")
    elif left == "other features":
        np.save(path, np.zeros((3, 3, 3), np.float32))
    np.testing.assert_array_equal(segment_array(linear, IMAGE, out, **arguments), expected)


def test_what_it_cannot_do_is_named():
    images, truths = LEAVES.images, LEAVES.ground_truths
    mlp = TrainableSLIC(
        40, size=12, features=LabFeatures(), distance="mlp", training=NetTraining(max_steps=2)
    )
    with pytest.raises(ValueError, match="a net chooses this TrainableSLIC's clusters"):
        segment_array(mlp.fit(images, truths), IMAGE)
    import torch

    conv = ConvFeatures(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1)), "0")
    union = ChannelUnion([("lab", LabFeatures()), ("conv", conv)])
    for features in (conv, union):
        slic = TrainableSLIC(40, size=12, features=features).fit(images, truths)
        with pytest.raises(ValueError, match="how far around a pixel ConvFeatures looks: accepted"):
            segment_array(slic, IMAGE)
    holes = IMAGE.astype(float)
    holes[70, 100] = np.nan
    linear = TrainableSLIC(40, size=12, features=LabFeatures()).fit(images, truths)
    with pytest.raises(ValueError, match=r"array\[.*NaN"):
        segment_array(linear, holes)


def test_the_reach_is_what_the_maps_depend_on():
    import torch

    torch.manual_seed(0)
    net = CompactUNet(1, 1, (2, 2, 2, 2)).eval()
    for parameter in net.parameters():
        torch.nn.init.uniform_(parameter, 0.1, 0.3)  # nothing cancels, nothing is cut off
    image = torch.zeros(1, 1, 1, 1).expand(1, 1, 16, 800).clone()
    with torch.no_grad():
        before = net.maps(image)
        image[..., 400] = 1e6
        changed = (net.maps(image) != before).any(2).flatten().nonzero().flatten()
    assert 100 < max(400 - changed.min(), changed.max() - 400) <= net.reach


def test_the_reach_of_a_union_is_the_farthest():
    assert FEW.fit([IMAGE])._reach == 20
    assert ScatteringFeatures(J=3)._reach == 40
    assert LabFeatures()._reach == 0
    features = EmbeddingFeatures(training=NetTraining(max_steps=1))
    features.fit(LEAVES.images[:1], LEAVES.ground_truths[:1])
    assert features._reach == CompactUNet().reach
