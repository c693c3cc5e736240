"""Losses on affinities: where annotated labels change, neighbours belong apart.

All three are binary cross-entropies between predicted affinities and label transitions, and
differ in the weights of the pixels alone. Several annotations of an image are a sample each:
their losses are averaged.
"""

import numpy as np
import torch
from torch.nn import functional as F


def transition_targets(labels):
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
    >>> from sklearn_spx.nets.losses import transition_targets
    >>> transition_targets(np.array([[1, 1], [1, 2]]))[0]
    array([[ 1., nan],
           [ 0., nan]], dtype=float32)
    """
    targets = np.full((2, *labels.shape), np.nan, np.float32)
    targets[0, :, :-1] = labels[:, :-1] == labels[:, 1:]
    targets[1, :-1] = labels[:-1] == labels[1:]
    return targets


def segmentation_error_weights(superpixels, labels):
    """Return gamma of the segmentation-aware affinity loss, eq. 2.

    Each superpixel S has an error, the pixels it holds outside of G, the annotated segment it
    overlaps most. All transitions of G's boundary inside S weigh that much: there the affinities
    failed to keep S and G apart.

    Parameters
    ----------
    superpixels : int ndarray of shape (height, width)
        Superpixels grown on the predicted affinities, labels from 0.

    labels : int ndarray of shape (height, width)
        An annotation.

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
    >>> from sklearn_spx.nets.losses import segmentation_error_weights
    >>> segmentation_error_weights(np.zeros((1, 4), int), np.array([[1, 1, 1, 2]]))[0]
    array([[0., 0., 1., 0.]], dtype=float32)
    """
    segments, labels = np.unique(labels, return_inverse=True)
    labels = labels.reshape(superpixels.shape)
    n_superpixels = int(superpixels.max()) + 1
    overlap = np.bincount(
        (superpixels * len(segments) + labels).ravel(), minlength=n_superpixels * len(segments)
    ).reshape(n_superpixels, len(segments))
    own = overlap.argmax(axis=1)[superpixels]  # G_j of each pixel's superpixel
    error = (overlap.sum(axis=1) - overlap.max(axis=1))[superpixels]  # omega_Sk
    gamma = np.zeros((2, *labels.shape), np.float32)
    for g, here, there in (
        (gamma[0], np.s_[:, :-1], np.s_[:, 1:]),
        (gamma[1], np.s_[:-1], np.s_[1:]),
    ):
        a, b = labels[here], labels[there]
        border = (a != b) & ((a == own[here]) | (b == own[here]))
        g[here] = np.where(border, error[here], 0)
    return gamma


def cross_entropy(logits, targets, weights=None):
    """Binary cross-entropy of affinities, each neighbour pair counting alike or as weighted.

    Parameters
    ----------
    logits : tensor of shape (n, 2, height, width)
        Of the predicted affinities.

    targets : tensor of shape (n, 2, height, width)
        The share of annotations that join the pair, in [0, 1]; NaN is left out.

    weights : pair of tensors of shape (n, 2, height, width) or None, default=None
        What joining and parting weigh, with the annotations' share included; None is the
        targets and one minus the targets.

    Returns
    -------
    loss : tensor of shape ()
        The mean over all pairs; weights are not normalised.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.losses import cross_entropy
    >>> round(cross_entropy(torch.zeros(1, 2, 1, 1), torch.ones(1, 2, 1, 1)).item(), 4)
    0.6931
    """
    valid = ~torch.isnan(targets)
    targets = torch.nan_to_num(targets)
    join, part = (targets, 1 - targets) if weights is None else weights
    # -log of the affinity is softplus(-logit), -log of what is missing to 1 is softplus(logit)
    loss = join * F.softplus(-logits) + part * F.softplus(logits)
    return (loss * valid).sum() / valid.sum().clamp(min=1)


def balanced_cross_entropy(logits, targets):
    """Binary cross-entropy in which, over the batch, joining and parting weigh the same.

    Parameters
    ----------
    logits : tensor of shape (n, 2, height, width)
        Of the predicted affinities.

    targets : tensor of shape (n, 2, height, width)
        The share of annotations that join the pair, in [0, 1]; NaN is left out.

    Returns
    -------
    loss : tensor of shape ()
        The mean over all pairs.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.losses import balanced_cross_entropy
    >>> targets = torch.tensor([1.0, 1.0, 1.0, 0.0]).reshape(1, 2, 1, 2)
    >>> round(balanced_cross_entropy(torch.zeros(1, 2, 1, 2), targets).item(), 4)
    0.5199
    """
    valid = ~torch.isnan(targets)
    joined = torch.nan_to_num(targets).sum() / valid.sum().clamp(min=1)
    known = torch.nan_to_num(targets)
    # each class is weighted by the share of the other
    return cross_entropy(logits, targets, ((1 - joined) * known, joined * (1 - known)))
