"""A folder in the layout of VOC2007: exact boxes, and files that are broken or hostile."""

import numpy as np
import pytest
from PIL import Image

from sklearn_spx.datasets import load_voc_boxes

SIZE = "<size><width>40</width><height>30</height><depth>3</depth></size>"


def thing(name, *corners, more=""):
    tags = zip(("xmin", "ymin", "xmax", "ymax"), corners)
    box = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags)
    return f"<object><name>{name}</name>{more}<bndbox>{box}</bndbox></object>"


def annotation(*things, size=SIZE):
    return f"<annotation><filename>a.jpg</filename>{size}{''.join(things)}</annotation>"


@pytest.fixture
def root(tmp_path):
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tmp_path / folder).mkdir(parents=True)
    for value, name in enumerate(("000002", "000001")):
        Image.new("RGB", (40, 30), (value, 0, 0)).save(tmp_path / "JPEGImages" / f"{name}.jpg")
        (tmp_path / "Annotations" / f"{name}.xml").write_text(annotation())
    (tmp_path / "ImageSets/Main/test.txt").write_text("000002\r\n000001\n\n")
    (tmp_path / "Annotations" / "000001.xml").write_text(
        annotation(
            thing("dog", 1, 1, 40, 30, more="<difficult>0</difficult>"),
            thing("person", 3, 5.5, 3, 20, more="<pose>Left</pose><difficult>1</difficult>"),
            "<object><name>cat</name><part><bndbox><xmin>9</xmin></bndbox></part>"
            "<bndbox><ymin>2</ymin><xmin>1</xmin><xmax>4</xmax><ymax>3</ymax></bndbox></object>",
        )
    )
    return tmp_path


def test_boxes_are_half_open_from_zero(root):
    data = load_voc_boxes(root)
    assert data.names == ["000002", "000001"]
    assert len(data.images) == len(data.objects) == 2
    assert data.images[1].shape == (30, 40, 3)
    found = data.objects[1]
    assert found.boxes.tolist() == [[0, 0, 40, 30], [2, 4.5, 3, 20], [0, 1, 4, 3]]
    assert found.classes == ["dog", "person", "cat"]
    assert found.difficult.tolist() == [False, True, False]
    assert data.objects[0].boxes.shape == (0, 4)


BOMB = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
NO_HEIGHT = SIZE.replace("height", "high")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB + annotation(thing("&y;", 1, 1, 2, 2)), "it has a DOCTYPE"),
        (OUTSIDE + annotation(thing("&x;", 1, 1, 2, 2)), "it has a DOCTYPE"),
        (annotation(thing("&x;", 1, 1, 2, 2)), "it is no XML"),
        ("", "it is no XML"),
        ("<annotation>", "it is no XML"),
        (annotation(size=""), "the annotation has no <size>"),
        (annotation(size=NO_HEIGHT), "size has no <height>"),
        (annotation(thing("", 1, 1, 2, 2)), "<name> of object 0 is empty"),
        (annotation("<object><name>a</name></object>"), "object 0, 'a', has no <bndbox>"),
        (annotation(thing("a", 1, 1, 2)), "the bndbox of object 0, 'a', has no <ymax>"),
        (annotation(thing("a", 1, 1, 2, "x")), "is 'x', no number"),
        (annotation(thing("a", 1, 1, 2, "inf")), "is 'inf', no number"),
        (annotation(thing("a", 0, 1, 2, 2)), "is empty or outside of the image of 40 x 30"),
        (annotation(thing("a", 1, 1, 41, 2)), "is empty or outside of the image of 40 x 30"),
        (annotation(thing("b", 5, 1, 4, 2)), "object 0, 'b', has the box"),
        (annotation() + " " * 4_000_000, "more than 4000000 bytes"),
    ],
)
def test_what_is_wrong_in_an_annotation_is_named(root, text, message):
    (root / "Annotations" / "000001.xml").write_text(text)
    data = load_voc_boxes(root)
    with pytest.raises(OSError, match=rf"000001\.xml: .*{message}"):
        data.objects[1]


def test_missing_files_are_named(root):
    (root / "Annotations" / "000001.xml").unlink()
    with pytest.raises(FileNotFoundError, match=r"000001\.xml, which the list 'test' asks for"):
        load_voc_boxes(root)
    with pytest.raises(FileNotFoundError, match=r"no list 'val' in .*; those there are: test"):
        load_voc_boxes(root, "val")
    with pytest.raises(FileNotFoundError, match=r"no list '\.\./Main/test'"):
        load_voc_boxes(root, "../Main/test")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*JPEGImages"):
        load_voc_boxes(root / "ImageSets")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "is empty"),
        ("000001 -1\n000002  1\n", "lists of a class"),
        ("../secret\n", "no name of an image"),
    ],
)
def test_a_list_that_is_none_is_named(root, text, message):
    (root / "ImageSets/Main/test.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_voc_boxes(root)


def test_selections_stay_unread(root):
    data = load_voc_boxes(root)
    chosen = data.objects[np.array([1])]
    assert len(chosen) == 1
    assert chosen[0].classes[0] == "dog"
