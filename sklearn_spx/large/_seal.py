"""What SEAL sees of an image of any size: affinities, and how rough it is."""

from functools import cache, partial

import numpy as np

from ..methods.seal.growth import differences_of, sharpened
from ..methods.seal.model import for_net, predict_affinities
from ..utils.images import check_finite
from ..utils.scale import seen
from ..utils.threads import one_torch_thread
from ._source import cut_out, read
from ._windows import write_windows

_DIGITS = 16  # bits of a difference that a pass over the image finds


def write_affinities(image, estimator, folder):
    """Write the affinities, as they are read, and return them as a source of windows.

    Parameters
    ----------
    image : Whole
    estimator : SEALSuperpixels
    folder : str or path, where the file goes
    """
    more = estimator, *image.survey()
    return write_windows(image, "affinities", 2, estimator.net_.reach, _affinities, more, folder)


def _affinities(part, name, estimator, value_range, eight_bit, outer, box):
    """A task: the affinities of a window."""
    image = _seen(part, name, value_range, eight_bit)
    net = estimator._net.on("cpu")
    with one_torch_thread():
        found = predict_affinities(for_net(image, estimator._net_channels), net)
    values = sharpened(found, estimator._reading()).transpose(1, 2, 0)
    return (cut_out(values, outer, box),)


def median_difference(image):
    """Median of the differences of neighbouring pixels, of all of an image.

    Differences are sums over colours, which as bits of float64 are in order. Each pass over the
    image finds sixteen more bits of the two in the middle.

    image : Whole
    """
    height, width = image.shape[:2]
    n = height * (width - 1) + (height - 1) * width
    if n == 0:
        return 0.0
    counts_of = cache(partial(_counts, image))  # the two have most of their digits in common
    return (_ranked(counts_of, (n - 1) // 2) + _ranked(counts_of, n // 2)) / 2


def _ranked(counts_of, rank):
    """The difference of that rank, from 0."""
    prefix = 0
    for shift in range(64 - _DIGITS, -1, -_DIGITS):
        counts = counts_of(prefix, shift)
        within = np.cumsum(counts)
        digit = int(np.searchsorted(within, rank, side="right"))
        rank -= int(within[digit] - counts[digit])
        prefix = (prefix << _DIGITS) | digit
    return float(np.array(prefix, np.uint64).view(np.float64))


def _counts(image, prefix, shift):
    """How many differences of the image have the digits found, by the next one."""
    engine, boxes, survey = image.engine, image.boxes, image.survey()
    height, width = image.shape[:2]
    engine.add_phase()

    def arguments(k):
        top, bottom, left, right = boxes[k]
        outer = top, min(bottom + 1, height), left, min(right + 1, width)
        return (*image.part(outer), *survey, (bottom - top, right - left), prefix, shift)

    phase = f"differences{prefix}_{shift}"
    return sum(found for _, (found,) in engine.each(phase, _count, arguments))


def _count(part, name, value_range, eight_bit, shape, prefix, shift):
    """A task: the same of a block, of its pixels to the right and lower neighbours."""
    found = differences_of(_seen(part, name, value_range, eight_bit))
    height, width = shape
    counts = np.zeros(1 << _DIGITS, np.int64)
    for values in (found[0][:height], found[1][:, :width]):
        bits = values.astype(np.float64).ravel().view(np.uint64)
        if shift < 64 - _DIGITS:
            bits = bits[bits >> np.uint64(shift + _DIGITS) == prefix]
        digits = (bits >> np.uint64(shift)) & np.uint64((1 << _DIGITS) - 1)
        counts += np.bincount(digits.astype(np.int64), minlength=1 << _DIGITS)
    return (counts,)


def _seen(part, name, value_range, eight_bit):
    image = read(part)
    check_finite(image, name, way_out="put numbers in their place")
    return seen(image, value_range, None, name, eight_bit=eight_bit)
