"""The command that scores saliency: masks made of annotations, and folders in ECSSD's layout."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COMMAND = Path(__file__).parents[2] / "benchmarks" / "saliency.py"


@pytest.fixture(scope="module")
def command():
    if not COMMAND.is_file():
        pytest.skip("the benchmarks are not there, as where the package alone is tested")
    spec = importlib.util.spec_from_file_location("benchmark_of_saliency", COMMAND)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _segments(**places):
    """Segments: 1 all over, then rectangles of rows and columns, in turn."""
    segments = np.ones((40, 60), int)
    for label, place in enumerate(places.values(), 2):
        segments[place] = label
    return segments


BODY, HEAD = np.s_[16:30, 22:38], np.s_[10:16, 26:34]  # which touch
FAR = np.s_[2:12, 50:59]
GROUND = np.s_[30:40, :]  # along the border


def test_an_object_is_the_central_one_of_all_its_parts(command):
    found = command.central_object(_segments(body=BODY, head=HEAD, far=FAR, ground=GROUND))
    expected = np.zeros((40, 60), bool)
    expected[BODY] = expected[HEAD] = True
    assert (found == expected).all()


def test_no_object_where_all_reach_the_border_or_are_small(command):
    assert command.central_object(_segments(ground=GROUND)) is None
    assert command.central_object(_segments(small=np.s_[20:24, 30:34])) is None


def test_annotators_must_agree(command):
    one, other = _segments(body=BODY), _segments(body=FAR)
    assert command.agreed_object([one, one]) is None  # too few
    assert command.agreed_object([one, one, other]) is None
    wider = _segments(body=np.s_[15:30, 22:38])
    found = command.agreed_object([one, one, wider, wider, wider])
    assert (found == (wider == 2)).all()


@pytest.mark.slow
def test_a_folder_in_the_layout_of_ecssd(command, tmp_path, capsys):
    (tmp_path / "images").mkdir()
    (tmp_path / "ground_truth_mask").mkdir()
    rng = np.random.default_rng(0)
    for name in ("0001", "0002"):
        image = rng.normal(200, 3, (40, 60, 3))
        image[BODY] = 160, 30, 30
        mask = _segments(body=BODY) == 2
        Image.fromarray(np.uint8(image)).save(tmp_path / "images" / f"{name}.jpg", quality=95)
        Image.fromarray(np.uint8(mask * 255)).save(tmp_path / "ground_truth_mask" / f"{name}.png")
    command.main(["--ecssd", str(tmp_path), "--n-segments", "30"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:2] == ["2", "images,"]
    rows = {line[0]: [float(value) for value in line[1:]] for line in lines[2:5]}
    assert list(rows) == ["SLIC", "ERS", "SEAL"]
    for mae, weighted, structure in rows.values():
        assert mae < 0.1
        assert min(weighted, structure) > 0.6
    assert [line[:3] for line in lines[5:]] == [["ERS", "-", "SLIC"], ["SEAL", "-", "SLIC"]]

    (tmp_path / "ground_truth_mask" / "0002.png").unlink()
    with pytest.raises(SystemExit, match=r"0002\.png of .* is missing"):
        command.main(["--ecssd", str(tmp_path)])
