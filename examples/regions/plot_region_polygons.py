"""
Regions as polygons: borders that neighbours share
===================================================

Annotators, maps and vector graphics want polygons. :func:`~sklearn_spx.regions.label_polygons`
traces each border once, for both regions beside it, so that borders can be simplified without
tearing the picture: no gap, no overlap, at any tolerance.
"""

# %%
# Superpixels of a photograph, and the same borders with ever fewer points. Polygons are drawn in
# the mean colours of their regions, in the last picture as a mosaic of few corners.
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.path import Path
from skimage import data

from sklearn_spx import SLICSuperpixels
from sklearn_spx.regions import (
    label_once,
    label_polygons,
    polygons_to_labels,
    region_graph,
    to_geojson,
)

image = data.chelsea()[:, 30:430]
labels = SLICSuperpixels(n_segments=260).fit_transform([image])[0]
graph = region_graph(labels, image)
colours = dict(zip(graph.ids.tolist(), graph.features / 255))


def draw(axis, polygons, **more):
    """Draw each region's polygons, holes left out, in its mean colour."""
    for label, pieces in polygons.items():
        rings = [ring for polygon in pieces for ring in polygon]
        codes = [np.full(len(ring), Path.LINETO) for ring in rings]
        for code in codes:
            code[0], code[-1] = Path.MOVETO, Path.CLOSEPOLY
        path = Path(np.concatenate(rings), np.concatenate(codes))
        axis.add_collection(PathCollection([path], facecolors=[colours[label]], **more))
    height, width = labels.shape
    axis.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[], yticks=[])


tolerances = (0, 1, 3, 8)
figure, axes = plt.subplots(2, 2, figsize=(11, 8.4), layout="constrained")
for axis, tolerance in zip(axes.ravel(), tolerances):
    polygons = label_polygons(labels, simplify=tolerance)
    n_points = sum(len(ring) - 1 for ps in polygons.values() for p in ps for ring in p)
    draw(axis, polygons, edgecolors="white", linewidths=0.6)
    axis.set_title(f"simplify={tolerance}: {n_points} corners")

# %%
# Polygons become label images again: the exact ones the same, the others with some pixels on the
# other side of a border.
for tolerance in tolerances:
    again = polygons_to_labels(label_polygons(labels, simplify=tolerance), labels.shape)
    print(f"simplify={tolerance}: {(again == labels).mean():.1%} of the pixels keep their label")

# %%
# A piece of it at the size of pixels: the staircase of the exact border, and the line that takes
# its place from a tolerance of 0.75 pixels on. Points where three regions meet stay where they are.
figure, axis = plt.subplots(figsize=(8, 5.4), layout="constrained")
axis.imshow(image, extent=(0, image.shape[1], image.shape[0], 0), alpha=0.75)
for tolerance, colour, width in ((0, "white", 1.2), (1, "#D55E00", 2.2)):
    for pieces in label_polygons(labels, simplify=tolerance).values():
        for ring in (ring for polygon in pieces for ring in polygon):
            axis.plot(*ring.T, color=colour, linewidth=width)
axis.set(xlim=(105, 175), ylim=(125, 78), xticks=[], yticks=[], title="exact, and simplify=1")

# %%
# As GeoJSON, with a table of properties; with a transform and a reference system, such as those
# that rasterio reads, in the coordinates of a map.
collection = to_geojson(labels, {"label": graph.ids, "pixels": graph.sizes}, simplify=1)
print(collection["features"][0]["properties"])

# %%
# Regions of others come in the same way. Masks that overlap, as those of Segment Anything, are made
# a label image first: here three discs of which the smallest is on top.
rows, columns = np.indices(labels.shape)
discs = [np.hypot(rows - 150, columns - x) < r for x, r in ((150, 110), (200, 60), (260, 90))]
once = label_once(discs)
colours = dict(enumerate(np.array([[0.34, 0.71, 0.91], [0.94, 0.89, 0.26], [0.84, 0.37, 0.0]])))
figure, axis = plt.subplots(figsize=(6, 4.5), layout="constrained")
axis.imshow(image, extent=(0, image.shape[1], image.shape[0], 0))
draw(axis, label_polygons(once, simplify=0.75), alpha=0.6, edgecolors="black", linewidths=1.5)
plt.show()

# sphinx_gallery_thumbnail_number = 2
