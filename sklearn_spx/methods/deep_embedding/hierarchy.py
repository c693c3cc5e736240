"""Every segmentation that merging superpixels passes through, from one merge tree.

Merging joins two regions at a time, at heights that never fall. A segmentation at a threshold
is what the merges up to that height leave; one of exactly k segments, what all but the last
k - 1 leave. The height at which two neighbouring superpixels come together is the strength of
the boundary between them: an ultrametric contour map (Arbelaez et al., PAMI 2011).
"""

import numpy as np

from ...kernels import merge_heights, merge_regions
from ...kernels.agglomeration import draw_contours
from ...kernels.checks import check_count, check_real


class RegionHierarchy:
    """The segmentations of one image at all thresholds.

    Made by :meth:`sklearn_spx.DELSegmenter.hierarchy`.

    Parameters
    ----------
    superpixels : int32 array (height, width)
        Superpixels 0 .. n - 1; -1 outside the mask.

    edges : int32 array (n_edges, 2)
        Neighbouring superpixels, as of :func:`~sklearn_spx.kernels.region_adjacency`.

    merges : int32 array (n_merges, 2)
        Two superpixels of the regions that each merge joins, in order.

    heights : float array (n_merges,)
        Height of each merge; never falls.

    weights : float array (n_edges,) or None, default=None
        What :func:`~sklearn_spx.kernels.merge_regions` is given for a threshold; None is the
        height at which the two superpixels of an edge come together, the least first.

    Attributes
    ----------
    superpixels, edges, merges, heights, weights : ndarray
        As above.

    Examples
    --------
    >>> from sklearn_spx import DELSegmenter
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> image = make_dead_leaves(1, random_state=0).images[0]
    >>> tree = DELSegmenter.from_pretrained("bsds500").hierarchy([image])[0]
    >>> int(tree.labels(n_segments=7).max()) + 1
    7
    >>> tree.contour_map().shape
    (257, 385)
    """

    def __init__(self, superpixels, edges, merges, heights, weights=None):
        self.superpixels = superpixels
        self.edges = edges
        self.merges = merges
        self.heights = heights
        self.n_superpixels = int(superpixels.max()) + 1
        self._joined = join_heights(self.n_superpixels, merges, heights, edges)
        self.weights = self._joined if weights is None else weights
        # fixed weights keep the order of the edges, as min_size depends on it
        n = len(edges)
        self._order = np.argsort(self._joined, kind="stable") if weights is None else np.arange(n)

    def labels(self, threshold=None, n_segments=None, min_size=0):
        """The segmentation at a threshold, or of a number of segments.

        Parameters
        ----------
        threshold : float or None, default=None
            Merges up to this height are done. Either this or ``n_segments`` is given.

        n_segments : int or None, default=None
            Segments wanted, met exactly; from the number of parts that no merge connects to the
            number of superpixels.

        min_size : int, default=0
            Afterwards segments of fewer superpixels than this join a neighbour; with
            ``threshold`` only.

        Returns
        -------
        labels : int32 array (height, width)
            Labels 0 .. n - 1 without a gap, -1 outside the mask.

        Raises
        ------
        ValueError
            If not exactly one of ``threshold`` and ``n_segments`` is given, if ``n_segments``
            cannot be met, or comes with ``min_size``.
        """
        return paint(self.superpixels, self.regions(threshold, n_segments, min_size))

    def regions(self, threshold=None, n_segments=None, min_size=0):
        """The segment of each superpixel; see ``labels``.

        Parameters
        ----------
        threshold : float or None, default=None
            See ``labels``.

        n_segments : int or None, default=None
            See ``labels``.

        min_size : int, default=0
            See ``labels``.

        Returns
        -------
        regions : int32 array (n_superpixels,)
            Segment of each superpixel.
        """
        if (threshold is None) == (n_segments is None):
            raise ValueError("give either threshold or n_segments, and not both")
        if threshold is not None:
            return merge_regions(
                self.edges[self._order],
                self.weights[self._order],
                self.n_superpixels,
                check_real(threshold, "threshold"),
                check_count(min_size, "min_size", 0),
            )
        least = self.n_superpixels - len(self.merges)
        n_segments = check_count(n_segments, "n_segments")
        if not least <= n_segments <= self.n_superpixels:
            raise ValueError(
                f"n_segments must lie from {least} to {self.n_superpixels}, the number of "
                f"superpixels, got {n_segments}"
            )
        if min_size:
            raise ValueError("min_size goes with threshold; n_segments is met exactly")
        merges = self.merges[: self.n_superpixels - n_segments]
        return merge_regions(merges, np.zeros(len(merges)), self.n_superpixels, 0.0)

    def contour_map(self):
        """The strength of every boundary, as an ultrametric contour map.

        Returns
        -------
        contours : float32 array (2 * height + 1, 2 * width + 1)
            Pixel (y, x) of the image lies at (2 y + 1, 2 x + 1); between two pixels of unlike
            superpixels is the height at which these come together (infinite if never), 0
            elsewhere; where boundaries cross, the greatest. The connected parts of the places
            not above a threshold are the segments at that threshold.
        """
        return draw_contours(self.superpixels, self.edges, self._joined)


def join_heights(n_superpixels, merges, heights, edges):
    """Return the height at which the two superpixels of each edge come together."""
    # the greatest height on the path through the merges; no path leads over infinite edges
    pairs = np.concatenate([merges, edges]).astype(np.int32)
    weights = np.concatenate([heights, np.full(len(edges), np.inf)])
    return merge_heights(pairs, weights, n_superpixels)[0][len(merges) :]


def paint(superpixels, regions):
    """Return the label image in which each superpixel has the label of its region."""
    return np.append(regions, np.int32(-1)).astype(np.int32, copy=False)[superpixels]
