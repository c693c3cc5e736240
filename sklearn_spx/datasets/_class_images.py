"""What readers of class images share: lists of names, files in pairs, class images from PNG."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import loadmat
from sklearn.utils import Bunch

from ..kernels.checks import as_labels
from .bsds500 import read_image
from .lazy import LazyFiles


def check_split(split, accepted):
    """Raise if a split is none of those accepted."""
    if split not in accepted:
        raise ValueError(f"split must be one of {', '.join(map(repr, accepted))}, got {split!r}")


def check_folders(root, *inside, layout):
    """Raise if ``root`` or a folder in it is missing."""
    for folder in (Path(root), *(Path(root, *part.split("/")) for part in inside)):
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no folder {folder}; root must hold {layout}")


def find_images(folder, pattern):
    """Files of a folder by a pattern, sorted by name; at least one."""
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise FileNotFoundError(f"there is no file {pattern} in {folder}")
    return paths


def read_names(path):
    """Names of a list, one a line; none of them leads out of a folder."""
    if not path.is_file():
        raise FileNotFoundError(f"the list of names {path} is missing")
    names = path.read_text(encoding="utf-8").split("\n")
    names = [name.strip() for name in names if name.strip()]
    if not names:
        raise ValueError(f"the list of names {path} is empty")
    for name in names:
        if len(name.split()) > 1:
            raise ValueError(
                f"{path} holds the line {name!r}; accepted is one name a line: lists of a class "
                "have a number beside it"
            )
        if not is_plain(name):
            raise ValueError(f"{path} holds {name!r}, which is no name of an image")
    return names


def is_plain(name):
    """Whether a string names a file of the folder that it is joined to."""
    return isinstance(name, str) and not {"/", "\\", "\0"} & set(name) and name not in ("", "..")


def pairs(names, images, truths, read, **others):
    """Return the Bunch of a data set; ``others`` are (paths, read) beside images and classes."""
    for image, truth in zip(images, truths):
        if not image.is_file():
            raise FileNotFoundError(f"the image {image} is missing")
        if not truth.is_file():
            raise FileNotFoundError(f"the classes {truth} of {image} are missing")
    return Bunch(
        images=LazyFiles(images, read_image),
        classes=LazyFiles(truths, read),
        names=list(names),
        **{name: LazyFiles(*files) for name, files in others.items()},
    )


class ReadClasses:
    """Read a class image of PNG, gray or of a palette; the ids of ``void`` become -1.

    Parameters
    ----------
    void : sequence of int
        Ids of pixels whose class is unknown.
    """

    def __init__(self, void):
        self.void = tuple(void)

    def __call__(self, path):
        with Image.open(path) as image:
            if image.mode not in ("L", "P", "1") and not image.mode.startswith("I"):
                raise ValueError(
                    f"it is of colours (mode {image.mode}), not of class ids: is it a picture of "
                    "the classes?"
                )
            classes = np.array(image)
        return without(classes, self.void)


class ReadVariable:
    """Read a class image from a .mat file; the ids of ``void`` become -1.

    Parameters
    ----------
    void : sequence of int
        Ids of pixels whose class is unknown.

    variable : str
        Name of the variable.

    field : str or None, default=None
        Field of it, where it is a structure.
    """

    def __init__(self, void, variable, field=None):
        self.void, self.variable, self.field = tuple(void), variable, field

    def __call__(self, path):
        try:
            found = loadmat(path, variable_names=[self.variable])[self.variable]
            if self.field is not None:
                found = found[self.field][0, 0]
        except (KeyError, ValueError, IndexError):
            wanted = self.variable if self.field is None else f"{self.variable}.{self.field}"
            raise ValueError(f"it holds no variable {wanted!r}") from None
        return without(found, self.void)


def without(classes, void):
    """Return classes as int32, -1 where they are one of ``void``."""
    classes = as_labels(classes, "the class image").copy()
    classes[np.isin(classes, void)] = -1
    return classes
