"""A U-Net that starts at half size: maps of an image at full detail for few operations.

The image goes in as blocks of 2 x 2 pixels and the maps come out the same way, so that no
convolution runs at full size and yet none of its detail is lost. Four levels (1/2 to 1/16) of
residual blocks see what a boundary is; lateral sums bring it back to where it is.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from .strips import by_strips, parted_map, rows_of, scaled, strip_rows

__all__ = ["CompactUNet"]

_MARGIN = 8  # pixels mirrored around the image, so that its border is no edge
_STRIP = 2**18  # about how many pixels of an image a strip has: no more make it faster


class CompactUNet(nn.Module):
    """Maps of an image, one value a pixel, by a small U-Net.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the image.

    n_maps : int, default=2
        Maps to compute.

    widths : tuple of int, default=(24, 48, 96, 128)
        Channels at 1/2, 1/4, 1/8, ... of the size, two or more.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.compact_unet import CompactUNet
    >>> net = CompactUNet(n_channels=1, n_maps=5, widths=(4, 4, 4, 4)).eval()
    >>> net.maps(torch.zeros(1, 1, 13, 7)).shape
    torch.Size([1, 5, 13, 7])
    """

    def __init__(
        self, n_channels: int = 3, n_maps: int = 2, widths: tuple[int, ...] = (24, 48, 96, 128)
    ) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.n_maps = n_maps
        self.widths = tuple(widths)
        self.normalize = nn.BatchNorm2d(n_channels, affine=False)
        self.stem = _Convolution(4 * n_channels, widths[0])
        self.entry = _Convolution(widths[0], widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(_Convolution(a, b, stride=2), _Residual(b), _Residual(b))
            for a, b in pairwise(widths)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_Residual(a) for a in widths[:-1])
        self.head = nn.Conv2d(widths[0], 4 * n_maps, 3, padding=1)

    @property
    def reach(self) -> int:
        """How many pixels away a pixel may be that a map depends on.

        Two convolutions at half the size, five at each coarser level on the way down; on the way up
        two, and a cell of the level below; one before the end.
        """
        n = len(self.widths)
        down = 2 * 2 + sum(5 * 2 ** (level + 1) for level in range(1, n))
        up = sum(2 ** (level + 2) + 2 * 2 ** (level + 1) for level in range(n - 1))
        return down + up + 2 + 1

    def maps(self, images: torch.Tensor) -> torch.Tensor:
        """Compute the maps.

        Parameters
        ----------
        images : tensor of shape (n, n_channels, height, width)
            Of any size.

        Returns
        -------
        maps : tensor of shape (n, n_maps, height, width)
            Any real numbers.
        """
        margin, rows, columns = self._surround(images.shape[2:])
        each = None if self.training else strip_rows(_STRIP // 4, len(columns) // 2)
        strips = self._strips(lambda rows: images[:, :, rows], rows, columns, each)
        x = next(strips) if each is None else torch.cat(list(strips), 2)
        height, width = images.shape[2:]
        return x[:, :, margin : margin + height, margin : margin + width]

    def strips(
        self, take: Callable[[torch.Tensor], torch.Tensor], shape: Sequence[int]
    ) -> Iterator[torch.Tensor]:
        """Compute the maps by strips of rows, from the top: a large image takes less memory.

        Each level is computed strip by strip, with as many rows beside a strip as its
        convolutions reach. In training, and for a gradient, there is one strip.

        Parameters
        ----------
        take : callable
            Given numbers of rows, an int64 tensor on the CPU in which some come twice, returns
            these rows of the images, (n, n_channels, n_rows, width).

        shape : sequence of two int
            Height and width of the images.

        Yields
        ------
        maps : tensor of shape (n, n_maps, n_rows, width)
            The next rows.
        """
        margin, rows, columns = self._surround(shape)
        each = None if self.training else strip_rows(_STRIP // 4, len(columns) // 2)
        row = -margin
        for strip in self._strips(take, rows, columns, each):
            low, high = max(-row, 0), max(shape[0] - row, 0)
            row += strip.shape[2]
            here = strip[:, :, low:high, margin : margin + shape[1]]
            if here.shape[2]:
                yield here

    def _surround(self, shape):
        """The margin, and the rows and columns to take, mirrored at the image's sides."""
        margin = 0 if self.training else _MARGIN  # crops have no border that is the image's
        rows, columns = (_mirrored(size, margin, 2 ** len(self.widths)) for size in shape)
        return margin, rows, columns

    def _strips(self, take, rows, columns, each):
        """Yield the maps with their margins; ``each`` is of rows at half the size."""
        half = len(rows) // 2

        def enter(part):
            x = take(rows[scaled(part, 2)])
            x = self.normalize(x[:, :, :, columns.to(x.device)])
            return self.entry(self.stem(F.pixel_unshuffle(x, 2)))

        levels = [parted_map(enter, half, each, reach=2)]
        for level, down in enumerate(self.down):
            descend = partial(self._descend, down, levels[-1])
            levels.append(parted_map(descend, half >> (level + 1), each, reach=5))
        descend, x = None, levels.pop()  # maps go as soon as they were used
        for level in reversed(range(1, len(self.up))):
            ascend = partial(self._ascend, level, x, levels.pop())
            x = parted_map(ascend, half >> level, each, reach=4)
        ascend = partial(self._ascend, 0, x, levels.pop())
        for strip in by_strips(ascend, half, each, reach=4):
            yield F.pixel_shuffle(strip, 2)

    @staticmethod
    def _descend(down, x, rows):
        """Rows of a level of the way down, of the map above it."""
        return down(rows_of(x, scaled(rows, 2)))

    def _ascend(self, level, x, beside, rows):
        """Rows of a level of the way up, of the map below it and the one beside it."""
        x = self.lateral[level](rows_of(x, scaled(rows, 0.5), last=True))
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = self.up[level](x + rows_of(beside, rows, last=True))
        return x if level else self.head(x)


class _Residual(nn.Module):
    """relu(x + two convolutions of it)."""

    def __init__(self, channels):
        super().__init__()
        self.first = _Convolution(channels, channels)
        self.second = _Convolution(channels, channels, activation=False)
        nn.init.zeros_(self.second[1].weight)  # starts as the identity

    def forward(self, x):
        return F.relu(x + self.second(self.first(x)), inplace=True)


class _Convolution(nn.Sequential):
    """A convolution, batch normalisation, which a trained net does by its weights, and ReLU."""

    def __init__(self, n_in, n_out, stride=1, activation=True):
        super().__init__(
            nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(n_out)
        )
        self._activation = activation

    def forward(self, x):
        convolution, norm = self
        if self.training:
            y = norm(convolution(x))
        else:
            scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
            weight = convolution.weight * scale[:, None, None, None]
            bias = norm.bias - norm.running_mean * scale
            y = F.conv2d(x, weight, bias, convolution.stride, convolution.padding)
        return F.relu(y, inplace=True) if self._activation else y


def _mirrored(size, margin, stride):
    """Indices of an axis mirrored around it, on to the next whole multiple of the stride.

    They are ... 1 0 | 0 1 ... size-1 | size-1 ..., for any size at all.
    """
    total = -(-(size + 2 * margin) // stride) * stride
    index = torch.arange(-margin, total - margin) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)
