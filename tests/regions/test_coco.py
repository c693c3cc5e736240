"""Regions as annotations of COCO, and their run lengths back to masks."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_spx.regions import rle_to_mask, to_coco

label_images = hnp.arrays(
    np.int32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
    elements=st.sampled_from([-1, 0, 0, 0, 3, 90]),
)
# of pycocotools, which numpy 2 warns of
OLD_NUMPY = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
RING = np.pad(np.pad([[4]], 1), 1, constant_values=4)


def naive_counts(mask):
    """Runs of 0 and 1 in turn, column after column."""
    counts, now = [0], False
    for value in mask.T.ravel().tolist():
        if value != now:
            counts.append(0)
            now = value
        counts[-1] += 1
    return counts


@settings(max_examples=100, deadline=None)
@given(label_images)
def test_run_lengths_give_back_every_region(labels):
    plain = to_coco([labels], ["a.png"], segmentation="counts")["annotations"]
    short = to_coco([labels], ["a.png"])["annotations"]
    assert [a["label"] for a in plain] == np.unique(labels[labels >= 0]).tolist()
    for a, b in zip(plain, short):
        mask = labels == a["label"]
        assert a["segmentation"] == {"size": list(mask.shape), "counts": naive_counts(mask)}
        np.testing.assert_array_equal(rle_to_mask(a["segmentation"]), mask)
        np.testing.assert_array_equal(rle_to_mask(b["segmentation"]), mask)
        rows, columns = np.nonzero(mask)
        x, y, width, height = a["bbox"]
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width - 1, y + height - 1) == (columns.max(), rows.max())
        assert a["area"] == b["area"] == mask.sum()


@OLD_NUMPY
@settings(max_examples=50, deadline=None)
@given(label_images)
def test_pycocotools_reads_and_writes_the_same(labels):
    coco_mask = pytest.importorskip("pycocotools.mask")
    for annotation in to_coco([labels], ["a.png"])["annotations"]:
        mask = labels == annotation["label"]
        theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert annotation["segmentation"]["counts"] == theirs["counts"].decode()
        np.testing.assert_array_equal(coco_mask.decode(annotation["segmentation"]), mask)
        np.testing.assert_array_equal(rle_to_mask(theirs), mask)
        assert coco_mask.toBbox(theirs).tolist() == annotation["bbox"]


@OLD_NUMPY
def test_pycocotools_loads_the_file(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    labels = np.random.default_rng(0).integers(-1, 3, (6, 5)).repeat(4, axis=0).repeat(4, axis=1)
    for kind in ("rle", "counts", "polygons"):
        path = tmp_path / f"{kind}.json"
        path.write_text(json.dumps(to_coco([labels, RING], ["a.png", "b.png"], segmentation=kind)))
        found = coco.COCO(str(path))
        assert [image["file_name"] for image in found.loadImgs([1, 2])] == ["a.png", "b.png"]
        for image, truth in ((1, labels), (2, RING)):
            for annotation in found.loadAnns(found.getAnnIds([image])):
                mask = found.annToMask(annotation)
                np.testing.assert_array_equal(mask, truth == annotation["label"])


def test_ids_run_through_all_images():
    found = to_coco(
        iter([[[7, 7, 2]], RING]),
        ["x/a.png", "b.png"],
        categories=("a", "b"),
        region_categories=[[1, 0], np.array([True, False])],
    )
    json.dumps(found)
    assert found["images"][1] == {"id": 2, "file_name": "b.png", "height": 5, "width": 5}
    assert found["categories"] == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    rows = [
        (a["id"], a["image_id"], a["label"], a["category_id"], a["iscrowd"])
        for a in found["annotations"]
    ]
    assert rows == [(1, 1, 2, 2, 0), (2, 1, 7, 1, 0), (3, 2, 0, 2, 0), (4, 2, 4, 1, 0)]


def test_polygons_have_no_holes_and_regions_with_holes_are_runs():
    ring, outer = to_coco([RING], ["a.png"], segmentation="polygons")["annotations"]
    assert set(ring["segmentation"]) == {"size", "counts"}  # 0 has 4 within, and is a ring
    assert set(outer["segmentation"]) == {"size", "counts"}
    (one,) = to_coco([[[5, -1, 5]]], ["a.png"], segmentation="polygons")["annotations"]
    assert one["segmentation"] == [[0, 0, 1, 0, 1, 1, 0, 1], [3, 0, 3, 1, 2, 1, 2, 0]]
    stairs = np.tri(30, dtype=int)
    counts = [
        len(
            to_coco([stairs], ["a"], segmentation="polygons", simplify=s)["annotations"][0][
                "segmentation"
            ][0]
        )
        for s in (0, 1)
    ]
    assert counts[1] < counts[0] / 3


def test_an_image_without_regions_is_an_image():
    found = to_coco([[[-1]]], ["a.png"])
    assert len(found["images"]) == 1
    assert found["annotations"] == []


@pytest.mark.parametrize(
    ("arguments", "more", "message"),
    [
        (([], ["a"]), {}, "0 label images and 1 file_names"),
        (([[[0]], [[0]]], ["a"]), {}, "more label images than file_names, 1"),
        (([[0]], ["a"]), {}, r"label_images\[0\] has shape \(1,\)"),
        (([[[0]]], ["a"]), {"segmentation": "mask"}, "segmentation is 'mask'"),
        (([[[0]]], ["a"]), {"simplify": 1}, "simplify is for"),
        (([[[0]]], ["a"]), {"region_categories": [[0, 0]]}, r"region_categories\[0\] has shape"),
        (([[[0]]], ["a"]), {"region_categories": []}, "0 region_categories and 1 file_names"),
        (([[[0]]], ["a"]), {"region_categories": [[0], [0]]}, "2 region_categories and 1 file"),
        (([[[0]]], ["a"]), {"categories": "region"}, "categories is 'region'; accepted are one"),
        (([[[0]]], ["a"]), {"categories": []}, r"categories is \[\]"),
        (([[[0]]], ["a"]), {"region_categories": [[1]]}, "goes from 1 to 1; categories are 0 to 0"),
    ],
)
def test_what_does_not_fit_is_named(arguments, more, message):
    with pytest.raises(ValueError, match=message):
        to_coco(*arguments, **more)


@pytest.mark.parametrize(
    ("rle", "message"),
    [
        ([1, 2], "a dict of 'size' and 'counts'"),
        ({"size": [2, 2], "counts": [1, 2]}, "do not fill a mask of 2 x 2"),
        ({"size": [2, 2], "counts": [5, -1]}, "do not fill"),
        ({"size": [-2, -2], "counts": [4]}, r"size is \[-2, -2\]; accepted are two numbers"),
        ({"size": [4], "counts": [4]}, r"size is \[4\]"),
        ({"size": [2.5, 2], "counts": [4]}, r"size is \[2.5, 2\]"),
        ({"size": [2, 2], "counts": [1.5, 3.5]}, "dtype float64; accepted are a list of integers"),
        ({"size": [2, 2], "counts": [[4]]}, r"counts has shape \(1, 1\)"),
        ({"size": [2, 2], "counts": "1 2"}, "counts cannot be read: the character ' '"),
        ({"size": [2, 2], "counts": "h"}, "ends within a number"),
    ],
)
def test_run_lengths_that_are_none_are_named(rle, message):
    with pytest.raises(ValueError, match=message):
        rle_to_mask(rle)
