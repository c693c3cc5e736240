"""The command that scores proposals: boxes of segments, windows, and a folder in VOC's layout."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COMMAND = Path(__file__).parents[2] / "benchmarks" / "proposals.py"


@pytest.fixture(scope="module")
def command():
    if not COMMAND.is_file():
        pytest.skip("the benchmarks are not there, as where the package alone is tested")
    spec = importlib.util.spec_from_file_location("benchmark_of_proposals", COMMAND)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_boxes_are_those_of_segments_of_one_to_fifty_per_cent(command):
    segments = np.ones((20, 30), int)  # too large
    segments[2:9, 5:11] = 7
    segments[12:17, 20:30] = 40
    segments[0, :5] = 3  # too small
    boxes = command.segment_boxes([segments, np.where(segments == 7, 7, 1)])
    assert boxes.tolist() == [[5, 2, 11, 9], [20, 12, 30, 17], [5, 2, 11, 9]]


def test_windows_cover_the_image_in_all_sizes(command):
    windows = command.sliding_windows((32, 64))
    assert len(np.unique(windows, axis=0)) == len(windows)
    assert windows.min() == 0
    assert windows[:, 2:].max(axis=0).tolist() == [64, 32]
    sizes = {tuple(size) for size in (windows[:, 2:] - windows[:, :2]).tolist()}
    assert sizes == {(w, h) for w in (8, 16, 32, 48, 64) for h in (4, 8, 16, 24, 32)}


OBJECT = (
    "<object><name>thing</name><difficult>{difficult}</difficult><bndbox><xmin>21</xmin>"
    "<ymin>11</ymin><xmax>{xmax}</xmax><ymax>30</ymax></bndbox></object>"
)


@pytest.mark.slow
def test_a_folder_in_the_layout_of_voc(command, tmp_path, capsys):
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tmp_path / folder).mkdir(parents=True)
    image = np.full((40, 60, 3), 220, np.uint8)
    image[10:30, 20:45] = 150, 30, 30
    Image.fromarray(image).save(tmp_path / "JPEGImages" / "000001.jpg", quality=95)
    (tmp_path / "Annotations" / "000001.xml").write_text(
        "<annotation><size><width>60</width><height>40</height></size>"
        f"{OBJECT.format(difficult=0, xmax=45)}{OBJECT.format(difficult=1, xmax=22)}</annotation>"
    )
    (tmp_path / "ImageSets/Main/test.txt").write_text("000001\n")
    command.main(["--voc", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 images, 1 objects"
    rows = {line[:16].strip(): line[16:].split() for line in lines[3:]}
    kinds = ("regions", "windows", "+ MTSE")
    names = ["random", *(f"{tree:4} {kind}" for tree in ("DEL", "EGB", "SLIC") for kind in kinds)]
    assert [" ".join(name.split()) for name in rows] == [" ".join(name.split()) for name in names]
    assert float(rows["EGB  regions"][1]) == 1.0  # recall at 0.5 of ten boxes
    assert all(float(row[3]) == 1.0 for row in rows.values())
