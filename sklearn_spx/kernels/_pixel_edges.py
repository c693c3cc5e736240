"""Edges between pixels: edge ``pixel * d + k`` leads to one of d neighbours, 2 or 4."""

from .compilation import rule


@rule
def other_end(p, k, width):
    """The pixel that edge k of pixel p leads to: the right, lower, lower right, lower left one."""
    if k == 0:
        return p + 1
    return p + width + (k == 2) - (k == 3)
