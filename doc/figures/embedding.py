"""What DEL's net says of superpixels, and the segments at three thresholds."""

import matplotlib.pyplot as plt
import numpy as np
from _borders import show
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

figure, axes = plt.subplots(2, 3, figsize=(9.5, 4.5), layout="constrained")
axes = axes.ravel()
show(axes[0], image, labels, f"{len(vectors)} superpixels", width=0.4)
show(axes[1], colours[labels], None, "their 64 numbers, as three colours (PCA)")
axes[2].imshow(tree.contour_map(), cmap="gray_r")
axes[2].axis("off")
axes[2].set_title("how unlike two sides of a border are", fontsize=10)
for axis, threshold in zip(axes[3:], (0.3, 0.5, 0.7)):
    found = tree.labels(threshold=threshold)
    title = f"threshold {threshold}: {found.max() + 1} segments"
    show(axis, draw.mean_colors(image, found), found, title)
