"""Arrays that are read window by window, in whatever process the work is done."""

import os
import warnings
from functools import partial
from numbers import Integral
from pathlib import Path

import numpy as np

from ..kernels.checks import check_not_masked
from ..utils.images import check_form
from ..utils.scale import seen


def as_source(array):
    """What windows can be taken of, with ``shape`` and ``dtype``, and cheap to send to a process.

    TypeError, ValueError if it is no image.
    """
    if isinstance(array, (str, os.PathLike)):
        return _Raster(os.fspath(array))
    if not (hasattr(array, "shape") and hasattr(array, "dtype") and hasattr(array, "__getitem__")):
        raise TypeError(
            f"array is a {type(array).__name__}; accepted is whatever has shape, dtype and slices "
            "[rows, columns]: NumPy arrays and memmaps, dask and zarr arrays, ...; or the path of "
            "a raster file"
        )
    if not all(isinstance(n, Integral) for n in array.shape):  # dask's are NaN
        raise ValueError(
            f"array has shape {tuple(array.shape)}, which is not known; of a dask array pass "
            "array.compute_chunk_sizes()"
        )
    check_form(_Form(tuple(array.shape), np.dtype(array.dtype)), "array")
    check_not_masked(array, "array", "array.filled(number): segment_array takes no mask")
    if isinstance(array, np.memmap) and array.filename is not None and _is_whole(array):
        return _File(array)
    return array


def as_seen(source, value_range, eight_bit):
    """The source as an estimator of a ``value_range`` sees it: uint8 of an 8-bit picture."""
    if source.dtype == np.uint8 and value_range == (0, 255):
        return source
    return _Seen(source, value_range, eight_bit)


def window(source, box):
    """Rows and columns ``box``, (first, stop, first, stop), of a source: an argument of a task.

    An array in memory gives a view, a dask array a lazy part; a file is read by the task.
    """
    if isinstance(source, _Seen):  # dask looks into tuples for its arrays
        return window(source.source, box), source.look
    rows, columns = slice(*box[:2]), slice(*box[2:])
    if isinstance(source, np.ndarray) or hasattr(source, "__dask_graph__"):
        return source[rows, columns]
    return _Window(source, rows, columns)


def read(part):
    """The pixels of what ``window`` returned, in a task."""
    if isinstance(part, tuple):
        inner, look = part
        return look(read(inner))
    return np.asarray(part.read() if isinstance(part, _Window) else part)


def cut_out(values, outer, box):
    """Of values (h, w, ...) of the part ``outer`` of an image, those of the part ``box`` in it."""
    rows = slice(box[0] - outer[0], box[1] - outer[0])
    return np.ascontiguousarray(values[rows, box[2] - outer[2] : box[3] - outer[2]])


class _Form:
    def __init__(self, shape, dtype):
        self.shape, self.dtype, self.ndim = shape, dtype, len(shape)


class _Seen:
    """Another source on its scale."""

    def __init__(self, source, value_range, eight_bit):
        self.source, self.shape = source, source.shape
        self.dtype = np.dtype(np.uint8 if eight_bit else np.float32)
        self.look = partial(seen, value_range=value_range, name="array", eight_bit=eight_bit)


class _Window:
    def __init__(self, source, rows, columns):
        self.source, self.rows, self.columns = source, rows, columns

    def read(self):
        return self.source[self.rows, self.columns]


class _File:
    """A memmap that is opened where it is read: pickled, a memmap would be its pixels."""

    def __init__(self, array):
        self.shape, self.dtype = array.shape, array.dtype
        self.path, self.offset = array.filename, array.offset
        self.order = "C" if array.flags.c_contiguous else "F"

    def __getitem__(self, key):
        array = np.memmap(self.path, self.dtype, "r", self.offset, self.shape, self.order)
        return np.array(array[key])


class _Raster:
    """A file that rasterio reads, as a GeoTIFF; each window opens it anew."""

    def __init__(self, path):
        self.path = path
        _check_is_raster(Path(path))
        with self._open() as file:
            self._check(file)
            bands = (file.count,) if file.count > 1 else ()
            self.shape, self.dtype = (*file.shape, *bands), np.dtype(file.dtypes[0])
        check_form(_Form(self.shape, self.dtype), path)

    def __getitem__(self, key):
        rows, columns = key
        with self._open() as file:
            bands = file.read(window=((rows.start, rows.stop), (columns.start, columns.stop)))
        return bands[0] if len(self.shape) == 2 else np.moveaxis(bands, 0, -1)

    def _open(self):
        try:
            import rasterio
            from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
        except ImportError as error:
            raise ImportError(
                f"{self.path} is read by rasterio, which is not installed: "
                "pip install 'sklearn-spx[geo]'"
            ) from error
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            try:
                return rasterio.open(self.path)
            except RasterioIOError as error:
                raise ValueError(f"{self.path} cannot be read as a raster: {error}") from None

    def _check(self, file):
        from rasterio.enums import ColorInterp, MaskFlags

        if len(set(file.dtypes)) > 1:
            raise ValueError(f"{self.path} has bands of several dtypes: {', '.join(file.dtypes)}")
        if ColorInterp.alpha in file.colorinterp:
            raise ValueError(f"{self.path} has an alpha band, which segment_array has no use for")
        if any(flags != [MaskFlags.all_valid] for flags in file.mask_flag_enums):
            raise ValueError(
                f"{self.path} has pixels of no data, or may have (nodata {file.nodata}), and "
                "segment_array takes no mask: write the file without nodata, with numbers there"
            )
        if ColorInterp.palette in file.colorinterp:
            raise ValueError(f"{self.path} has a palette, whose numbers are no colours")


def _check_is_raster(path):
    """Raise where a path is of an array, which GDAL reads in another way or not at all."""
    if any((path / name).exists() for name in ("zarr.json", ".zarray", ".zgroup")):
        raise ValueError(f"{path} is a zarr array; pass it opened: zarr.open_array({str(path)!r})")
    if path.suffix == ".npy":
        raise ValueError(f"{path} is a NumPy file; pass np.load({str(path)!r}, mmap_mode='r')")


def _is_whole(array):
    """Whether a memmap is what its file holds from its offset on, and not a view of a part."""
    contiguous = array.flags.c_contiguous or array.flags.f_contiguous
    return contiguous and not isinstance(array.base, np.memmap)
