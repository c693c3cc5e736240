"""Label images of every kind come out as int32 ids, or say why they do not."""

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.io import savemat

from sklearn_spx.io import read_labels

LABELS = np.random.default_rng(0).integers(0, 250, (12, 14))
LABELS[0, 0] = 255


def refused(path, words, **how):
    with pytest.raises(ValueError) as caught:
        read_labels(path, **how)
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)


def write(path, array):
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, other=np.zeros(3), labels=array)
    elif path.suffix == ".mat":
        savemat(path, {"labels": array.astype(float), "other": np.zeros((3, 3))})
    elif path.suffix == ".tif":
        tifffile.imwrite(path, array.astype(np.float32))
    else:
        Image.fromarray(array).save(path)


@pytest.mark.parametrize("ending", ["npy", "npz", "mat", "tif", "png", "bmp"])
def test_labels_as_they_are_stored_and_void(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    write(path, LABELS.astype(np.uint8))
    found = read_labels(path)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, LABELS)
    np.testing.assert_array_equal(read_labels(path, void=255), np.where(LABELS == 255, -1, LABELS))


def test_16_bit_palette_and_one_bit(tmp_path):
    Image.fromarray((LABELS * 200).astype(np.uint16)).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "deep.png"), LABELS * 200)
    palette = Image.fromarray(LABELS.astype(np.uint8), "P")
    palette.putpalette(bytes(range(256)) * 3)
    for name in ("p.png", "p.tif"):
        palette.save(tmp_path / name)
        np.testing.assert_array_equal(read_labels(tmp_path / name), LABELS)
    palette.save(tmp_path / "t.png", transparency=255)
    np.testing.assert_array_equal(read_labels(tmp_path / "t.png"), LABELS)
    for name in ("bit.png", "bit.tif"):
        Image.fromarray(LABELS > 99).save(tmp_path / name)
        np.testing.assert_array_equal(read_labels(tmp_path / name), LABELS > 99)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_colours_are_one_id_each(tmp_path, name):
    ids = LABELS.astype(np.int32) * 60000
    colours = np.stack([ids & 255, (ids >> 8) & 255, ids >> 16], axis=-1).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / name)
    np.testing.assert_array_equal(read_labels(tmp_path / name), ids)


def test_annotators(tmp_path):
    two = [LABELS.astype(np.int32), LABELS.astype(np.int32) // 2]
    cells = np.empty((1, 2), dtype=object)
    for k, labels in enumerate(two):
        cells[0, k] = {"Segmentation": labels.astype(np.uint16)}
    savemat(tmp_path / "a.mat", {"groundTruth": cells})
    np.savez(tmp_path / "a.npz", one=two[0], two=two[1])
    np.save(tmp_path / "a.npy", np.stack(two))
    for name in ("a.mat", "a.npz", "a.npy"):
        found = read_labels(tmp_path / name, void=255)
        assert isinstance(found, list)
        np.testing.assert_array_equal(found[0], np.where(LABELS == 255, -1, LABELS))
        np.testing.assert_array_equal(found[1], two[1])
    tifffile.imwrite(tmp_path / "a.tif", np.stack(two), photometric="minisblack")
    refused(tmp_path / "a.tif", "holds 2 pages")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif", page=1), two[1])
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif", page="all"), two)


def test_what_is_no_label_image(tmp_path):
    Image.fromarray(LABELS.astype(np.uint8)).save(tmp_path / "a.jpg")
    refused(tmp_path / "a.jpg", "JPEG, which blurs numbers")
    np.save(tmp_path / "a.npy", LABELS / 2)
    refused(tmp_path / "a.npy", "dtype float64; label images are integers")
    savemat(tmp_path / "a.mat", {"labels": LABELS / 2})
    refused(tmp_path / "a.mat", "dtype float64")
    np.save(tmp_path / "a.npy", LABELS + 2**40)
    refused(tmp_path / "a.npy", "accepted are 32-bit integers")
    np.save(tmp_path / "a.npy", np.zeros((12, 14, 3), np.uint8))
    refused(tmp_path / "a.npy", "reads as colours")
    np.savez(tmp_path / "a.npz", one=LABELS, two=LABELS[:5])
    refused(tmp_path / "a.npz", "holds the arrays 'one', 'two'")
    savemat(tmp_path / "a.mat", {"groundTruth": np.zeros((3, 3))})
    refused(tmp_path / "a.mat", "")
    with pytest.raises(TypeError, match="void must be"):
        read_labels(tmp_path / "a.npy", void="255")
