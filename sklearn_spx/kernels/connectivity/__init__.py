"""Connected label images: every label one region, none too small, as many as asked."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._bands import ONE_BAND, Bands
from .._device import open_session, uses_gpu
from .._grid import relative_spacing, stays_on_cpu
from ..checks import as_labels, as_mask, check_count, spacing_of
from . import _split
from ._components import borders_of, components, settle, write_labels
from ._merging import join_components

__all__ = ["connect", "enforce_connectivity"]


def enforce_connectivity(
    labels: ArrayLike,
    min_size: int = 0,
    *,
    n_segments: int | None = None,
    mask: ArrayLike | None = None,
    spacing: ArrayLike | None = None,
    device: Literal["cpu", "cuda", "auto"] | None = None,
) -> NDArray[np.int32]:
    """Split labels into connected regions, merge the small ones, and meet a number asked for.

    Neighbours are the four of a pixel, or, in a volume, the six of a sample. First every pixel that
    differs from its neighbours takes the label most frequent among them (of equals the one above,
    then left, right, below; before all these the one in the slice before, and after them the one
    in the slice after), if `min_size` is 2 or more. Then a
    region below `min_size` joins the one with which it shares the longest border (of equals the
    smaller, or the first in reading order), in rounds: regions below 2 pixels, then those below 4,
    8, ... up to `min_size`, so that crumbs meet their like before they meet a large region.

    With `n_segments`, the smallest region goes on joining a neighbour while there are too many;
    where there are too few, the largest are cut across their longest side.

    Parameters
    ----------
    labels : array-like of int, shape (height, width) or (depth, height, width)
        Label image or volume. Negative labels are outside; the others need be neither connected
        nor without a gap. Or an array on a GPU: a CUDA tensor of torch, or whatever else has
        ``__cuda_array_interface__``.
    min_size : int, default=0
        Pixels a region must have unless it has no neighbour. 0 and 1 merge nothing.
    n_segments : int, default=None
        How many regions there are to be in the end. Where that cannot be, as near to it as can be:
        no more than pixels, no fewer than connected parts of what is not outside. None: as many
        as there are.
    mask : array-like of bool, shape (height, width), default=None
        False for pixels that are outside, beside those of negative label. Also numbers, 0 for
        False and 1 for True.
    spacing : tuple of two or three numbers or None, default=None
        Distances of neighbouring samples, one an axis, which say what side is the longest; None is
        1 each.
    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the labels are the same. "auto" is "cuda" if there is a GPU; None is where
        the labels lie. On volumes, and with `spacing`, the CPU works.

    Returns
    -------
    labels : ndarray of int32, or array on the GPU of the labels' kind, shape (height, width)
        Labels 0, 1, ... without a gap, numbered by first pixel in reading order; -1 outside.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or range, or if there is no GPU where `device` asks
        for one.
    MemoryError
        If the GPU has too little memory.

    Examples
    --------
    >>> from sklearn_spx.kernels import enforce_connectivity
    >>> enforce_connectivity([[7, 7, 2, 7], [7, 7, 2, 2]])
    array([[0, 0, 1, 2],
           [0, 0, 1, 1]], dtype=int32)
    >>> enforce_connectivity([[7, 7, 2, 7], [7, 7, 2, 2]], min_size=2)
    array([[0, 0, 1, 1],
           [0, 0, 1, 1]], dtype=int32)
    >>> enforce_connectivity([[7, 7, 2, 7], [7, 7, 2, 2]], n_segments=4)
    array([[0, 0, 1, 2],
           [3, 3, 1, 1]], dtype=int32)
    """
    min_size = check_count(min_size, "min_size", 0)
    if n_segments is not None:
        n_segments = check_count(n_segments, "n_segments")
    on_cpu = spacing is not None or np.ndim(labels) == 3
    arrays = {"labels": labels, "mask": mask}
    if not stays_on_cpu(on_cpu, device, **arrays) and uses_gpu(device, **arrays):
        return _on_gpu(labels, min_size, n_segments, mask)
    out = as_labels(labels, volumes=True).copy()
    steps = relative_spacing(spacing_of(out, spacing))[3 - out.ndim :]
    if mask is not None:
        out[~as_mask(mask, out.shape)] = -1
    connect(out, min_size, n_segments, steps=steps)
    return out


def _on_gpu(labels, min_size, n_segments, mask):
    """`enforce_connectivity` of arrays that are on a GPU or go there."""
    from .. import _cuda_checks

    with open_session(labels, mask) as session:
        given = _cuda_checks.labels_of(session, labels)
        own, out = session.new_result(given.shape, np.int32)
        keep = None if mask is None else _cuda_checks.mask_of(session, mask, given.shape)
        _cuda_checks.copy_labels(session, given, keep, out)
        connect(out, min_size, n_segments, session=session)
        return session.result(own)


def connect(
    labels: NDArray[np.int32],
    min_size: int,
    n_segments: int | None = None,
    colours: NDArray[np.float32] | None = None,
    scale: float = 1.0,
    *,
    session: Any = None,
    bands: Bands = ONE_BAND,
    steps: tuple[float, ...] | None = None,
) -> int:
    """Do the work of `enforce_connectivity` in place, without its checks.

    Parameters
    ----------
    labels : int32 ndarray of shape (height, width) or (depth, height, width), C-contiguous
        Any labels, negative outside the mask; overwritten by the new ones.

    min_size : int
        Regions of fewer pixels join a neighbour.

    n_segments : int or None, default=None
        How many regions there are to be; None: as many as there are.

    colours : float32 ndarray of shape (n_labels, n_channels) or None, default=None
        Of each label. A region that has an eighth of `min_size` then joins the neighbour of the
        greatest length of border over ``scale + distance of colours``.

    scale : float, default=1.0
        A distance of colours.

    session : Session or None, default=None
        Of `kernels._device`: labels and colours are device arrays, and the work is done on the GPU,
        with the same labels.

    bands : Bands, default=ONE_BAND
        Threads.

    steps : tuple of two or three floats or None, default=None
        Distances of neighbouring samples, one an axis; None is 1 each.

    Returns
    -------
    n : int
        How many regions there are now.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.connectivity import connect
    >>> labels = np.array([[5, 5, 9, 5]], np.int32)
    >>> connect(labels, 0), labels
    (3, array([[0, 0, 1, 2]], dtype=int32))
    """
    if session is not None:
        from . import _cuda

        return _cuda.connect(session, labels, min_size, n_segments, colours, scale)
    if min(min_size, labels.size) > 1:
        settle(labels, bands)
    runs, sizes, values_of = components(labels, bands)
    target, looks = (min_size, n_segments), (colours, scale)
    numbers, n = join_components(
        sizes, values_of, labels.size, target, looks, lambda small: borders_of(runs, small)
    )
    write_labels(runs, numbers, labels, bands)
    if n_segments is not None and 0 < n < n_segments:
        sizes = np.bincount(labels.ravel() + 1, minlength=n + 1)[1:]
        n = min(n_segments, int(sizes.sum()))
        _split.split_largest(labels, (1.0,) * labels.ndim if steps is None else steps, sizes, n)
    return n
