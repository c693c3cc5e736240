"""segment_array: the labels of the whole image, whatever the blocks, the array and the workers."""

import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx import EGBSegmenter, SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.large import segment_array

try:
    import dask.array
except ImportError:
    dask = None


@pytest.fixture(autouse=True)
def with_dask():
    """Skip test by test, so that each is named among those that want the package."""
    pytest.importorskip("dask")


IMAGE = make_dead_leaves(1, shape=(90, 135), random_state=0).images[0]
RNG = np.random.default_rng(0)
IMAGES = {
    "8 bits": IMAGE,
    "8 bits, gray": IMAGE[..., 0],
    "8 bits as floats": IMAGE / 255,
    "8 bits at the top": IMAGE + 0.3 * (np.arange(90) > 40)[:, None, None],
    "floats": (IMAGE / 255) ** 1.1,
    "16 bits": IMAGE.astype(np.uint16) * 199,
    "black and white": IMAGE[..., 0] > 100,
    "five bands": np.dstack([IMAGE, IMAGE[..., :2]]) * 3.0,
    "twenty bands": np.dstack([IMAGE] * 7)[..., :20] + RNG.normal(0, 9, (90, 135, 20)),
}


def whole(estimator, image):
    return estimator.fit([image]).transform([image])[0]


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("slic_zero", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_labels_of_the_whole_image(name, slic_zero):
    estimator = SLICSuperpixels(80, slic_zero=slic_zero)
    expected = whole(estimator, IMAGES[name])
    for block_size in (48, 1024):
        found = segment_array(estimator, IMAGES[name], block_size=block_size)
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"convert2lab": False, "value_range": (0, 255)}, "8 bits"),
        ({"convert2lab": False, "weights": [1, 0, 2]}, "8 bits"),
        ({"convert2lab": True, "weights": [2]}, "8 bits, gray"),
        ({"value_range": (0, 100)}, "8 bits"),
        ({"weights": [0.5, 1, 1, 0, 3]}, "five bands"),
        ({"max_iter": 1, "compactness": 0}, "floats"),
        ({"slic_zero": True}, "8 bits"),
        ({"n_segments": 3000}, "16 bits"),
        ({"compactness": 1e30}, "8 bits"),
        ({"n_segments": 1}, "8 bits"),
        ({"n_segments": 10**6}, "8 bits, gray"),
    ],
)
def test_every_parameter_counts(parameters, name):
    estimator = SLICSuperpixels(**{"n_segments": 60} | parameters)
    expected = whole(estimator, IMAGES[name])
    found = segment_array(estimator, IMAGES[name], block_size=32)
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 80), st.integers(1, 80)),
    st.integers(1, 300),
)
def test_any_image(seed, shape, n_segments):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*shape, 3), np.uint8) // int(rng.integers(1, 128))
    estimator = SLICSuperpixels(n_segments)
    expected = whole(estimator, image)
    found = segment_array(estimator, image, block_size=int(rng.integers(1, 64)))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_segments", [40, 150, 400])
def test_some_regions_of_a_block_are_cut_and_others_are_not(n_segments):
    """Black holes swallow seeds, so that there are too few superpixels, of unequal sizes."""
    image = np.zeros((60, 90, 3), np.uint8)
    image[::9, ::7] = image[::9, 1::7] = 255
    image[:25, :40] = IMAGE[:25, :40]
    estimator = SLICSuperpixels(n_segments, compactness=0)
    expected = whole(estimator, image)
    found = segment_array(estimator, image, block_size=32)
    np.testing.assert_array_equal(found, expected)


def test_values_that_are_not_known_are_those_of_the_dtype():
    estimator = SLICSuperpixels(40).fit([IMAGE])  # of 8 bits: it knows nothing of 16 and of floats
    for image in (IMAGE.astype(np.uint16) * 257, IMAGE / 255):
        expected = estimator.transform([image])[0]
        np.testing.assert_array_equal(segment_array(estimator, image, block_size=32), expected)
    with pytest.raises(ValueError, match="array holds values from 180 to 1920"):
        segment_array(estimator, IMAGE * 10.0, block_size=32)


# --- arrays and workers -------------------------------------------------------------------------


def memmap(path, array, order="C"):
    made = np.memmap(path, array.dtype, "w+", 64, array.shape, order)
    made[:] = array
    made.flush()
    return np.memmap(path, array.dtype, "r", 64, array.shape, order)


def sources(tmp_path):
    import dask.array

    zarr = pytest.importorskip("zarr")
    path = tmp_path / "image.zarr"
    stored = zarr.create_array(path, shape=IMAGE.shape, dtype="u1", chunks=(50, 41, 3))
    stored[:] = IMAGE
    np.save(tmp_path / "image.npy", IMAGE)
    return {
        "dask": dask.array.from_array(IMAGE, chunks=(37, 55, 2)),
        "dask over zarr": dask.array.from_zarr(path),
        "zarr": stored,
        "memmap": memmap(tmp_path / "rows", IMAGE),
        "memmap, columns first": memmap(tmp_path / "columns", IMAGE, "F"),
        "part of a memmap": memmap(tmp_path / "more", np.pad(IMAGE, ((3, 2), (1, 0), (0, 0))))[
            3:-2, 1:
        ],
        "npy": np.load(tmp_path / "image.npy", mmap_mode="r"),
        "transposed": np.ascontiguousarray(IMAGE.transpose(2, 1, 0)).transpose(2, 1, 0),
    }


@pytest.mark.parametrize(
    "scheduler", ["threads", pytest.param("synchronous", marks=pytest.mark.slow)]
)
def test_any_array(tmp_path, scheduler):
    estimator = SLICSuperpixels(70)
    expected = whole(estimator, IMAGE)
    for name, array in sources(tmp_path).items():
        with dask.config.set(scheduler=scheduler):
            found = segment_array(estimator, array, block_size=64)
        np.testing.assert_array_equal(found, expected, err_msg=name)


@pytest.mark.slow
def test_processes(tmp_path):
    estimator = SLICSuperpixels(70, max_iter=3)
    expected = whole(estimator, IMAGE)
    spawned = multiprocessing.get_context("spawn")  # as dask does, but one pool for all
    with (
        ProcessPoolExecutor(2, spawned) as pool,
        dask.config.set(scheduler="processes", pool=pool),
    ):
        for name, array in sources(tmp_path).items():
            found = segment_array(estimator, array, block_size=64)
            np.testing.assert_array_equal(found, expected, err_msg=name)


@pytest.mark.slow
def test_a_cluster_of_two_workers(tmp_path):
    distributed = pytest.importorskip("distributed")
    estimator = SLICSuperpixels(70)
    expected = whole(estimator, IMAGE)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        for name, array in sources(tmp_path).items():
            found = segment_array(estimator, array, block_size=64)
            np.testing.assert_array_equal(found, expected, err_msg=name)


def raster(path, image, **options):
    rasterio = pytest.importorskip("rasterio")
    bands = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    about = {"driver": "GTiff", "count": len(bands), "dtype": image.dtype, **options}
    with rasterio.open(path, "w", height=len(image), width=image.shape[1], **about) as file:
        file.write(bands)
    return path


@pytest.mark.filterwarnings("ignore::UserWarning")  # rasterio: it lies nowhere on earth
@pytest.mark.parametrize("name", ["8 bits", "8 bits, gray", "16 bits"])
def test_a_raster_is_read_by_windows(tmp_path, name):
    image = IMAGES[name]
    estimator = SLICSuperpixels(70)
    expected = whole(estimator, image)
    path = raster(tmp_path / "a.tif", image, tiled=True, blockxsize=32, blockysize=32)
    for given_path in (path, str(path)):
        np.testing.assert_array_equal(segment_array(estimator, given_path, block_size=48), expected)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_raster_that_cannot_be_taken_is_named(tmp_path):
    estimator = SLICSuperpixels(9).fit([IMAGE])
    alpha = np.dstack([IMAGE, np.full(IMAGE.shape[:2], 255, np.uint8)])
    (tmp_path / "text.tif").write_text("text")
    for path, words in (
        (raster(tmp_path / "holes.tif", IMAGE, nodata=0), "pixels of no data"),
        (raster(tmp_path / "alpha.tif", alpha, photometric="RGB", ALPHA="YES"), "an alpha band"),
        (tmp_path / "text.tif", "cannot be read as a raster"),
        (tmp_path / "nowhere.tif", "cannot be read as a raster"),
    ):
        with pytest.raises(ValueError, match=f"{path.name} .*{words}"):
            segment_array(estimator, path)


def test_a_path_of_an_array_is_no_raster(tmp_path):
    """GDAL may read them too, but in another way: the line that opens them is told."""
    estimator = SLICSuperpixels(9).fit([IMAGE])
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").write_text("{}")
    np.save(tmp_path / "a.npy", IMAGE)
    with pytest.raises(ValueError, match=r"is a zarr array; pass it opened: zarr.open_array\("):
        segment_array(estimator, tmp_path / "a.zarr")
    with pytest.raises(ValueError, match=r"a.npy', mmap_mode='r'\)") as error:
        segment_array(estimator, tmp_path / "a.npy")
    opened = eval(str(error.value).partition("pass ")[2], {"np": np})
    np.testing.assert_array_equal(segment_array(estimator, opened), whole(estimator, IMAGE))


def test_out_is_filled(tmp_path):
    zarr = pytest.importorskip("zarr")
    estimator = SLICSuperpixels(70)
    expected = whole(estimator, IMAGE)
    outs = [
        np.zeros(IMAGE.shape[:2], np.int64),
        np.lib.format.open_memmap(tmp_path / "o.npy", "w+", np.int32, IMAGE.shape[:2]),
        zarr.create_array(tmp_path / "o.zarr", shape=IMAGE.shape[:2], dtype="i4", chunks=(33, 40)),
    ]
    for out in outs:
        assert segment_array(estimator, IMAGE, out, block_size=32) is out
        np.testing.assert_array_equal(out[:], expected)
    np.testing.assert_array_equal(np.load(tmp_path / "o.npy"), expected)


MEMORY = """
import re, sys
import numpy as np, dask
import sklearn_spx
from sklearn_spx.large import segment_array

def peak():
    with open("/proc/self/status") as file:  # ru_maxrss would start at the parent's
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", file.read()).group(1))

image = np.load(sys.argv[1], mmap_mode="r")
labels = np.lib.format.open_memmap(sys.argv[2], "w+", np.int32, image.shape[:2])
slic = getattr(sklearn_spx, sys.argv[3])(50).fit([np.array(image[:64, :64])])
slic.transform([np.array(image[:64, :64])])
segment_array(slic, np.array(image[:64, :64]))  # compiled
slic.set_params(n_segments=5000)
started = peak()
with dask.config.set(num_workers=2):
    segment_array(slic, image, labels, block_size=256)
blocks = peak() - started
whole = slic.transform([np.array(image)])[0]
assert (whole == labels).all()
print(blocks, peak() - started)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory as Linux tells it")
@pytest.mark.parametrize(
    ("name", "mapped"),  # bytes a pixel of files whose pages count as long as they are in memory
    [("SLICSuperpixels", 7), ("ERSSuperpixels", 35)],  # image, labels; cells, clusters and loops
)
def test_memory_is_that_of_blocks(tmp_path, name, mapped):
    tile = make_dead_leaves(1, shape=(250, 250), random_state=1).images[0]
    image = np.tile(tile, (12, 12, 1))
    np.save(tmp_path / "image.npy", image)
    command = [sys.executable, "-c", MEMORY, tmp_path / "image.npy", tmp_path / "labels.npy"]
    command.append(name)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    blocks, whole = map(int, done.stdout.split())
    mapped = mapped * image.shape[0] * image.shape[1] // 1024
    assert blocks < mapped + 60_000
    assert whole > mapped + 150_000


# --- interrupted --------------------------------------------------------------------------------


class Failing:
    """An array that can be read so often, and counts."""

    def __init__(self, array, times):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.left, self.read = times, 0

    def __getitem__(self, key):
        rows = key[0]
        if rows.stop - rows.start > 1:  # single pixels are the sample that tells arrays apart
            self.read += 1
            if self.read > self.left:
                raise KeyboardInterrupt
        return self.array[key]


@pytest.mark.parametrize("image", ["8 bits", "floats"])
@pytest.mark.parametrize("n_segments", [8, 2000])  # the one cuts nothing, the other regions in two
def test_it_goes_on_where_it_was_interrupted(tmp_path, monkeypatch, image, n_segments):
    # few tasks at a time, so that it is interrupted within every phase
    monkeypatch.setattr("sklearn_spx.large._engine._n_workers", lambda: 1)
    estimator, image = SLICSuperpixels(n_segments, max_iter=4), IMAGES[image]
    expected = whole(estimator, image)
    alone = Failing(image, np.inf)
    with dask.config.set(scheduler="synchronous"):
        segment_array(estimator, alone, np.zeros(expected.shape, int), block_size=32)
    out = np.full(expected.shape, -7)
    n_read, n_runs = 0, 0
    with dask.config.set(scheduler="synchronous"):
        while n_runs < 100:
            array = Failing(image, 7)
            try:
                segment_array(estimator, array, out, block_size=32, checkpoint=tmp_path / "c")
                break
            except KeyboardInterrupt:
                n_runs += 1
            finally:
                n_read += array.read
    assert n_runs > 3
    np.testing.assert_array_equal(out, expected)
    # what was under way when it was interrupted is read again, and nothing else
    assert n_read <= alone.read + 4 * n_runs


def test_a_checkpoint_belongs_to_its_work(tmp_path):
    estimator = SLICSuperpixels(9, max_iter=2).fit([IMAGE])
    first = segment_array(estimator, IMAGE, block_size=64, checkpoint=tmp_path / "c")
    again = segment_array(estimator, IMAGE, block_size=64, checkpoint=tmp_path / "c")
    np.testing.assert_array_equal(first, again)
    for other, image, block_size in (
        (SLICSuperpixels(10, max_iter=2).fit([IMAGE]), IMAGE, 64),
        (estimator, 255 - IMAGE, 64),
        (estimator, IMAGE, 32),
    ):
        with pytest.raises(ValueError, match="belongs to another array, estimator or block_size"):
            segment_array(other, image, block_size=block_size, checkpoint=tmp_path / "c")
    estimator.set_params(n_jobs=2)  # which changes nothing
    segment_array(estimator, IMAGE, block_size=64, checkpoint=tmp_path / "c")
    part = next((tmp_path / "c").glob("found-*.npz"))
    content = part.read_bytes()
    for damaged in (b"text", b"", content[: len(content) // 2], content.replace(b"\1", b"\2")):
        part.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"{part.name} is damaged"):
            segment_array(estimator, IMAGE, block_size=64, checkpoint=tmp_path / "c")


def test_another_out_is_filled_from_the_checkpoint(tmp_path):
    """What was written to one array is in no other: those that were made anew stayed empty."""
    estimator = SLICSuperpixels(9, max_iter=2)
    expected = whole(estimator, IMAGE)
    for dtype in (int, np.int32):
        out = np.zeros(expected.shape, dtype)
        segment_array(estimator, IMAGE, out, block_size=64, checkpoint=tmp_path / "c")
        np.testing.assert_array_equal(out, expected)
        out[70, 100] = -1  # a block is written again, the others are not
        segment_array(estimator, IMAGE, out, block_size=64, checkpoint=tmp_path / "c")
        np.testing.assert_array_equal(out, expected)


def test_a_file_is_no_checkpoint(tmp_path):
    (tmp_path / "c").write_text("mine")
    with pytest.raises(ValueError, match=r"checkpoint .*c is no folder: File exists"):
        segment_array(SLICSuperpixels(9).fit([IMAGE]), IMAGE, checkpoint=tmp_path / "c")


def test_an_out_that_cannot_be_written_to_is_told_before_the_work(tmp_path):
    estimator = SLICSuperpixels(9).fit([IMAGE])
    out = np.zeros(IMAGE.shape[:2], np.int32)
    out.flags.writeable = False
    np.save(tmp_path / "out.npy", out)
    for closed in (out, np.load(tmp_path / "out.npy", mmap_mode="r")):
        with pytest.raises(ValueError, match=r"out cannot be written to: .*read-only.*mode='r.'"):
            segment_array(estimator, Failing(IMAGE, 0), closed)


def test_a_folder_of_something_else_is_no_checkpoint(tmp_path):
    estimator = SLICSuperpixels(9).fit([IMAGE])
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        segment_array(estimator, IMAGE, checkpoint=tmp_path)
    (tmp_path / "about.json").write_text('{"what": "else", "digest": 3}')
    with pytest.raises(ValueError, match="is not one of segment_array"):
        segment_array(estimator, IMAGE, checkpoint=tmp_path)


# --- what it does not take ----------------------------------------------------------------------


def test_bad_input_is_named():
    estimator = SLICSuperpixels(9).fit([IMAGE])
    hole = IMAGE / 255
    hole[50, 70] = np.nan
    lazy = dask.array.from_array(IMAGE)
    for arguments, error, words in (
        ((EGBSegmenter().fit([IMAGE]), IMAGE), TypeError, "takes SLICSuperpixels, .*, got EGBSegm"),
        ((SLICSuperpixels(9), IMAGE), Exception, "not fitted"),
        ((estimator, [[1, 2]]), TypeError, "array is a list"),
        ((estimator, IMAGE[0, 0]), ValueError, r"array has shape \(3,\)"),
        ((estimator, IMAGE[:0]), ValueError, "it is empty"),
        ((estimator, IMAGE[..., :2]), ValueError, "2 channels where SLICSuperpixels expects 3"),
        ((estimator, IMAGE.astype(complex)), TypeError, "complex128"),
        ((estimator, np.ma.masked_less(IMAGE, 99)), ValueError, "array is a masked array"),
        ((estimator, lazy[lazy[:, 0, 0] > 9]), ValueError, r"not known; .*compute_chunk_sizes\(\)"),
        ((estimator, hole), ValueError, r"array\[32:64, 64:96\] holds 3 values that are NaN"),
        ((estimator, IMAGE, np.zeros((3, 3), int)), ValueError, "out must be an array of shape"),
        ((estimator, IMAGE, np.zeros((90, 135), np.int16)), TypeError, "out has dtype int16"),
        ((estimator, IMAGE, np.zeros((90, 135))), TypeError, "out has dtype float64"),
    ):
        with pytest.raises(error, match=words):
            segment_array(*arguments, block_size=32)
    with pytest.raises(ValueError, match="block_size must be"):
        segment_array(estimator, IMAGE, block_size=0)
    huge = np.broadcast_to(np.uint8(0), (2**16, 2**16))
    many = SLICSuperpixels(2**31).fit([huge[:9, :9]])
    with pytest.raises(ValueError, match="more superpixels than int32 has numbers"):
        segment_array(many, huge)
    with pytest.raises(ValueError, match='needs device="cpu"'):
        segment_array(SLICSuperpixels(9, device="auto").fit([IMAGE]), IMAGE)
    with pytest.raises(ValueError, match=r"images of square pixels, and spacing is \(2, 1\)"):
        segment_array(SLICSuperpixels(9, spacing=(2, 1)).fit([IMAGE]), IMAGE)


def test_progress_is_shown(capsys):
    estimator = SLICSuperpixels(9, max_iter=3).fit([IMAGE])
    segment_array(estimator, IMAGE, block_size=64, verbose=1)
    assert "30/30" in capsys.readouterr().err  # 6 blocks: a look, two iterations, joining, writing
    segment_array(estimator, IMAGE, block_size=64)
    assert capsys.readouterr().err == ""


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(ImportError, match=r"sklearn-spx\[dask\]"):
        segment_array(SLICSuperpixels(9).fit([IMAGE]), IMAGE)
