"""Bilateral inceptions: superpixels that are alike and near share what is said of them.

A layer between those of a net, over the superpixels of one image:

    image, labels -> features f ; maps, labels -> values z, by superpixel_pool
    f, theta, Lambda -> K ; sum over kernels of w K z -> values -> maps, by superpixel_unpool
"""

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from .pooling import pixel_footprints, superpixel_pool

__all__ = ["BilateralInception", "superpixel_features"]


class BilateralInception(nn.Module):
    """Mix the values of superpixels by Gaussian kernels of their features, of several scales.

    Of each kernel, ``K_ij = exp(-theta ||Lambda f_i - Lambda f_j||^2)``, whose rows are brought to
    a sum of 1; then the outputs ``K z`` are summed with a weight for each kernel and channel [1]_.
    All are learned: the scales theta, the transform Lambda, one for all kernels, and the weights.

    Parameters
    ----------
    n_channels : int
        Channels of the values, as classes.

    n_features : int, default=5
        Features of a superpixel.

    scales : sequence of float, default=(10.0, 100.0, 1000.0)
        Where the theta of each kernel starts, above 0. The defaults suit
        :func:`superpixel_features` of colours from 0 to 1.

    transform : bool, default=True
        Learn Lambda, a square matrix that starts as the identity; False: it stays so.

    Attributes
    ----------
    log_scales : Parameter of shape (n_kernels,)
        Logarithms of theta, which stays positive so.

    weights : Parameter of shape (n_kernels, n_channels)
        Weights of the sum; they start as the mean of the kernels.

    transform : Parameter of shape (n_features, n_features) or None
        Lambda.

    References
    ----------
    .. [1] R. Gadde, V. Jampani, M. Kiefel, D. Kappler, P. Gehler, "Superpixel convolutional
       networks using bilateral inceptions", ECCV 2016.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.bilateral_inception import BilateralInception
    >>> features = torch.tensor([[0.0], [0.0], [9.0]])  # two are alike
    >>> values = torch.tensor([[1.0], [3.0], [7.0]])
    >>> BilateralInception(1, n_features=1, scales=[10.0])(values, features).tolist()
    [[2.0], [2.0], [7.0]]
    """

    def __init__(
        self,
        n_channels: int,
        n_features: int = 5,
        scales: Sequence[float] = (10.0, 100.0, 1000.0),
        transform: bool = True,
    ) -> None:
        super().__init__()
        if len(scales) == 0 or not all(0 < scale < float("inf") for scale in scales):
            raise ValueError(f"scales must be numbers above 0, at least one, got {scales!r}")
        self.log_scales = nn.Parameter(torch.tensor(scales, dtype=torch.float32).log())
        self.weights = nn.Parameter(torch.full((len(scales), n_channels), 1 / len(scales)))
        self.transform = nn.Parameter(torch.eye(n_features)) if transform else None

    def forward(
        self, values: torch.Tensor, features: torch.Tensor, at: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Mix the values of the superpixels of one image.

        Parameters
        ----------
        values : tensor (n, n_channels)
            One row a superpixel.

        features : tensor (n, n_features)
            Their features.

        at : tensor (m, n_features) or None, default=None
            Features of those that values are wanted for, as of other superpixels. None: the same.

        Returns
        -------
        mixed : tensor (m, n_channels)
            One row for each of them.
        """
        at = features if at is None else at
        if self.transform is not None:
            features, at = features @ self.transform.T, at @ self.transform.T
        # exact where two are the same, where differences of products are not
        distances = torch.cdist(at, features, compute_mode="donot_use_mm_for_euclid_dist")
        squares = distances.square()
        kernels = zip(self.log_scales.exp(), self.weights)
        return sum(torch.softmax(-theta * squares, dim=1) @ values * w for theta, w in kernels)


def superpixel_features(image: torch.Tensor, labels: NDArray[Any] | torch.Tensor) -> torch.Tensor:
    """Mean position and mean colour of superpixels; differentiable in the image.

    Parameters
    ----------
    image : tensor (channels, height, width)
        The image, most often from 0 to 1.

    labels : int array or tensor (height, width)
        Superpixels 0 .. n - 1, each with a pixel; negative where there is none.

    Returns
    -------
    features : tensor (n_superpixels, 2 + channels)
        Row and column, as shares of the image's longer side, and the mean of each channel.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn_spx.nets.bilateral_inception import superpixel_features
    >>> superpixel_features(torch.tensor([[[1.0, 3.0, 8.0, 8.0]]]), np.array([[0, 0, 1, 1]]))
    tensor([[0.1250, 0.2500, 2.0000],
            [0.1250, 0.7500, 8.0000]])
    """
    height, width = image.shape[1:]
    rows, columns = (
        (torch.arange(n, dtype=image.dtype, device=image.device) + 0.5) / max(height, width)
        for n in (height, width)
    )
    places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    footprints = pixel_footprints(labels).to(image.device)
    return superpixel_pool(torch.cat([places, image]), footprints)
