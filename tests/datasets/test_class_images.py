"""Data sets of classes, in tiny files laid out as they are distributed, and segments of classes."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.io import savemat

from sklearn_spx.datasets import (
    class_segments,
    load_camvid,
    load_cityscapes,
    load_pascal_context,
    load_pascal_voc,
    load_sbd,
)


def image(path, value=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 3), (value, 0, 0)).save(path)


def classes(path, rows, dtype=np.uint8, palette=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.array(rows, dtype))
    if palette:
        picture.putpalette(list(range(256)) * 3)
    picture.save(path)


def matrix(path, **variables):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, variables)


def lines(path, *names):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in names))


def camvid(root):
    for k in (0, 1):
        image(root / f"images/val/{k}.png", 100 + k)
        classes(root / f"labels/val/{k}.png", [[k, 11, 3, 4]] * 3)
    return load_camvid(root, "val")


def segnet(root):
    for k in (0, 1):
        image(root / f"val/{k}.png", 100 + k)
        classes(root / f"valannot/{k}.png", [[k, 11, 3, 4]] * 3)
    return load_camvid(root, "val")


def cityscapes(root):
    for k, city in enumerate(("aachen", "ulm")):
        image(root / f"leftImg8bit/val/{city}/{city}_{k}_leftImg8bit.png", 100 + k)
        stem = root / f"gtFine/val/{city}/{city}_{k}_gtFine"
        classes(stem.with_name(f"{stem.name}_labelIds.png"), [[7 + k, 6, 26, 8]] * 3)
        instances = [[7 + k, 6, 26001, 8]] * 3
        classes(stem.with_name(f"{stem.name}_instanceIds.png"), instances, np.uint16)
    return load_cityscapes(root, "val")


def voc(root):
    for k, name in enumerate(("2007_1", "2007_0")):  # in the order of the list
        image(root / f"JPEGImages/{name}.jpg", 100 + k)
        classes(root / f"SegmentationClass/{name}.png", [[k, 255, 20, 4]] * 3, palette=True)
    image(root / "JPEGImages/other.jpg")
    lines(root / "ImageSets/Segmentation/val.txt", "2007_1", "2007_0")
    return load_pascal_voc(root, "val")


def context(root):
    for k, name in enumerate(("2008_1", "2008_0")):
        image(root / f"JPEGImages/{name}.jpg", 100 + k)
        rows = np.array([[k + 1, 0, 459, 4]] * 3, np.uint16)
        matrix(root / f"trainval/{name}.mat", LabelMap=rows)
    lines(root / "ImageSets/Main/val.txt", "2008_1", "2008_0")
    return load_pascal_context(root, "val")


def sbd(root):
    for k, name in enumerate(("2008_1", "2008_0")):
        image(root / f"dataset/img/{name}.jpg", 100 + k)
        rows = np.array([[k, 255, 20, 4]] * 3, np.uint8)
        truth = {"Segmentation": rows, "Boundaries": np.zeros(2), "CategoriesPresent": 20}
        matrix(root / f"dataset/cls/{name}.mat", GTcls=truth)
    lines(root / "dataset/val.txt", "2008_1", "2008_0")
    return load_sbd(root, "val")


@pytest.mark.parametrize(
    ("make", "names", "row"),
    [
        (camvid, ["0", "1"], [1, -1, 3, 4]),
        (segnet, ["0", "1"], [1, -1, 3, 4]),
        (cityscapes, ["aachen/aachen_0", "ulm/ulm_1"], [8, -1, 26, 8]),
        (voc, ["2007_1", "2007_0"], [1, -1, 20, 4]),
        (context, ["2008_1", "2008_0"], [2, -1, 459, 4]),
        (sbd, ["2008_1", "2008_0"], [1, -1, 20, 4]),
    ],
)
def test_a_layout_is_read_lazily(tmp_path, monkeypatch, make, names, row):
    with monkeypatch.context() as closed:
        original, opened = Image.open, []
        closed.setattr(Image, "open", lambda path: opened.append(path) or original(path))
        data = make(tmp_path)
        assert not opened
    assert data.names == names
    assert len(data.images) == len(data.classes) == 2
    assert data.images[1].shape == (3, 4, 3)
    assert data.images[1].dtype == np.uint8
    assert abs(int(data.images[1][0, 0, 0]) - 101) <= 1  # the second image, by JPEG perhaps
    assert data.classes[1].dtype == np.int32
    assert data.classes[1].tolist() == [row] * 3
    assert len(data.classes[1:]) == 1


def test_instances_of_cityscapes(tmp_path):
    data = cityscapes(tmp_path)
    assert data.instances[0].tolist() == [[7, -1, 26001, 8]] * 3
    assert data.instances[0].dtype == np.int32


LOADERS = {
    load_camvid: (camvid, "labels/val/1.png"),
    load_cityscapes: (cityscapes, "gtFine/val/ulm/ulm_1_gtFine_labelIds.png"),
    load_pascal_voc: (voc, "SegmentationClass/2007_0.png"),
    load_pascal_context: (context, "trainval/2008_0.mat"),
    load_sbd: (sbd, "dataset/cls/2008_0.mat"),
}


@pytest.mark.parametrize("load", LOADERS)
def test_what_is_missing_is_named(tmp_path, load):
    make, truth = LOADERS[load]
    with pytest.raises(ValueError, match=r"split must be one of 'train', .*got 'all'"):
        load(tmp_path, "all")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere; root must hold"):
        load(tmp_path / "nowhere", "val")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*; root must hold"):
        load(tmp_path, "val")
    make(tmp_path)
    with pytest.raises(FileNotFoundError, match="train"):
        load(tmp_path, "train")
    (tmp_path / truth).unlink()
    with pytest.raises(FileNotFoundError, match=f"the classes .*{truth} of .* are missing"):
        load(tmp_path, "val")


@pytest.mark.parametrize(
    ("make", "load", "name"),
    [
        (voc, load_pascal_voc, "JPEGImages/2007_1.jpg"),
        (context, load_pascal_context, "JPEGImages/2008_1.jpg"),
        (sbd, load_sbd, "dataset/img/2008_1.jpg"),
    ],
)
def test_a_listed_image_that_is_missing_is_named(tmp_path, make, load, name):
    make(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"the image .*{name} is missing"):
        load(tmp_path, "val")


def test_other_files_that_are_missing_or_empty(tmp_path):
    cityscapes(tmp_path / "a")
    (tmp_path / "a/gtFine/val/ulm/ulm_1_gtFine_instanceIds.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"the instances .*ulm_1_gtFine_instanceIds\.png"):
        load_cityscapes(tmp_path / "a", "val")
    camvid(tmp_path / "b")
    for path in (tmp_path / "b/images/val").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no file \*\.png in .*val"):
        load_camvid(tmp_path / "b", "val")
    voc(tmp_path / "c")
    lines(tmp_path / "c/ImageSets/Segmentation/val.txt")
    with pytest.raises(ValueError, match=r"the list of names .*val\.txt is empty"):
        load_pascal_voc(tmp_path / "c", "val")
    for line, words in (("../secret", "no name of an image"), ("2007_1 1", "one name a line")):
        lines(tmp_path / "c/ImageSets/Segmentation/val.txt", line)
        with pytest.raises(ValueError, match=words):
            load_pascal_voc(tmp_path / "c", "val")


def test_files_of_something_else_are_named_when_read(tmp_path):
    data = camvid(tmp_path / "a")
    image(tmp_path / "a/labels/val/0.png")
    with pytest.raises(OSError, match=r"cannot read .*0\.png: it is of colours \(mode RGB\)"):
        data.classes[0]
    data = context(tmp_path / "b")
    matrix(tmp_path / "b/trainval/2008_1.mat", other=1)
    with pytest.raises(OSError, match=r"2008_1\.mat: it holds no variable 'LabelMap'"):
        data.classes[0]
    data = sbd(tmp_path / "c")
    matrix(tmp_path / "c/dataset/cls/2008_1.mat", GTcls={"Boundaries": 1})
    with pytest.raises(OSError, match=r"it holds no variable 'GTcls\.Segmentation'"):
        data.classes[0]


def test_camvid_as_it_is(data_root):
    if not (data_root / "CamVid").is_dir():
        pytest.skip(f"there is no CamVid in {data_root}")
    data = load_camvid(data_root / "CamVid", "val")
    assert data.images[0].shape == (360, 480, 3)
    assert set(np.unique(data.classes[0])) <= set(range(-1, 11))


# --- segments of classes --------------------------------------------------------------------------


def test_segments_are_the_connected_parts_of_each_class():
    rng = np.random.default_rng(0)
    for _ in range(5):
        found = rng.integers(-1, 3, (12, 15))
        segments = class_segments(found, void=2)
        assert ((segments < 0) == ((found < 0) | (found == 2))).all()
        total = sum(ndimage.label(found == k)[1] for k in (0, 1))
        assert segments.max() + 1 == total
        for k in range(total):  # each is one part, of one class
            assert ndimage.label(segments == k)[1] == 1
            assert len(np.unique(found[segments == k])) == 1


def test_several_ids_are_void_and_all_may_be():
    assert class_segments([[0, 5, 255, 5]], void=[0, 255]).tolist() == [[-1, 0, -1, 1]]
    assert class_segments([[3, 3]], void=3).tolist() == [[-1, -1]]
    assert class_segments([[26001, 26002]]).tolist() == [[0, 1]]


@pytest.mark.parametrize("void", ["255", 1.0, [[0]]])
def test_a_void_that_is_none(void):
    with pytest.raises(TypeError, match="void must be an integer or a sequence of them"):
        class_segments([[0, 1]], void=void)
