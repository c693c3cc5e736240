"""The command that scores classes and their borders, on a folder of images and label ids."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COMMAND = Path(__file__).parents[2] / "benchmarks" / "semantic.py"


@pytest.fixture(scope="module")
def command():
    if not COMMAND.is_file():
        pytest.skip("the benchmarks are not there, as where the package alone is tested")
    spec = importlib.util.spec_from_file_location("benchmark_of_classes", COMMAND)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folders(tmp_path):
    """Two towns as Cityscapes has them: two colours, a stripe of void, and pictures of classes."""
    for k, town in enumerate("ab"):
        images, labels = tmp_path / "images" / town, tmp_path / "labels" / town
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        classes = np.full((48, 64), 7, np.uint8)
        classes[:, 30 + k :] = 26
        picture = np.where(classes[..., None] == 7, 40, 200).astype(np.uint8).repeat(3, 2)
        classes[:4] = 255
        Image.fromarray(picture).save(images / f"{town}_rgb.png")
        Image.fromarray(classes).save(labels / f"{town}_ids.png")
        Image.fromarray(picture).save(labels / f"{town}_color.png")
    names = ["--images-suffix", "_rgb", "--labels-suffix", "_ids", "--recursive"]
    return [
        *("--images", str(tmp_path / "images"), "--labels", str(tmp_path / "labels")),
        *names,
    ]


def test_folders_are_paired_and_void_is_left_out(command, folders):
    options = command.parse([*folders, "--void", "255", "--crop", "40", "100"])
    images, classes = zip(*command.items(options))
    assert [image.shape for image in images] == [(40, 64, 3)] * 2
    for k, found in enumerate(classes):
        assert found.shape == (40, 64)
        assert found[0].tolist() == [7 if x < 30 + k else 26 for x in range(64)]
    whole = next(command.items(command.parse([*folders, "--void", "255"])))[1]
    assert (whole[:4] == -1).all()
    assert set(np.unique(whole[4:])) == {7, 26}


def test_the_table_of_borders(command, folders, capsys):
    command.main([*folders, "--void", "255", "--n-segments", "12"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 images of 48 x 64, 2 segments an image"
    rows = {line.split()[0]: line.split()[1:] for line in lines[-3:]}
    assert list(rows) == ["SLIC", "ERS", "SEAL"]
    for row in rows.values():
        assert row[:2] == ["12", "12.0"]
        # colours tell the classes, and nothing is asked of the rows that are void
        assert float(row[2]) > 0.97
        assert float(row[3]) > 0.97


def test_a_label_image_that_is_missing_is_named(command, folders, tmp_path):
    (tmp_path / "labels/b/b_ids.png").unlink()
    with pytest.raises(SystemExit, match=r"1 of 2 images have no label image in .*, as b/b"):
        command.main(folders)
    with pytest.raises(SystemExit, match=r"no image in .* ends in _nothing"):
        command.main([*folders, "--images-suffix", "_nothing"])


@pytest.mark.parametrize(
    "arguments", [[], ["--images", "x"], ["x", "--void", "3"], ["--images", "x", "--enet", "y"]]
)
def test_arguments_that_do_not_go_together(command, arguments, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert "error: " in capsys.readouterr().err


def test_classes_over_superpixels(command, tmp_path, capsys):
    from safetensors.torch import save_file

    from sklearn_spx.nets.enet import ENet

    net = ENet(12)
    tensors = {n: t for n, t in net.state_dict().items() if not n.endswith("num_batches_tracked")}
    save_file(tensors, tmp_path / "enet.safetensors")
    image = np.zeros((16, 24, 3), np.uint8)
    classes = np.zeros((16, 24), int)
    classes[:, 12:] = 3
    labels = {("SLIC", 2): [(classes > 0).astype(int)]}
    command.pooled_table([image], [classes], labels, tmp_path / "enet.safetensors")
    row = capsys.readouterr().out.splitlines()[-1].split()
    assert row[:2] == ["SLIC", "2"]
    assert row[-1] == "100.00"  # the best that such superpixels allow
    assert all(0 <= float(figure) <= 100 for figure in row[2:])
