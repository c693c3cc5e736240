"""How far a net sees: whatever depends on a pixel that is not a number is none itself."""

import torch

_ACROSS = 128  # pixels, the other way
_SIDES = (512, 1024, 2048, 4096)  # of the images that are tried


def reach_of(trunk):
    """How many pixels away a pixel may be that a cell of a trunk's maps depends on.

    One column of an image is not a number; cells that are none then have seen it. The same of one
    row. A cell counts as its whole square of pixels.

    Parameters
    ----------
    trunk : callable
        A tensor (1, 3, height, width) to a list of maps (1, channels, rows, columns), each of the
        whole image.

    Returns
    -------
    reach : int or None
        None: farther than can be found out, as where anything depends on the whole image.
    """
    both = [_along(trunk, axis) for axis in (2, 3)]
    return None if None in both else max(both)


def _along(trunk, axis):
    for side in _SIDES:
        shape = [1, 3, _ACROSS, _ACROSS]
        shape[axis] = side
        image, middle = torch.zeros(shape), side // 2
        image.select(axis, middle).fill_(torch.nan)
        with torch.inference_mode():
            seen = [maps.isnan().any(1)[0].any(3 - axis) for maps in trunk(image)]
        if not any(bool(cells[[0, -1]].any()) for cells in seen):
            return max(_farthest(cells, middle, side / len(cells)) for cells in seen)
    return None


def _farthest(cells, middle, stride):
    found = cells.nonzero().flatten()
    if not len(found):
        return 0
    first, end = int(found[0]) * stride, (int(found[-1]) + 1) * stride
    return int(max(middle - first, end - middle))
