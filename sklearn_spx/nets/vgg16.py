"""VGG16 without its classifier: the trunk of the HED edge detector and of the net of DEL."""

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["MEAN_BGR", "STAGES", "VGG16"]

MEAN_BGR = (104.00699, 116.66877, 122.67892)  # of the images it was trained on, 0 to 255
STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels and convolutions


class VGG16(nn.Module):
    """The thirteen convolutions of VGG16 in five stages, ``conv1_1`` to ``conv5_3``.

    Parameters
    ----------
    dilated : bool, default=False
        Whether the fifth stage keeps the resolution of the fourth: pooled at stride 1, dilated by
        2, as DEL has it.

    References
    ----------
    .. [1] K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image
           recognition", ICLR 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.vgg16 import VGG16
    >>> [tuple(maps.shape[1:]) for maps in VGG16()(torch.zeros(1, 3, 32, 48))]
    [(64, 32, 48), (128, 16, 24), (256, 8, 12), (512, 4, 6), (512, 2, 3)]
    """

    def __init__(self, dilated: bool = False) -> None:
        super().__init__()
        self.dilated = dilated
        before = 3
        for stage, (channels, n) in enumerate(STAGES, 1):
            dilation = 2 if dilated and stage == 5 else 1
            for i in range(1, n + 1):
                conv = nn.Conv2d(before, channels, 3, padding=dilation, dilation=dilation)
                setattr(self, f"conv{stage}_{i}", conv)
                before = channels

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the last maps of each stage.

        Parameters
        ----------
        images : tensor of shape (n, 3, height, width)
            BGR from 0 to 255, less ``MEAN_BGR``.

        Returns
        -------
        maps : list of five tensors (n, channels, rows, columns)
            From fine to coarse.
        """
        x, maps = images, []
        for stage, (_, n) in enumerate(STAGES, 1):
            if stage == 5 and self.dilated:
                x = F.max_pool2d(x, 3, 1, 1)
            elif stage > 1:
                x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            for i in range(1, n + 1):
                x = F.relu(getattr(self, f"conv{stage}_{i}")(x))
            maps.append(x)
        return maps
