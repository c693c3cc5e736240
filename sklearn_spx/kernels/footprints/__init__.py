"""Which cells of a coarse map each region covers: mean pooling of an interpolated map, sparse.

A map with one cell every ``stride`` pixels is interpolated linearly to the pixels (beyond its
outer cells it is constant) and averaged over a region. Both are linear, so the average is a
weighted sum of few cells, and this finds the weights without building the interpolated map.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._device import open_session
from ..checks import as_labels, check_count, check_real, uses_gpu
from ._cpu import list_runs, region_footprints_cpu
from ._rules import Map

__all__ = ["Runs", "region_footprints", "region_runs"]


@dataclass(frozen=True)
class Runs:
    """Where the regions of a label image lie, as runs of pixels along rows.

    Parameters
    ----------
    shape : tuple of two int
        Height and width of the label image.

    runs : int64 array (n_runs, 2)
        First pixel, row * width + column, and number of pixels; those of a region lie together.

    starts : int64 array (n_regions + 1,)
        Region r has the runs ``starts[r]`` to ``starts[r + 1]``.

    sizes : int64 array (n_regions,)
        Pixels of each region.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.footprints import region_runs
    >>> region_runs(np.array([[0, 0, 1]]), 2).sizes.tolist()
    [2, 1]
    """

    shape: tuple[int, int]
    runs: NDArray[np.int64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]


def region_runs(labels: ArrayLike, n_regions: int) -> Runs:
    """Runs of each region, which `region_footprints` needs: found once for several maps.

    Parameters
    ----------
    labels : int array (height, width)
        Regions 0 .. ``n_regions`` - 1; negative where there is none.

    n_regions : int
        Number of regions.

    Returns
    -------
    runs : Runs
        Runs, where those of each region start, sizes.

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be used; the message names it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.footprints import region_runs
    >>> found = region_runs(np.array([[0, 0, 1], [1, 1, -1]]), 2)
    >>> found.runs.tolist(), found.starts.tolist(), found.sizes.tolist()
    ([[0, 2], [2, 1], [3, 2]], [0, 1, 3], [2, 3])
    """
    labels, n_regions = as_labels(labels), check_count(n_regions, "n_regions", 0)
    _check_reach(labels.max(), n_regions)
    starts, sizes = np.zeros(n_regions + 1, np.int64), np.zeros(n_regions, np.int64)
    return Runs(labels.shape, list_runs(labels, starts, sizes), starts, sizes)


def region_footprints(
    labels: ArrayLike,
    n_regions: int,
    shape: tuple[int, int],
    stride: float,
    origin: float,
    *,
    runs: Runs | None = None,
    device: Literal["cpu", "cuda", "auto"] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Weights of a map's cells in the mean over each region of the interpolated map.

    Parameters
    ----------
    labels : int array (height, width)
        Regions 0 .. ``n_regions`` - 1; negative where there is none.

    n_regions : int
        Number of regions.

    shape : tuple of two int
        Rows and columns of the map.

    stride : float
        Pixels between neighbouring cells.

    origin : float
        Pixel, in both directions, on which cell (0, 0) is centred.

    runs : Runs or None, default=None
        What `region_runs` gives for the labels, where it is at hand. Not for a GPU.

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the values are the same, bit by bit. "auto" is "cuda" if there is a GPU;
        None is where the labels lie, which may be on a GPU: a CUDA tensor of torch, or whatever
        else has ``__cuda_array_interface__``. Then what is returned is of their kind.

    Returns
    -------
    cells : int64 array (n_entries,)
        Cells of all regions, row * columns + column; those of a region lie together.

    offsets : int64 array (n_regions + 1,)
        Region r has the entries ``offsets[r]`` to ``offsets[r + 1]``.

    weights : float32 array (n_entries,)
        Weights, of sum 1 over each region that has a pixel.

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be used, the message names it, or if there is no GPU where `device`
        asks for one.
    MemoryError
        If the GPU has too little memory.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.footprints import region_footprints
    >>> cells, offsets, weights = region_footprints(np.array([[0, 0, 1]]), 2, (1, 2), 2, 0)
    >>> cells.tolist(), offsets.tolist(), weights.tolist()
    ([0, 1, 1], [0, 2, 3], [0.75, 0.25, 1.0])
    """
    n_regions = check_count(n_regions, "n_regions", 0)
    rows, columns = (check_count(size, "shape") for size in shape)
    stride = check_real(stride, "stride", 0, strict=True)
    origin = check_real(origin, "origin")
    coarse = Map(rows=rows, columns=columns, stride=stride, origin=origin)
    if uses_gpu(device, labels=labels):
        if runs is not None:
            raise ValueError("runs are of no use on a GPU: leave them out")
        from .. import _cuda_checks
        from . import _cuda

        with open_session(labels) as session:
            labels, _, greatest = _cuda_checks.int_labels_of(session, labels)
            _check_reach(greatest, n_regions)
            return _cuda.region_footprints(session, labels, n_regions, coarse)
    labels = as_labels(labels)
    runs = region_runs(labels, n_regions) if runs is None else runs
    if len(runs.sizes) != n_regions:
        raise ValueError(f"runs are of {len(runs.sizes)} regions, n_regions is {n_regions}")
    if runs.shape != labels.shape:
        raise ValueError(f"runs are of an image {runs.shape}, labels have shape {labels.shape}")
    cells = np.empty(4 * labels.size, np.int64)
    weights = np.empty(4 * labels.size, np.float32)
    offsets = np.empty(n_regions + 1, np.int64)
    where = runs.runs, runs.starts, runs.sizes
    n = region_footprints_cpu(labels.shape, *where, coarse, cells, offsets, weights)
    # what is more than the entries was never touched; no copies are there beside
    cells.resize(n, refcheck=False)
    weights.resize(n, refcheck=False)
    return cells, offsets, weights


def _check_reach(greatest, n_regions):
    if greatest >= n_regions:
        raise ValueError(f"n_regions is {n_regions}, but labels reach {greatest}")
