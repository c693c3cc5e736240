"""Object proposals from all levels of a hierarchy of regions."""

from typing import Any, Protocol

import numpy as np
from sklearn.utils import Bunch

from ..kernels.boxes import suppress_overlaps, tree_boxes
from ..kernels.checks import check_count

__all__ = ["object_proposals"]


class _Hierarchy(Protocol):
    """What is read of a hierarchy."""

    superpixels: Any
    merges: Any
    heights: Any


def object_proposals(
    hierarchy: _Hierarchy,
    *,
    max_proposals: int | None = None,
    min_size: int = 1,
    max_overlap: float = 0.9,
) -> Bunch:
    """Propose boxes in which an object may be: those of the regions of all levels of a hierarchy.

    Every superpixel and every region that a merge makes proposes its tight box. A region that
    is merged long after it was made differs from all that is around it, so boxes are ranked by
    how long their regions survive.

    Parameters
    ----------
    hierarchy : RegionHierarchy
        The merge tree of an image, as :meth:`sklearn_spx.DELSegmenter.hierarchy` gives it, or
        anything that has its ``superpixels``, ``merges`` and ``heights``.

    max_proposals : int or None, default=None
        Most boxes, the best of them; None is all.

    min_size : int, default=1
        Regions of fewer pixels propose nothing.

    max_overlap : float, default=0.9
        A box is left out whose intersection over union with a better one is above this. 1 leaves
        out equal boxes alone.

    Returns
    -------
    proposals : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes, the best first

        boxes : int32 array (n_boxes, 4)
            Rows of (x0, y0, x1, y1): columns x0 .. x1 - 1, rows y0 .. y1 - 1.
        scores : float64 array (n_boxes,)
            Survival of the region: the height at which it is merged, less the height at which it
            was made, which is 0 for superpixels. What is never merged is as if merged at the
            greatest height. Of equal scores the larger region comes first, then the later node.
        nodes : int32 array (n_boxes,)
            Whose box it is: k below n is superpixel k, n + k what merge k makes.

    Raises
    ------
    ValueError, TypeError
        If the tree does not fit together, or a parameter is out of range.

    See Also
    --------
    straddling_expansion : Improves boxes of any kind by regions.
    sklearn_spx.metrics.detection_recall : Scores proposals.

    References
    ----------
    .. [1] Y. Liu et al., "DEL: Deep embedding learning for efficient image segmentation", IJCAI
           2018, section 3.4, proposes objects by the regions of DEL.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.utils import Bunch
    >>> from sklearn_spx.regions import object_proposals
    >>> superpixels = np.array([[0, 0, 0, 0], [0, 1, 2, 0], [0, 0, 0, 0]])
    >>> tree = Bunch(superpixels=superpixels, merges=[[1, 2], [0, 1]], heights=[0.1, 0.9])
    >>> proposals = object_proposals(tree)
    >>> proposals.boxes.tolist(), proposals.scores.tolist()
    ([[0, 0, 4, 3], [1, 1, 3, 2], [2, 1, 3, 2], [1, 1, 2, 2]], [0.9, 0.8, 0.1, 0.1])
    """
    max_proposals = None if max_proposals is None else check_count(max_proposals, "max_proposals")
    min_size = check_count(min_size, "min_size")
    boxes, sizes, parents = tree_boxes(hierarchy.superpixels, hierarchy.merges)
    survival = _survival(hierarchy.heights, len(hierarchy.merges), parents)
    nodes = np.flatnonzero(sizes >= min_size)
    nodes = nodes[np.lexsort((-nodes, -sizes[nodes], -survival[nodes]))]
    nodes = nodes[suppress_overlaps(boxes[nodes], max_overlap, max_proposals)]
    return Bunch(boxes=boxes[nodes], scores=survival[nodes], nodes=nodes.astype(np.int32))


def _survival(heights, n_merges, parents):
    """Height at which each node is merged, less the height at which it was made."""
    heights = np.asarray(heights, np.float64)
    if heights.shape != (n_merges,):
        raise ValueError(f"heights has shape {heights.shape}, expected ({n_merges},), one a merge")
    if not np.isfinite(heights).all() or (np.diff(heights) < 0).any():
        raise ValueError("heights must be finite and never fall from merge to merge")
    made = np.concatenate([np.zeros(parents.size - n_merges), heights])
    return np.where(parents >= 0, made[parents], made[-1] if made.size else 0.0) - made
