"""A compact net for the affinities of pixels: both directions from one pass of a small U-Net."""

import torch
from torch import nn

from .compact_unet import CompactUNet

__all__ = ["CompactAffinityNet"]


class CompactAffinityNet(CompactUNet):
    """Affinities of each pixel to its right and lower neighbour, by a small U-Net.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the image.

    widths : tuple of int, default=(24, 48, 96, 128)
        Channels at 1/2, 1/4, 1/8, ... of the size.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.seal_compact import CompactAffinityNet
    >>> net = CompactAffinityNet(n_channels=1, widths=(4, 4, 4, 4)).eval()
    >>> net(torch.zeros(1, 1, 13, 7)).shape
    torch.Size([1, 2, 13, 7])
    """

    def __init__(self, n_channels: int = 3, widths: tuple[int, ...] = (24, 48, 96, 128)) -> None:
        super().__init__(n_channels, 2, widths)
        nn.init.constant_(self.head.bias, 3.0)  # neighbours are mostly alike

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Return the affinities before the sigmoid, for a loss.

        Parameters
        ----------
        images : tensor of shape (n, n_channels, height, width)
            See ``forward``.

        Returns
        -------
        logits : tensor of shape (n, 2, height, width)
            In the order of ``forward``.
        """
        return self.maps(images)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the affinities.

        Parameters
        ----------
        images : tensor of shape (n, n_channels, height, width)
            Colours in [0, 1].

        Returns
        -------
        affinities : tensor of shape (n, 2, height, width)
            In (0, 1): [:, 0] to the right neighbour, [:, 1] to the lower one. The last column
            of the one and the last row of the other mean nothing.
        """
        return torch.sigmoid(self.logits(images))
