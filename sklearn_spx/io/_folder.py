"""The images of a folder as an X that is read when it is indexed."""

import fnmatch
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..datasets.lazy import LazyFiles
from ._read import read_image

__all__ = ["ImageFolder"]

KINDS = ("jpg", "jpeg", "png", "tif", "tiff", "bmp", "gif", "webp", "ppm", "pgm")
PATTERNS = tuple(f"*.{kind}" for kind in (*KINDS, "npy", "npz", "mat"))


class ImageFolder(LazyFiles):
    """The images of a folder, each read when it is indexed, none of them kept.

    It is an X for every estimator: it has a length, an integer reads one image, and slices and
    lists of indices, as cross-validation takes them, are unread sequences again. It can be
    pickled. Files are found once, when it is made, in the order of their names, numbers in them
    taken as numbers (``2.png`` before ``10.png``). Hidden files and folders are left out.

    Parameters
    ----------
    root : str or path-like
        The folder.

    pattern : str, sequence of str or None, default=None
        Which file names, as in a shell (``"*.tif"``), upper or lower case; several are
        alternatives. None is every ending that :func:`read_image` knows.

    recursive : bool, default=False
        Whether folders inside are looked through too; links to folders are not followed.

    read : callable, default=read_image
        What is made of each path; :func:`read_labels`, or ``functools.partial(read_labels,
        void=255)``, for a y.

    Attributes
    ----------
    paths : list of Path
        The files.

    names : list of str
        Their names without ending, for files in folders inside with these: ``"night/3"``.

    root : Path
        The folder.

    See Also
    --------
    read_image : What reads each file, and may raise ValueError that names it.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.io import ImageFolder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for k in (10, 9):
    ...         np.save(Path(folder, f"{k}.npy"), np.zeros((20, 30, 3), np.uint8))
    ...     X = ImageFolder(folder)
    ...     labels = SLICSuperpixels(6).fit_transform(X)
    >>> X.names, len(labels)
    (['9', '10'], 2)
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        pattern: str | Sequence[str] | None = None,
        recursive: bool = False,
        read: Callable[[Path], Any] = read_image,
    ) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise FileNotFoundError(f"there is no folder {self.root}")
        patterns = PATTERNS if pattern is None else pattern
        patterns = (patterns,) if isinstance(patterns, str) else tuple(patterns)
        paths = [p for p in _files(self.root, recursive) if _matches(p.name, patterns)]
        if not paths:
            where = "in or below" if recursive else "in"
            raise FileNotFoundError(
                f"there is no file of the kind {' '.join(patterns)} {where} the folder {self.root}"
            )
        super().__init__(sorted(paths, key=lambda path: _natural(path, self.root)), read)

    @property
    def names(self) -> list[str]:
        return [path.relative_to(self.root).with_suffix("").as_posix() for path in self.paths]

    def _read(self, path):
        return self.read(path)  # whose errors name the file

    def __repr__(self):
        return f"ImageFolder of {len(self)} files in {self.root}"


def _files(root, recursive):
    """Regular files that are not hidden."""

    def fail(error):
        raise error

    for folder, folders, names in os.walk(root, onerror=fail):
        folders[:] = [f for f in folders if recursive and not f.startswith(".")]
        paths = [Path(folder, name) for name in names if not name.startswith(".")]
        yield from (path for path in paths if path.is_file())


def _matches(name, patterns):
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _natural(path, root):
    """A key that sorts 2 before 10, and is different for different paths."""
    text = path.relative_to(root).as_posix()
    parts = re.split(r"([0-9]+)", text.lower())
    return [int(p) if i % 2 else p for i, p in enumerate(parts)], text
