"""The Berkeley Segmentation Data Set 500, read from a folder laid out as it is distributed."""

import os
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from scipy.io import loadmat
from sklearn.utils import Bunch

from .lazy import LazyFiles

__all__ = ["load_bsds500", "read_annotations"]

SPLITS = ("train", "val", "test")


def load_bsds500(
    root: str | os.PathLike[str], split: Literal["train", "val", "test"] = "train"
) -> Bunch:
    """Open the images and human segmentations of a split of BSDS500.

    Files are only listed here; an image or its annotations are read when they are indexed, and
    not kept. Slices and selections stay unread, so that a cross-validation over the whole data
    set needs the memory of a few images.

    Parameters
    ----------
    root : str or path-like
        Folder that holds ``images/{train,val,test}/*.jpg`` and
        ``groundTruth/{train,val,test}/*.mat``.
    split : {"train", "val", "test"}, default="train"
        The part of the data set: 200, 100 and 200 images.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        images : lazy sequence of ndarray of shape (height, width, 3), dtype uint8
            The RGB images, in the order of their names.
        ground_truths : lazy sequence of list of ndarray of shape (height, width), dtype int32
            For each image the label images of its four to nine annotators, labels as distributed
            (from 1).
        names : list of str
            The names of the images, without folder and extension.

    Raises
    ------
    FileNotFoundError
        If a folder or the annotations of an image are missing; the message names it.

    ValueError
        If ``split`` is no split of the data set.

    References
    ----------
    .. [1] P. Arbelaez, M. Maire, C. Fowlkes, J. Malik, "Contour Detection and Hierarchical Image
       Segmentation", IEEE Transactions on Pattern Analysis and Machine Intelligence, 2011.

    Examples
    --------
    >>> from sklearn_spx.datasets import load_bsds500
    >>> data = load_bsds500("data/BSDS500", split="val")  # doctest: +SKIP
    >>> data.images[0].shape, len(data.ground_truths[0])  # doctest: +SKIP
    ((321, 481, 3), 5)
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(map(repr, SPLITS))}, got {split!r}")
    folder, annotations = Path(root) / "images" / split, Path(root) / "groundTruth" / split
    for needed in (Path(root), folder, annotations):
        if not needed.is_dir():
            raise FileNotFoundError(
                f"there is no folder {needed}; root must hold images/{split}/*.jpg and "
                f"groundTruth/{split}/*.mat"
            )
    paths = sorted(folder.glob("*.jpg"))
    if not paths:
        raise FileNotFoundError(f"there is no .jpg file in {folder}")
    names = [path.stem for path in paths]
    truths = [annotations / f"{name}.mat" for name in names]
    for path, truth in zip(paths, truths):
        if not truth.is_file():
            raise FileNotFoundError(f"the annotations {truth} of {path} are missing")
    return Bunch(
        images=LazyFiles(paths, read_image),
        ground_truths=LazyFiles(truths, read_annotations),
        names=names,
    )


def read_image(path):
    """Return the file's image as an RGB array of shape (height, width, 3), dtype uint8."""
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def read_annotations(path):
    """Return the label images of a BSDS500 .mat file, one an annotator, as int32 arrays."""
    try:
        cells = loadmat(path, variable_names=["groundTruth"])["groundTruth"]
    except KeyError:
        raise ValueError("it holds no variable 'groundTruth'") from None
    return [
        np.ascontiguousarray(cell["Segmentation"][0, 0], dtype=np.int32) for cell in cells.ravel()
    ]
