"""Region boundaries one pixel wide, as the boundary F measure compares them.

A pixel is on a boundary when the 2x2 block with it at its top left is not of one label; the
map is then thinned by Guo and Hall's parallel algorithm until nothing changes.

References
----------
Z. Guo, R. W. Hall, "Parallel thinning with two-subiteration algorithms", Communications of the
ACM 32, 1989.
"""

import numpy as np

from ..kernels.compilation import njit


def thin_boundaries(labels):
    """Return the thinned boundary map (bool) of an int32 label image; -1 makes no boundary."""
    height, width = labels.shape
    framed = np.zeros((height + 2, width + 2), dtype=np.bool_)  # outside is background
    n = _mark_blocks(labels, framed)
    flat = framed.ravel()
    _thin(flat, width + 2, np.flatnonzero(flat), np.empty(n, dtype=np.int64))
    return framed[1:-1, 1:-1]


@njit
def _mark_blocks(labels, framed):
    """Mark the boundary pixels in ``framed`` (one pixel of frame) and return their number."""
    height, width = labels.shape
    n = 0
    for y in range(height):
        for x in range(width):
            here = labels[y, x]
            if here < 0:
                continue
            # three looks suffice: the diagonal pixel alone may differ
            right = x + 1 < width
            down = y + 1 < height
            if (
                (right and labels[y, x + 1] != here and labels[y, x + 1] >= 0)
                or (down and labels[y + 1, x] != here and labels[y + 1, x] >= 0)
                or (right and down and labels[y + 1, x + 1] != here and labels[y + 1, x + 1] >= 0)
            ):
                framed[y + 1, x + 1] = True
                n += 1
    return n


@njit
def _thin(framed, row, pixels, delete):
    """Delete pixels of ``framed`` in place, in alternating parallel passes, to convergence.

    INOUT framed, flat, in rows of ``row``, and pixels, where those left are; SCRATCH delete.
    """
    n = pixels.size
    east = True  # the pass that opens strips off north-east borders, the other off south-west
    idle = 0
    while idle < 2:
        n_delete = 0
        for i in range(n):
            p = pixels[i]
            p2, p3, p4 = framed[p - row], framed[p - row + 1], framed[p + 1]
            p5, p6, p7 = framed[p + row + 1], framed[p + row], framed[p + row - 1]
            p8, p9 = framed[p - 1], framed[p - row - 1]
            # C(P) = 1: the neighbours are one 8-connected piece
            pieces = (
                (not p2 and (p3 or p4))
                + (not p4 and (p5 or p6))
                + (not p6 and (p7 or p8))
                + (not p8 and (p9 or p2))
            )
            if pieces != 1:
                continue
            # 2 <= N(P) <= 3: neither an end of a line nor inside a blob
            neighbours = min(
                (p9 or p2) + (p3 or p4) + (p5 or p6) + (p7 or p8),
                (p2 or p3) + (p4 or p5) + (p6 or p7) + (p8 or p9),
            )
            if neighbours < 2 or neighbours > 3:
                continue
            if east:
                keep = (p2 or p3 or not p5) and p4
            else:
                keep = (p6 or p7 or not p9) and p8
            if not keep:
                delete[n_delete] = p
                n_delete += 1
        for d in range(n_delete):
            framed[delete[d]] = False
        if n_delete == 0:
            idle += 1
        else:
            idle = 0
            left = 0
            for i in range(n):
                if framed[pixels[i]]:
                    pixels[left] = pixels[i]
                    left += 1
            n = left
        east = not east
