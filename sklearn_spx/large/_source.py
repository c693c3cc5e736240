"""Arrays that are read window by window, in whatever process the work is done."""

import numpy as np

from ..utils.images import check_form


def as_source(array):
    """What windows can be taken of, with ``shape`` and ``dtype``, and cheap to send to a process.

    TypeError, ValueError if it is no image.
    """
    if not (hasattr(array, "shape") and hasattr(array, "dtype") and hasattr(array, "__getitem__")):
        raise TypeError(
            f"array is a {type(array).__name__}; accepted is whatever has shape, dtype and slices "
            "[rows, columns]: NumPy arrays and memmaps, dask and zarr arrays, ..."
        )
    check_form(_Form(tuple(array.shape), np.dtype(array.dtype)), "array")
    if isinstance(array, np.memmap) and array.filename is not None and _is_whole(array):
        return _File(array)
    return array


def window(source, box):
    """Rows and columns ``box``, (first, stop, first, stop), of a source: an argument of a task.

    An array in memory gives a view, a dask array a lazy part; a file is read by the task.
    """
    rows, columns = slice(*box[:2]), slice(*box[2:])
    if isinstance(source, np.ndarray) or hasattr(source, "__dask_graph__"):
        return source[rows, columns]
    return _Window(source, rows, columns)


def read(part):
    """The pixels of what ``window`` returned, in a task."""
    return np.asarray(part.read() if isinstance(part, _Window) else part)


class _Form:
    def __init__(self, shape, dtype):
        self.shape, self.dtype, self.ndim = shape, dtype, len(shape)


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


def _is_whole(array):
    """Whether a memmap is what its file holds from its offset on, and not a view of a part."""
    contiguous = array.flags.c_contiguous or array.flags.f_contiguous
    return contiguous and not isinstance(array.base, np.memmap)
