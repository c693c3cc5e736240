"""What is computed of an image window by window, on disk.

What a net or a filter gives depends, in its last digits, on the size of what it is shown. So
windows are the same for one image whatever the blocks: squares of `_CORE` pixels of the whole
image, seen with as many pixels around as the net or the filter reaches.
"""

import os
from contextlib import suppress
from itertools import product

import numpy as np

from ._source import as_source

_CORE = 1024  # pixels of a window's side
_UNIT = 16  # windows start at multiples of it, as strides of nets and filters divide it


def write_windows(image, phase, n_planes, reach, task, more, folder):
    """Write planes of an image, and return them as a source of windows.

    Parameters
    ----------
    image : Whole
    phase : str, what the journal calls them, and the file
    n_planes : int
    reach : int, how far from a pixel others matter
    task : function of the image's part, its name, ``more``, the box of the part and that of the
        window in it; returns a tuple of one array (h, w, n_planes)
    more : tuple, further arguments
    folder : str or path, where the file goes
    """
    height, width = image.shape[:2]
    engine, journal = image.engine, image.engine.journal
    margin = -(-reach // _UNIT) * _UNIT
    corners = list(product(range(0, height, _CORE), range(0, width, _CORE)))
    path = os.path.join(folder, f"{phase}.npy")
    out = open_array(path, (height, width, n_planes), np.float32, phase, journal)
    left = [k for k in range(len(corners)) if journal.get(phase, k) is None]
    engine.add_phase(len(corners))
    engine.bar.update(len(corners) - len(left))

    def box_of(k):
        top, first = corners[k]
        return top, min(top + _CORE, height), first, min(first + _CORE, width)

    def arguments(k):
        outer = image.around(box_of(k), margin)
        return (*image.part(outer), *more, outer, box_of(k))

    for k, (values,) in engine.each(phase, task, arguments, left, keep=False):
        top, bottom, first, stop = box_of(k)
        out[top:bottom, first:stop] = values
        out.flush()
        journal.put(phase, k, ())
        engine.bar.update()
    return as_source(np.lib.format.open_memmap(path, "r"))


def open_array(path, shape, dtype, phase, journal):
    """A file that holds an array, as it was left, or a new one where there is none to be read."""
    with suppress(OSError, ValueError):
        found = np.lib.format.open_memmap(path, "r+")
        if found.shape == shape and found.dtype == dtype:
            return found
    journal.forget(phase)
    return np.lib.format.open_memmap(path, "w+", dtype, shape)
