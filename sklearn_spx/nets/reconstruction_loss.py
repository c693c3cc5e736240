"""A loss on superpixels themselves: can the annotation be read off them again?

Clustering is made soft, so that gradients pass: a pixel belongs to each of its nearest clusters
in part, the more the nearer in features and place. Each cluster then knows which share of it lies
in each annotated segment, and each pixel, from its clusters, what segment it is likely in. With
r the chance that this is the segment that it is in, the loss is (1 - r^q) / q: leaks, and nothing
else, cost. q = 1 is the share of pixels misread, near to what the undersegmentation error counts;
q near 0 the cross-entropy, which weighs small leaks more and is easier to learn by at first.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["reconstruction_loss"]


def reconstruction_loss(
    features: torch.Tensor,
    labels: NDArray[Any],
    annotation: NDArray[Any],
    pixels: NDArray[Any],
    neighbors: NDArray[Any],
    place: NDArray[Any],
    *,
    sharpness: float | torch.Tensor = 1.0,
    q: float = 1.0,
) -> torch.Tensor:
    """How badly segments are read off soft superpixels.

    Parameters
    ----------
    features : tensor of shape (height, width, n_features)
        Features of each pixel; the loss is differentiable in them, and so are the clusters' means.

    labels : ndarray of shape (height, width), integer
        Clusters that were found with these features; below 0: none.

    annotation : ndarray of shape (height, width), integer
        Segments.

    pixels : ndarray of shape (n_pixels,), int64
        The pixels to read off, row * width + column.

    neighbors : ndarray of shape (n_pixels, n_neighbors), integer
        Clusters that each of them belongs to in part; below 0: none.

    place : ndarray of shape (n_pixels, n_neighbors)
        Squared distances of their places, in the unit of the features'.

    sharpness : float or scalar tensor, default=1.0
        What squared distances are multiplied by to give logits.

    q : float, default=1.0
        In (0, 1].

    Returns
    -------
    loss : scalar tensor
        Mean over ``pixels``, 0 or more; with q = 1 in [0, 1].

    References
    ----------
    .. [1] V. Jampani, D. Sun, M.-Y. Liu, M.-H. Yang, J. Kautz, "Superpixel sampling networks",
           ECCV 2018. The reconstruction, with q = 0.
    .. [2] Z. Zhang, M. Sabuncu, "Generalized cross entropy loss for training deep neural networks
           with noisy labels", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn_spx.nets.reconstruction_loss import reconstruction_loss
    >>> features = torch.tensor([[[0.0], [0.0], [9.0], [9.0]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> near = np.arange(4), np.array([[0, 1]] * 4), np.zeros((4, 2))
    >>> round(reconstruction_loss(features, labels, np.array([[5, 5, 7, 7]]), *near).item(), 4)
    0.0
    >>> round(reconstruction_loss(features, labels, np.array([[5, 7, 5, 7]]), *near).item(), 4)
    0.5
    """
    if len(pixels) == 0:
        return features.sum() * 0
    n_features = features.shape[2]
    device, dtype = features.device, features.dtype
    place = torch.from_numpy(np.where(neighbors < 0, np.inf, place)).to(device, dtype)
    neighbors = torch.from_numpy(np.maximum(neighbors, 0).astype(np.int64)).to(device)

    flat = features.reshape(-1, n_features)
    member = np.flatnonzero(labels >= 0)
    home = labels.ravel()[member].astype(np.int64)
    counts = torch.from_numpy(np.bincount(home).clip(min=1)).to(device)
    # index_select, index_add: their gradients are much faster than those of indexing
    total = torch.zeros(len(counts), n_features, device=device, dtype=dtype).index_add(
        0,
        torch.from_numpy(home).to(device),
        flat.index_select(0, torch.from_numpy(member).to(device)),
    )
    means = total / counts[:, None]
    own = flat.index_select(0, torch.from_numpy(pixels).to(device))
    theirs = means.index_select(0, neighbors.reshape(-1)).view(*neighbors.shape, n_features)
    distances = (own[:, None] - theirs).square().sum(2) + place
    belongs = torch.softmax(-sharpness * distances, dim=1)

    segments, segment = np.unique(annotation.ravel()[pixels], return_inverse=True)
    cell = neighbors * len(segments) + torch.from_numpy(segment).to(device)[:, None]
    shares = torch.zeros(len(counts) * len(segments), device=device, dtype=dtype)
    shares = shares.index_add(0, cell.reshape(-1), belongs.reshape(-1))
    shares = shares.view(len(counts), -1)
    shares = shares / shares.sum(1, keepdim=True).clamp(min=1e-12)
    read = shares.reshape(-1).index_select(0, cell.reshape(-1)).view_as(belongs)
    right = (belongs * read).sum(1).clamp(1e-6, 1)
    return (1 - right**q).mean() / q
