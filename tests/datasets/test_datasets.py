"""Synthetic images agree with their ground truth; BSDS500 stays on disk until it is indexed."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from scipy.io import savemat
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing

from sklearn_spx.datasets import (
    load_bsds500,
    load_sample_images,
    make_dead_leaves,
    make_texture_mosaics,
)

# --- dead leaves -------------------------------------------------------------------------------


@settings(deadline=None, max_examples=12)
@given(
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    seed=st.integers(0, 2**31 - 1),
)
def test_regions_are_connected_without_gaps_and_nested(shape, seed):
    data = make_dead_leaves(1, shape, n_annotators=3, random_state=seed)
    image, annotations = data.images[0], data.ground_truths[0]
    assert image.shape == (*shape, 3)
    assert image.dtype == np.uint8
    assert len(annotations) == 3
    for labels in annotations:
        assert labels.shape == shape
        assert labels.dtype == np.int32
        n = labels.max() + 1
        np.testing.assert_array_equal(np.unique(labels), np.arange(n))
        for k in range(n):
            assert ndimage.label(labels == k)[1] == 1
        # a region of the first annotator lies in one region of each other
        pairs = np.unique(np.stack([annotations[0].ravel(), labels.ravel()]), axis=1)
        assert pairs.shape[1] == annotations[0].max() + 1


def test_image_depends_on_seed_and_index_alone():
    few = make_dead_leaves(2, (40, 60), random_state=3)
    many = make_dead_leaves(4, (40, 60), n_annotators=2, random_state=3)
    for i in range(2):
        np.testing.assert_array_equal(few.images[i], many.images[i])
        np.testing.assert_array_equal(few.ground_truths[i], many.ground_truths[i][0])
    assert (many.images[0] != many.images[1]).any()
    other = make_dead_leaves(1, (40, 60), random_state=4)
    assert (other.images[0] != few.images[0]).any()


@settings(deadline=None, max_examples=6)
@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 20), st.integers(1, 20)),
    seed=st.integers(0, 2**31 - 1),
)
def test_regions_of_volumes_are_connected_without_gaps_and_nested(shape, seed):
    data = make_dead_leaves(1, shape, n_annotators=2, random_state=seed)
    image, annotations = data.images[0], data.ground_truths[0]
    assert image.shape == (*shape, 3)
    assert image.dtype == np.uint8
    for labels in annotations:
        assert labels.shape == shape
        assert labels.dtype == np.int32
        n = labels.max() + 1
        np.testing.assert_array_equal(np.unique(labels), np.arange(n))
        assert all(ndimage.label(labels == k)[1] == 1 for k in range(n))
    pairs = np.unique(np.stack([annotations[0].ravel(), annotations[1].ravel()]), axis=1)
    assert pairs.shape[1] == annotations[0].max() + 1


def test_a_volume_depends_on_seed_and_index_alone():
    few = make_dead_leaves(1, (12, 20, 24), random_state=3)
    many = make_dead_leaves(2, (12, 20, 24), n_annotators=2, random_state=3)
    np.testing.assert_array_equal(few.images[0], many.images[0])
    np.testing.assert_array_equal(few.ground_truths[0], many.ground_truths[0][0])
    assert (many.images[0] != many.images[1]).any()
    assert few.ground_truths[0].max() > 3
    with pytest.raises(
        ValueError, match=r"\(height, width\) or \(depth, height, width\), got \(3,"
    ):
        make_dead_leaves(1, (3, 3, 3, 3))


def test_bodies_go_through_slices_and_differ_in_what_they_show():
    data = make_dead_leaves(1, (24, 32, 32), random_state=0)
    volume, truth = data.images[0].astype(float), data.ground_truths[0]
    # most samples belong to what the next slice shows there too, and yet slices differ
    same = np.mean(truth[1:] == truth[:-1])
    assert 0.8 < same < 1
    means = [volume[truth == k].mean(0) for k in range(truth.max() + 1)]
    within = np.mean([np.abs(volume[truth == k] - m).mean() for k, m in enumerate(means)])
    assert within < 0.7 * np.abs(volume - volume.mean((0, 1, 2))).mean()


def test_random_state_instance_advances():
    rng = np.random.RandomState(0)
    first, second = (make_dead_leaves(1, (30, 30), random_state=rng).images[0] for _ in range(2))
    assert (first != second).any()


def test_annotators_differ_in_detail():
    data = make_dead_leaves(6, (96, 128), n_annotators=4, random_state=0)
    counts = np.array([[a.max() + 1 for a in annotations] for annotations in data.ground_truths])
    assert (counts[:, 0] == counts.max(axis=1)).all()
    assert (counts.min(axis=1) < counts[:, 0]).all()
    assert counts[:, 1:].mean() < 0.8 * counts[:, 0].mean()


def test_colour_alone_does_not_separate_neighbours():
    """Between 15 and 60 % of the neighbouring pairs share their mean colour."""
    data = make_dead_leaves(6, random_state=0)
    close = []
    for image, labels in zip(data.images, data.ground_truths):
        sizes = np.bincount(labels.ravel())
        means = np.column_stack(
            [np.bincount(labels.ravel(), image[..., c].ravel()) / sizes for c in range(3)]
        )
        right = np.stack([labels[:, :-1].ravel(), labels[:, 1:].ravel()])
        below = np.stack([labels[:-1].ravel(), labels[1:].ravel()])
        pairs = np.unique(np.sort(np.concatenate([right, below], axis=1), axis=0), axis=1)
        a, b = pairs[:, pairs[0] != pairs[1]]
        close.extend(np.abs(means[a] - means[b]).max(axis=1) < 12)
    assert 0.15 < np.mean(close) < 0.6


def test_edges_of_the_image_follow_the_ground_truth():
    """The gradient is greater on region borders than off them, and not by colour alone."""
    data = make_dead_leaves(4, random_state=1)
    for image, labels in zip(data.images, data.ground_truths):
        change = np.abs(np.diff(image.astype(float), axis=1)).sum(axis=2)
        border = labels[:, 1:] != labels[:, :-1]
        assert change[border].mean() > 1.5 * change[~border].mean()


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"n_images": 0}, ValueError, "n_images must be at least 1"),
        ({"n_images": 2.0}, TypeError, "n_images must be an integer"),
        ({"n_annotators": 0}, ValueError, "n_annotators must be at least 1"),
        ({"shape": 64}, ValueError, r"shape must be \(height, width\) or \(depth, .*, got 64"),
        ({"shape": (64, 0)}, ValueError, "shape must be at least 1"),
    ],
)
def test_bad_arguments_are_named(arguments, kind, words):
    with pytest.raises(kind, match=words):
        make_dead_leaves(**arguments)


# --- photographs -------------------------------------------------------------------------------


def test_photographs_are_rgb_and_named():
    data = load_sample_images()
    assert len(data.images) == len(data.names) >= 4
    assert data.names[:4] == ["astronaut", "chelsea", "coffee", "rocket"]
    for image in data.images:
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3


# --- BSDS500 -----------------------------------------------------------------------------------


def _write_annotations(path, annotations):
    cells = np.empty((1, len(annotations)), dtype=object)
    for k, labels in enumerate(annotations):
        cells[0, k] = {"Segmentation": labels, "Boundaries": np.zeros_like(labels)}
    savemat(path, {"groundTruth": cells})


@pytest.fixture
def root(tmp_path):
    """Three small images in the layout of BSDS500, with one, two and three annotators."""
    (tmp_path / "images" / "val").mkdir(parents=True)
    (tmp_path / "groundTruth" / "val").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k, shape in enumerate([(8, 12), (12, 8), (9, 9)]):
        image = Image.fromarray(np.full((*shape, 3), 40 * k, np.uint8))
        image.save(tmp_path / "images" / "val" / f"{k}.jpg")
        _write_annotations(
            tmp_path / "groundTruth" / "val" / f"{k}.mat",
            [rng.integers(1, 4, shape).astype(np.uint16) for _ in range(k + 1)],
        )
    return tmp_path


def test_bsds_layout_is_read_lazily(root, monkeypatch):
    opened = []
    original = Image.open
    monkeypatch.setattr(Image, "open", lambda path: opened.append(path) or original(path))
    data = load_bsds500(root, "val")
    assert data.names == ["0", "1", "2"]
    assert len(data.images) == len(data.ground_truths) == 3
    assert not opened
    later = data.images[1:]
    assert not opened
    assert later[0].shape == (12, 8, 3)
    assert [path.name for path in opened] == ["1.jpg"]
    for k in range(3):
        assert data.images[k].dtype == np.uint8
        annotations = data.ground_truths[k]
        assert len(annotations) == k + 1
        for labels in annotations:
            assert labels.dtype == np.int32
            assert labels.shape == data.images[k].shape[:2]
            assert labels.min() == 1
            assert labels.max() == 3


def test_lazy_files_select_like_arrays(root):
    images = load_bsds500(root, "val").images
    for key in (slice(0, 2), [0, 2], np.array([2, 1]), np.array([True, False, True]), (1, 2), []):
        chosen = _safe_indexing(images, key)
        key = list(key) if isinstance(key, tuple) else key
        expected = np.arange(3)[key if len(np.atleast_1d(key)) else slice(0)]
        assert type(chosen) is type(images)
        assert [int(path.stem) for path in chosen.paths] == list(expected)
    np.testing.assert_array_equal(_safe_indexing(images, 1), images[1])
    np.testing.assert_array_equal(images[-1], images[2])
    assert len(list(images)) == 3
    with pytest.raises(IndexError):
        images[3]


def test_lazy_files_split_and_pickle(root):
    data = load_bsds500(root, "val")
    train, test, y_train, y_test = train_test_split(
        data.images, data.ground_truths, test_size=1, random_state=0
    )
    assert (len(train), len(test), len(y_train), len(y_test)) == (2, 1, 2, 1)
    assert test.paths[0].stem == y_test.paths[0].stem
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again.images[2], data.images[2])
    np.testing.assert_array_equal(again.ground_truths[2], data.ground_truths[2])


def test_missing_parts_of_bsds_are_named(root):
    with pytest.raises(ValueError, match="split must be one of 'train', 'val', 'test'"):
        load_bsds500(root, "all")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        load_bsds500(root / "nowhere", "val")
    with pytest.raises(FileNotFoundError, match=r"images/train.*root must hold"):
        load_bsds500(root, "train")
    (root / "groundTruth" / "val" / "1.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"1\.mat of .*1\.jpg are missing"):
        load_bsds500(root, "val")
    (root / "images" / "test").mkdir()
    (root / "groundTruth" / "test").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no \.jpg file in"):
        load_bsds500(root, "test")


def test_broken_files_are_named_when_read(root):
    (root / "images" / "val" / "0.jpg").write_bytes(b"no image")
    (root / "groundTruth" / "val" / "0.mat").write_bytes(b"no matrix")
    savemat(root / "groundTruth" / "val" / "1.mat", {"other": 1})
    data = load_bsds500(root, "val")
    with pytest.raises(OSError, match=r"cannot read .*0\.jpg"):
        data.images[0]
    with pytest.raises(OSError, match=r"cannot read .*0\.mat"):
        data.ground_truths[0]
    with pytest.raises(OSError, match=r"1\.mat: it holds no variable 'groundTruth'"):
        data.ground_truths[1]
    assert data.images[1].shape == (12, 8, 3)


def test_bsds500_as_distributed(data_root):
    train, val = (load_bsds500(data_root / "BSDS500", split) for split in ("train", "val"))
    assert (len(train.images), len(val.images)) == (200, 100)
    for k in (0, 57, 99):
        assert val.images[k].shape in {(321, 481, 3), (481, 321, 3)}
        assert 4 <= len(val.ground_truths[k]) <= 9
        assert all(a.shape == val.images[k].shape[:2] for a in val.ground_truths[k])


def test_texture_mosaics_are_repeatable_and_exact():
    one = make_texture_mosaics(3, (60, 80), half="left", random_state=5)
    two = make_texture_mosaics(2, (60, 80), half="left", random_state=5)
    for a, b in zip(one.images, two.images, strict=False):
        np.testing.assert_array_equal(a, b)
    for image, truth in zip(one.images, one.ground_truths, strict=True):
        assert image.shape == truth.shape == (60, 80)
        assert image.dtype == np.uint8
        n = truth.max() + 1
        assert n >= 2
        assert np.bincount(truth.ravel()).min() >= 0.02 * truth.size
        for k in range(n):
            assert ndimage.label(truth == k)[1] == 1
        means = [image[truth == k].mean() for k in range(n)]
        assert np.ptp(means) < 60  # gray says little
    other = make_texture_mosaics(1, (60, 80), half="right", random_state=5)
    np.testing.assert_array_equal(other.ground_truths[0], one.ground_truths[0])
    assert not np.array_equal(other.images[0], one.images[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_images": 0}, "n_images"),
        ({"shape": (9,)}, r"shape must be \(height, width\)"),
        ({"shape": (900, 20)}, "at most 480"),
        ({"n_regions": 1}, "n_regions"),
        ({"half": "top"}, 'half must be "left", "right" or None'),
    ],
)
def test_bad_mosaics(options, message):
    with pytest.raises(ValueError, match=message):
        make_texture_mosaics(**options)
