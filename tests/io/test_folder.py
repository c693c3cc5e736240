"""Folders of images as a lazy X."""

import os
import pickle
from functools import partial

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import KFold

from sklearn_spx import SLICSuperpixels
from sklearn_spx.io import ImageFolder, read_labels


@pytest.fixture
def root(tmp_path):
    (tmp_path / "night").mkdir()
    (tmp_path / ".trash").mkdir()
    for name in ("10.png", "9.PNG", "2.jpg", "night/1.png", "._9.png", ".trash/3.png"):
        level = int(name.split("/")[-1].split(".")[0] or 0)
        Image.new("RGB", (14, 12), (level,) * 3).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "folder.png").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
    return tmp_path


def test_files_in_natural_order_without_rubbish(root):
    X = ImageFolder(root)
    assert X.names == ["2", "9", "10"]
    assert [path.name for path in X.paths] == ["2.jpg", "9.PNG", "10.png"]
    assert len(X) == 3
    assert X[2][0, 0, 0] == X[-1][0, 0, 0] == 10
    assert ImageFolder(str(root), recursive=True).names == ["2", "9", "10", "night/1"]
    assert ImageFolder(root, "*.png").names == ["9", "10"]
    assert ImageFolder(root, ["*.jpg", "1*"]).names == ["2", "10"]


def test_nothing_is_read_before_it_is_indexed(root):
    read = []
    X = ImageFolder(root, read=lambda path: read.append(path.name))
    assert X[1:].names == ["9", "10"]
    assert X[[2, 0]].names == ["10", "2"]
    assert [len(train) for train, _ in KFold(3).split(X)] == [2, 2, 2]
    assert not read
    X[1:][0]
    assert read == ["9.PNG"]


def test_pickle_and_fit(root):
    X = pickle.loads(pickle.dumps(ImageFolder(root)[:2]))
    assert X.names == ["2", "9"]
    assert len(SLICSuperpixels(4).fit_transform(X)) == 2


def test_labels(tmp_path):
    Image.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / "a.png")
    y = pickle.loads(pickle.dumps(ImageFolder(tmp_path, read=partial(read_labels, void=255))))
    assert y[0].tolist() == [[0, -1]]


def test_errors_name_files_and_folders(root):
    (root / "3.png").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"3\.png: cannot be identified"):
        ImageFolder(root)[1]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        ImageFolder(root / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"there is no file of the kind \*\.bmp"):
        ImageFolder(root, "*.bmp")
