"""ENet: classes of pixels in 0.4 million weights, and its first block by itself.

Half of the strength is in not throwing the image away: beside the maps of a 3x3 convolution of
stride 2 stands the image itself, its maxima, in the first block and wherever maps are halved; and
where they are doubled again, values go back to where the maxima were. Trainable SLIC takes the
first block's maps, at half the image's size, as features.
"""

import os
from typing import Self

import torch
from torch import nn
from torch.nn import functional as F

from .weights import read_state

__all__ = ["ENet", "ENetInitialBlock"]

_PREFIX = "initial_block."
_STRIDE = 8  # of the coarsest maps


class ENet(nn.Module):
    """ENet: a net of bottlenecks that gives every pixel a score for each class.

    Parameters
    ----------
    n_classes : int
        Classes.

    n_channels : int, default=3
        Channels of the images, 15 at most.

    maxima : {2, 3}, default=2
        Window of the maxima in the initial block: 2 is the paper's; 3, with stride 2, is that of
        weights from PyTorch-ENet [2]_.

    Notes
    -----
    As in [2]_, and unlike the paper, maps are doubled by transposed convolutions of 3x3, biases
    are in the batch normalisation alone, and a bottleneck shares one slope of PReLU between its
    channels. Dropout is that of the paper: 0.01 in the first stage, 0.1 later.

    References
    ----------
    .. [1] A. Paszke, A. Chaurasia, S. Kim, E. Culurciello, "ENet: a deep neural network
           architecture for real-time semantic segmentation", arXiv:1606.02147, Table 1.
    .. [2] https://github.com/davidtvs/PyTorch-ENet

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.enet import ENet
    >>> ENet(12).eval()(torch.zeros(1, 3, 10, 7)).shape
    torch.Size([1, 12, 10, 7])
    """

    def __init__(self, n_classes: int, n_channels: int = 3, maxima: int = 2) -> None:
        super().__init__()
        # modules have the names that the tensors of trained nets have
        self.initial_block = ENetInitialBlock(n_channels, 16 - n_channels, maxima)
        self.downsample1_0 = _Down(16, 64, dropout=0.01)
        for i in range(1, 5):
            self.add_module(f"regular1_{i}", _Regular(64, dropout=0.01))
        self.downsample2_0 = _Down(64, 128)
        for stage, first in ((2, 1), (3, 0)):
            for i, (kind, dilation) in enumerate(_STAGE, first):
                asymmetric = kind == "asymmetric"
                block = _Regular(128, dilation=dilation, asymmetric=asymmetric)
                self.add_module(f"{kind}{stage}_{i}", block)
        self.upsample4_0 = _Up(128, 64)
        self.regular4_1 = _Regular(64)
        self.regular4_2 = _Regular(64)
        self.upsample5_0 = _Up(64, 16)
        self.regular5_1 = _Regular(16)
        self.transposed_conv = nn.ConvTranspose2d(
            16, n_classes, 3, stride=2, padding=1, output_padding=1, bias=False
        )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], maxima: int = 3) -> Self:
        """Load a trained ENet of PyTorch-ENet's.

        Parameters
        ----------
        path : str or path-like
            A safetensors file, or one that torch.save wrote, with tensors by the names of
            ``ENet(n_classes).state_dict()``; the numbers of classes and channels are those of the
            file.

        maxima : {2, 3}, default=3
            See :class:`ENet`.

        Returns
        -------
        net : ENet
            For inference. It wants what it was trained on, most often RGB in [0, 1].

        Raises
        ------
        ValueError
            If a tensor is missing, misshapen or of something else, or the file is damaged.
        """
        found = read_state(path)
        _, n_channels = _first_shape(found, f"{_PREFIX}main_branch.weight", path, "ENet")
        _, n_classes = _first_shape(found, "transposed_conv.weight", path, "ENet")
        if n_channels > 15:
            raise ValueError(f"{path} holds no ENet: it takes {n_channels} channels")
        net = cls(n_classes, n_channels, maxima)
        places = net.state_dict()
        unknown = [name for name in found if name not in places]
        if unknown:
            raise ValueError(f"{path} holds no ENet: there is no place for {unknown[0]}")
        return _filled(net, found, path, "ENet")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the scores of the classes.

        Parameters
        ----------
        images : tensor of shape (n, n_channels, height, width)
            The images, of any size: they are continued to multiples of 8.

        Returns
        -------
        scores : tensor of shape (n, n_classes, height, width)
            Logits.
        """
        height, width = images.shape[-2:]
        x = F.pad(images, (0, -width % _STRIDE, 0, -height % _STRIDE), mode="replicate")
        x = self.initial_block(x)
        places = []
        for name, block in self.named_children():
            if isinstance(block, _Down):
                x, at = block(x)
                places.append(at)
            elif isinstance(block, _Up):
                x = block(x, places.pop())
            elif name != "initial_block":
                x = block(x)
        return x[:, :, :height, :width]


_STAGE = (  # the second, and the third without its first down
    ("regular", 1),
    ("dilated", 2),
    ("asymmetric", 1),
    ("dilated", 4),
    ("regular", 1),
    ("dilated", 8),
    ("asymmetric", 1),
    ("dilated", 16),
)


def _layer(convolution):
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.PReLU()]


class _Regular(nn.Module):
    """x + f(x), f through a quarter of the channels."""

    def __init__(self, n, *, dilation=1, asymmetric=False, dropout=0.1):
        super().__init__()
        inner = n // 4
        middle = [nn.Conv2d(inner, inner, 3, padding=dilation, dilation=dilation, bias=False)]
        if asymmetric:
            middle = [
                nn.Conv2d(inner, inner, (5, 1), padding=(2, 0), bias=False),
                nn.Conv2d(inner, inner, (1, 5), padding=(0, 2), bias=False),
            ]
        self.ext_conv1 = nn.Sequential(*_layer(nn.Conv2d(n, inner, 1, bias=False)))
        self.ext_conv2 = nn.Sequential(*(part for c in middle for part in _layer(c)))
        self.ext_conv3 = nn.Sequential(*_layer(nn.Conv2d(inner, n, 1, bias=False)))
        self.dropout = nn.Dropout2d(dropout)
        self.out_prelu = nn.PReLU(n)

    def forward(self, x):
        beside = self.dropout(self.ext_conv3(self.ext_conv2(self.ext_conv1(x))))
        return self.out_prelu(x + beside)


class _Down(nn.Module):
    """Half the size: maxima, filled up with channels of 0, and a bottleneck of stride 2."""

    def __init__(self, n_in, n_out, *, dropout=0.1):
        super().__init__()
        inner = n_in // 4
        halved = nn.Conv2d(n_in, inner, 2, stride=2, bias=False)
        same = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.ext_conv1 = nn.Sequential(*_layer(halved))
        self.ext_conv2 = nn.Sequential(*_layer(same))
        self.ext_conv3 = nn.Sequential(*_layer(nn.Conv2d(inner, n_out, 1, bias=False)))
        self.dropout = nn.Dropout2d(dropout)
        self.out_prelu = nn.PReLU(n_out)

    def forward(self, x):
        maxima, places = F.max_pool2d(x, 2, return_indices=True)
        beside = self.dropout(self.ext_conv3(self.ext_conv2(self.ext_conv1(x))))
        filled = F.pad(maxima, (0, 0, 0, 0, 0, beside.shape[1] - maxima.shape[1]))
        return self.out_prelu(filled + beside), places


class _Up(nn.Module):
    """Twice the size: values go to where the maxima were, beside a bottleneck of stride 1/2."""

    def __init__(self, n_in, n_out, *, dropout=0.1):
        super().__init__()
        inner = n_in // 4
        doubled = nn.ConvTranspose2d(
            inner, inner, 3, stride=2, padding=1, output_padding=1, bias=False
        )
        self.main_conv1 = nn.Sequential(
            nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out)
        )
        self.ext_conv1 = nn.Sequential(*_layer(nn.Conv2d(n_in, inner, 1, bias=False)))
        self.ext_conv2 = nn.Sequential(*_layer(doubled))
        self.ext_conv3 = nn.Sequential(*_layer(nn.Conv2d(inner, n_out, 1, bias=False)))
        self.dropout = nn.Dropout2d(dropout)
        self.out_prelu = nn.PReLU(n_out)

    def forward(self, x, places):
        main = F.max_unpool2d(self.main_conv1(x), places, 2)
        beside = self.dropout(self.ext_conv3(self.ext_conv2(self.ext_conv1(x))))
        return self.out_prelu(main + beside)


class ENetInitialBlock(nn.Module):
    """ENet's initial block: convolution beside maxima, batch normalisation, PReLU.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the images. There are as many maps of maxima.

    n_maps : int, default=13
        Maps of the convolution.

    maxima : {2, 3}, default=2
        Window of the maxima: 2 is the paper's; 3 that of weights from PyTorch-ENet.

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

    def __init__(self, n_channels: int = 3, n_maps: int = 13, maxima: int = 2) -> None:
        super().__init__()
        if maxima not in (2, 3):
            raise ValueError(f"maxima must be 2 or 3, got {maxima!r}")
        self.maxima = maxima
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
        what = "initial block of ENet"
        n_maps, n_channels = _first_shape(found, "main_branch.weight", path, what)
        return _filled(cls(n_channels, n_maps), found, path, what)

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
        if self.maxima == 2:
            maxima = F.max_pool2d(images, 2, ceil_mode=True)
        else:
            maxima = F.max_pool2d(images, 3, stride=2, padding=1)
        return self.out_prelu(self.batch_norm(torch.cat([self.main_branch(images), maxima], 1)))


def _first_shape(found, name, path, what):
    """The first two axes of a weight of four, that a net is made by."""
    if name not in found:
        raise ValueError(f"{path} holds no {what}: {name} is missing")
    shape = tuple(found[name].shape)
    if len(shape) != 4 or not 0 < shape[0] <= 1024 or not 0 < shape[1] <= 1024:
        raise ValueError(f"{path} holds no {what}: {name} is of shape {shape}")
    return shape[:2]


def _filled(net, found, path, what):
    """The net with the tensors of its names, for inference."""
    wanted = [name for name in net.state_dict() if not name.endswith("num_batches_tracked")]
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ValueError(f"{path} holds no {what}: {missing[0]} is missing")
    try:
        net.load_state_dict({name: found[name] for name in wanted}, strict=False)
    except RuntimeError as error:
        raise ValueError(f"{path} holds no {what}: {error}") from error
    return net.eval()
