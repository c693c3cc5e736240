"""Where a pixel lies on a coarse map, on the CPU and on a GPU."""

from collections import namedtuple

from ..compilation import rule

Map = namedtuple(
    "Map",
    [
        "rows",
        "columns",
        "stride",  # pixels between neighbouring cells
        "origin",  # pixel, in both directions, on which cell (0, 0) is centred
    ],
)


@rule
def cell_before(p, cells, stride, origin):
    """The cell before a pixel of a line, and the share of the next one."""
    place = min(max((p - origin) / stride, 0.0), cells - 1.0)
    first = min(int(place), max(cells - 2, 0))
    return first, place - first
