"""Components of a label image or volume, as runs of one label within its rows."""

import numpy as np
from numpy.typing import NDArray

from .._bands import ONE_BAND, Bands
from .._bits import WORD
from . import _cpu, _cpu_runs, _rules

_MANY = 2**20  # runs from which on memory counts more than time
_LOOK_BACK = 4  # three in ten entries are left, of crumbs of noise


def settle(labels: NDArray[np.int32], bands: Bands = ONE_BAND) -> None:
    """Give pixels that differ from all their neighbours the label most frequent among them.

    Parameters
    ----------
    labels : int32 ndarray of shape (height, width) or (depth, height, width), C-contiguous
        Changed in place; negative ones stay. Neighbours are four, or six of a volume.

    bands : Bands, default=ONE_BAND
        Threads.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.connectivity._components import settle
    >>> labels = np.array([[1, 1, 1], [1, 2, 1]], np.int32)
    >>> settle(labels)
    >>> labels.tolist()
    [[1, 1, 1], [1, 1, 1]]
    """
    if labels.ndim == 3:
        _settle_volume(labels, bands)
        return
    (height, width), ends = labels.shape, bands.ends(len(labels))
    # The rows above and below each band, as they are before another thread changes them.
    rows = np.full((len(ends) - 1, 4, width + 2), -1, np.int32)
    for own, first, stop in zip(rows, ends, ends[1:]):
        if first > 0:
            own[2, 1:-1] = labels[first - 1]
        if stop < height:
            own[3, 1:-1] = labels[stop]
    bands.run(lambda i, first, stop: _cpu.settle_pixels(labels[first:stop], rows[i]), height)


def _settle_volume(labels, bands):
    height, width = labels.shape[1:]
    flat, outside = labels.reshape(-1, width), np.full(width, -1, np.int32)
    kept = flat.copy()

    def settle_band(_, first, stop):
        lonely = np.empty(width, bool)
        _cpu.settle_samples(kept, height, first, stop, outside, lonely, flat)

    bands.run(settle_band, len(flat))


def components(
    labels: NDArray[np.int32],
    bands: Bands = ONE_BAND,
) -> tuple[_cpu_runs.Runs, NDArray[np.int64], NDArray[np.int32]]:
    """Find the components of a label image, 4-connected, or of a volume, 6-connected.

    Parameters
    ----------
    labels : int32 ndarray of shape (height, width) or (depth, height, width), C-contiguous
        Any labels, negative outside.

    bands : Bands, default=ONE_BAND
        Threads.

    Returns
    -------
    runs : Runs
        Stretches of one label within a row, and the component of each.

    sizes : int64 ndarray of shape (n_components,)
        Pixels of each component, in the order of their first pixels.

    values_of : int32 ndarray of shape (n_components,)
        The label of each.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.connectivity._components import components
    >>> _, sizes, values_of = components(np.array([[5, 5, 9, 5]], np.int32))
    >>> sizes.tolist(), values_of.tolist()
    ([2, 1, 1], [5, 9, 5])
    """
    height, width = labels.shape[-2:]
    flat, n_rows = labels.reshape(-1), labels.size // width
    starts = np.empty((n_rows, -(-width // WORD)), np.uint64)
    index = np.zeros(starts.size + 1, np.int64)
    bands.run(lambda _, a, b: _cpu_runs.mark_runs(flat, width, a, b, starts, index[1:]), n_rows)
    np.cumsum(index, out=index)
    n_runs = int(index[-1])
    runs = _cpu_runs.Runs(
        height=height,
        starts=starts,
        index=index,
        first=index[:: starts.shape[1]].copy(),
        ends=np.empty(n_runs, np.int32),
        component=np.empty(n_runs, np.int32 if n_runs < 2**31 else np.int64),
    )
    sizes, values_of = np.empty(n_runs, np.int64), np.empty(n_runs, np.int32)
    n = _cpu_runs.label_runs(flat, width, runs, sizes, values_of)
    return runs, sizes[:n].copy(), values_of[:n].copy()


def write_labels(
    runs: _cpu_runs.Runs,
    numbers: NDArray[np.int32],
    labels: NDArray[np.int32],
    bands: Bands = ONE_BAND,
) -> None:
    """Write each pixel's region.

    Parameters
    ----------
    runs : Runs
        Of :func:`components`.

    numbers : int32 ndarray of shape (n_components,)
        The region of each component.

    labels : int32 ndarray of shape (height, width) or (depth, height, width), C-contiguous
        Overwritten; -1 outside.

    bands : Bands, default=ONE_BAND
        Threads.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.connectivity._components import components, write_labels
    >>> labels = np.array([[5, 5, 9]], np.int32)
    >>> write_labels(components(labels)[0], np.array([3, 4], np.int32), labels)
    >>> labels
    array([[3, 3, 4]], dtype=int32)
    """
    width = labels.shape[-1]
    flat = labels.reshape(-1)

    def write_band(_, first, stop):
        _cpu_runs.write_labels(runs, numbers, first, stop, np.empty(width, np.int32), flat)

    bands.run(write_band, labels.size // width)


def borders_of(runs: _cpu_runs.Runs, small: NDArray[np.bool_]) -> _rules.Borders:
    """List the borders of some components.

    Parameters
    ----------
    runs : Runs
        Of :func:`components`.

    small : bool ndarray of shape (n_components,)
        Those whose borders are wanted.

    Returns
    -------
    borders : Borders
        A list each, of neighbours and the pixel edges to them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.connectivity._components import borders_of, components
    >>> runs, _, _ = components(np.array([[5, 5, 9]], np.int32))
    >>> borders = borders_of(runs, np.array([True, False]))
    >>> int(borders.other[borders.heads[0]]), int(borders.shared[borders.heads[0]])
    (1, 1)
    """
    # two neighbours in its row, and with each row around at most two for each run
    n_entries = (6 if len(runs.first) - 1 == runs.height else 10) * len(runs.ends)
    borders = _rules.Borders(
        heads=np.full(len(small), -1, np.int64),
        other=np.empty(n_entries, runs.component.dtype),
        shared=np.empty(n_entries, np.int32),
        after=np.empty(n_entries, np.int32 if n_entries < 2**31 else np.int64),
    )
    most = int(np.diff(runs.first).max())  # runs of a row
    look_back = _LOOK_BACK if len(runs.ends) >= _MANY else 0
    _cpu.list_borders(runs, small, look_back, np.empty(most, np.int64), borders)
    return borders
