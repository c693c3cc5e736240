"""The algorithms on plain arrays, for people who want no estimator.

One folder an algorithm: its ``__init__`` checks, casts and allocates; ``_cpu`` holds the numba
kernels, which take arrays and numbers, write into what they are given and raise nothing.
"""

from .connectivity import enforce_connectivity
from .entropy_rate import entropy_rate_superpixels
from .graph_segmentation import graph_segmentation, segment_region_graph
from .region_graph import region_adjacency, region_means
from .region_merge import merge_heights, merge_regions
from .slic import slic

__all__ = [
    "enforce_connectivity",
    "entropy_rate_superpixels",
    "graph_segmentation",
    "merge_heights",
    "merge_regions",
    "region_adjacency",
    "region_means",
    "segment_region_graph",
    "slic",
]
