"""A U-Net that starts at half size: maps of an image at full detail for few operations.

The image goes in as blocks of 2 x 2 pixels and the maps come out the same way, so that no
convolution runs at full size and yet none of its detail is lost. Four levels (1/2 to 1/16) of
residual blocks see what a boundary is; lateral sums bring it back to where it is.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["CompactUNet"]

_MARGIN = 8  # pixels mirrored around the image, so that its border is no edge


class CompactUNet(nn.Module):
    """Maps of an image, one value a pixel, by a small U-Net.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the image.

    n_maps : int, default=2
        Maps to compute.

    widths : tuple of int, default=(24, 48, 96, 128)
        Channels at 1/2, 1/4, 1/8, ... of the size.

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
        self.stem = _convolution(4 * n_channels, widths[0])
        self.entry = _convolution(widths[0], widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(_convolution(a, b, stride=2), _Residual(b), _Residual(b))
            for a, b in pairwise(widths)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_Residual(a) for a in widths[:-1])
        self.head = nn.Conv2d(widths[0], 4 * n_maps, 3, padding=1)

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
        height, width = images.shape[2:]
        margin = 0 if self.training else _MARGIN  # crops have no border that is the image's
        x = self.normalize(_surround(images, margin, 2 ** len(self.widths)))
        levels = [self.entry(self.stem(F.pixel_unshuffle(x, 2)))]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for up, lateral in zip(reversed(self.up), reversed(self.lateral)):
            x = F.interpolate(lateral(x), scale_factor=2, mode="bilinear", align_corners=False)
            x = up(x + levels.pop())
        x = F.pixel_shuffle(self.head(x), 2)
        return x[:, :, margin : margin + height, margin : margin + width]


class _Residual(nn.Module):
    """relu(x + two convolutions of it)."""

    def __init__(self, channels):
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        nn.init.zeros_(self.second[1].weight)  # starts as the identity

    def forward(self, x):
        return F.relu(x + self.second(self.first(x)))


def _convolution(n_in, n_out, stride=1):
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )


def _surround(images, margin, stride):
    """Mirror a margin around the images, and on to the next whole multiple of the stride."""
    rows, columns = (_mirrored(size, margin, stride, images.device) for size in images.shape[2:])
    return images[:, :, rows][:, :, :, columns]


def _mirrored(size, margin, stride, device):
    """Indices of a mirrored axis: ... 1 0 | 0 1 ... size-1 | size-1 ..., any size at all."""
    total = -(-(size + 2 * margin) // stride) * stride
    index = torch.arange(-margin, total - margin, device=device) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)
