"""
Volumes: superpixels and segments of a stack of slices
======================================================

A stack from a scanner or a microscope is one thing in space, and its slices often lie farther apart
than its pixels. ``spacing=(z, y, x)`` says both: that images are volumes (depth, height, width),
and how far apart neighbouring samples are.
"""

# %%
# A stack of 16 slices, each four times as thick as its pixels are wide, with its exact
# segmentation: bodies of dead leaves, of which every fourth slice is kept.
import matplotlib.pyplot as plt
import numpy as np
from skimage.segmentation import mark_boundaries

from sklearn_spx import EGBSegmenter, ERSSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.metrics import achievable_segmentation_accuracy
from sklearn_spx.regions import region_graph, region_table

data = make_dead_leaves(1, shape=(64, 96, 96), random_state=4)
stack, truth = data.images[0][2::4], data.ground_truths[0][2::4]
spacing = (4, 1, 1)

# %%
# SLIC and entropy rate superpixels, exactly 300 of each, and graph-based segments. Neighbours are
# those by a face; ``connectivity=26`` of the latter two takes in edges and corners of samples.
superpixels = SLICSuperpixels(300, spacing=spacing).fit_transform([stack])[0]
by_entropy = ERSSuperpixels(300, connectivity=6, spacing=spacing).fit_transform([stack])[0]
segments = EGBSegmenter(200.0, min_size=150, spacing=spacing).fit_transform([stack])[0]
print("slices, rows, columns:", superpixels.shape)
for name, labels in {"SLIC": superpixels, "ERS": by_entropy}.items():
    accuracy = achievable_segmentation_accuracy(labels, truth)
    print(f"{name}: {labels.max() + 1} superpixels, achievable accuracy {accuracy:.3f}")


# %%
# Three slices, and a cut through all of them, drawn as high as it is in space: superpixels go
# through several slices, and on the cut they are as high as they are wide.
def show(rows):
    """Draw slices 4, 8 and 12 and the cut at row 48, with the borders of label volumes."""
    _, axes = plt.subplots(
        len(rows), 4, figsize=(13, 3.3 * len(rows)), layout="constrained", squeeze=False
    )
    for row, (name, labels) in zip(axes, rows.items()):
        places = [("slice 4", 4), ("slice 8", 8), ("slice 12", 12), ("row 48", np.s_[:, 48])]
        for axis, (place, at) in zip(row, places):
            image, borders = stack[at], labels[at]
            if place == "row 48":
                image, borders = image.repeat(4, axis=0), borders.repeat(4, axis=0)
            big = [
                np.kron(a, np.ones((4, 4) + (1,) * (a.ndim - 2), a.dtype)) for a in (image, borders)
            ]
            axis.imshow(mark_boundaries(*big, color=(1, 1, 0), mode="inner"))
            axis.set(xticks=[], yticks=[], title=place)
        row[0].set_ylabel(name)


rows = {"exact segments": truth, "SLIC, 300": superpixels, "ERS, 300": by_entropy}
show({**rows, "graph-based": segments})

# %%
# What a table of regions says is by the unit of ``spacing``: areas are volumes, lengths are those
# in space. Boundaries are counted in faces of samples.
table = region_table(segments, stack, spacing=spacing)
largest = np.argsort(table["area"])[-3:]
for name in ("area", "centroid-0", "axis_major_length", "boundary_length", "intensity_mean-0"):
    print(f"{name:20}", np.round(table[name][largest], 1))
graph = region_graph(superpixels, stack)
print(graph, "which share", graph.lengths.sum(), "faces")
