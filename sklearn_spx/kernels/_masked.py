"""Masked arrays of numpy, whose masks no kernel reads."""

from typing import Any

import numpy as np

__all__ = ["check_not_masked"]


def check_not_masked(array: Any, name: str, instead: str) -> None:
    """Refuse a masked array of which something is masked, since that would be lost.

    Parameters
    ----------
    array : array-like
        Anything; only a :class:`numpy.ma.MaskedArray` is looked at.
    name : str
        What messages call it.
    instead : str
        What to pass in its place, for the message.

    Raises
    ------
    ValueError
        If a value is masked.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.checks import check_not_masked
    >>> check_not_masked(np.ma.masked_array([1, 2], mask=[False, False]), "labels", "labels.data")
    """
    if isinstance(array, np.ma.MaskedArray) and (masked := int(np.ma.getmaskarray(array).sum())):
        raise ValueError(
            f"{name} is a masked array, of which {masked} values are masked: pass {instead}"
        )
