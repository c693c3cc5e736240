"""Which page of a TIFF, or frame of an animation, is meant."""

from numbers import Integral

import numpy as np


def check_page(page):
    """Raise unless ``page`` is None, an integer or "all"."""
    if page is None or page == "all":
        return
    if isinstance(page, bool) or not isinstance(page, Integral):
        raise TypeError(f'page must be None, an integer or "all", got {page!r}')


def chosen_pages(page, n_pages, what):
    """Return the indices of the pages that ``page`` chooses out of ``n_pages``."""
    if page == "all":
        return list(range(n_pages))
    if page is None:
        if n_pages == 1:
            return [0]
        raise ValueError(
            f"holds {n_pages} {what}s; choose one by page=0 to page={n_pages - 1}, "
            'or all of them by page="all"'
        )
    if not -n_pages <= page < n_pages:
        raise ValueError(f"holds {n_pages} {what}s, there is no page={page}")
    return [page % n_pages]


def stacked(arrays, what):
    """Return arrays of one shape and dtype as one."""
    for k, array in enumerate(arrays):
        if (array.shape, array.dtype) != (arrays[0].shape, arrays[0].dtype):
            raise ValueError(
                f"{what} 0 has shape {arrays[0].shape} and dtype {arrays[0].dtype}, {what} {k} "
                f'{array.shape} and {array.dtype}; page="all" needs them alike, choose one'
            )
    return np.stack(arrays)
