"""GeoTIFF: where there are no data, and label images that keep their place on earth."""

import sys
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from sklearn_spx import SLICSuperpixels
from sklearn_spx.io import read_image, read_labels, read_masked, write_labels
from sklearn_spx.io.geotiff import is_geotiff

RNG = np.random.default_rng(0)
LABELS = RNG.integers(-1, 90000, (12, 14))
BANDS = RNG.integers(1, 200, (3, 12, 14))
HOLE = np.zeros((12, 14), bool)
HOLE[:5, :6] = True


@pytest.fixture
def rasterio():
    return pytest.importorskip("rasterio")


def geotiff(path, bands, **about):
    """Write bands (n, height, width) as GDAL does."""
    import rasterio
    from rasterio.transform import from_origin

    about = {"crs": "EPSG:32633", "transform": from_origin(500000, 4600000, 10, 10)} | about
    mask = about.pop("mask", None)
    kind = {"driver": "GTiff", "count": len(bands), "dtype": bands.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        height, width = bands.shape[1:]
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(path, "w", height=height, width=width, **kind, **about) as target,
        ):
            target.write(bands)
            if mask is not None:
                target.write_mask(mask)
    return path


# --- read_masked -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("u1", 0), ("i2", -9999), ("f4", -3.4e38), ("f8", np.nan), ("u2", 65535)]
)
def test_nodata_is_a_mask(rasterio, tmp_path, dtype, nodata):
    bands = np.where(HOLE, nodata, BANDS).astype(dtype)
    path = geotiff(tmp_path / "a.tif", bands, nodata=nodata)
    image, mask = read_masked(path)
    np.testing.assert_array_equal(mask, ~HOLE)
    assert image.dtype == bands.dtype
    np.testing.assert_array_equal(image[mask], np.moveaxis(BANDS, 0, 2)[mask])
    np.testing.assert_array_equal(image[HOLE], [BANDS[:, ~HOLE].min(axis=1)] * HOLE.sum())
    np.testing.assert_array_equal(read_image(path), np.moveaxis(bands, 0, 2))  # as it is stored
    with rasterio.open(path) as source:
        np.testing.assert_array_equal(source.dataset_mask() > 0, mask)
    labels = SLICSuperpixels(4).fit_transform([image], masks=[mask])[0]
    np.testing.assert_array_equal(labels < 0, HOLE)


def test_a_pixel_without_data_has_the_value_in_all_bands(rasterio, tmp_path):
    bands = BANDS.astype("u1")
    bands[0][HOLE] = 0
    _, mask = read_masked(geotiff(tmp_path / "a.tif", bands, nodata=0))
    assert mask.all()
    bands = BANDS.astype("f4")
    bands[0][HOLE] = np.nan
    image, mask = read_masked(geotiff(tmp_path / "b.tif", bands, nodata=np.nan))
    np.testing.assert_array_equal(mask, ~HOLE)
    assert np.isfinite(image).all()


def test_a_mask_page(rasterio, tmp_path):
    path = geotiff(tmp_path / "a.tif", BANDS.astype("u1"), mask=~HOLE)
    np.testing.assert_array_equal(read_masked(path)[1], ~HOLE)


@pytest.mark.parametrize("ending", ["tif", "png"])
def test_what_is_transparent_has_no_data(tmp_path, ending):
    path, colours = tmp_path / f"a.{ending}", np.moveaxis(BANDS, 0, 2).astype("u1")
    alpha = np.where(HOLE, 0, 255).astype("u1")
    picture = Image.fromarray(np.dstack([colours, alpha]))
    picture.save(path)
    image, mask = read_masked(path)
    np.testing.assert_array_equal(mask, ~HOLE)
    np.testing.assert_array_equal(image[mask], colours[mask])
    with pytest.raises(ValueError, match="has an alpha channel"):
        read_image(path)
    picture.putpixel((13, 11), (1, 2, 3, 99))
    picture.save(path)
    with pytest.raises(ValueError, match="has an alpha channel"):
        read_masked(path)


def test_a_transparent_tiff_is_turned_upright(tmp_path):
    stored = np.dstack([np.moveaxis(BANDS, 0, 2), np.where(HOLE, 0, 255)]).astype("u1")
    tags = [(274, "H", 1, 6, True)]
    how = {"photometric": "rgb", "extrasamples": ["unassalpha"], "extratags": tags}
    tifffile.imwrite(tmp_path / "a.tif", stored, **how)
    image, mask = read_masked(tmp_path / "a.tif")
    np.testing.assert_array_equal(mask, np.rot90(~HOLE, -1))
    np.testing.assert_array_equal(image[mask], np.rot90(stored[:, :, :3], -1)[mask])


def test_nodata_that_no_pixel_can_have(tmp_path):
    for text in ("-9999", "1.5", "nan"):
        tag = (42113, "s", 0, text, True)
        tifffile.imwrite(tmp_path / "a.tif", BANDS[0].astype("u1"), extratags=[tag])
        assert read_masked(tmp_path / "a.tif")[1].all()
    tag = (42113, "s", 0, "none", True)
    tifffile.imwrite(tmp_path / "a.tif", BANDS[0].astype("u1"), extratags=[tag])
    with pytest.raises(ValueError, match=r"a\.tif: has the tag GDAL_NODATA 'none'"):
        read_masked(tmp_path / "a.tif")


def test_of_a_palette_the_index_has_no_data(tmp_path):
    table = np.zeros((3, 256), np.uint16)
    table[:, 2] = 65535
    index = np.array([[1, 2], [2, 3]], np.uint8)
    tag = (42113, "s", 0, "2", True)
    how = {"photometric": "palette", "colormap": table}
    tifffile.imwrite(tmp_path / "a.tif", index, extratags=[tag], **how)
    image, mask = read_masked(tmp_path / "a.tif")
    np.testing.assert_array_equal(mask, index != 2)
    assert image.max() == 0  # the white of 2 is gone


def test_files_that_say_nothing_have_data_everywhere(tmp_path):
    image = np.moveaxis(BANDS[:3], 0, 2).astype("u1")
    Image.fromarray(image).save(tmp_path / "a.png")
    found, mask = read_masked(tmp_path / "a.png")
    np.testing.assert_array_equal(found, image)
    assert mask.all()
    assert mask.shape == (12, 14)
    with pytest.raises(TypeError, match="page must be None or an integer"):
        read_masked(tmp_path / "a.png", page="all")


def test_each_page_has_its_own(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(BANDS[0].astype("u1"), extratags=[(42113, "s", 0, str(BANDS[0, 0, 0]), True)])
        file.write(BANDS[1].astype("u1"))
    mask = read_masked(tmp_path / "a.tif", page=0)[1]
    np.testing.assert_array_equal(mask, BANDS[0] != BANDS[0, 0, 0])
    assert read_masked(tmp_path / "a.tif", page=1)[1].all()
    first, second = read_labels(tmp_path / "a.tif", page="all")
    np.testing.assert_array_equal(first < 0, ~mask)
    np.testing.assert_array_equal(second, BANDS[1])


def test_no_data_at_all(tmp_path):
    tag = (42113, "s", 0, "7", True)
    tifffile.imwrite(tmp_path / "a.tif", np.full((4, 5), 7, np.uint8), extratags=[tag])
    with pytest.raises(ValueError, match=r"a\.tif: has no data"):
        read_masked(tmp_path / "a.tif")


def test_ground_truth_without_data_is_unknown(tmp_path):
    truth = np.array([[0.0, np.nan], [3.0, 7.0]], np.float32)
    tag = (42113, "s", 0, "nan", True)
    tifffile.imwrite(tmp_path / "a.tif", truth, extratags=[tag])
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif"), [[0, -1], [3, 7]])


# --- write_labels ------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["tif", "TIFF", "npy", "npz"])
def test_labels_come_back(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    write_labels(path, LABELS)
    found = read_labels(path)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, LABELS)
    if ending == "npz":
        with np.load(path) as file:
            assert list(file) == ["labels"]


@pytest.mark.parametrize(("greatest", "mode"), [(255, "L"), (256, "I;16"), (65535, "I;16")])
def test_png_takes_as_many_bits_as_it_needs(tmp_path, greatest, mode):
    labels = np.abs(LABELS) % greatest
    labels[0, 0] = greatest
    write_labels(str(tmp_path / "a.png"), labels.tolist())
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == mode
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), labels)


@pytest.mark.parametrize(
    ("name", "labels", "kind", "words"),
    [
        ("a.png", [[-1, 3]], ValueError, "from -1 to 3, and PNG holds 0 to 65535; write a .tif"),
        ("a.png", [[0, 65536]], ValueError, "from 0 to 65536, and PNG holds"),
        ("a.tif", [[0, 2**31]], ValueError, "from 0 to 2147483648; accepted are 32-bit integers"),
        ("a.tif", [[0.5]], TypeError, "labels have dtype float64"),
        ("a.tif", [[True]], TypeError, "labels have dtype bool"),
        ("a.npy", [0, 1], ValueError, r"labels have shape \(2,\)"),
        ("a.npy", np.zeros((0, 3), int), ValueError, r"labels have shape \(0, 3\)"),
        ("a.jpg", [[0]], ValueError, "a.jpg: labels are written to .png, .tif"),
        ("nowhere/a.npy", [[0]], FileNotFoundError, "there is no folder"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, name, labels, kind, words):
    with pytest.raises(kind, match=words):
        write_labels(tmp_path / name, labels)
    assert list(tmp_path.iterdir()) == []


def test_labels_lie_where_the_image_lies(rasterio, tmp_path):
    image = geotiff(tmp_path / "a.tif", BANDS.astype("u2"))
    write_labels(tmp_path / "labels.tif", LABELS, like=image)
    with rasterio.open(image) as source, rasterio.open(tmp_path / "labels.tif") as found:
        assert found.transform == source.transform
        assert found.crs == source.crs
        assert found.dtypes == ("int32",)
        assert found.nodata == -1
        assert found.compression.name == "deflate"
        np.testing.assert_array_equal(found.read(1), LABELS)
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.tif"), LABELS)
    assert is_geotiff(tmp_path / "labels.tif")


def test_control_points_are_kept(rasterio, tmp_path):
    from rasterio.control import GroundControlPoint

    points = [GroundControlPoint(r, c, 10 + c, 50 - r) for r, c in ((0, 0), (0, 14), (12, 0))]
    path = geotiff(tmp_path / "a.tif", BANDS.astype("u1"), crs=None, transform=None)
    with rasterio.open(path, "r+") as target:
        target.gcps = (points, rasterio.crs.CRS.from_epsg(4326))
    write_labels(tmp_path / "labels.tif", LABELS, like=path)
    with rasterio.open(tmp_path / "labels.tif") as found:
        kept, crs = found.gcps
        assert [(p.row, p.col, p.x, p.y) for p in kept] == [
            (p.row, p.col, p.x, p.y) for p in points
        ]
        assert crs.to_epsg() == 4326


def test_what_like_must_be(rasterio, tmp_path):
    image = geotiff(tmp_path / "a.tif", BANDS.astype("u1"))
    with pytest.raises(ValueError, match=r"has 12 x 14 pixels, the labels have shape \(11, 14\)"):
        write_labels(tmp_path / "labels.tif", LABELS[1:], like=image)
    with pytest.raises(ValueError, match=r"labels\.png: with like= the file is a GeoTIFF"):
        write_labels(tmp_path / "labels.png", LABELS, like=image)
    tifffile.imwrite(tmp_path / "plain.tif", BANDS[0].astype("u1"))
    with pytest.raises(ValueError, match=r"plain\.tif has no georeferencing"):
        write_labels(tmp_path / "labels.tif", LABELS, like=tmp_path / "plain.tif")
    (tmp_path / "text.tif").write_text("text")
    with pytest.raises(ValueError, match=r"text\.tif cannot be read as a GeoTIFF"):
        write_labels(tmp_path / "labels.tif", LABELS, like=tmp_path / "text.tif")
    with pytest.raises(FileNotFoundError):
        write_labels(tmp_path / "labels.tif", LABELS, like=tmp_path / "nowhere.tif")
    assert not (tmp_path / "labels.tif").exists()


def test_without_rasterio_the_message_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    tifffile.imwrite(tmp_path / "a.tif", BANDS[0].astype("u1"))
    with pytest.raises(ImportError, match=r"pip install 'sklearn-spx\[geo\]'"):
        write_labels(tmp_path / "labels.tif", LABELS, like=tmp_path / "a.tif")


def test_a_geotiff_is_known_without_rasterio(tmp_path):
    keys = (34735, "H", 4, (1, 1, 0, 0), True)
    tifffile.imwrite(tmp_path / "a.tif", BANDS[0].astype("u1"), extratags=[keys])
    tifffile.imwrite(tmp_path / "plain.tif", BANDS[0].astype("u1"))
    (tmp_path / "text.tif").write_text("text")
    assert is_geotiff(tmp_path / "a.tif")
    for name in ("plain.tif", "text.tif", "nowhere.tif", "."):
        assert not is_geotiff(tmp_path / name)
