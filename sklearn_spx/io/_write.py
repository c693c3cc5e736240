"""Label images to files, in the kinds that ``read_labels`` reads."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import ArrayLike
from PIL import Image

from ..utils.files import replacing
from ..utils.images import check_not_masked
from .geotiff import as_geotiff

__all__ = ["write_labels"]

KINDS = (".png", ".tif", ".tiff", ".npy", ".npz")
LARGEST = np.iinfo(np.int32).max


def write_labels(
    path: str | os.PathLike[str], labels: ArrayLike, like: str | os.PathLike[str] | None = None
) -> None:
    """Write a label image to a file, which changes at once or, if anything fails, not at all.

    The ending says of what kind the file is. PNG has 8 bits where they hold the labels, and else
    16. TIFF has 32 bits with a sign, compressed without loss; ``.npy`` and ``.npz``, under the
    name ``labels``, are int32.

    Parameters
    ----------
    path : str or path-like
        The file: .png, .tif, .tiff, .npy or .npz.

    labels : array-like of shape (height, width)
        Integers of 32 bits, -1 outside the mask. PNG takes 0 to 65535.

    like : str, path-like or None, default=None
        A GeoTIFF of the same height and width, such as the image that was segmented. The labels
        are written as a GeoTIFF (.tif, .tiff) with its transform and coordinate reference system,
        or its ground control points, and -1 as the nodata value. Needs rasterio, with the ``geo``
        extra.

    Raises
    ------
    ValueError
        If the labels do not fit into the file, the ending is another, or ``like`` is no GeoTIFF of
        that size.

    TypeError
        If the labels are no integers.

    ImportError
        If ``like`` is given and rasterio is not installed.

    OSError
        If the file cannot be written.

    See Also
    --------
    read_labels : The way back.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from sklearn_spx.io import read_labels, write_labels
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.tif")
    ...     write_labels(path, np.array([[0, 1], [-1, 70000]]))
    ...     labels = read_labels(path)
    >>> labels
    array([[    0,     1],
           [   -1, 70000]], dtype=int32)
    """
    kind = Path(path).suffix.lower()
    if kind not in KINDS:
        raise ValueError(f"{os.fspath(path)}: labels are written to {', '.join(KINDS)}")
    if like is not None and kind not in (".tif", ".tiff"):
        raise ValueError(f"{os.fspath(path)}: with like= the file is a GeoTIFF: .tif or .tiff")
    array = _checked(labels)
    data = io.BytesIO()
    if like is not None:
        data.write(as_geotiff(array, like))
    elif kind == ".png":
        Image.fromarray(_of_few_bits(array)).save(data, "PNG")
    elif kind == ".npy":
        np.save(data, array)
    elif kind == ".npz":
        np.savez_compressed(data, labels=array)
    else:
        tifffile.imwrite(data, array, photometric="minisblack", compression="zlib", metadata=None)
    with replacing(path) as file:
        file.write(data.getbuffer())


def _checked(labels: ArrayLike) -> np.ndarray[Any, np.dtype[np.int32]]:
    check_not_masked(labels, "labels", "labels.filled(-1)")
    array = np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels have dtype {array.dtype}; accepted are integers")
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"labels have shape {array.shape}; accepted is (height, width)")
    low, high = int(array.min()), int(array.max())
    if low < -LARGEST or high > LARGEST:
        raise ValueError(f"labels go from {low} to {high}; accepted are 32-bit integers")
    return np.ascontiguousarray(array, dtype=np.int32)


def _of_few_bits(array):
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65535:
        raise ValueError(
            f"labels go from {low} to {high}, and PNG holds 0 to 65535; write a .tif, .npy or .npz"
        )
    return array.astype(np.uint8 if high < 256 else np.uint16)
