"""What is computed in the process beside the server: plain arrays in, plain arrays out.

``tell`` is called with what is being done, and the share that is done or None.
"""

import numpy as np

from ..inspection.draw import as_rgb
from ..interactive import learn_classes, segment
from ..kernels import slic
from .document import UNKNOWN
from .export import make_files

__all__ = ["export", "segment", "split", "train"]


def split(tell, image, inside, n_pieces):
    """Return superpixels of a part of an image, -1 around it."""
    tell("splitting", None)
    return slic(as_rgb(image, mask=inside), n_pieces, mask=inside)


def train(tell, marked, unmarked):
    """Learn the classes of regions; return (classes, certainty) of every image, uint8.

    ``marked`` and ``unmarked`` are lists of (image, regions) and, of the marked, classes.
    """
    pairs = [(image, regions) for image, regions, _ in marked]
    targets = [np.where(c == UNKNOWN, -1, c.astype(np.int32)) for _, _, c in marked]
    return [
        (np.where(classes < 0, UNKNOWN, classes).astype(np.uint8), _as_byte(certainty))
        for classes, certainty in learn_classes(tell, pairs, targets, unmarked)
    ]


def _as_byte(share):
    return np.rint(255 * share).astype(np.uint8)


def export(tell, kind, items, file_names, classes):
    """Return files, and what has to be told about them."""
    tell("making files", None)
    return make_files(kind, items, file_names, classes)
