"""Files of other tools that segment writes: GeoJSON, COCO, GeoTIFF on demand."""

import json
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from sklearn_spx import SLICSuperpixels
from sklearn_spx.cli import _outputs
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.regions import polygons_to_labels, rle_to_mask

from .test_cli import flat, run
from .test_segment_outputs import geotiff

IMAGES = make_dead_leaves(2, (24, 36), random_state=0).images
LABELS = SLICSuperpixels(12).fit_transform(IMAGES)


@pytest.fixture
def photographs(tmp_path):
    (tmp_path / "in" / "b").mkdir(parents=True)
    for name, image in zip(("a.png", "b/a.png"), IMAGES):
        Image.fromarray(image).save(tmp_path / "in" / name)
    return tmp_path / "in"


def segment(path, *more):
    out = path.parent / "out"
    return out, run("segment", path, "--n-segments", 12, "--out", out, *more)


def drawn(collection, shape, place=lambda xy: xy):
    """The label image of a feature collection."""
    polygons = {}
    for feature in collection["features"]:
        kind, coordinates = feature["geometry"].values()
        pieces = coordinates if kind == "MultiPolygon" else [coordinates]
        polygons[feature["id"]] = [[place(np.array(r)) for r in piece] for piece in pieces]
    return polygons_to_labels(polygons, shape)


def test_nothing_more_is_written_unless_asked_for(photographs):
    out, result = segment(photographs, "--recursive")
    assert result.exit_code == 0, result.output
    assert not [path for path in out.iterdir() if "json" in path.suffix]


def test_geojson_has_every_pixel_and_a_table(photographs):
    out, result = segment(photographs / "a.png", "--out-format", "geojson", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads((out / "a.geojson").read_text())
    assert "crs" not in found
    np.testing.assert_array_equal(drawn(found, (24, 36)), LABELS[0])
    for feature in found["features"]:
        inside = LABELS[0] == feature["id"]
        means = dict(zip(("mean_0", "mean_1", "mean_2"), IMAGES[0][inside].mean(axis=0)))
        expected = {"label": feature["id"], "pixels": inside.sum()} | means
        assert feature["properties"] == pytest.approx(expected, rel=1e-5)
    assert str(out / "a.geojson") in json.loads(result.stdout.splitlines()[0])["outputs"]


def test_one_coco_file_for_all_images(photographs):
    more = ("--recursive", "--out-format", "coco", "--out-format", "coco", "--json", "--jobs", 2)
    out, result = segment(photographs, *more)
    assert result.exit_code == 0, result.output
    found = json.loads((out / "coco.json").read_text())
    assert [image["file_name"] for image in found["images"]] == ["a.png", "b/a.png"]
    assert json.loads(result.stdout.splitlines()[-1])["coco"] == str(out / "coco.json")
    for i, labels in enumerate(LABELS):
        mine = [a for a in found["annotations"] if a["image_id"] == i + 1]
        assert [a["label"] for a in mine] == np.unique(labels).tolist()
        for a in mine:
            assert a["area"] == (labels == a["label"]).sum()
            if isinstance(a["segmentation"], dict):
                np.testing.assert_array_equal(rle_to_mask(a["segmentation"]), labels == a["label"])
            else:
                rings = [np.reshape(r, (-1, 2)) for r in a["segmentation"]]
                mask = polygons_to_labels({0: [[ring] for ring in rings]}, labels.shape) == 0
                np.testing.assert_array_equal(mask, labels == a["label"])


def test_what_fails_is_not_in_the_coco_file(photographs):
    (photographs / "bad.png").write_bytes(b"no picture")
    out, result = segment(photographs, "--out-format", "coco")
    assert result.exit_code == 1
    found = json.loads((out / "coco.json").read_text())
    assert [image["file_name"] for image in found["images"]] == ["a.png"]


def test_a_coco_file_that_cannot_be_written_is_told(photographs, monkeypatch):
    def fail(*arguments, **more):
        raise OSError("the disk is full")

    monkeypatch.setattr(_outputs, "write_coco", fail)
    out, result = segment(photographs, "--out-format", "coco")
    assert result.exit_code == 1
    assert "coco.json: the disk is full" in flat(result.stderr)
    assert (out / "a.npz").exists()


def test_simplified_polygons_have_fewer_points(photographs):
    sizes = []
    for simplify in (0, 1):
        more = ("--out-format", "geojson", "--out-format", "coco", "--simplify", simplify)
        out, result = segment(photographs / "a.png", *more)
        assert result.exit_code == 0, result.output
        geo, coco = (json.loads((out / n).read_text()) for n in ("a.geojson", "coco.json"))
        assert drawn(geo, (24, 36)).min() >= 0
        sizes.append((len(json.dumps(geo)), len(json.dumps(coco))))
    assert sizes[1] < tuple(0.9 * size for size in sizes[0])


def test_geojson_of_a_geotiff_lies_where_it_lies(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    path = geotiff(tmp_path / "a.tif")
    out, result = segment(path, "--out-format", "geojson", "--out-format", "geotiff")
    assert result.exit_code == 0, result.output
    found = json.loads((out / "a.geojson").read_text())
    assert found["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32633"
    with rasterio.open(out / "a_labels.tif") as label_file:
        labels, (a, _, c, _, e, f) = label_file.read(1), label_file.transform[:6]

    def to_pixels(xy):
        return (xy - [c, f]) / [a, e]

    np.testing.assert_array_equal(drawn(found, labels.shape, to_pixels), labels)


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_geojson_of_ground_control_points_is_in_pixels_and_says_so(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    from rasterio.control import GroundControlPoint

    points = [GroundControlPoint(y, x, 10 * x, -10 * y) for x in (0, 36) for y in (0, 24)]
    path = tmp_path / "a.tif"
    kind = {"driver": "GTiff", "height": 24, "width": 36, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", **kind) as target:
        target.write(np.moveaxis(IMAGES[0], 2, 0))
        target.gcps = (points, rasterio.crs.CRS.from_epsg(32633))
    out, result = segment(path, "--out-format", "geojson")
    assert result.exit_code == 0, result.output
    assert "a.geojson is in pixels" in flat(result.stderr)
    with np.load(out / "a.npz") as file:
        np.testing.assert_array_equal(
            drawn(json.loads((out / "a.geojson").read_text()), (24, 36)), file["labels"]
        )


def test_a_geotiff_that_cannot_be_is_an_error(photographs, monkeypatch):
    pytest.importorskip("rasterio")
    out, result = segment(photographs / "a.png", "--out-format", "geotiff")
    assert result.exit_code == 1
    assert "--out-format geotiff: the image is no GeoTIFF" in flat(result.stderr)
    assert not list(out.iterdir())
    keys = [(34735, "H", 4, (1, 1, 0, 0), True)]  # keys, and no transform
    tifffile.imwrite(photographs / "c.tif", IMAGES[0], photometric="rgb", extratags=keys)
    _, result = segment(photographs / "c.tif", "--out-format", "geotiff")
    assert result.exit_code == 1
    assert "has no georeferencing" in flat(result.stderr)
    monkeypatch.setitem(sys.modules, "rasterio", None)
    _, result = segment(photographs / "a.png", "--out-format", "geotiff")
    assert result.exit_code == 2
    assert "pip install 'sklearn-spx[geo]'" in flat(result.stderr.replace("│", " "))


def test_simplify_alone_does_nothing_and_is_refused(photographs):
    _, result = segment(photographs / "a.png", "--simplify", 1)
    assert result.exit_code == 2
    assert "--simplify is for --out-format geojson or coco" in flat(result.stderr.replace("│", " "))
