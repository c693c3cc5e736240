"""An image, or label images, from one file of any accepted kind."""

import errno
import os
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..utils.files import open_regular
from ._alpha import TransparentError, opaque
from ._matlab import read_mat
from ._nodata import without_data
from ._numpy import read_npy, read_npz
from ._pages import check_page
from ._pictures import read_picture
from ._tiff import read_tiff

__all__ = ["read_image", "read_labels", "read_masked"]

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LARGEST = np.iinfo(np.int32).max
Page = int | Literal["all"] | None


def read_image(path: str | os.PathLike[str], *, page: Page = None) -> NDArray[Any]:
    """Read the image of a file, of the depth that is stored.

    The content of a file decides how it is read, not its name: JPEG, PNG, GIF, BMP, WebP, PPM and
    PGM by Pillow, TIFF by tifffile, ``.npy``, ``.npz`` and ``.mat``. Photographs are turned upright
    by their EXIF orientation. Palettes, CMYK and YCbCr become RGB, images of one bit 0 and 255. An
    alpha channel that is opaque everywhere is dropped. PNG with 16-bit colours is read by OpenCV,
    with the ``opencv`` extra. PPM and PGM are of 8 or 16 bits, over their full range.

    Parameters
    ----------
    path : str or path-like
        A regular file. Of an ``.npz`` the array ``image``, or else its only one; of a ``.mat`` the
        variable ``image``, or else its only numeric one of two or three axes.

    page : int, "all" or None, default=None
        The page of a TIFF, or frame of an animated GIF, PNG or WebP, from 0, negative from the
        end. "all" stacks them, where they are of one shape and dtype. None is for files of one.
        Thumbnails and smaller copies in a TIFF are no pages.

    Returns
    -------
    image : ndarray of shape (height, width) or (height, width, channels)
        With ``page="all"`` there is one axis before: a stack of images. The dtype is that of the
        file.

    Raises
    ------
    ValueError
        If the file is no regular one, is empty, broken, cut short, holds more pixels than
        ``PIL.Image.MAX_IMAGE_PIXELS``, several pages or arrays and none is chosen, transparent
        pixels, 16-bit colours in a PNG where OpenCV is not installed, Python objects, or nothing
        that is an image. The message names the file and says what helps.

    TypeError
        If ``page`` is of another type.

    FileNotFoundError
        If there is no such file.

    See Also
    --------
    ImageFolder : The images of a folder, read when they are indexed.
    read_masked : The image, and where it has data.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sklearn_spx.io import read_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "deep.png")
    ...     Image.fromarray(np.full((4, 6), 4095, np.uint16)).save(path)
    ...     image = read_image(path)
    >>> image.shape, image.dtype, int(image.max())
    ((4, 6), dtype('uint16'), 4095)
    """
    check_page(page)
    return _reading(path, page, _image)


def read_masked(
    path: str | os.PathLike[str], *, page: int | None = None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read the image of a file, and where it has data.

    A GeoTIFF names the value of pixels without data (GDAL's nodata), or has a mask beside the
    image. A pixel has no data where all of its bands have that value; where the value is NaN, one
    band is enough. Where there is an alpha channel, in any kind of file, pixels that are wholly
    transparent have no data. Files that say nothing have data everywhere.

    Parameters
    ----------
    path : str or path-like
        See :func:`read_image`.

    page : int or None, default=None
        See :func:`read_image`; one page alone.

    Returns
    -------
    image : ndarray of shape (height, width) or (height, width, channels)
        As :func:`read_image` has it, but without data every band is the least of its values
        elsewhere: estimators accept no NaN, and -9999 would not be of the image's range.

    mask : ndarray of shape (height, width), dtype bool
        True where there are data: a mask for ``fit`` and ``transform``.

    Raises
    ------
    ValueError
        As :func:`read_image`, if pixels are half transparent, and if there are no data at all.

    TypeError
        If ``page`` is of another type.

    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import tempfile, numpy as np, tifffile
    >>> from pathlib import Path
    >>> from sklearn_spx.io import read_masked
    >>> elevation = np.array([[7, 5], [-9999, 6]], np.int16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "elevation.tif")
    ...     tifffile.imwrite(path, elevation, extratags=[(42113, "s", 0, "-9999", True)])
    ...     image, mask = read_masked(path)
    >>> image
    array([[7, 5],
           [5, 6]], dtype=int16)
    >>> mask
    array([[ True,  True],
           [False,  True]])
    """
    check_page(page)
    if isinstance(page, str):
        raise TypeError(f"page must be None or an integer, got {page!r}")
    return _reading(path, page, _masked)


def read_labels(
    path: str | os.PathLike[str], *, void: int | None = None, page: Page = None
) -> NDArray[np.int32] | list[NDArray[np.int32]]:
    """Read the label image of a file, or those of its annotators.

    PNG and TIFF hold labels as gray levels, as the indices of a palette, or as colours: RGB is
    one id a colour, red + 256 green + 65536 blue, as COCO's panoptic masks have it, and so the
    same in all files. JPEG is refused, for it does not keep numbers.

    Parameters
    ----------
    path : str or path-like
        A regular file. Of an ``.npz`` the array ``labels``, or else all of them, the annotators of
        one image; of an ``.npy``, three axes are (annotators, height, width). Of a ``.mat`` the
        variable ``groundTruth`` as BSDS500 has it, or else ``labels``, or the only numeric one.

    void : int or None, default=None
        The label of pixels whose label is unknown, as 255 in many data sets; it becomes -1.

    page : int, "all" or None, default=None
        The page of a TIFF or frame of an animation, as :func:`read_image` takes it; "all" gives
        a list.

    Returns
    -------
    labels : ndarray of shape (height, width), dtype int32, or list of them
        Labels as they are stored; -1 where a GeoTIFF has no data. A list where a file is made for
        several annotators: BSDS500, an ``.npz`` of several arrays, an ``.npy`` of three axes,
        ``page="all"``.

    Raises
    ------
    ValueError
        If the file cannot be read, as in :func:`read_image`, or holds no integers of 32 bits (in
        ``.mat`` and TIFF whole numbers stored as floats are accepted). The message names the file.

    TypeError
        If ``void`` or ``page`` are of another type.

    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sklearn_spx.io import read_labels
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "truth.png")
    ...     Image.fromarray(np.array([[0, 1], [2, 255]], np.uint8)).save(path)
    ...     labels = read_labels(path, void=255)
    >>> labels
    array([[ 0,  1],
           [ 2, -1]], dtype=int32)
    """
    check_page(page)
    if void is not None and (isinstance(void, bool) or not isinstance(void, (int, np.integer))):
        raise TypeError(f"void must be an integer or None, got {void!r}")
    found = _reading(path, page, _labels)
    for labels in found if isinstance(found, list) else [found]:
        if void is not None:
            labels[labels == void] = -1
    return found


def _reading(path, page, read):
    """Return what ``read`` makes of an open file; what goes wrong is a ValueError that names it."""
    with open_regular(path) as file:
        try:
            return read(file, path, page)
        except MemoryError:
            raise
        except Exception as error:  # each format has its own ways to be broken
            # a place before a file's begin, where a broken one may point, is EINVAL
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # of the disk, not of the file
            words = "" if isinstance(error, ValueError) else "is broken or cut short: "
            raise ValueError(f"{os.fspath(path)}: {words}{error}") from error


def _kind(file, path):
    head = file.read(128)
    file.seek(0)
    if not head:
        raise ValueError("is empty")
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return "npz"
    if head.startswith(b"MATLAB ") or os.fspath(path).lower().endswith(".mat"):
        return "mat"  # those of version 4 have nothing to be known by
    return "tiff" if head.startswith(TIFF) else "picture"


def _stored(file, path, page, as_labels):
    """Return (kind, array or {name: array}) of an open file."""
    kind = _kind(file, path)
    if kind in ("npy", "npz", "mat"):
        if page is not None:
            raise ValueError(f"page={page!r} is for TIFF and animations, this is .{kind}")
        if kind == "mat":
            return kind, read_mat(file, path, as_labels)
        return kind, read_npy(file) if kind == "npy" else read_npz(file)
    read = read_tiff if kind == "tiff" else read_picture
    return kind, read(file, path, page, as_labels)


def _one_of(arrays, name):
    """Return the array of that name, or the only one."""
    if name in arrays:
        return arrays[name]
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    if not arrays:
        raise ValueError("holds no numeric array of two or three axes")
    raise ValueError(
        f"holds the arrays {', '.join(map(repr, arrays))}; accepted is one, or one that is "
        f"called {name!r}"
    )


def _image(file, path, page):
    _, array = _stored(file, path, page, as_labels=False)
    if isinstance(array, dict):
        array = _one_of(array, "image")
    n_axes = (3, 4) if page == "all" else (2, 3)
    if array.dtype.kind not in "buif" or array.ndim not in n_axes or array.size == 0:
        raise ValueError(
            f"holds an array of shape {array.shape} and dtype {array.dtype}; images are numbers "
            "of shape (height, width) or (height, width, channels)"
        )
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _masked(file, path, page):
    try:
        image, nowhere = _image(file, path, page), None
    except TransparentError as error:
        image, nowhere = error.rest, error.alpha == 0
        if not (nowhere | (error.alpha == opaque(error.alpha.dtype))).all():
            raise  # half transparent: neither inside nor outside
    file.seek(0)
    if nowhere is None and _kind(file, path) == "tiff":
        nowhere = without_data(file, page, read_tiff(file, path, page, as_labels=True))
    if nowhere is None:
        return image, np.ones(image.shape[:2], dtype=bool)
    mask = ~nowhere
    if not mask.any():
        raise ValueError("has no data: every pixel has the nodata value, or is masked")
    if nowhere.any():
        image = np.array(image, order="C")
        image[nowhere] = image[mask].min(axis=0)
    return image, mask


def _labels(file, path, page):
    kind, array = _stored(file, path, page, as_labels=True)
    if kind == "tiff":
        each = array if page == "all" else [array]
        which = range(len(each)) if page == "all" else [page]
        found = [_tiff_labels(file, one, k) for one, k in zip(each, which)]
        return found if page == "all" else found[0]
    if isinstance(array, dict):
        if "groundTruth" in array and isinstance(array["groundTruth"], list):
            return [_label_image(a, kind) for a in array["groundTruth"]]
        several = kind == "npz" and "labels" not in array and len(array) > 1
        if several and len({a.shape for a in array.values()}) == 1:
            return [_label_image(a, kind, f"array {name!r} ") for name, a in array.items()]
        array = _one_of(array, "labels")
    if page == "all":
        return [_label_image(a, kind) for a in array]
    if kind in ("npy", "npz", "mat") and array.ndim == 3:
        if array.shape[2] <= 4 < min(array.shape[:2]):
            raise ValueError(
                f"holds an array of shape {array.shape}, which reads as colours; label images "
                "have shape (height, width), or (annotators, height, width)"
            )
        return [_label_image(a, kind) for a in array]
    return _label_image(array, kind)


def _tiff_labels(file, stored, page):
    nowhere = without_data(file, page, stored)
    if nowhere is None:
        return _label_image(stored, "tiff")
    shape = nowhere.shape + (1,) * (stored.ndim - 2)
    known = np.where(nowhere.reshape(shape), stored.dtype.type(0), stored)  # may be NaN there
    labels = _label_image(known, "tiff")
    labels[nowhere] = -1
    return labels


def _label_image(array, kind, which=""):
    """Return an array as int32 (height, width), colours as one number each."""
    if array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8:
        array = array.astype(np.int32) @ np.array([1, 256, 65536], dtype=np.int32)
    whole = kind in ("mat", "tiff") and array.dtype.kind == "f"
    if whole and np.isfinite(array).all() and (array == np.floor(array)).all():
        array = array.astype(np.int64) if np.abs(array).max(initial=0) <= LARGEST else array
    if array.dtype.kind not in "bui" or array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{which}holds an array of shape {array.shape} and dtype {array.dtype}; label images "
            "are integers of shape (height, width)"
        )
    if array.dtype.kind != "b" and (int(array.max()) > LARGEST or int(array.min()) < -LARGEST):
        raise ValueError(
            f"{which}holds labels from {array.min()} to {array.max()}; accepted are 32-bit integers"
        )
    return np.array(array, dtype=np.int32, order="C")
