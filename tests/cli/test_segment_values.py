"""``sklearn-spx segment``: black and white of images of more than 8 bits."""

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

from sklearn_spx import SLICSuperpixels
from sklearn_spx.cli import _files, main
from sklearn_spx.io import read_labels


def segment(*arguments):
    return CliRunner().invoke(main, ["segment", *map(str, arguments)])


def test_bits_of_a_run_share_black_and_white(tmp_path):
    rng = np.random.default_rng(0)
    scene = np.kron(rng.integers(0, 2000, (4, 5)), np.ones((8, 8), int)).astype(np.uint16)
    images = [scene, scene + 1500]
    for i, image in enumerate(images):
        tifffile.imwrite(tmp_path / f"{i}.tif", image)
    expected = SLICSuperpixels(9).fit_transform(images)
    assert segment(tmp_path, "--n-segments", 9, "--out", tmp_path / "out").exit_code == 0
    for i in range(2):
        np.testing.assert_array_equal(read_labels(tmp_path / "out" / f"{i}.npz"), expected[i])
    given = ("--value-range", 0, 60000, "--out", tmp_path / "given")
    assert segment(tmp_path, "--n-segments", 9, *given).exit_code == 0
    wide = SLICSuperpixels(9, value_range=(0, 60000)).fit_transform(images)
    np.testing.assert_array_equal(read_labels(tmp_path / "given" / "0.npz"), wide[0])
    assert not np.array_equal(wide[0], expected[0])


def test_value_range_the_wrong_way_round(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9), np.uint16))
    result = segment(tmp_path, "--value-range", 5, 3, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "--value-range: 5 is not below 3" in result.output


@pytest.mark.parametrize(
    ("mode", "name", "expected"),
    [
        ("L", "a.png", True),
        ("I;16", "a.png", False),
        ("RGB", "a.jpg", True),
        ("L", "a.tif", False),
        ("1", "a.png", True),
    ],
)
def test_a_glance_tells_8_bits(tmp_path, mode, name, expected):
    Image.new(mode, (4, 4)).save(tmp_path / name)
    assert _files.has_8_bits(tmp_path / name) is expected
    assert not _files.has_8_bits(tmp_path / "no.png")
