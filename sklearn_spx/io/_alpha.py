"""Transparency is dropped where there is none, and refused otherwise."""

import numpy as np


def without_alpha(array, paste):
    """Return ``array`` (height, width, channels) without its last channel, which must be opaque.

    ``paste`` is the line that the message offers.
    """
    alpha = array[:, :, -1]
    opaque = 1 if alpha.dtype.kind == "f" else np.iinfo(alpha.dtype).max
    clear = int((alpha != opaque).sum())
    if clear:
        raise ValueError(
            f"has an alpha channel, by which {clear} of {alpha.size} pixels are transparent; "
            f"say what lies behind them: {paste}"
        )
    rest = array[:, :, :-1]
    return rest[:, :, 0] if rest.shape[2] == 1 else rest
