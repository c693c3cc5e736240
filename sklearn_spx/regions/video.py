"""Regions that keep their labels from frame to frame.

    frame before, its labels -> motion -> labels moved -> start of this frame's superpixels
    labels moved, this frame's superpixels -> overlap -> the label of each, or a new one

Superpixels that can start from others (:class:`~sklearn_spx.base.StartingSegmenter`) start from
those of the frame before, moved along: SLIC's centres in their middle, entropy rate superpixels by
favouring their borders. So they follow what they cover. Whatever segments, a region keeps the label
of the one that it overlaps most, if that one has no better successor.
"""

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..base import ImageSegmenter, StartingSegmenter
from ..kernels.checks import as_labels, check_not_masked, check_real
from ..kernels.compilation import njit
from ..kernels.flow import as_flow, move_labels, shared_pixels
from ..kernels.region_statistics import number_regions
from ..utils.images import check_sequence

__all__ = ["frame_shift", "segment_frames"]

_REGULARITY = 0.5  # least of entropy rate superpixels that follow others
_FEWER = 5  # of the iterations of clusters that follow others
_REACH = 0.25  # of a side: shifts that are looked for


def segment_frames(
    estimator: Any,
    frames: Iterable[Any],
    *,
    motion: Literal["shift"] | Callable[[Any, Any], Any] | None = "shift",
    min_overlap: float = 0.3,
) -> Iterator[NDArray[np.int32]]:
    """Segment the frames of a video, with labels that stay with what they cover.

    Parameters
    ----------
    estimator : estimator
        Fitted, or pretrained. Those of this package, or whatever has ``transform`` for a list of
        images to a list of label images, of any numbers and below 0 for none. After the first
        frame, clustering (SLICSuperpixels, TrainableSLIC) runs a fifth of its ``max_iter``, as it
        starts near the end; and with entropy rate superpixels (ERSSuperpixels, SEALSuperpixels)
        ``regularity`` is 0.5 at the least, unless it is 0.

    frames : iterable of arrays (height, width) or (height, width, channels)
        In order, all of one shape; read one at a time.

    motion : "shift", callable or None, default="shift"
        How pixels move from a frame to the next. "shift": all alike, see :func:`frame_shift`.
        None: not at all. A callable gets the frame before and this one, and returns the optical
        flow of the frame before: an array (2, height, width), or (2, 1, 1) for a shift, of rows
        and columns that each pixel moves by, as :func:`skimage.registration.optical_flow_tvl1`
        gives it for the two frames in this order. Of what is NaN nothing is known.

    min_overlap : float, default=0.3
        A region keeps a label if it shares this part of its pixels, or more, with the region of
        the frame before that had it, moved.

    Returns
    -------
    label_images : iterator of int32 arrays (height, width)
        One a frame, as soon as it is segmented. A region that is new gets the next number that
        was never used, so numbers have gaps as regions go; each is one region of the frame, and
        below 0 are the pixels that the estimator left out.

    Raises
    ------
    ValueError, TypeError
        If a frame, or what the estimator or ``motion`` returns for it, cannot be used; the message
        names it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> from sklearn_spx.regions import segment_frames
    >>> scene = make_dead_leaves(1, random_state=0).images[0]
    >>> frames = [scene[:, 3 * t : 3 * t + 150] for t in range(3)]
    >>> first, _, last = segment_frames(SLICSuperpixels(60).fit(frames), frames)
    >>> bool((first[:, 6:] == last[:, :-6]).mean() > 0.8)
    True
    """
    if check_real(min_overlap, "min_overlap", 0) > 1:
        raise ValueError(f"min_overlap must be at most 1, got {min_overlap}")
    if not (motion is None or motion == "shift" or callable(motion)):
        raise ValueError(f'motion must be "shift", a callable or None, got {motion!r}')
    if isinstance(frames, (str, bytes, os.PathLike)):
        raise TypeError(
            f"frames is a path, {os.fspath(frames)!r}; pass its frames, as imageio.v3.imiter(path)"
        )
    if hasattr(frames, "ndim") and hasattr(frames, "shape"):
        check_sequence(frames, "frames", "image")  # one image would be read as frames of a row
    if isinstance(estimator, ImageSegmenter) and estimator._n_axes == 3:
        raise ValueError(
            f"frames are images, and spacing={estimator.spacing!r} is that of volumes: give "
            "(y, x), or None"
        )
    following = None
    if isinstance(estimator, StartingSegmenter):
        estimator._prepare()  # reads what is pretrained
        following = None if estimator._start_means_nothing() else _follower(estimator)
    return _each(following, estimator, frames, motion, min_overlap)


def _each(following, estimator, frames, motion, min_overlap):
    """The label images; ``following`` is the estimator that starts from others, or None."""
    before, found, ids, n_ids = None, None, None, 0
    profiles = None  # of the frame before, each worked out once
    for t, frame in enumerate(frames):
        check_not_masked(frame, f"frames[{t}]", "its data: frames have no masks")
        frame = np.asarray(frame)
        if before is not None and frame.shape != before.shape:
            raise ValueError(
                f"frames[{t}] has shape {frame.shape}, those before have {before.shape}"
            )
        if before is None:
            found = _segment(estimator, frame, t)
            profiles = _profiles(frame) if motion == "shift" else None
            ids = np.arange(int(found.max(initial=-1)) + 1, dtype=np.int32)
            n_ids = len(ids)
        else:
            if motion == "shift":
                passed, profiles = profiles, _profiles(frame)
                moved = _moved(found, np.reshape(_shift(passed, profiles), (2, 1, 1)), t)
            else:
                moved = found if motion is None else _moved(found, motion(before, frame), t)
            if following is None:
                found = _segment(estimator, frame, t)
            else:
                found = _segment(following, frame, t, moved)
            ids, n_ids = _successors(moved, found, ids, n_ids, min_overlap)
        before = frame
        yield np.take(np.append(ids, np.int32(-1)), found, mode="wrap")  # -1 is the last


def _follower(estimator):
    """The estimator of the frames after the first."""
    follower, names = copy.copy(estimator), estimator.get_params(deep=False)
    if "max_iter" in names:
        follower.set_params(max_iter=max(1, estimator.max_iter // _FEWER))
    if "regularity" in names:
        own = _REGULARITY if estimator.regularity is None else estimator.regularity
        follower.set_params(regularity=max(own, _REGULARITY))
    return follower


def _segment(estimator, frame, t, start=None):
    """Labels 0 .. n - 1 of a frame, -1 outside."""
    try:
        if isinstance(estimator, StartingSegmenter):
            return estimator._segment_prepared(frame, t, start)
        found = estimator.transform([frame])[0]
    except (ValueError, TypeError) as error:
        name = f"X[{t if isinstance(estimator, StartingSegmenter) else 0}]"
        raise type(error)(str(error).replace(name, f"frames[{t}]")) from error
    if found is None:
        raise ValueError(f"frames[{t}] could not be segmented")
    if isinstance(estimator, ImageSegmenter):
        return found
    name = f"what {type(estimator).__name__} returns for frames[{t}]"
    return number_regions(as_labels(found, name, frame.shape[:2]))[0]


# --- motion -----------------------------------------------------------------------------------


def frame_shift(before: Any, after: Any) -> tuple[int, int]:
    """How far a picture moved from one frame to the next, all of it alike.

    The sums of rows, and those of columns, of the one frame are compared with those of the other
    at all shifts up to a quarter of the side; the least mean square of the differences of
    neighbouring sums wins, and the least shift where several do.

    Parameters
    ----------
    before, after : arrays of shape (height, width) or (height, width, channels)
        The two frames, of one shape; NaN counts as 0.

    Returns
    -------
    rows, columns : int
        By which what is seen moved down and to the right.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> from skimage.data import camera
    >>> from sklearn_spx.regions import frame_shift
    >>> image = camera()
    >>> frame_shift(image[:400, :400], image[5:405, 2:402])
    (-5, -2)
    """
    before, after = np.asarray(before), np.asarray(after)
    if before.shape != after.shape or before.ndim not in (2, 3) or not before.size:
        raise ValueError(
            f"frames have shapes {before.shape} and {after.shape}; accepted are two of one shape, "
            "(height, width) or (height, width, channels), and not empty"
        )
    return _shift(_profiles(before), _profiles(after))


def _shift(before, after):
    rows, columns = map(_profile_shift, before, after)
    return rows, columns


def _profiles(frame):
    """Differences of neighbouring sums of rows, and of columns.

    So that light which changes everywhere falls out.
    """
    if frame.dtype.kind not in "buif":
        raise TypeError(f"a frame has dtype {frame.dtype}; accepted are real numbers")
    height, width = frame.shape[:2]
    # sums of 64-bit integers of pixels are exact, and fast, up to 32 bits
    exact = frame.dtype.kind in "bui" and frame.dtype.itemsize < 8
    dtype = frame.dtype.newbyteorder("=") if exact else np.float64
    flat = np.ascontiguousarray(frame, dtype).reshape(height, -1)
    sums = np.int64 if exact else np.float64
    rows, columns = np.zeros(height, sums), np.zeros(flat.shape[1], sums)
    _sum_lines(flat, rows, columns)
    columns = columns.reshape(width, -1).sum(axis=1)
    return np.diff(rows.astype(np.float64)), np.diff(columns.astype(np.float64))


@njit
def _sum_lines(frame, rows, columns):
    """Sums of rows and of columns, of what is finite. rows, columns : INOUT, zeros."""
    for y in range(frame.shape[0]):
        total = rows[y]
        for x in range(frame.shape[1]):
            value = columns.dtype.type(frame[y, x])
            if not np.isfinite(value):
                value = columns.dtype.type(0)
            total += value
            columns[x] += value
        rows[y] = total


def _profile_shift(before, after):
    """The shift of least mean square of the differences, of all up to a quarter of the side."""
    n, reach = len(before), int(_REACH * (len(before) + 1))
    if n == 0:
        return 0
    shifts = np.arange(-reach, reach + 1)
    shifts = shifts[np.argsort(np.abs(shifts), kind="stable")]
    energy = [np.append(0.0, np.cumsum(profile**2)) for profile in (before, after)]
    low, high = np.maximum(-shifts, 0), n - np.maximum(shifts, 0)  # of the frame before
    squares = energy[0][high] - energy[0][low] + energy[1][high + shifts] - energy[1][low + shifts]
    products = np.correlate(after, before, "full")[n - 1 + shifts]
    errors = (squares - 2 * products) / (high - low)
    # rounded, so that of shifts that fit alike the least is taken
    least = 1e-9 * (energy[0][-1] + energy[1][-1]) / n
    return int(shifts[np.argmin(np.maximum(errors, least))])


def _moved(labels, flow, t):
    """Labels where they come to lie in the next frame; -1 where nothing does."""
    flow = as_flow(flow, labels.shape, f"the flow that motion returned for frames[{t}]")
    return move_labels(labels, flow)


# --- labels -----------------------------------------------------------------------------------


def _successors(moved, found, ids, n_ids, min_overlap):
    """The label of each region found, and how many numbers have been used by then."""
    sizes, pairs = shared_pixels(found, moved)
    region, old, shared = pairs[:, pairs[2] >= min_overlap * sizes[pairs[0]]]
    # the greatest overlap first; of equal ones, the lower region and the lower label
    order = np.lexsort((old, region, -shared))
    out = np.full(len(sizes), -1, np.int32)
    _give(region[order], old[order], ids, out)
    new = out < 0
    n_new = int(np.count_nonzero(new))
    if n_ids + n_new > np.iinfo(np.int32).max:
        raise ValueError("there are more regions than int32 has numbers: start anew")
    out[new] = np.arange(n_ids, n_ids + n_new)
    return out, n_ids + n_new


@njit(allocates=True)
def _give(region, old, ids, out):
    """Give each region the label of the first old one that no other has. out : INOUT, -1."""
    taken = np.zeros(ids.shape[0], np.bool_)
    for k in range(region.shape[0]):
        if out[region[k]] < 0 and not taken[old[k]]:
            out[region[k]] = ids[old[k]]
            taken[old[k]] = True
