"""
Regions as a graph: who touches whom, and what falls apart
==========================================================

A photograph of 240,000 pixels becomes a :class:`~sklearn_spx.regions.RegionGraph` of a few hundred
regions, with the length and the contrast of every common boundary. Whatever takes graphs takes it:
scipy, scikit-learn, networkx, and nets on graphs.
"""

# %%
# Each superpixel is a node, each pair that touches an edge; the brighter the line, the stronger the
# contrast across it.
import matplotlib.pyplot as plt
import networkx
import numpy as np
from matplotlib.collections import LineCollection
from skimage import data
from sklearn.cluster import SpectralClustering

from sklearn_spx import SEALSuperpixels
from sklearn_spx.inspection import SegmentationDisplay
from sklearn_spx.regions import region_graph

image = data.coffee()
labels = SEALSuperpixels(300, pretrained="bsds500").transform([image])[0]
graph = region_graph(labels, image)
print(graph)

figure, axis = plt.subplots(figsize=(8, 5.4), layout="constrained")
axis.imshow(image, alpha=0.45)
places = graph.centroids[:, ::-1]  # x, y
lines = LineCollection(places[graph.edges], array=graph.contrasts, cmap="magma", linewidths=1.6)
axis.add_collection(lines)
axis.scatter(
    *places.T, s=graph.sizes / 60, color=graph.features / 255, edgecolors="black", zorder=2
)
axis.axis("off")
figure.colorbar(lines, label="contrast of mean colours", shrink=0.8)

# %%
# ``cut`` joins what no strong contrast separates, which a single weak boundary is enough for.
# ``segment`` asks for more: a boundary stays where it is strong beside what lies inside the regions
# (Felzenszwalb and Huttenlocher 2004, on regions instead of pixels).
#
# scikit-learn's spectral clustering (normalised cuts) looks at the graph as a whole, and takes it
# as a sparse matrix of likenesses. ``merge`` paints what it says.
likeness = graph.lengths * np.exp(-graph.contrasts / graph.contrasts.mean())
spectral = SpectralClustering(8, affinity="precomputed", random_state=0)
groups = spectral.fit_predict(graph.to_scipy(likeness))
found = {
    "cut": graph.cut(30, min_size=3),
    "segment": graph.segment(100_000, min_size=1500),
    "SpectralClustering": graph.merge(groups),
}
SegmentationDisplay.from_predictions(
    [image] * 3, list(found.values()), names=list(found), views=["boundaries", "means"]
)

# %%
# For networkx nodes are the labels' own numbers. How many boundaries lie between the cup's rim and
# the corner of the table, at least?
nodes = graph.to_networkx()
path = networkx.shortest_path(nodes, int(labels[60, 300]), int(labels[380, 20]))
print(f"{len(path) - 1} boundaries, by way of the regions {path}")

# %%
# A net on graphs takes ``graph.to_arrays()``: features of the nodes, both directions of each edge,
# and what belongs to it.
for name, array in graph.to_arrays().items():
    print(f"{name:12s} {array.dtype!s:8s} {array.shape}")
