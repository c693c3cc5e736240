"""Maps of large images, computed by strips of rows: what is between takes less memory."""

import torch

from ..utils.memory import give_back

# Bytes of memory that C libraries take from the system for one array, and give back when it goes.
# Smaller arrays lie among others, and what is between them stays.
_PART = 2**25


def floats(images):
    """Images of integers as float32, others as they are."""
    return images if images.is_floating_point() else images.float()


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
    made = 0
    for first in range(0, size, each):
        last = min(first + each, size)
        low, high = max(first - reach, 0), min(last + reach, size)
        strip = compute(slice(low, high))[:, :, first - low : last - low]
        made += strip.numel() * strip.element_size()
        yield strip
        strip = None
        if made >= 4 * _PART or last == size:
            give_back(made)
            made = 0


class PartedMap:
    """A map in parts, some rows each, of which those that were used for the last time can go.

    Parameters
    ----------
    strips : iterable of tensors (n, channels, n_rows, width)
        The map from the top.

    size : int
        Rows of the map.
    """

    def __init__(self, strips, size):
        self._size, self._parts, self._each, row = size, [], 0, 0
        for strip in strips:
            if not self._parts:
                self._each = -(-_PART // (strip[:, :, :1].numel() * strip.element_size()))
            first = 0
            while first < strip.shape[2]:
                there = row % self._each
                if there == 0:
                    self._parts.append(_empty_like(strip, min(self._each, size - row)))
                last = min(first + self._each - there, strip.shape[2])
                self._parts[-1][:, :, there : there + last - first] = strip[:, :, first:last]
                row, first = row + last - first, last

    @property
    def shape(self):
        part = self._parts[-1]
        return (*part.shape[:2], self._size, part.shape[3])

    def rows(self, rows, last):
        """The rows, a slice; what lies above them goes, if they are asked for the ``last`` time."""
        start, stop, _ = rows.indices(self._size)
        low, high = start // self._each, (stop - 1) // self._each
        if last:
            self._parts[:low] = [None] * low
        found = [
            self._parts[i][:, :, max(start - i * self._each, 0) : stop - i * self._each]
            for i in range(low, high + 1)
        ]
        if len(found) == 1:
            return found[0]
        out, row = _empty_like(found[0], stop - start), 0
        for part in found:
            out[:, :, row : row + part.shape[2]] = part
            row += part.shape[2]
        return out


class RecomputedMap:
    """A map of which only the rows that are asked for are there, computed each time.

    Parameters
    ----------
    compute : callable
        Rows, a slice, to a tensor (n, channels, n_rows, width).

    shape : tuple of four int
        Of the map.

    reach : int
        What lies so far or farther from where the rows were cut is right.
    """

    def __init__(self, compute, shape, reach):
        self._compute, self.shape, self._reach = compute, shape, reach

    def rows(self, rows, last=False):
        """The rows, a slice."""
        start, stop, _ = rows.indices(self.shape[2])
        low, high = max(start - self._reach, 0), min(stop + self._reach, self.shape[2])
        return self._compute(slice(low, high))[:, :, start - low : stop - low]


def parted_map(compute, size, each, reach):
    """What :func:`by_strips` yields as one map, for :func:`rows_of`."""
    if each is None or each >= size:
        return compute(slice(None))
    return PartedMap(by_strips(compute, size, each, reach), size)


def rows_of(x, rows, last=False):
    """The rows, a slice, of a tensor or one of the maps above; see :meth:`PartedMap.rows`."""
    return x[:, :, rows] if isinstance(x, torch.Tensor) else x.rows(rows, last)


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
            whole = _empty_like(strip, size)
        whole[:, :, first : first + strip.shape[2]] = strip
        first += strip.shape[2]
    return whole


def _empty_like(strip, n_rows):
    """An empty map of so many rows, in the layout of a strip."""
    last = strip.is_contiguous(memory_format=torch.channels_last)
    return torch.empty(
        (*strip.shape[:2], n_rows, strip.shape[3]),
        dtype=strip.dtype,
        device=strip.device,
        memory_format=torch.channels_last if last else torch.contiguous_format,
    )
