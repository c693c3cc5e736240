"""segment_array with DEL: the same labels whatever the blocks; one window has those of predict."""

from pathlib import Path

import numpy as np
import pytest

from sklearn_spx import (
    DELSegmenter,
    EGBSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
)
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.large import _deep_embedding, _windows, segment_array
from sklearn_spx.metrics import segmentation_covering
from sklearn_spx.training import NetTraining

from .test_segment_array import Failing, memmap

try:
    import dask
except ImportError:
    dask = None

LEAVES = make_dead_leaves(2, shape=(90, 135), random_state=0)
IMAGE = LEAVES.images[0]
WIDE = np.tile(IMAGE, (5, 6, 1))[:430, :790]  # wider than the net sees


@pytest.fixture(autouse=True)
def with_dask():
    pytest.importorskip("dask")


@pytest.fixture(scope="module")
def shipped():
    return DELSegmenter.from_pretrained("bsds500")


def alike(found, expected):
    """The share of pixels in segments of the one that are those of the other."""
    return segmentation_covering(found, [expected])


FORMS = {
    "8 bits": IMAGE,
    "8 bits as floats": IMAGE / 255,
    "floats": (IMAGE / 255) ** 1.1,
    "16 bits": IMAGE.astype(np.uint16) * 257,
    "gray": IMAGE[..., 1],
    "five bands": np.dstack([IMAGE, IMAGE[..., :2]]) / 255,
}


@pytest.mark.parametrize("name", FORMS)
def test_one_window_has_the_labels_of_predict(shipped, name):
    estimator, image = shipped, FORMS[name]
    if name == "five bands":  # a net of its own, of arbitrary weights
        estimator = DELSegmenter(training=NetTraining(max_steps=1))
        images = [np.dstack([i, i[..., :2]]) / 255 for i in LEAVES.images]
        estimator.fit(images, LEAVES.ground_truths)
    expected = estimator.predict([image])[0]
    assert expected.max() >= 3
    for block_size in (48, 1024):
        found = segment_array(estimator, image, block_size=block_size)
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_segments": 1},
        {"n_segments": 17},
        {"threshold": 0.3},
        {"threshold": 0.4, "min_size": 4},
        {"merge": "threshold"},
        {"merge": "threshold", "threshold": 0.3, "min_size": 3},
        {"merge": "threshold", "n_segments": 40},
        {"merge": "egb"},
        {"merge": "egb", "threshold": 2.0, "min_size": 5},
        {"scales": (0.7, 1.5), "mirror": True},
        {"scales": [1.2345]},  # where there is but one window, nothing has to divide
        {"value_range": (0, 200)},
        {"superpixels": SLICSuperpixels(70)},
        {"superpixels": ERSSuperpixels(70, regularity=0.2)},
        {"superpixels": SEALSuperpixels(70, pretrained="bsds500")},
        {"superpixels": SLICSuperpixels(70, convert2lab=False, slic_zero=True, max_iter=3)},
    ],
    ids=str,
)
def test_every_parameter_counts(parameters):
    for image in (IMAGE, (IMAGE / 255) ** 1.1):
        if "value_range" in parameters:
            image = (IMAGE / 2).astype(np.float32)
        estimator = DELSegmenter(pretrained="bsds500", **parameters).fit([image])
        expected = estimator.predict([image])[0]
        np.testing.assert_array_equal(segment_array(estimator, image, block_size=48), expected)


def test_superpixels_of_trainable_slic(tmp_path):
    slic = TrainableSLIC(150, size=12).fit(LEAVES.images, LEAVES.ground_truths)
    estimator = DELSegmenter(slic, pretrained="bsds500").fit(LEAVES.images)
    expected = estimator.predict([IMAGE])[0]
    np.testing.assert_array_equal(segment_array(estimator, IMAGE, block_size=64), expected)
    found = segment_array(estimator, IMAGE, block_size=64, checkpoint=tmp_path / "c")
    np.testing.assert_array_equal(found, expected)
    assert (tmp_path / "c" / "superpixels" / "features.npy").exists()


# --- several windows ----------------------------------------------------------------------------


def graphs(estimator, image, monkeypatch, core):
    """The region graph of the whole image, and what windows make of it."""
    kept, graph = [], _deep_embedding._graph
    monkeypatch.setattr(_windows, "CORE", core)
    monkeypatch.setattr(_deep_embedding, "_graph", lambda *a: kept.append(graph(*a)) or kept[-1])
    segment_array(estimator, image, block_size=256)
    estimator._prepare()
    return estimator._graph(image, None), kept[0]


def own_net():
    """A net over a trunk of one's own, which does not say how far it sees."""
    import torch

    class Trunk(torch.nn.Module):
        channels, strides, origins = (6, 8), (2, 4), (0.5, 1.5)

        def __init__(self):
            super().__init__()
            self.first = torch.nn.Conv2d(3, 6, 5, 2, padding=2)
            self.second = torch.nn.Conv2d(6, 8, 3, 2, padding=1)

        def forward(self, images):
            x = torch.relu(self.first(images / 255))
            return [x, torch.relu(self.second(x))]

    torch.manual_seed(0)
    return Trunk()


@pytest.mark.parametrize(
    ("of", "parameters", "core", "tolerance"),
    [
        ("shipped", {}, 128, 1e-5),
        ("shipped", {}, 333, 1e-5),  # windows may start anywhere
        ("shipped", {"scales": (1.5, 0.75), "mirror": True}, 200, 1e-4),
        ("own", {}, 128, 1e-5),
        ("own", {"pooling": "max", "mirror": True}, 128, 1e-5),
        pytest.param("vgg16", {}, 128, 1e-5, marks=pytest.mark.slow),
        # 430 rows are no multiple of 16: on the whole image VGG16's maps are stretched a little
        pytest.param("vgg16", {"rows": 430}, 128, 0.1, marks=pytest.mark.slow),
    ],
)
def test_windows_make_the_graph_of_the_whole_image(monkeypatch, of, parameters, core, tolerance):
    image = WIDE
    parameters = dict(parameters)
    if of == "shipped":
        estimator = DELSegmenter(pretrained="bsds500", **parameters).fit([image])
    else:
        rows = parameters.pop("rows", 416 if of == "vgg16" else 430)
        image = WIDE[:rows, : 320 if of == "vgg16" else 790]
        net = "vgg16" if of == "vgg16" else own_net()
        estimator = DELSegmenter(
            net=net,
            initial_weights="random",
            training=NetTraining(max_steps=1),
            superpixels=SLICSuperpixels(1000),
            **parameters,
        ).fit(LEAVES.images, LEAVES.ground_truths)
    whole, windows = graphs(estimator, image, monkeypatch, core)
    for name in ("edges", "lengths", "sizes"):
        np.testing.assert_array_equal(getattr(windows, name), getattr(whole, name))
    for name in ("embeddings", "distances", "boundary"):
        found, expected = getattr(windows, name), getattr(whole, name)
        scale = max(np.abs(expected).max(), 1e-9)
        assert np.abs(found - expected).max() <= tolerance * scale, name


def test_superpixels_larger_than_windows(monkeypatch):
    """One has parts in more windows than four, and all are counted."""
    estimator = DELSegmenter(SLICSuperpixels(9), pretrained="bsds500").fit([WIDE])
    whole, windows = graphs(estimator, WIDE, monkeypatch, 48)
    np.testing.assert_array_equal(windows.sizes, whole.sizes)
    np.testing.assert_array_equal(windows.lengths, whole.lengths)
    np.testing.assert_allclose(windows.embeddings, whole.embeddings, atol=1e-5)
    np.testing.assert_allclose(windows.boundary, whole.boundary, atol=1e-5)


def test_no_block_no_chunk_and_no_worker_shows(shipped, monkeypatch, tmp_path):
    import dask.array

    zarr = pytest.importorskip("zarr")
    monkeypatch.setattr(_windows, "CORE", 128)
    image = WIDE[:300, :400]
    expected = segment_array(shipped, image)
    assert alike(expected, shipped.predict([image])[0]) > 0.95
    stored = zarr.create_array(tmp_path / "z", shape=image.shape, dtype="u1", chunks=(50, 41, 3))
    stored[:] = image
    out = np.lib.format.open_memmap(tmp_path / "o.npy", "w+", np.int32, image.shape[:2])
    settings = [
        (dask.array.from_array(image, chunks=(137, 155, 2)), 64, "threads"),
        (dask.array.from_array(image / 255, chunks=(137, 155, 2)), 64, "threads"),
        (memmap(tmp_path / "rows", image), 112, "synchronous"),
        (stored, 1024, "threads"),
    ]
    for array, block_size, scheduler in settings:
        out[:] = -7
        with dask.config.set(scheduler=scheduler, num_workers=3):
            assert segment_array(shipped, array, out, block_size=block_size) is out
        np.testing.assert_array_equal(out, expected)


@pytest.mark.slow
def test_processes_and_a_cluster(shipped, monkeypatch, tmp_path):
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(_windows, "CORE", 128)
    image = memmap(tmp_path / "rows", (WIDE[:300, :400] / 255) ** 1.1)
    expected = segment_array(shipped, image)
    spawned = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(2, spawned) as pool,
        dask.config.set(scheduler="processes", pool=pool),
    ):
        np.testing.assert_array_equal(segment_array(shipped, image, block_size=160), expected)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        np.testing.assert_array_equal(segment_array(shipped, image, block_size=160), expected)


# --- interrupted --------------------------------------------------------------------------------


def test_it_goes_on_where_it_was_interrupted(shipped, monkeypatch, tmp_path):
    monkeypatch.setattr("sklearn_spx.large._engine._n_workers", lambda: 1)
    monkeypatch.setattr(_windows, "CORE", 64)
    image = (IMAGE / 255) ** 1.1
    expected = segment_array(shipped, image, block_size=64)
    out, runs, n_read = np.full(expected.shape, -7), 0, 0
    alone = Failing(image, np.inf)
    with dask.config.set(scheduler="synchronous"):
        segment_array(shipped, alone, np.zeros(expected.shape, int), block_size=64)
        while runs < 60:
            array = Failing(image, 7)
            try:
                segment_array(shipped, array, out, block_size=64, checkpoint=tmp_path / "c")
                break
            except KeyboardInterrupt:
                runs += 1
            finally:
                n_read += array.read
    assert runs > 3
    np.testing.assert_array_equal(out, expected)
    # what was under way when it was interrupted is read again, and nothing else
    assert n_read <= alone.read + 4 * runs


@pytest.mark.parametrize("phase", ["_superpixels", "_graph", "_put_together", "merging", "writing"])
def test_it_goes_on_from_each_phase(shipped, monkeypatch, tmp_path, phase):
    monkeypatch.setattr(_windows, "CORE", 64)
    expected, out = segment_array(shipped, IMAGE), np.full(IMAGE.shape[:2], -7)
    arguments = {"block_size": 64, "checkpoint": tmp_path / "c"}

    class Interrupted:
        shape, dtype = out.shape, out.dtype

        def __getitem__(self, key):
            return out[key]

        def __setitem__(self, key, value):
            if np.size(value) > 1:  # a single pixel is written first, to see that it can be
                raise KeyboardInterrupt

    def interrupted(*_):
        raise KeyboardInterrupt

    to = Interrupted() if phase == "writing" else out
    with monkeypatch.context() as patch:
        if phase == "merging":
            patch.setattr(_deep_embedding.merging, "segment", interrupted)
        elif phase != "writing":
            patch.setattr(_deep_embedding, phase, interrupted)
        with pytest.raises(KeyboardInterrupt):
            segment_array(shipped, IMAGE, to, **arguments)
    if phase == "writing":  # nothing is computed again

        def used(*_):
            raise AssertionError

        monkeypatch.setattr(_deep_embedding, "_graph", used)
    np.testing.assert_array_equal(segment_array(shipped, IMAGE, out, **arguments), expected)


@pytest.mark.parametrize("left", ["nothing", "an empty file", "of another size"])
def test_superpixels_that_are_gone_are_made_again(shipped, tmp_path, left):
    arguments = {"block_size": 32, "checkpoint": tmp_path / "c"}
    expected = segment_array(shipped, IMAGE, **arguments)
    path = tmp_path / "c" / "superpixels.npy"
    path.unlink()
    if left == "an empty file":
        path.write_bytes(b"")
    elif left == "of another size":
        np.save(path, np.zeros((3, 3), np.int32))
    np.testing.assert_array_equal(segment_array(shipped, IMAGE, **arguments), expected)


def test_another_threshold_starts_from_the_graph(monkeypatch, tmp_path):
    arguments = {"block_size": 64, "checkpoint": tmp_path / "c"}
    segmenter = DELSegmenter(pretrained="bsds500").fit([IMAGE])
    segment_array(segmenter, IMAGE, **arguments)
    looked, look = [], _deep_embedding._look
    monkeypatch.setattr(_deep_embedding, "_look", lambda *a: looked.append(1) or look(*a))
    out = np.empty(IMAGE.shape[:2], int)
    for parameters in ({"threshold": 0.3}, {"n_segments": 5}, {"merge": "egb"}, {}):
        defaults = {"threshold": None, "n_segments": None, "merge": "greedy"}
        segmenter.set_params(**defaults | parameters)
        segment_array(segmenter, IMAGE, out, **arguments)
        np.testing.assert_array_equal(out, segmenter.predict([IMAGE])[0])
    assert not looked
    for other in ({"mirror": True}, {"scales": (1.5,)}, {"pretrained": "bsds500-train"}):
        fitted = DELSegmenter(**{"pretrained": "bsds500"} | other).fit([IMAGE])
        with pytest.raises(ValueError, match="belongs to another array, estimator or block_size"):
            segment_array(fitted, IMAGE, **arguments)


def test_progress_is_shown(shipped, capsys):
    segment_array(shipped, IMAGE, block_size=64, verbose=1)
    assert "79/79" in capsys.readouterr().err  # 6 blocks: SLIC's 12 passes and writing; a window
    segment_array(shipped, IMAGE, block_size=64)
    assert capsys.readouterr().err == ""


# --- what it does not take ----------------------------------------------------------------------


def test_bad_input_is_named(shipped):
    hole = IMAGE / 255
    hole[50, 70] = np.nan
    made = DELSegmenter(pretrained="bsds500")

    def fitted(**parameters):
        return DELSegmenter(pretrained="bsds500", **parameters).fit([IMAGE])

    for estimator, image, error, words in (
        (DELSegmenter(), IMAGE, Exception, "not fitted"),
        (made.set_params(device="auto"), IMAGE, ValueError, 'needs device="cpu"'),
        (shipped, IMAGE[..., :2], ValueError, "2 channels where DELSegmenter expects 3"),
        (shipped, hole, ValueError, r"array\[32:64, 64:96\] holds 3 values that are NaN"),
        (shipped, IMAGE * 10.0, ValueError, "array holds values from"),
        (fitted(n_segments=10**6), IMAGE, ValueError, "n_segments must lie from 1 to"),
        (fitted(merge="egb", n_segments=3), IMAGE, ValueError, 'nothing to merge="egb"'),
        (fitted(superpixels=EGBSegmenter()), IMAGE, TypeError, "superpixels: segment_array takes"),
        (
            fitted(superpixels=SLICSuperpixels(9, spacing=(2, 1))),
            IMAGE,
            ValueError,
            "superpixels: segment_array takes images of square pixels",
        ),
        (
            fitted(superpixels=SLICSuperpixels(9, device="auto")),
            IMAGE,
            ValueError,
            'superpixels: segment_array needs device="cpu"',
        ),
    ):
        with pytest.raises(error, match=words):
            segment_array(estimator, image, block_size=32)
    huge = np.broadcast_to(np.uint8(0), (2**19, 2**19))
    with pytest.raises(ValueError, match="4294967296 are more superpixels than int32 has numbers"):
        segment_array(shipped, huge)


def test_a_net_that_cannot_be_cut_is_named(monkeypatch):
    monkeypatch.setattr(_windows, "CORE", 64)
    import torch

    class Squeezed(torch.nn.Module):
        """What it says of a pixel depends on all."""

        channels, strides, origins = (3,), (1,), (0.0,)

        def __init__(self):
            super().__init__()
            self.one = torch.nn.Conv2d(3, 3, 1)

        def forward(self, images):
            return [self.one(images) * images.mean((2, 3), keepdim=True)]

    def fitted(net, **parameters):
        recipe = NetTraining(max_steps=1)
        estimator = DELSegmenter(net=net, training=recipe, **parameters)
        return estimator.fit(LEAVES.images, LEAVES.ground_truths)

    squeezed = fitted(Squeezed())
    with pytest.raises(ValueError, match=r"how far around a pixel net, a Squeezed, looks.*global"):
        segment_array(squeezed, IMAGE)
    half = own_net()
    half.strides = (2, 4.5)
    with pytest.raises(ValueError, match=r"strides \(4.5, 2.0\).*whole numbers"):
        segment_array(fitted(half), IMAGE)
    for scale in (1.2345, 2**0.5):
        with pytest.raises(ValueError, match=r"scales is .*multiples of \d+ pixels; accepted are"):
            segment_array(fitted(own_net(), scales=(1.0, scale)), IMAGE)
    monkeypatch.setattr(_windows, "CORE", 1024)
    expected = squeezed.predict([IMAGE])[0]  # one window is the whole image
    np.testing.assert_array_equal(segment_array(squeezed, IMAGE), expected)


def test_how_far_nets_see_is_what_the_guide_says():
    from sklearn_spx.nets.del_heads import CompactNet, PaperNet

    guide = Path(__file__).parents[2] / "doc" / "guide" / "large.rst"
    figures = f'{CompactNet().reach} for "compact", {PaperNet().reach} for "vgg16"'
    assert figures in " ".join(guide.read_text(encoding="utf-8").split())


def test_the_reach_is_what_the_sides_depend_on():
    """Seen by gradients through nets whose weights are all positive, so that nothing cancels."""
    import torch

    from sklearn_spx.nets.del_heads import CompactNet

    torch.manual_seed(0)
    for net in (CompactNet(own_net()), CompactNet()):
        for parameter in net.parameters():
            torch.nn.init.uniform_(parameter, 0.0, 0.02 if parameter.ndim > 1 else 0.1)
        net.eval().requires_grad_(False)
        image = torch.full((1, 3, 48, 1024), 127.5, requires_grad=True)
        farthest = 0
        for maps, stride in zip(net.sides(image), net.strides):
            cell = maps.shape[3] // 2
            (seen,) = torch.autograd.grad(maps[..., cell].square().sum(), image, retain_graph=True)
            columns = seen.abs().sum((0, 1, 2)).nonzero().flatten()
            middle = cell * stride
            far = max(middle - int(columns[0]), int(columns[-1]) - middle)
            farthest = max(farthest, far)
        assert farthest <= net.reach < 1.5 * farthest + 3 * net.unit
        net.trunk.reach = 1000
        assert net.reach > 1000
