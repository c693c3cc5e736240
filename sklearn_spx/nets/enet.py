"""The first block of ENet: sixteen maps of a colour image at half its size, in one convolution.

Half of the strength is in not throwing the image away: beside the maps of a 3x3 convolution of
stride 2 stands the image itself, its 2x2 maxima. Trainable SLIC takes these maps as features.
"""

import os
from typing import Self

import torch
from torch import nn
from torch.nn import functional as F

from .weights import read_state

__all__ = ["ENetInitialBlock"]

_PREFIX = "initial_block."


class ENetInitialBlock(nn.Module):
    """ENet's initial block: convolution beside maxima, batch normalisation, PReLU.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the images. There are as many maps of maxima.

    n_maps : int, default=13
        Maps of the convolution.

    References
    ----------
    .. [1] A. Paszke, A. Chaurasia, S. Kim, E. Culurciello, "ENet: a deep neural network
           architecture for real-time semantic segmentation", arXiv:1606.02147, Figure 2(a).

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.enet import ENetInitialBlock
    >>> ENetInitialBlock().eval()(torch.zeros(1, 3, 10, 7)).shape
    torch.Size([1, 16, 5, 4])
    """

    def __init__(self, n_channels: int = 3, n_maps: int = 13) -> None:
        super().__init__()
        self.main_branch = nn.Conv2d(n_channels, n_maps, 3, stride=2, padding=1, bias=False)
        self.batch_norm = nn.BatchNorm2d(n_maps + n_channels)
        self.out_prelu = nn.PReLU(n_maps + n_channels)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Load the block of a trained ENet.

        Parameters
        ----------
        path : str or path-like
            A safetensors file, or one that torch.save wrote, with the tensors
            ``main_branch.weight``, ``batch_norm.weight``, ``.bias``, ``.running_mean`` and
            ``.running_var``, and ``out_prelu.weight``, or the same behind ``initial_block.``;
            others are passed over.

        Returns
        -------
        block : ENetInitialBlock
            For inference. It wants what the net was trained on, most often RGB in [0, 1].

        Raises
        ------
        ValueError
            If a tensor is missing or misshapen, or the file is damaged.
        """
        found = read_state(path)
        if any(name.startswith(_PREFIX) for name in found):
            found = {n.removeprefix(_PREFIX): t for n, t in found.items() if n.startswith(_PREFIX)}
        wanted = [n for n in cls().state_dict() if not n.endswith("num_batches_tracked")]
        missing = [name for name in wanted if name not in found]
        if missing:
            raise ValueError(f"{path} holds no initial block of ENet: {missing[0]} is missing")
        shape = found["main_branch.weight"].shape
        if len(shape) != 4 or not 0 < shape[0] <= 1024 or not 0 < shape[1] <= 1024:
            raise ValueError(
                f"{path} holds no initial block of ENet: main_branch.weight is of shape "
                f"{tuple(shape)}"
            )
        block = cls(shape[1], shape[0])
        try:
            block.load_state_dict({name: found[name] for name in wanted}, strict=False)
        except RuntimeError as error:
            raise ValueError(f"{path} holds no initial block of ENet: {error}") from error
        return block.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the maps.

        Parameters
        ----------
        images : tensor of shape (n, n_channels, height, width)
            The images.

        Returns
        -------
        maps : tensor of shape (n, n_maps + n_channels, height / 2, width / 2)
            Sizes are rounded up.
        """
        maxima = F.max_pool2d(images, 2, ceil_mode=True)
        return self.out_prelu(self.batch_norm(torch.cat([self.main_branch(images), maxima], 1)))
