"""What scores of superpixels count: pixels that leak, and borders that are found."""

import numpy as np
from _panels import borders, panel
from scipy.ndimage import maximum_filter
from skimage.segmentation import find_boundaries

from sklearn_spx import SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.inspection import draw
from sklearn_spx.metrics import (
    achievable_segmentation_accuracy,
    boundary_recall,
    undersegmentation_error,
)

data = make_dead_leaves(1, shape=(110, 150), random_state=4)
image, truth = data.images[0], data.ground_truths[0]
labels = SLICSuperpixels(60).fit_transform([image])[0]

# each superpixel takes the segment that most of it lies in; what is left of it leaks
table = np.zeros((labels.max() + 1, truth.max() + 1), int)
np.add.at(table, (labels, truth), 1)
best = table.argmax(axis=1)[labels]
leaks = best != truth

# the borders of the truth, one pixel wide, that have one of a superpixel within a pixel
lines, own = find_boundaries(truth, mode="inner"), find_boundaries(labels, mode="inner")
found = maximum_filter(own, 3)

axis = panel(image, "60 superpixels (yellow) and the truth (blue)", lines=3)
borders(axis, truth, color="#56B4E9", width=2)
borders(axis, labels)
shown = draw.mean_colors(image, best)
shown[leaks] = 213, 94, 0
accuracy = achievable_segmentation_accuracy(labels, truth)
error = undersegmentation_error(labels, truth)
panel(shown, f"pixels that leak (orange): ASA {accuracy:.3f}, UE {error:.3f}", lines=3)
drawn = np.full((*lines.shape, 3), 255, np.uint8)
drawn[own] = 215
drawn[lines & found], drawn[lines & ~found] = (0, 158, 115), (213, 94, 0)
title = f"borders found (green) and missed (orange): recall {boundary_recall(labels, truth):.3f}"
panel(drawn, title, lines=3)
