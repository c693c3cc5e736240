"""The loss of DEL: neighbouring superpixels of one segment alike, of two segments unlike."""

import torch
import torch.nn.functional as F

__all__ = ["distances", "similarity", "similarity_loss"]


def similarity(embeddings: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """Similarity of pairs of superpixels, DEL eq. 3: ``d = 2 / (1 + exp(|v_i - v_j|_1))``.

    Parameters
    ----------
    embeddings : tensor (n_superpixels, n_dimensions)
        One row a superpixel.

    pairs : int64 tensor (n_pairs, 2)
        Rows of ``embeddings``.

    Returns
    -------
    d : tensor (n_pairs,)
        In [0, 1]; 1 where the embeddings are equal.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.del_loss import similarity
    >>> v = torch.tensor([[0.0, 0.0], [1.0, -1.0]])
    >>> [round(d, 4) for d in similarity(v, torch.tensor([[0, 1], [1, 1]])).tolist()]
    [0.2384, 1.0]
    """
    return 1 - torch.tanh(distances(embeddings, pairs) / 2)


def distances(embeddings: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """L1 distances of pairs of superpixels.

    Parameters
    ----------
    embeddings : tensor (n_superpixels, n_dimensions)
        One row a superpixel.

    pairs : int64 tensor (n_pairs, 2)
        Rows of ``embeddings``.

    Returns
    -------
    distances : tensor (n_pairs,)
        Sums of absolute differences.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.del_loss import distances
    >>> distances(torch.tensor([[0.0, 0.0], [1.0, -1.0]]), torch.tensor([[0, 1]])).tolist()
    [2.0]
    """
    # index_select: its gradient is much faster than that of indexing
    first = embeddings.index_select(0, pairs[:, 0])
    return (first - embeddings.index_select(0, pairs[:, 1])).abs().sum(1)


def similarity_loss(
    embeddings: torch.Tensor, pairs: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of similarities, DEL eq. 4, both classes with equal weight in all.

    With n+ pairs of one segment and n- pairs of two, the loss is (L+ n- + L- n+) / (n+ + n-):
    L+ the sum of -log d, L- that of -log(1 - d). A pair whose logarithm is infinite is skipped.
    A target between 0 and 1, the share of annotators who see one segment, is both in part.

    Parameters
    ----------
    embeddings : tensor (n_superpixels, n_dimensions)
        Rows v.

    pairs : int64 tensor (n_pairs, 2)
        Neighbouring superpixels.

    targets : tensor (n_pairs,)
        1: of one segment; 0: of two; NaN: unknown, no part of the loss.

    Returns
    -------
    loss : tensor, scalar
        Sum over the pairs; 0 without pairs of both classes.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.del_loss import similarity_loss
    >>> v = torch.tensor([[0.0], [1.0], [3.0]])
    >>> pairs = torch.tensor([[0, 1], [1, 2]])
    >>> round(similarity_loss(v, pairs, torch.tensor([1.0, 0.0])).item(), 4)
    0.4462
    """
    known = torch.isfinite(targets)
    targets = torch.where(known, targets, 0.0)
    x = distances(embeddings, pairs)
    # d = 2 / (1 + e^x):  -log d = log(1 + e^x) - log 2,  -log(1 - d) = -log tanh(x / 2)
    same = F.softplus(x) - 0.6931471805599453
    apart = -torch.log(torch.where(x > 0, torch.tanh(x / 2), 1.0))
    usable = known & (x > 0)
    positive = (targets * known).sum()
    negative = ((1 - targets) * known).sum()
    sum_same = (same * targets * known).sum()
    sum_apart = (apart * (1 - targets) * usable).sum()
    return (sum_same * negative + sum_apart * positive) / (positive + negative).clamp_min(1)
