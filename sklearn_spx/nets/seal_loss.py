"""Losses on affinities: where annotated labels change, neighbours belong apart.

Binary cross-entropies between predicted affinities and label transitions, which differ in the
weights of the pixels alone. Several annotations of an image are a sample each: their losses are
averaged.
"""

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

__all__ = ["affinity_cross_entropy", "segmentation_error_weights", "transition_targets"]


def transition_targets(labels: NDArray[Any]) -> NDArray[np.float32]:
    """Return the affinities that a label image asks for.

    Parameters
    ----------
    labels : ndarray of shape (height, width)
        A label image.

    Returns
    -------
    targets : float32 ndarray of shape (2, height, width)
        1 where the right ([0]) or lower ([1]) neighbour has the same label, 0 where it has not,
        NaN in the last column ([0]) or row ([1]), which has no neighbour.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.nets.seal_loss import transition_targets
    >>> transition_targets(np.array([[1, 1], [1, 2]]))[0]
    array([[ 1., nan],
           [ 0., nan]], dtype=float32)
    """
    targets = np.full((2, *labels.shape), np.nan, np.float32)
    targets[0, :, :-1] = labels[:, :-1] == labels[:, 1:]
    targets[1, :-1] = labels[:-1] == labels[1:]
    return targets


def segmentation_error_weights(
    superpixels: NDArray[Any], labels: NDArray[Any]
) -> NDArray[np.float32]:
    """Return gamma of the segmentation-aware affinity loss, eq. 2.

    Each superpixel S has an error, the pixels it holds outside of G, the annotated segment it
    overlaps most. All transitions of G's boundary inside S weigh that much: there the affinities
    failed to keep S and G apart.

    Parameters
    ----------
    superpixels : int ndarray of shape (height, width)
        Superpixels grown on the predicted affinities, labels from 0.

    labels : int ndarray of shape (height, width)
        An annotation; below 0: unknown.

    Returns
    -------
    gamma : float32 ndarray of shape (2, height, width)
        In pixels; [0] for the affinities to the right, [1] for those to the lower neighbour.

    References
    ----------
    .. [1] W.-C. Tu, M.-Y. Liu, V. Jampani, D. Sun, S.-Y. Chien, M.-H. Yang, J. Kautz, "Learning
           superpixels with segmentation-aware affinity loss", CVPR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.nets.seal_loss import segmentation_error_weights
    >>> segmentation_error_weights(np.zeros((1, 4), int), np.array([[1, 1, 1, 2]]))[0]
    array([[0., 0., 1., 0.]], dtype=float32)
    """
    known = labels >= 0
    segments, labels = np.unique(labels, return_inverse=True)
    labels = labels.reshape(superpixels.shape)
    n_superpixels = int(superpixels.max()) + 1
    overlap = np.bincount(
        (superpixels * len(segments) + labels)[known], minlength=n_superpixels * len(segments)
    ).reshape(n_superpixels, len(segments))
    own = overlap.argmax(axis=1)[superpixels]  # G_j of each pixel's superpixel
    error = (overlap.sum(axis=1) - overlap.max(axis=1))[superpixels]  # omega_Sk
    gamma = np.zeros((2, *labels.shape), np.float32)
    for g, here, there in (
        (gamma[0], np.s_[:, :-1], np.s_[:, 1:]),
        (gamma[1], np.s_[:-1], np.s_[1:]),
    ):
        a, b = labels[here], labels[there]
        border = (a != b) & ((a == own[here]) | (b == own[here])) & known[here] & known[there]
        g[here] = np.where(border, error[here], 0)
    return gamma


def affinity_cross_entropy(
    logits: torch.Tensor,
    targets: torch.Tensor,
    gamma: torch.Tensor | None = None,
    boundary_weight: float | Literal["balanced"] = 1.0,
) -> torch.Tensor:
    """Binary cross-entropy between affinities and what the annotations ask for.

    Parameters
    ----------
    logits : tensor of shape (n, 2, height, width)
        Of the predicted affinities.

    targets : tensor of shape (n, 2, height, width)
        The share of annotations that join the pair, in [0, 1]; NaN is left out.

    gamma : tensor of shape (n, 2, height, width) or None, default=None
        What a transition weighs beyond 1, the mean over annotations; with that of
        ``segmentation_error_weights`` this is the segmentation-aware affinity loss, eq. 3.

    boundary_weight : float or "balanced", default=1.0
        Weight of pairs that should part. "balanced": the pairs that should part weigh, over the
        batch, as much as those that should not.

    Returns
    -------
    loss : tensor of shape ()
        The mean over all pairs.

    References
    ----------
    .. [1] W.-C. Tu, M.-Y. Liu, V. Jampani, D. Sun, S.-Y. Chien, M.-H. Yang, J. Kautz, "Learning
           superpixels with segmentation-aware affinity loss", CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.seal_loss import affinity_cross_entropy
    >>> logits, targets = torch.zeros(1, 2, 1, 2), torch.tensor([1.0, 1.0, 1.0, 0.0])
    >>> round(affinity_cross_entropy(logits, targets.reshape(1, 2, 1, 2)).item(), 4)
    0.6931
    """
    valid = ~torch.isnan(targets)
    join = torch.nan_to_num(targets)
    part = 1 - join if gamma is None else 1 - join + gamma
    if boundary_weight == "balanced":  # each class weighs the share of the other
        share = join.sum() / valid.sum().clamp(min=1)
        join, part = (1 - share) * join, share * part
    else:
        part = boundary_weight * part
    # -log of the affinity is softplus(-logit), -log of what is missing to 1 is softplus(logit)
    loss = join * F.softplus(-logits) + part * F.softplus(logits)
    return (loss * valid).sum() / valid.sum().clamp(min=1)
