"""
One pass of a net, every segmentation
=====================================

``DELSegmenter`` embeds superpixels by a net and merges them, the least unlike first. The merges
of an image form a tree: cut at any height, or at any number of segments, it is a segmentation.
"""

# %%
# The weights come with the package: a compact net trained on BSDS500.
import matplotlib.pyplot as plt

from sklearn_spx import DELSegmenter
from sklearn_spx.datasets import load_sample_images
from sklearn_spx.inspection import SegmentationDisplay

images = load_sample_images().images[:2]
segmenter = DELSegmenter.from_pretrained("bsds500")
trees = segmenter.hierarchy(images)

# %%
# Exactly twenty segments, exactly five.
for k in (20, 5):
    SegmentationDisplay.from_predictions(images, [tree.labels(n_segments=k) for tree in trees])

# %%
# The ultrametric contour map: the height at which two neighbours come together.
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for axis, tree in zip(axes, trees):
    axis.imshow(tree.contour_map(), cmap="magma_r", interpolation="none")
    axis.set_axis_off()
plt.show()

# sphinx_gallery_multi_image = "single"
