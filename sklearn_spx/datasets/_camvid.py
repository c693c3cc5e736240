"""CamVid, street scenes of eleven classes, as SegNet's authors distribute it."""

import os
from pathlib import Path
from typing import Literal

from sklearn.utils import Bunch

from ._class_images import ReadClasses, check_folders, check_split, find_images, pairs

_VOID = 11


def load_camvid(
    root: str | os.PathLike[str], split: Literal["train", "val", "test"] = "train"
) -> Bunch:
    """Open the images and class images of a split of CamVid.

    Files are only listed here; each is read when it is indexed, and not kept.

    Parameters
    ----------
    root : str or path-like
        Folder that holds ``images/{train,val,test}/*.png`` and class images of the same names in
        ``labels/{train,val,test}``; or, as in the SegNet tutorial, ``{train,val,test}/*.png`` and
        ``{train,val,test}annot``.
    split : {"train", "val", "test"}, default="train"
        The part of the data set.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        images : lazy sequence of ndarray of shape (height, width, 3), dtype uint8
            The RGB images, in the order of their names.
        classes : lazy sequence of ndarray of shape (height, width), dtype int32
            Sky, building, pole, road, pavement, tree, sign, fence, car, pedestrian, bicyclist: 0
            to 10; unlabelled pixels, 11 in the files, are -1.
        names : list of str
            The names of the images, without folder and extension.

    Raises
    ------
    FileNotFoundError
        If a folder or a class image is missing; the message names it.

    ValueError
        If ``split`` is no split of the data set.

    References
    ----------
    .. [1] G. Brostow, J. Fauqueur, R. Cipolla, "Semantic object classes in video: a
       high-definition ground truth database", Pattern Recognition Letters, 2009.

    Examples
    --------
    >>> from sklearn_spx.datasets import load_camvid
    >>> data = load_camvid("data/CamVid", split="val")  # doctest: +SKIP
    >>> data.images[0].shape, data.classes[0].shape  # doctest: +SKIP
    ((360, 480, 3), (360, 480))
    """
    check_split(split, ("train", "val", "test"))
    images, truths = f"images/{split}", f"labels/{split}"
    if Path(root, f"{split}annot").is_dir():
        images, truths = split, f"{split}annot"
    layout = f"images/{split} and labels/{split}, or {split} and {split}annot"
    check_folders(root, images, truths, layout=layout)
    paths = find_images(Path(root, images), "*.png")
    return pairs(
        [path.stem for path in paths],
        paths,
        [Path(root, truths, path.name) for path in paths],
        ReadClasses([_VOID]),
    )
