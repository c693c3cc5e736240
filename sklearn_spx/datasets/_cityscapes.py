"""Cityscapes, street scenes with classes and instances, laid out as it is distributed."""

import os
from pathlib import Path
from typing import Literal

from sklearn.utils import Bunch

from ._class_images import ReadClasses, check_folders, check_split, find_images, pairs

_VOID = range(7)  # the ids of its category "void": unlabelled, ego vehicle, ..., ground
_IMAGE = "_leftImg8bit.png"


def load_cityscapes(
    root: str | os.PathLike[str], split: Literal["train", "val", "test"] = "train"
) -> Bunch:
    """Open the images, class images and instances of a split of Cityscapes.

    Files are only listed here; each is read when it is indexed, and not kept.

    Parameters
    ----------
    root : str or path-like
        Folder that holds ``leftImg8bit/{split}/{city}/*_leftImg8bit.png`` and
        ``gtFine/{split}/{city}/*_gtFine_labelIds.png`` and ``*_gtFine_instanceIds.png``.
    split : {"train", "val", "test"}, default="train"
        The part of the data set. The annotations of "test" as distributed say nothing but what is
        outside the scene.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        images : lazy sequence of ndarray of shape (height, width, 3), dtype uint8
            The RGB images, by city and name.
        classes : lazy sequence of ndarray of shape (height, width), dtype int32
            Label ids, 7 to 33, as distributed; those of the category "void", 0 to 6, are -1.
        instances : lazy sequence of ndarray of shape (height, width), dtype int32
            Instance ids as distributed: 1000 times the label id and a number, or the label id
            alone where objects are not told apart; those of the category "void" are -1.
        names : list of str
            City and name, as ``"aachen/aachen_000000_000019"``.

    Raises
    ------
    FileNotFoundError
        If a folder or an annotation is missing; the message names it.

    ValueError
        If ``split`` is no split of the data set.

    References
    ----------
    .. [1] M. Cordts et al., "The Cityscapes dataset for semantic urban scene understanding",
       CVPR 2016.

    Examples
    --------
    >>> from sklearn_spx.datasets import load_cityscapes
    >>> data = load_cityscapes("data/cityscapes", split="val")  # doctest: +SKIP
    >>> data.images[0].shape, data.names[0]  # doctest: +SKIP
    ((1024, 2048, 3), 'frankfurt/frankfurt_000000_000294')
    """
    check_split(split, ("train", "val", "test"))
    layout = f"leftImg8bit/{split}/CITY/*{_IMAGE} and gtFine/{split}/CITY/*_gtFine_labelIds.png"
    check_folders(root, f"leftImg8bit/{split}", f"gtFine/{split}", layout=layout)
    paths = find_images(Path(root, "leftImg8bit", split), f"*/*{_IMAGE}")
    names = [f"{path.parent.name}/{path.name.removesuffix(_IMAGE)}" for path in paths]
    instances = [_annotation(root, split, name, "instanceIds") for name in names]
    for path, image in zip(instances, paths):
        if not path.is_file():
            raise FileNotFoundError(f"the instances {path} of {image} are missing")
    read = ReadClasses(_VOID)
    truths = [_annotation(root, split, name, "labelIds") for name in names]
    return pairs(names, paths, truths, read, instances=(instances, read))


def _annotation(root, split, name, kind):
    return Path(root, "gtFine", split, f"{name}_gtFine_{kind}.png")
