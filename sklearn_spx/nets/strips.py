"""Maps of large images, computed by strips of rows: what is between takes less memory."""

import torch


def strip_rows(cells, width):
    """How many rows of a map of this width have about so many cells, an even number; or None.

    None is all rows at once: what a gradient or a trace needs, as a trace is of images of any size.
    """
    if torch.is_grad_enabled() or torch.jit.is_tracing():
        return None
    return max(cells // width // 2 * 2, 8)


def by_strips(compute, size, each, reach):
    """Yield ``compute(rows)`` by strips of ``each`` of ``size`` rows, or of all at once, for None.

    ``rows`` is a slice. What lies ``reach`` or more from where the image was cut is right; the rest
    is computed with a strip and left out.
    """
    if each is None:
        yield compute(slice(None))
        return
    for first in range(0, size, each):
        last = min(first + each, size)
        low, high = max(first - reach, 0), min(last + reach, size)
        yield compute(slice(low, high))[:, :, first - low : last - low]


def scaled(rows, factor):
    """The rows, a slice, of a map that is ``factor`` times as high."""
    if rows == slice(None):
        return rows
    return slice(int(rows.start * factor), int(rows.stop * factor))


def whole_map(compute, size, each, reach, out=None):
    """What :func:`by_strips` yields as one map.

    It is one piece of memory: strips that stay would lie in between those that go, and so keep
    these from being given back. ``out`` may be written to in its place, also where strips are
    computed from it, if ``reach`` is 0.
    """
    if each is None or each >= size:
        return compute(slice(None))
    whole, first = out, 0
    for strip in by_strips(compute, size, each, reach):
        if whole is None:
            last = strip.is_contiguous(memory_format=torch.channels_last)
            whole = torch.empty(
                (*strip.shape[:2], size, strip.shape[3]),
                dtype=strip.dtype,
                device=strip.device,
                memory_format=torch.channels_last if last else torch.contiguous_format,
            )
        whole[:, :, first : first + strip.shape[2]] = strip
        first += strip.shape[2]
    return whole
