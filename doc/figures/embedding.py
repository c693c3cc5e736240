"""What DEL's net says of superpixels, and the segments at three thresholds."""

import numpy as np
from _panels import borders, panel
from skimage.data import coffee
from sklearn.decomposition import PCA

from sklearn_spx import DELSegmenter
from sklearn_spx.inspection import draw

image = coffee()
segmenter = DELSegmenter(pretrained="bsds500")
vectors, labels = segmenter.embed([image])[0]
tree = segmenter.hierarchy([image])[0]
colours = PCA(3, random_state=0).fit_transform(vectors)
low, high = np.percentile(colours, (2, 98), axis=0)
colours = np.clip((colours - low) / (high - low), 0, 1)

borders(panel(image, f"{len(vectors)} superpixels", lines=2), labels, width=0.4)
panel(colours[labels], f"their {vectors.shape[1]} numbers as colours (PCA)", lines=2)
panel(tree.contour_map(), "how unlike the two sides of a border are", lines=2, cmap="gray_r")
for threshold in (0.3, 0.5, 0.7):
    found = tree.labels(threshold=threshold)
    title = f"threshold {threshold}: {found.max() + 1} segments"
    borders(panel(draw.mean_colors(image, found), title, lines=2), found)
