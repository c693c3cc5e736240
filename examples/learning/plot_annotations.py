"""
From an annotation tool to a model
==================================

Annotation tools export polygons: COCO's JSON from CVAT or Label Studio, GeoJSON from QuPath or
QGIS. :func:`~sklearn_spx.regions.labels_from_coco` draws them into label images, and these are
what any estimator learns from.
"""

# %%
# The export, as a tool would write it: outlines of the coins in the left half of a photograph,
# drawn by somebody with a steady hand. (Here a threshold draws them.)
import json

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from scipy.ndimage import binary_fill_holes, binary_opening, label
from skimage import data, filters
from sklearn.ensemble import ExtraTreesClassifier

from sklearn_spx import SLICSuperpixels
from sklearn_spx.inspection.draw import boundary_lines
from sklearn_spx.metrics import mean_iou
from sklearn_spx.regions import (
    RegionFeatures,
    SuperpixelClassifier,
    labels_from_coco,
    labels_from_geojson,
    to_coco,
    to_geojson,
)

image = data.coins()
flat = image - filters.gaussian(image, 45, preserve_range=True)
coins = binary_opening(binary_fill_holes(filters.sobel(flat) > 12), iterations=4)
half = image.shape[1] // 2
drawn = label(coins[:, :half])[0] - 1
export = json.dumps(
    to_coco(
        [drawn],
        ["coins.png"],
        segmentation="polygons",
        simplify=1.5,
        categories=["coin"],
    )
)
print(f"{len(export) / 1000:.0f} kB of JSON, beginning {export[:60]}...")

# %%
# Read it back. Every outline is a segment of its own; as classes there is one name.
annotated = labels_from_coco(json.loads(export), label="category")
classes = annotated.labels[0]  # 0 is a coin, -1 where nobody drew
print(annotated.file_names, annotated.names)

# %%
# Whoever drew all coins of the half says thereby that the rest of it is background: a second class.
truth = np.where(coins, 0, 1)
known = np.full(image.shape, -1)
known[:, :half] = np.where(classes == 0, 0, 1)
classifier = SuperpixelClassifier(
    SLICSuperpixels(900, compactness=15),
    RegionFeatures(properties=["intensity_mean", "intensity_std", "neighbour_contrast"]),
    ExtraTreesClassifier(200, random_state=0),
)
found = classifier.fit([image], [known]).predict([image])[0]
print(
    f"mean IoU of the half that nobody annotated: {mean_iou(found[:, half:], truth[:, half:]):.3f}"
)

# %%
# Left of the line what was learned from, right of it what was found.
figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
axes[0].imshow(image, cmap="gray")
lines = boundary_lines(drawn)
axes[0].add_collection(LineCollection(lines, colors="#E69F00", linewidths=1.5))
axes[0].set_title("outlines of the export")
axes[1].imshow(image, cmap="gray")
axes[1].imshow(np.where(found == 0, 1.0, np.nan), cmap="autumn", alpha=0.45, vmin=0, vmax=1)
axes[1].set_title("coins that were found")
for axis in axes:
    axis.axvline(half, color="white", ls="--")
    axis.axis("off")
plt.show()

# %%
# And back to the tool, to be corrected by hand: here the smallest object is thrown away. What the
# tool saves is read as before.
objects = label(found == 0)[0].astype(np.int32) - 1
correct_me = to_geojson(objects, simplify=1.0)
corrected = {**correct_me, "features": list(correct_me["features"])}
del corrected["features"][np.bincount(objects[objects >= 0]).argmin()]
again = labels_from_geojson(corrected, image.shape).labels
print(len(correct_me["features"]), "features,", again.max() + 1, "after the correction")
