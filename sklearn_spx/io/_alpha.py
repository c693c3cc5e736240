"""Transparency is dropped where there is none, and refused otherwise."""

import numpy as np


class TransparentError(ValueError):
    """Some pixels are transparent: the image without its last channel, and that channel."""

    def __init__(self, message, rest, alpha):
        super().__init__(message)
        self.rest = rest
        self.alpha = alpha


def without_alpha(array, paste):
    """Return ``array`` (height, width, channels) without its last channel, which must be opaque.

    ``paste`` is the line that the message offers.
    """
    alpha, rest = array[:, :, -1], array[:, :, :-1]
    rest = rest[:, :, 0] if rest.shape[2] == 1 else rest
    clear = int((alpha != opaque(alpha.dtype)).sum())
    if clear:
        raise TransparentError(
            f"has an alpha channel, by which {clear} of {alpha.size} pixels are transparent; "
            f"say what lies behind them: {paste}",
            rest,
            alpha,
        )
    return rest


def opaque(dtype):
    """Return the value of an alpha channel where nothing shines through."""
    return 1 if dtype.kind == "f" else np.iinfo(dtype).max
