"""From a graph of regions to segments: greedy, by the paper's Algorithm 1, or by EGB."""

import numpy as np

from ...kernels import merge_heights, segment_region_graph
from ...kernels.agglomeration import agglomerate
from .hierarchy import RegionHierarchy, paint

# where each merge is near its best Fop and covering on the val images of BSDS500
THRESHOLDS = {"greedy": 0.55, "threshold": 0.4, "egb": 8.0}
# of the greedy merge, see kernels.agglomeration.agglomerate; chosen on the same images
_SLOPE = 0.5  # 1 would be eq. 3
_COEFFICIENTS = (1.0, _SLOPE, 0.2, 0.0, 0.5, 1.5)


def segment(graph, merge, threshold=None, n_segments=None, min_size=0):
    """The label image of merged superpixels, at a threshold or of a number of segments."""
    if merge != "egb":
        tree = hierarchy(graph, merge)
        if n_segments is not None:
            return tree.labels(n_segments=n_segments)
    if threshold is None:
        threshold = THRESHOLDS[merge]
    if merge != "egb":
        return tree.labels(threshold, min_size=min_size)
    n = len(graph.embeddings)
    regions = segment_region_graph(
        graph.edges, graph.dissimilarities, n, scale=threshold, min_size=min_size
    )
    return paint(graph.labels, regions)


def hierarchy(graph, merge):
    """The segmentations of an image at all thresholds."""
    if merge == "threshold":  # Algorithm 1: its merges are nested, one spanning tree holds them
        weights = graph.dissimilarities
        tree = merge_heights(graph.edges, weights, len(graph.embeddings))[1]
        return RegionHierarchy(graph.labels, graph.edges, graph.edges[tree], weights[tree], weights)
    evidence = np.stack([np.tanh(_SLOPE * graph.distances / 2), graph.boundary], 1)
    merges, heights = agglomerate(
        graph.edges, graph.lengths, graph.embeddings, graph.sizes, evidence, _COEFFICIENTS
    )
    return RegionHierarchy(graph.labels, graph.edges, merges, heights)
