"""Boxes of PASCAL VOC, read from a folder laid out as VOC2007 is distributed."""

import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from sklearn.utils import Bunch

from ._class_images import check_folders, is_plain, read_names
from .bsds500 import read_image
from .lazy import LazyFiles

_MOST_BYTES = 4_000_000  # of an annotation; those of VOC2007 are of some thousand
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def load_voc_boxes(root: str | os.PathLike[str], split: str = "test") -> Bunch:
    """Open the images and the boxes of objects of a data set in the layout of PASCAL VOC [1]_.

    Files are only listed here; an image or its annotation is read when it is indexed, and not
    kept.

    Parameters
    ----------
    root : str or path-like
        Folder that holds ``JPEGImages/*.jpg``, ``Annotations/*.xml`` and ``ImageSets/Main/*.txt``,
        as ``VOCdevkit/VOC2007``.

    split : str, default="test"
        Name of a file in ``ImageSets/Main`` with a name of an image a line: "train", "val",
        "trainval" and "test" of VOC2007.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        images : lazy sequence of ndarray of shape (height, width, 3), dtype uint8
            The RGB images, in the order of the list.
        objects : lazy sequence of :class:`~sklearn.utils.Bunch`
            Of each image ``boxes``, a float64 array (n_objects, 4) of rows (x0, y0, x1, y1) from
            the first pixel, 0, to the one beyond the last; ``classes``, a list of their names;
            ``difficult``, a bool array, of those that VOC leaves out of scores.
        names : list of str
            The names of the images, without folder and extension.

    Raises
    ------
    FileNotFoundError
        If a folder, a list, an image or its annotation is missing; the message names it.

    ValueError
        If the list holds no name, or something else.

    OSError
        When an annotation is indexed that is no such file: it lacks a tag, a box lies outside of
        the image or is empty, or it has a DOCTYPE, whose entities are never expanded.

    Notes
    -----
    In the files the first pixel is 1 and the last one belongs to the box, so that 1 is taken off
    xmin and ymin.

    References
    ----------
    .. [1] M. Everingham et al., "The PASCAL visual object classes (VOC) challenge", IJCV 2010.

    Examples
    --------
    >>> from sklearn_spx.datasets import load_voc_boxes
    >>> data = load_voc_boxes("data/VOCdevkit/VOC2007")  # doctest: +SKIP
    >>> data.objects[0].classes, data.objects[0].boxes.tolist()  # doctest: +SKIP
    (['dog', 'person'], [[47.0, 239.0, 195.0, 371.0], [7.0, 11.0, 352.0, 498.0]])
    """
    layout = "JPEGImages/*.jpg, Annotations/*.xml and ImageSets/Main/*.txt"
    check_folders(root, "JPEGImages", "Annotations", layout=layout)
    root = Path(root)
    images, annotations = root / "JPEGImages", root / "Annotations"
    names = _read_list(root / "ImageSets" / "Main", split)
    paths = [images / f"{name}.jpg" for name in names]
    truths = [annotations / f"{name}.xml" for name in names]
    for path in (*paths, *truths):
        if not path.is_file():
            raise FileNotFoundError(
                f"the file {path}, which the list {split!r} asks for, is missing"
            )
    return Bunch(
        images=LazyFiles(paths, read_image),
        objects=LazyFiles(truths, _read_objects),
        names=names,
    )


def _read_list(folder, split):
    path = folder / f"{split}.txt"
    if not is_plain(split) or not path.is_file():
        there = ", ".join(sorted(p.stem for p in folder.glob("*.txt"))) or "none"
        raise FileNotFoundError(f"there is no list {split!r} in {folder}; those there are: {there}")
    return read_names(path)


def _read_objects(path):
    """Boxes, classes and difficulty of the objects of an annotation."""
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES} bytes")
    root = _parse(path.read_bytes())
    size = _child(root, "size", "the annotation")
    width, height = (_number(size, tag, "size") for tag in ("width", "height"))
    found = root.findall("object")
    boxes = np.empty((len(found), 4))
    classes = []
    difficult = np.zeros(len(found), bool)
    for k, thing in enumerate(found):
        classes.append(_text(thing, "name", f"object {k}"))
        where = f"object {k}, {classes[-1]!r},"
        box = _child(thing, "bndbox", where)
        x0, y0, x1, y1 = (_number(box, tag, f"the bndbox of {where}") for tag in _CORNERS)
        if not (1 <= x0 <= x1 <= width and 1 <= y0 <= y1 <= height):
            raise ValueError(
                f"{where} has the box {[x0, y0, x1, y1]}, which is empty or outside of the image "
                f"of {width:g} x {height:g} pixels, of which the first is 1"
            )
        boxes[k] = x0 - 1, y0 - 1, x1, y1
        difficult[k] = thing.find("difficult") is not None and _number(thing, "difficult", where)
    return Bunch(boxes=boxes, classes=classes, difficult=difficult)


class _NoDoctype(ElementTree.TreeBuilder):
    """Entities are declared in a DOCTYPE alone: without one nothing grows and nothing is opened."""

    def doctype(self, name, pubid, system):
        raise ValueError("it has a DOCTYPE, which annotations of VOC have not; it is not read")


def _parse(content):
    try:
        return ElementTree.fromstring(content, ElementTree.XMLParser(target=_NoDoctype()))
    except ElementTree.ParseError as error:
        raise ValueError(f"it is no XML: {error}") from None


def _child(element, tag, where):
    child = element.find(tag)
    if child is None:
        raise ValueError(f"{where} has no <{tag}>")
    return child


def _text(element, tag, where):
    text = (_child(element, tag, where).text or "").strip()
    if not text:
        raise ValueError(f"<{tag}> of {where} is empty")
    return text


def _number(element, tag, where):
    text = _text(element, tag, where)
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"<{tag}> of {where} is {text[:40]!r}, no number")
    return value
