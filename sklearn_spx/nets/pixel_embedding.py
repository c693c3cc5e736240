"""Colour and a learned embedding of each pixel, side by side, on one scale."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import nn

from .compact_unet import CompactUNet

__all__ = ["PixelEmbeddingNet"]


class PixelEmbeddingNet(nn.Module):
    """Features for clustering: weighted colours and the maps of a small U-Net.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the image, and of its colours.

    n_components : int, default=8
        Maps of the U-Net.

    widths : tuple of int, default=(24, 48, 96, 128)
        Channels of the U-Net at 1/2, 1/4, 1/8, ... of the size.

    Attributes
    ----------
    scale : scalar tensor
        Factor of all features, set from outside: it fixes the shape of superpixels, not what they
        follow.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.pixel_embedding import PixelEmbeddingNet
    >>> net = PixelEmbeddingNet(n_channels=2, n_components=5, widths=(4, 4, 4, 4)).eval()
    >>> image = torch.zeros(1, 2, 13, 7)
    >>> net(image, image).shape
    torch.Size([1, 7, 13, 7])
    """

    def __init__(
        self,
        n_channels: int = 3,
        n_components: int = 8,
        widths: tuple[int, ...] = (24, 48, 96, 128),
    ) -> None:
        super().__init__()
        self.unet = CompactUNet(n_channels, n_components, widths)
        self.colour_weights = nn.Parameter(torch.full((n_channels, 1, 1), 0.8))
        self.register_buffer("scale", torch.tensor(1.0))

    def forward(self, images: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
        """Compute the features.

        Parameters
        ----------
        images : tensor of shape (n, n_channels, height, width)
            Integers divided by their greatest value, floats as they are.

        colours : tensor of shape (n, n_channels, height, width)
            Lab, or channels that vary as much.

        Returns
        -------
        features : tensor of shape (n, n_channels + n_components, height, width)
            Squared distances of these are what SLIC compares with squared distances of place.
        """
        return self._beside(colours, self.unet.maps(images))

    def strips(
        self,
        images: Callable[[torch.Tensor], torch.Tensor],
        colours: Callable[[torch.Tensor], torch.Tensor],
        shape: Sequence[int],
    ) -> Iterator[torch.Tensor]:
        """Compute the features by strips of rows, from the top: a large image takes less memory.

        Parameters
        ----------
        images, colours : callable
            Given numbers of rows, an int64 tensor on the CPU, return these rows of what ``forward``
            takes.

        shape : sequence of two int
            Height and width of the images.

        Yields
        ------
        features : tensor of shape (n, n_channels + n_components, n_rows, width)
            The next rows of what ``forward`` returns.
        """
        first = 0
        for maps in self.unet.strips(images, shape):
            rows = torch.arange(first, first + maps.shape[2])
            first += len(rows)
            yield self._beside(colours(rows), maps)

    def _beside(self, colours, maps):
        return torch.cat([colours * self.colour_weights, maps], dim=1) * self.scale
