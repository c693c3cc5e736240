"""What segment writes and prints: pictures, label images, GeoTIFF, lines of JSON."""

import json
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from sklearn_spx import SLICSuperpixels
from sklearn_spx.cli import _outputs
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.inspection import draw
from sklearn_spx.io import read_labels, read_masked

from .test_cli import flat, run

IMAGE = make_dead_leaves(1, (24, 36), random_state=0).images[0]
LABELS = SLICSuperpixels(12).fit_transform([IMAGE])[0]


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(IMAGE).save(path)
    return path


def segment(path, *more):
    """Segment into tmp_path / "out"; return it and the result."""
    out = path.parent / "out"
    return out, run("segment", path, "--n-segments", 12, "--out", out, *more)


def picture(path):
    with Image.open(path) as image:
        return np.array(image)


# --- pictures ----------------------------------------------------------------------------------


def test_each_style_is_a_picture(photograph):
    out, result = segment(photograph, "--style", "fill", "--style", "means", "--style", "fill")
    assert result.exit_code == 0, result.output
    names = ["a.npz", "a_colors.png", "a_fill.png", "a_labels.png", "a_means.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    np.testing.assert_array_equal(picture(out / "a_fill.png"), draw.fill(IMAGE, LABELS))
    np.testing.assert_array_equal(picture(out / "a_means.png"), draw.mean_colors(IMAGE, LABELS))
    np.testing.assert_array_equal(picture(out / "a_colors.png"), draw.region_colors(LABELS))


def test_borders_in_any_colour_and_width(photograph):
    out, result = segment(photograph, "--color", "#ff0080", "--line-width", 2)
    assert result.exit_code == 0, result.output
    expected = draw.overlay(IMAGE, LABELS, "#ff0080", 2)
    np.testing.assert_array_equal(picture(out / "a_overlay.png"), expected)
    assert (expected == (255, 0, 128)).all(axis=2).any()


def test_pictures_of_large_images_are_jpeg(photograph, monkeypatch):
    out, _ = segment(photograph, "--style", "boundaries", "--style", "fill", "--style", "means")
    assert (out / "a_overlay.png").exists()
    monkeypatch.setattr(_outputs, "JPEG_ABOVE", 700)  # the image has 864 pixels
    segment(photograph, "--style", "boundaries", "--style", "fill", "--style", "means")
    names = [path.name for path in out.iterdir() if path.suffix in (".jpg", ".png")]
    flat_ones = ["a_colors.png", "a_labels.png", "a_means.png"]
    assert sorted(names) == sorted([*flat_ones, "a_overlay.jpg", "a_fill.jpg"])
    with Image.open(out / "a_overlay.jpg") as image:
        assert image.format == "JPEG"
        found = np.array(image).astype(int)
    assert np.abs(found - draw.overlay(IMAGE, LABELS)).mean() < 12
    monkeypatch.setattr(_outputs, "JPEG_SIDE", 60)  # wider than the format allows
    segment(photograph)
    assert (out / "a_overlay.png").exists()
    assert not (out / "a_overlay.jpg").exists()


@pytest.mark.parametrize("ending", ["_colors.png", "_labels.tif", "_fill.jpg", "_means.png"])
def test_no_output_takes_the_place_of_an_image(tmp_path, photograph, ending):
    other = tmp_path / f"a{ending}"
    if ending.endswith(".tif"):
        tifffile.imwrite(other, IMAGE, photometric="rgb")
    else:
        Image.fromarray(IMAGE).save(other)
    result = run("segment", tmp_path, "--out", tmp_path)
    assert result.exit_code == 2
    assert "would be overwritten" in flat(result.stderr.replace("│", " "))


# --- where pixels have no data, and places on earth ----------------------------------------------


def test_what_is_transparent_is_outside(tmp_path):
    alpha = np.full((24, 36), 255, np.uint8)
    alpha[:, 20:] = 0
    Image.fromarray(np.dstack([IMAGE, alpha])).save(tmp_path / "a.png")
    out, result = segment(tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    image, mask = read_masked(tmp_path / "a.png")
    expected = SLICSuperpixels(12).fit([image]).transform([image], masks=[mask])[0]
    np.testing.assert_array_equal(expected < 0, alpha == 0)
    for name in ("a.npz", "a_labels.tif"):  # PNG has no -1
        np.testing.assert_array_equal(read_labels(out / name), expected)
    assert not (out / "a_labels.png").exists()
    assert (picture(out / "a_colors.png")[alpha == 0] == 0).all()


def geotiff(path, **more):
    import rasterio
    from rasterio.transform import from_origin

    bands = np.moveaxis(IMAGE, 2, 0)
    place = {"crs": "EPSG:32633", "transform": from_origin(500000, 4600000, 10, 10)}
    kind = {"driver": "GTiff", "height": 24, "width": 36, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", **kind, **place, **more) as target:
        target.write(bands)
    return path


def test_labels_of_a_geotiff_lie_where_it_lies(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    path = geotiff(tmp_path / "a.tif", nodata=int(IMAGE[0, 0, 0]))
    out, result = segment(path)
    assert result.exit_code == 0, result.output
    with rasterio.open(path) as source, rasterio.open(out / "a_labels.tif") as found:
        assert found.transform == source.transform
        assert found.crs == source.crs
        assert found.nodata == -1
        labels = found.read(1)
        np.testing.assert_array_equal(found.dataset_mask(), source.dataset_mask())
    with np.load(out / "a.npz") as file:
        np.testing.assert_array_equal(file["labels"], labels)
    assert not (out / "a_labels.png").exists()
    assert "note" not in result.stderr


def test_without_rasterio_one_note_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    for name in "ab":
        keys = [(34735, "H", 4, (1, 1, 0, 0), True)]
        tifffile.imwrite(tmp_path / f"{name}.tif", IMAGE, photometric="rgb", extratags=keys)
    result = run("segment", tmp_path, "--n-segments", 12, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("pip install 'sklearn-spx[geo]'") == 1
    np.testing.assert_array_equal(read_labels(tmp_path / "out" / "a_labels.png"), LABELS)


def test_a_place_that_cannot_be_kept_is_told(tmp_path):
    pytest.importorskip("rasterio")
    tags = [(34735, "H", 4, (1, 1, 0, 0), True), (274, "H", 1, 3, True)]
    tifffile.imwrite(tmp_path / "a.tif", IMAGE, photometric="rgb", extratags=tags)
    _, result = segment(tmp_path / "a.tif")
    assert result.exit_code == 0, result.output
    assert "georeferencing is not kept" in flat(result.stderr)
    assert "stored turned or mirrored" in flat(result.stderr)
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        for _ in range(2):
            file.write(IMAGE, photometric="rgb", extratags=tags[:1])
    _, result = segment(tmp_path / "b.tif", "--page", 1)
    assert result.exit_code == 0, result.output
    assert "of the first page alone" in flat(result.stderr)


# --- device and JSON -----------------------------------------------------------------------------


def test_device_reaches_the_net(photograph, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out, result = segment(photograph, "--method", "seal", "--device", "auto")
    assert result.exit_code == 0, result.output
    for method in ("seal", "slic"):
        _, result = segment(photograph, "--method", method, "--device", "cuda")
        assert result.exit_code == 2
        assert "finds none" in flat(result.stderr)
        assert "Traceback" not in result.stderr
    monkeypatch.setattr("sklearn_spx.kernels._device.missing_gpu", lambda: None)
    _, result = segment(photograph, "--method", "seal", "--device", "cuda")
    assert result.exit_code == 2
    assert "torch finds no GPU" in flat(result.stderr)
    given = {}

    def remember(cls, name="bsds500", **params):
        given.update(params)
        return SLICSuperpixels(12).fit([IMAGE])

    monkeypatch.setattr("sklearn_spx.SEALSuperpixels.from_pretrained", classmethod(remember))
    segment(photograph, "--method", "seal", "--device", "cpu")
    assert given["device"] == "cpu"
    assert out.exists()


def test_json_has_a_line_an_image_and_a_summary(tmp_path, photograph):
    (tmp_path / "b.png").write_text("text")
    result = run("segment", tmp_path, "--n-segments", 12, "--json", "--out", tmp_path / "out")
    assert result.exit_code == 1
    first, second, summary = map(json.loads, result.stdout.splitlines())
    assert first["file"] == str(photograph)
    assert first["regions"] == LABELS.max() + 1
    assert first["shape"] == [24, 36, 3]
    assert first["seconds"] >= 0
    assert first["error"] is None
    names = ["a.npz", "a_labels.png", "a_colors.png", "a_overlay.png"]
    assert first["outputs"] == [str(tmp_path / "out" / name) for name in names]
    assert second == {
        "file": str(tmp_path / "b.png"),
        "outputs": [],
        "regions": None,
        "seconds": None,
        "shape": None,
        "error": second["error"],
    }
    assert second["error"].startswith("cannot be identified")
    assert summary.pop("seconds") > 0
    assert summary == {"images": 2, "segmented": 1, "failed": 1}
    assert "1 of 2 images" in flat(result.stderr)
