"""The Semantic Boundaries Dataset: classes of more images of PASCAL VOC."""

import os
from pathlib import Path
from typing import Literal

from sklearn.utils import Bunch

from ._class_images import ReadVariable, check_folders, check_split, pairs, read_names


def load_sbd(root: str | os.PathLike[str], split: Literal["train", "val"] = "train") -> Bunch:
    """Open the images and class images of a split of the Semantic Boundaries Dataset.

    Files are only listed here; each is read when it is indexed, and not kept.

    Parameters
    ----------
    root : str or path-like
        Folder ``benchmark_RELEASE``, that holds ``dataset/img/*.jpg``, ``dataset/cls/*.mat`` and
        ``dataset/{train,val}.txt``.
    split : {"train", "val"}, default="train"
        The part of the data set.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        images : lazy sequence of ndarray of shape (height, width, 3), dtype uint8
            The RGB images, in the order of the list.
        classes : lazy sequence of ndarray of shape (height, width), dtype int32
            PASCAL VOC's, 0, background, to 20 (``GTcls.Segmentation``); 255, void, is -1.
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
    .. [1] B. Hariharan et al., "Semantic contours from inverse detectors", ICCV 2011.

    Examples
    --------
    >>> from sklearn_spx.datasets import load_sbd
    >>> data = load_sbd("benchmark_RELEASE", split="val")  # doctest: +SKIP
    >>> len(data.images)  # doctest: +SKIP
    2857
    """
    check_split(split, ("train", "val"))
    layout = f"dataset/img/*.jpg, dataset/cls/*.mat and dataset/{split}.txt"
    check_folders(root, "dataset/img", "dataset/cls", layout=layout)
    names = read_names(Path(root, "dataset", f"{split}.txt"))
    return pairs(
        names,
        [Path(root, "dataset", "img", f"{name}.jpg") for name in names],
        [Path(root, "dataset", "cls", f"{name}.mat") for name in names],
        ReadVariable([255], "GTcls", "Segmentation"),
    )
