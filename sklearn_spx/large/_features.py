"""The features that Trainable SLIC runs on, of an image of any size, window by window, on disk.

What a net or a filter gives depends, in its last digits, on the size of what it is shown. So
windows are the same for one image whatever the blocks: squares of `_CORE` pixels of the whole
image, seen with as many pixels around as the features reach.
"""

import os
from contextlib import suppress
from itertools import product

import numpy as np

from ..utils.images import check_finite
from ..utils.scale import seen
from ._source import as_source, cut_out, read

_CORE = 1024  # pixels of a window's side
_UNIT = 16  # windows start at multiples of it, as strides of nets and filters divide it
_FILE = "features.npy"


def write_features(image, estimator, survey, journal, folder):
    """Write the features along the axes, and return them as a source of windows.

    Parameters
    ----------
    image : _Whole
    estimator : TrainableSLIC
    survey : (value_range, eight_bit), what the whole image is
    journal : Journal
    folder : str or path, where the file goes
    """
    height, width = image.shape[:2]
    margin = -(-estimator.features_._reach // _UNIT) * _UNIT
    corners = list(product(range(0, height, _CORE), range(0, width, _CORE)))
    shape = height, width, estimator.axes_.shape[1]
    out = _opened(os.path.join(folder, _FILE), shape, journal)
    left = [k for k in range(len(corners)) if journal.get("features", k) is None]
    engine = image.engine
    engine.add_phase(len(corners))
    engine.bar.update(len(corners) - len(left))

    def box_of(k):
        top, first = corners[k]
        return top, min(top + _CORE, height), first, min(first + _CORE, width)

    def arguments(k):
        outer = image.around(box_of(k), margin)
        return (*image.part(outer), estimator, *survey, outer, box_of(k))

    for k, (values,) in engine.each("features", _features, arguments, left, keep=False):
        top, bottom, first, stop = box_of(k)
        out[top:bottom, first:stop] = values
        out.flush()
        journal.put("features", k, ())
        engine.bar.update()
    return as_source(np.lib.format.open_memmap(os.path.join(folder, _FILE), "r"))


def _opened(path, shape, journal):
    """The file, as it was left, or a new one where there is none that can be read."""
    with suppress(OSError, ValueError):
        found = np.lib.format.open_memmap(path, "r+")
        if found.shape == shape:
            return found
    journal.forget("features")
    return np.lib.format.open_memmap(path, "w+", np.float32, shape)


def _features(part, name, estimator, value_range, eight_bit, outer, box):
    """A task: the features of a window."""
    image = read(part)
    check_finite(image, name, way_out="put numbers in their place")
    image = seen(image, value_range, None, name, eight_bit=eight_bit)
    values = estimator._values(image, "cpu")
    return (cut_out(values, outer, box),)
