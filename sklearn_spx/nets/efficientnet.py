"""EfficientNet-Lite: maps of an RGB image at 1/2 to 1/16 of its size, or to 1/32.

A stem convolution and inverted residual blocks (Tan, Le, "EfficientNet: Rethinking Model Scaling
for Convolutional Neural Networks", ICML 2019; the Lite variants have ReLU6 and no
squeeze-and-excitation). Batch normalisation is folded into the convolutions.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .pointwise import pointwise
from .strips import RecomputedMap, floats, rows_of, scaled, strip_rows, whole_map

__all__ = ["EfficientNetLite0", "EfficientNetLite2"]

# of each stage: blocks, kernel, stride of the first block, expansion, output channels
_LITE0 = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
)
# 1.1 times as wide, to multiples of 8, and 1.2 times as deep but for the first and last stage
_LITE2 = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)
_STRIP = 2**14  # about how many cells of a map are computed at once; of the finest four times that


class _EfficientNetLite(nn.Module):
    """Images in, a map of each stage out."""

    _stages: tuple[tuple[int, ...], ...]
    strides: tuple[int, ...]

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2)
        self._blocks = [
            (kernel, stride if i == 0 else 1, expansion, channels, i == n - 1)
            for n, kernel, stride, expansion, channels in self._stages
            for i in range(n)
        ]
        before = 32
        for i, (kernel, stride, expansion, after, _) in enumerate(self._blocks):
            setattr(self, f"b{i}", _Block(before, after, kernel, stride, expansion))
            before = after

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the maps.

        Parameters
        ----------
        images : tensor (n, 3, height, width)
            RGB from 0 to 255.

        Returns
        -------
        maps : list of tensor (n, channels, rows, columns)
            From fine to coarse, on the grids that ``strides`` and ``origins`` give.
        """
        return self._maps(images, keep=True)

    def frugal(self, images: torch.Tensor) -> list[Any]:
        """Return what ``forward`` does; of a large image the finest map is not kept.

        Parameters
        ----------
        images : tensor (n, 3, height, width)
            RGB from 0 to 255, of any dtype.

        Returns
        -------
        maps : list of tensor (n, channels, rows, columns)
            The first may be a map for ``strips.rows_of``, whose rows are computed as they are asked
            for: little work, and it would be the largest of all that is kept.
        """
        return self._maps(images, keep=False)

    def _maps(self, images, keep):
        (height, width), unit = images.shape[-2:], self.strides[-1]
        right, below = -width % unit, -height % unit

        def begin(rows):
            x = _rows_below(images, scaled(rows, 2), right, below) / 127.5 - 1
            return self.b0(F.relu6(_same(self.stem, x), inplace=True))

        shape = [(height + below) // 2, (width + right) // 2]
        each = strip_rows(4 * _STRIP, shape[1])
        if keep or each is None or each >= shape[0]:
            x = whole_map(begin, shape[0], each, reach=2)
        else:
            x = RecomputedMap(begin, (len(images), self.channels[0], *shape), reach=2)
        maps = [x]
        for i, (kernel, stride, _, _, is_last) in enumerate(self._blocks[1:], 1):
            block = getattr(self, f"b{i}")

            def further(rows, x=x, block=block, stride=stride):
                return block(rows_of(x, scaled(rows, stride)))

            shape = [n // stride for n in x.shape[2:]]
            x = _in_strips(further, shape, kernel // 2, _STRIP)
            if is_last:
                maps.append(x)
        return maps


class EfficientNetLite0(_EfficientNetLite):
    """The smallest, up to stage 5, as a module: images in, a list of five maps out.

    Images are RGB, 0 to 255, shape (n, 3, height, width). They are extended at the lower and
    right border to a multiple of 16, so that the grids of all maps lie alike whatever the size.

    Attributes
    ----------
    channels : tuple of int
        Channels of the maps.

    strides : tuple of int
        Pixels between neighbouring cells of each map.

    origins : tuple of float
        Pixel, in both directions, on which cell (0, 0) of each map is centred.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.efficientnet import EfficientNetLite0
    >>> maps = EfficientNetLite0()(torch.zeros(1, 3, 40, 50))
    >>> [tuple(m.shape[1:]) for m in maps]
    [(16, 24, 32), (24, 12, 16), (40, 6, 8), (80, 3, 4), (112, 3, 4)]
    """

    _stages = _LITE0
    channels = (16, 24, 40, 80, 112)
    strides = (2, 4, 8, 16, 16)
    # where the trained maps agree best with annotated borders; their kernels are centred on
    # stride - 1, but what they respond to lies before it
    origins = (0.25, 2.0, 3.0, 10.0, 10.0)


class EfficientNetLite2(_EfficientNetLite):
    """A larger one, all its stages, as a module: images in, a list of seven maps out.

    Images are RGB, 0 to 255, shape (n, 3, height, width). They are extended at the lower and
    right border to a multiple of 32.

    Attributes
    ----------
    channels, strides, origins : tuple
        As of :class:`EfficientNetLite0`.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.efficientnet import EfficientNetLite2
    >>> maps = EfficientNetLite2()(torch.zeros(1, 3, 40, 50))
    >>> [tuple(m.shape[1:]) for m in maps][-2:]
    [(208, 2, 2), (352, 2, 2)]
    """

    _stages = _LITE2
    channels = (16, 24, 48, 88, 120, 208, 352)
    strides = (2, 4, 8, 16, 16, 32, 32)
    origins = (0.25, 2.0, 3.0, 10.0, 10.0, 22.0, 22.0)


class _Block(nn.Module):
    """Expand by 1x1, filter each channel by itself, project by 1x1; add the input if it fits."""

    def __init__(self, before, after, kernel, stride, expansion):
        super().__init__()
        wide = before * expansion
        if expansion > 1:
            self.expand = nn.Conv2d(before, wide, 1)
        self.dw = nn.Conv2d(wide, wide, kernel, stride, groups=wide)
        self.project = nn.Conv2d(wide, after, 1)
        self.adds = stride == 1 and before == after

    def forward(self, x):
        y = F.relu6(pointwise(self.expand, x), inplace=True) if hasattr(self, "expand") else x
        y = pointwise(self.project, F.relu6(_same(self.dw, y), inplace=True))
        return x + y if self.adds else y


def _rows_below(images, rows, right, below):
    """Rows, a slice, of images extended by so many columns and rows, as floats.

    Nothing is made of all rows.
    """
    if rows == slice(None):
        return F.pad(floats(images), (0, right, 0, below), mode="replicate")
    last = images.shape[2] - 1
    top, more = min(rows.start, last), max(rows.stop - 1 - last, 0)
    x = F.pad(floats(images[:, :, top : rows.stop]), (0, right, 0, more), mode="replicate")
    return x[:, :, rows.start - top :]


def _in_strips(compute, shape, reach, cells):
    height, width = shape
    return whole_map(compute, height, strip_rows(cells, width), reach)


def _same(conv, x):
    """Convolve with TensorFlow's "same" padding: an odd row or column goes to the far side."""
    (kernel, _), (stride, _) = conv.kernel_size, conv.stride
    weight, near = conv.weight, kernel // 2
    if stride == 2:  # sizes are even; a leading zero in the kernel is cheaper than padded maps
        weight, near = F.pad(weight, (1, 0, 1, 0)), (kernel - 1) // 2
    return F.conv2d(x, weight, conv.bias, stride, near, 1, conv.groups)
