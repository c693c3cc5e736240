"""Regions as a graph: who touches whom, over what length, and how unlike they look.

labels -> number_regions -> ids, pixel_nodes ; pixel_nodes -> region_adjacency -> edges, lengths
image, pixel_nodes -> region_means -> features ; features, edges -> contrasts
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels import merge_regions, region_adjacency, region_means, segment_region_graph
from ..kernels.checks import as_image_and_labels, as_labels
from ..kernels.region_statistics import number_regions

__all__ = ["RegionGraph", "region_graph"]

_INT32 = np.iinfo(np.int32)


def region_graph(labels: ArrayLike, image: ArrayLike | None = None) -> "RegionGraph":
    """Make the graph of the regions of a label image.

    Parameters
    ----------
    labels : array-like of int, shape (height, width) or (depth, height, width)
        Label image, or that of a volume, of this package or of any other. Numbers may have gaps, a
        region may lie in several pieces; 0 is a label as any other. Negative is outside every
        region.

    image : array-like of the shape of the labels, or with channels, default=None
        The image, of any dtype and number of channels. With it nodes have mean colours, and edges
        contrasts. Where labels are negative it may hold anything.

    Returns
    -------
    graph : RegionGraph
        One node a region, one edge a pair of regions that touch.

    See Also
    --------
    sklearn_spx.kernels.region_adjacency : The edges alone.

    Examples
    --------
    >>> from sklearn_spx.regions import region_graph
    >>> graph = region_graph([[5, 5, 9], [7, 7, 9]])
    >>> graph.ids.tolist(), graph.sizes.tolist()
    ([5, 7, 9], [2, 2, 2])
    >>> graph.to_scipy("length").toarray().tolist()
    [[0, 2, 1], [2, 0, 1], [1, 1, 0]]
    """
    return RegionGraph(labels, image)


class RegionGraph:
    """The regions of a label image, and which of them touch.

    A node is a region, known by its place in ``ids``, which holds the labels' own numbers. Regions
    touch where two of their pixels are 4-neighbours, or 6-neighbours in a volume. The adjacency is
    stored as compressed sparse rows, each pair in both directions.

    Parameters
    ----------
    labels : array-like of int, shape (height, width) or (depth, height, width)
        Label image, or that of a volume; negative is outside every region.

    image : array-like of the shape of the labels, or with channels, default=None
        The image, for mean colours and contrasts.

    Attributes
    ----------
    ids : ndarray of shape (n_nodes,), int32
        Label of each node, ascending.

    pixel_nodes : ndarray of the shape of the labels, int32
        Node of each pixel; -1 outside.

    sizes : ndarray of shape (n_nodes,), int64
        Pixels of each region.

    centroids : ndarray of shape (n_nodes, 2), float64
        Mean row and column of each region; of a volume (n_nodes, 3), slices first.

    features : ndarray of shape (n_nodes, n_channels), float32, or None
        Mean of each channel over each region; None without an image.

    edges : ndarray of shape (n_edges, 2), int32
        Pairs of nodes a < b that touch, sorted.

    lengths : ndarray of shape (n_edges,), int64
        Pairs of neighbouring pixels along the common boundary; of a volume its faces.

    contrasts : ndarray of shape (n_edges,), float64, or None
        Euclidean distance of the two mean colours, in units of the image; None without an image.

    indptr, indices : ndarray of shape (n_nodes + 1,), int64, and (2 * n_edges,), int32
        The neighbours of node ``i`` are ``indices[indptr[i]:indptr[i + 1]]``, ascending.

    entry_edges : ndarray of shape (2 * n_edges,), int64
        The edge of each entry of `indices`: ``lengths[entry_edges]`` are its lengths.

    Notes
    -----
    :class:`sklearn_spx.DELSegmenter` has a private graph of its own, of labels without a gap, whose
    nodes have learned embeddings in the place of colours. The two have nothing in common but the
    kernels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.regions import RegionGraph
    >>> labels = np.array([[0, 0, 2, 2], [0, 0, 2, 8], [-1, -1, 8, 8]])
    >>> graph = RegionGraph(labels, image=labels / 10)
    >>> graph.edges.tolist(), graph.lengths.tolist(), graph.contrasts.round(2).tolist()
    ([[0, 1], [1, 2]], [2, 3], [0.2, 0.6])
    >>> graph.cut(0.3)
    array([[ 0,  0,  0,  0],
           [ 0,  0,  0,  8],
           [-1, -1,  8,  8]], dtype=int32)
    """

    def __init__(self, labels: ArrayLike, image: ArrayLike | None = None):
        if image is None:
            labels = as_labels(labels, volumes=True)
        else:
            image, labels = as_image_and_labels(image, labels, volumes=True)
        self.pixel_nodes, self.ids = number_regions(labels, volumes=True)
        n_nodes = self.ids.size
        self.sizes, self.centroids = _sizes_and_centroids(self.pixel_nodes, n_nodes)
        self.edges, self.lengths = region_adjacency(self.pixel_nodes)
        self.features: NDArray[np.float32] | None = None
        self.contrasts: NDArray[np.float64] | None = None
        if image is not None:
            means, _ = region_means(image, self.pixel_nodes)
            self.features = means
            first, second = means.astype(np.float64)[self.edges.T]
            self.contrasts = np.sqrt(((first - second) ** 2).sum(axis=1))
        rows, columns = np.concatenate([self.edges, self.edges[:, ::-1]]).T
        order = np.lexsort((columns, rows))
        self.indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_nodes))])
        self.indices = columns[order]
        self.entry_edges = order % max(len(self.edges), 1)

    def __repr__(self) -> str:
        return f"RegionGraph of {len(self.ids)} regions and {len(self.edges)} edges"

    # --- other libraries ------------------------------------------------------------------------

    def to_scipy(self, weight: str | ArrayLike = "length") -> Any:
        """Return the adjacency as a sparse array, for scipy and scikit-learn.

        Parameters
        ----------
        weight : {"length", "contrast"} or array-like of shape (n_edges,), default="length"
            What an entry holds: the length of the boundary, the contrast, or numbers of your own,
            one an edge. A contrast of 0 is an entry as any other.

        Returns
        -------
        adjacency : scipy.sparse.csr_array of shape (n_nodes, n_nodes)
            Symmetric; row ``i`` is the region ``ids[i]``.

        Examples
        --------
        >>> from scipy.sparse.csgraph import connected_components
        >>> from sklearn_spx.regions import region_graph
        >>> connected_components(region_graph([[0, 0, -1, 4], [0, 1, -1, 4]]).to_scipy())[0]
        2
        """
        from scipy.sparse import csr_array

        data = self._weights(weight)[self.entry_edges]
        n_nodes = len(self.ids)
        # copies: what is done to the result must not change the graph
        parts = (data, self.indices.copy(), self.indptr.astype(self.indices.dtype))
        return csr_array(parts, shape=(n_nodes, n_nodes))

    def to_networkx(self) -> Any:
        """Return a graph of networkx, whose nodes are the labels' own numbers.

        Returns
        -------
        graph : networkx.Graph
            Nodes have ``size``, ``centroid`` (row, column) and, with an image, ``feature``; edges
            have ``length`` and, with an image, ``contrast``.

        Examples
        --------
        >>> from sklearn_spx.regions import region_graph
        >>> graph = region_graph([[3, 3, 8]]).to_networkx()
        >>> graph.nodes[3], graph.edges[3, 8]
        ({'size': 2, 'centroid': (0.0, 0.5)}, {'length': 1})
        """
        import networkx

        graph = networkx.Graph()
        ids = self.ids.tolist()
        for i, (label, size, centroid) in enumerate(
            zip(ids, self.sizes.tolist(), self.centroids.tolist())
        ):
            graph.add_node(label, size=size, centroid=tuple(centroid))
            if self.features is not None:
                graph.nodes[label]["feature"] = self.features[i].copy()
        for e, ((a, b), length) in enumerate(zip(self.edges.tolist(), self.lengths.tolist())):
            graph.add_edge(ids[a], ids[b], length=length)
            if self.contrasts is not None:
                graph.edges[ids[a], ids[b]]["contrast"] = float(self.contrasts[e])
        return graph

    def to_skimage(self, weight: str | ArrayLike = "contrast") -> Any:
        """Return a region adjacency graph of scikit-image, as its ``rag_mean_color`` makes.

        ``skimage.graph.cut_threshold``, ``cut_normalized`` (which wants similarities as weights),
        ``merge_hierarchical`` and ``show_rag`` take it together with the label image.

        Parameters
        ----------
        weight : {"length", "contrast"} or array-like of shape (n_edges,), default="contrast"
            What an edge has as ``weight``.

        Returns
        -------
        graph : skimage.graph.RAG
            Nodes are the labels' own numbers, with ``labels`` and ``pixel count`` and, with an
            image, ``total color`` and ``mean color``.

        Notes
        -----
        The edges are those of ``rag_mean_color(image, labels, connectivity=1)``. Functions of
        scikit-image know no outside: where a label image has negative labels, what they return
        means nothing in those pixels, so set them again, as in ``result[labels < 0] = -1``.

        Examples
        --------
        >>> import numpy as np
        >>> from skimage.graph import cut_threshold
        >>> from sklearn_spx.regions import region_graph
        >>> labels, image = np.array([[0, 1, 2]]), np.array([[0.0, 0.1, 0.9]])
        >>> cut_threshold(labels, region_graph(labels, image).to_skimage(), 0.3)
        array([[0, 0, 1]])
        """
        from skimage.graph import RAG

        graph, weights, ids = RAG(), self._weights(weight).tolist(), self.ids.tolist()
        for i, label in enumerate(ids):
            graph.add_node(label, {"labels": [label], "pixel count": int(self.sizes[i])})
            if self.features is not None:  # arrays of its own: merging adds to them in place
                mean = self.features[i].astype(np.float64)
                graph.nodes[label].update({"total color": mean * self.sizes[i], "mean color": mean})
        for (a, b), value in zip(self.edges.tolist(), weights):
            graph.add_edge(ids[a], ids[b], weight=value)
        return graph

    def edge_index(self) -> NDArray[np.int64]:
        """Return both directions of each edge, as PyTorch Geometric and DGL take them.

        Returns
        -------
        edge_index : ndarray of shape (2, 2 * n_edges), int64
            Sources and targets, sorted by source. ``torch.from_numpy`` takes it without a copy;
            ``dgl.graph(tuple(torch.from_numpy(edge_index)), num_nodes=len(graph.ids))``.

        Examples
        --------
        >>> from sklearn_spx.regions import region_graph
        >>> region_graph([[3, 3, 8]]).edge_index()
        array([[0, 1],
               [1, 0]])
        """
        sources = np.repeat(np.arange(len(self.ids)), np.diff(self.indptr))
        return np.stack([sources, self.indices]).astype(np.int64)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the graph as the arrays that PyTorch Geometric's ``Data`` takes, by their names.

        ``Data(**{name: torch.from_numpy(a) for name, a in graph.to_arrays().items()})``; no array
        is copied by that.

        Returns
        -------
        arrays : dict of ndarray
            ``edge_index`` (2, 2 * n_edges), int64; ``edge_attr`` (2 * n_edges, 1 or 2), float32:
            lengths and, with an image, contrasts; ``pos`` (n_nodes, 2), float32: mean row and
            column, of volumes (n_nodes, 3); with an image ``x`` (n_nodes, n_channels), float32:
            mean colours.

        Examples
        --------
        >>> from sklearn_spx.regions import region_graph
        >>> arrays = region_graph([[3, 3, 8]], image=[[0.0, 1.0, 2.0]]).to_arrays()
        >>> {name: array.tolist() for name, array in arrays.items()}
        {'edge_index': [[0, 1], [1, 0]], 'edge_attr': [[1.0, 1.5], [1.0, 1.5]],
        'pos': [[0.0, 0.5], [0.0, 2.0]], 'x': [[0.5], [2.0]]}
        """
        columns = [self.lengths] if self.contrasts is None else [self.lengths, self.contrasts]
        arrays = {
            "edge_index": self.edge_index(),
            "edge_attr": np.stack(columns, axis=1)[self.entry_edges].astype(np.float32),
            "pos": self.centroids.astype(np.float32),
        }
        return arrays if self.features is None else arrays | {"x": self.features.copy()}

    # --- back to label images -------------------------------------------------------------------

    def cut(
        self, threshold: float, weight: str | ArrayLike = "contrast", min_size: int = 0
    ) -> NDArray[np.int32]:
        """Cut the edges above a threshold; what still hangs together becomes one region.

        Parameters
        ----------
        threshold : float
            Greatest weight that regions are joined across.

        weight : {"length", "contrast"} or array-like of shape (n_edges,), default="contrast"
            Dissimilarity of each pair of neighbours.

        min_size : int, default=0
            Regions that a segment must have, where it has neighbours.

        Returns
        -------
        labels : ndarray of the shape of the labels, int32
            Each segment has the smallest label of its regions; -1 outside.

        See Also
        --------
        sklearn_spx.kernels.merge_regions : The same on plain arrays.

        Examples
        --------
        >>> from sklearn_spx.regions import region_graph
        >>> region_graph([[4, 5, 9]], image=[[0.0, 0.1, 0.9]]).cut(0.3)
        array([[4, 4, 9]], dtype=int32)
        """
        n_nodes, weights = len(self.ids), self._weights(weight)
        if n_nodes == 0:
            return self.pixel_nodes.copy()
        return self._of_segments(merge_regions(self.edges, weights, n_nodes, threshold, min_size))

    def segment(
        self, scale: float, weight: str | ArrayLike = "contrast", min_size: float = 0
    ) -> NDArray[np.int32]:
        """Join regions by Felzenszwalb's and Huttenlocher's rule, which heeds how varied they are.

        Parameters
        ----------
        scale : float
            Preference for large segments, in units of weight times pixels.

        weight : {"length", "contrast"} or array-like of shape (n_edges,), default="contrast"
            Dissimilarity of each pair of neighbours.

        min_size : float, default=0
            Segments of fewer pixels are joined to a neighbour.

        Returns
        -------
        labels : ndarray of the shape of the labels, int32
            Each segment has the smallest label of its regions; -1 outside.

        See Also
        --------
        sklearn_spx.kernels.segment_region_graph : The same on plain arrays.

        Examples
        --------
        >>> from sklearn_spx.regions import region_graph
        >>> region_graph([[4, 5, 9]], image=[[0.0, 0.1, 0.9]]).segment(scale=0.5)
        array([[4, 4, 9]], dtype=int32)
        """
        n_nodes, weights = len(self.ids), self._weights(weight)
        if n_nodes == 0:
            return self.pixel_nodes.copy()
        return self._of_segments(
            segment_region_graph(
                self.edges, weights, n_nodes, scale=scale, sizes=self.sizes, min_size=min_size
            )
        )

    def merge(self, groups: ArrayLike | Mapping[int, int]) -> NDArray[np.int32]:
        """Give each region the label of its group, by whatever has grouped the nodes.

        Parameters
        ----------
        groups : array-like of int, shape (n_nodes,), or mapping of int to int
            New label of each node, such as a clustering's ``labels_``, of a classifier's classes;
            negative is outside. Or new labels by old ones: labels that are not in it stay.

        Returns
        -------
        labels : ndarray of the shape of the labels, int32
            The groups as they are numbered; -1 outside.

        Raises
        ------
        TypeError
            If the groups are no integers.
        ValueError
            If there is not one a node, a label of the mapping is not there, or a new one is beyond
            int32.

        Examples
        --------
        >>> from sklearn_spx.regions import region_graph
        >>> graph = region_graph([[4, 5, 9]])
        >>> graph.merge([1, 1, 0]).tolist(), graph.merge({5: 9}).tolist()
        ([[1, 1, 0]], [[4, 9, 9]])
        """
        if isinstance(groups, Mapping):
            missing = sorted(set(groups) - set(self.ids.tolist()))
            if missing:
                raise ValueError(f"groups names the label {missing[0]!r}, which no pixel has")
            groups = [groups.get(label, label) for label in self.ids.tolist()]
        groups = np.asarray(groups)
        if groups.dtype.kind not in "bui" and groups.size:
            raise TypeError(f"groups has dtype {groups.dtype}; accepted are integers")
        if groups.shape != self.ids.shape:
            raise ValueError(
                f"groups has shape {groups.shape}, expected ({len(self.ids)},): one a node"
            )
        if groups.size and (groups.min() < _INT32.min or groups.max() > _INT32.max):
            raise ValueError(f"groups go from {groups.min()} to {groups.max()}, beyond int32")
        return self._paint(np.maximum(groups, -1) if groups.dtype.kind == "i" else groups)

    def _of_segments(self, segments):
        first = np.unique(segments, return_index=True)[1]
        return self._paint(self.ids[first][segments])

    def _paint(self, values):
        return np.append(values, -1).astype(np.int32)[self.pixel_nodes]

    def _weights(self, weight):
        """One number an edge: by name, or given."""
        if isinstance(weight, str):
            if weight not in ("length", "contrast"):
                raise ValueError(f"weight is {weight!r}; accepted are 'length', 'contrast', arrays")
            if weight == "length":
                return self.lengths
            if self.contrasts is None:
                raise ValueError(
                    "there are no contrasts: make the graph by region_graph(labels, image), or "
                    "give another weight"
                )
            return self.contrasts
        weights = np.asarray(weight)
        if weights.dtype.kind not in "buif":
            raise TypeError(f"weight has dtype {weights.dtype}; accepted are real numbers")
        if weights.shape != (len(self.edges),):
            raise ValueError(
                f"weight has shape {weights.shape}, expected ({len(self.edges)},): one an edge"
            )
        return weights


def _sizes_and_centroids(nodes, n_nodes):
    flat = nodes.ravel() + 1  # the first is for what is outside
    sizes = np.bincount(flat, minlength=n_nodes + 1)[1:]
    along = np.meshgrid(*map(np.arange, nodes.shape), indexing="ij", sparse=True)
    sums = [
        np.bincount(flat, np.broadcast_to(places, nodes.shape).ravel(), n_nodes + 1)[1:]
        for places in along
    ]
    return sizes, np.stack(sums, axis=1) / sizes[:, None]
