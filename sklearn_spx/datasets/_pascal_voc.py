"""PASCAL VOC's semantic segmentation, and PASCAL Context's annotations of the same images."""

import os
from pathlib import Path
from typing import Literal

from sklearn.utils import Bunch

from ._class_images import (
    ReadClasses,
    ReadVariable,
    check_folders,
    check_split,
    pairs,
    read_names,
)


def load_pascal_voc(
    root: str | os.PathLike[str], split: Literal["train", "val", "trainval", "test"] = "train"
) -> Bunch:
    """Open the images and class images of a split of PASCAL VOC's segmentation.

    Files are only listed here; each is read when it is indexed, and not kept.

    Parameters
    ----------
    root : str or path-like
        Folder of a year, as ``VOCdevkit/VOC2012``, that holds ``JPEGImages/*.jpg``,
        ``SegmentationClass/*.png`` and ``ImageSets/Segmentation/{split}.txt``.
    split : {"train", "val", "trainval", "test"}, default="train"
        The part of the data set. Class images of "test" are there for VOC2007 alone.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        images : lazy sequence of ndarray of shape (height, width, 3), dtype uint8
            The RGB images, in the order of the list.
        classes : lazy sequence of ndarray of shape (height, width), dtype int32
            0, background, to 20; void pixels, 255 in the files, are -1.
        names : list of str
            The names of the images, without folder and extension.

    Raises
    ------
    FileNotFoundError
        If a folder, the list of the split, an image or a class image is missing; the message
        names it.

    ValueError
        If ``split`` is no split of the data set, or its list is empty.

    References
    ----------
    .. [1] M. Everingham et al., "The PASCAL visual object classes challenge: a retrospective",
       IJCV 2015.

    Examples
    --------
    >>> from sklearn_spx.datasets import load_pascal_voc
    >>> data = load_pascal_voc("VOCdevkit/VOC2012", split="val")  # doctest: +SKIP
    >>> len(data.images), data.names[0]  # doctest: +SKIP
    (1449, '2007_000033')
    """
    check_split(split, ("train", "val", "trainval", "test"))
    layout = f"JPEGImages, SegmentationClass and ImageSets/Segmentation/{split}.txt"
    check_folders(root, "JPEGImages", "SegmentationClass", "ImageSets/Segmentation", layout=layout)
    names = read_names(Path(root, "ImageSets", "Segmentation", f"{split}.txt"))
    return pairs(
        names,
        _photographs(root, names),
        [Path(root, "SegmentationClass", f"{name}.png") for name in names],
        ReadClasses([255]),
    )


def load_pascal_context(
    root: str | os.PathLike[str], split: Literal["train", "val", "trainval"] = "train"
) -> Bunch:
    """Open the images and class images of a split of PASCAL Context.

    Files are only listed here; each is read when it is indexed, and not kept.

    Parameters
    ----------
    root : str or path-like
        Folder ``VOCdevkit/VOC2010``, that holds ``JPEGImages/*.jpg`` and
        ``ImageSets/Main/{split}.txt``, and beside them the annotations of PASCAL Context,
        ``trainval/*.mat``, as unpacked.
    split : {"train", "val", "trainval"}, default="train"
        The part of the data set.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        images : lazy sequence of ndarray of shape (height, width, 3), dtype uint8
            The RGB images, in the order of the list.
        classes : lazy sequence of ndarray of shape (height, width), dtype int32
            Classes 1 to 459 as distributed (``LabelMap``); 0, which is none of them, is -1.
        names : list of str
            The names of the images, without folder and extension.

    Raises
    ------
    FileNotFoundError
        If a folder, the list of the split, an image or a class image is missing; the message
        names it.

    ValueError
        If ``split`` is no split of the data set, or its list is empty.

    References
    ----------
    .. [1] R. Mottaghi et al., "The role of context for object detection and semantic segmentation
       in the wild", CVPR 2014.

    Examples
    --------
    >>> from sklearn_spx.datasets import load_pascal_context
    >>> data = load_pascal_context("VOCdevkit/VOC2010", split="val")  # doctest: +SKIP
    >>> len(data.images)  # doctest: +SKIP
    5105
    """
    check_split(split, ("train", "val", "trainval"))
    layout = f"JPEGImages, ImageSets/Main/{split}.txt and trainval/*.mat"
    check_folders(root, "JPEGImages", "ImageSets/Main", "trainval", layout=layout)
    names = read_names(Path(root, "ImageSets", "Main", f"{split}.txt"))
    return pairs(
        names,
        _photographs(root, names),
        [Path(root, "trainval", f"{name}.mat") for name in names],
        ReadVariable([0], "LabelMap"),
    )


def _photographs(root, names):
    return [Path(root, "JPEGImages", f"{name}.jpg") for name in names]
