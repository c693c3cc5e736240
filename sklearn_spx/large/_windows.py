"""Windows that an image of any size is seen through by filters and nets.

What they give depends, in its last digits, on the size of what they are shown. So windows are the
same for one image whatever the blocks: squares of `CORE` pixels of the whole image, each seen with
as many pixels around as matter.
"""

import os
from itertools import product

import numpy as np

from ._journal import opened
from ._source import as_source

CORE = 1024  # pixels of a window's side
_UNIT = 16  # windows start at multiples of it, as strides of nets and filters divide it


def cores(shape):
    """The windows without what is seen around, boxes (first row, stop, first column, stop)."""
    height, width = shape[:2]
    return [
        (top, min(top + CORE, height), first, min(first + CORE, width))
        for top, first in product(range(0, height, CORE), range(0, width, CORE))
    ]


def write_windows(image, phase, n_planes, reach, task, more, folder):
    """Write planes of an image to a file, and return them as a source of windows.

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
    boxes = cores(image.shape)
    path = os.path.join(folder, f"{phase}.npy")
    out = opened(path, np.float32, (height, width, n_planes), journal, phase)
    left = [k for k in range(len(boxes)) if journal.get(phase, k) is None]
    engine.add_phase(len(boxes))
    engine.bar.update(len(boxes) - len(left))

    def arguments(k):
        outer = image.around(boxes[k], margin)
        return (*image.part(outer), *more, outer, boxes[k])

    for k, (values,) in engine.each(phase, task, arguments, left, keep=False):
        top, bottom, first, stop = boxes[k]
        out[top:bottom, first:stop] = values
        out.flush()
        journal.put(phase, k, ())
        engine.bar.update()
    return as_source(np.lib.format.open_memmap(path, "r"))
