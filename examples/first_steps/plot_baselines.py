"""
Superpixels side by side
========================

Three methods that need no training, asked for the same number of superpixels. ``SLICSuperpixels``
gives compact cells of like size, ``ERSSuperpixels`` follows the borders more closely and meets the
number exactly. ``EGBSegmenter`` has no number to set: it spends its regions where there is detail
and leaves a plain sky in one piece.
"""

# %%
# The photographs come with scikit-image; nothing is downloaded.
import matplotlib.pyplot as plt

from sklearn_spx import EGBSegmenter, ERSSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import load_sample_images, make_dead_leaves
from sklearn_spx.inspection import SegmentationDisplay
from sklearn_spx.metrics import explained_variation, global_regularity

data = load_sample_images()
images, names = data.images[1:4], data.names[1:4]
methods = [
    SLICSuperpixels(n_segments=200),
    ERSSuperpixels(n_segments=200),
    EGBSegmenter(scale=150.0, min_size=60),
]

figure, axes = plt.subplots(3, 3, figsize=(12, 8), layout="constrained")
for method, row in zip(methods, axes):
    SegmentationDisplay.from_estimator(
        method.fit(images), images, names=names, views="boundaries", ax=row
    )
plt.show()

# %%
# Every region in its mean colour shows what a method keeps of the image.
SegmentationDisplay.from_estimator(methods[1], images, names=names, views="means")
plt.show()

# %%
# Two scores need no ground truth: how much of the image's variance the mean colours keep, and how
# regular the regions are, and how much alike. Both are at most 1. Compare them at equal numbers of
# regions, as those of SLIC and ERS are here.
for method in methods:
    found = method.transform(images)
    variation = sum(map(explained_variation, found, images)) / len(images)
    regularity = sum(map(global_regularity, found)) / len(images)
    name = type(method).__name__
    print(f"{name:15s} explained variation {variation:.3f}, regularity {regularity:.3f}")

# %%
# How much of a segmentation could be rebuilt from the superpixels? With ground truth at hand
# ``score`` says so: the achievable segmentation accuracy, at best 1.
leaves = make_dead_leaves(n_images=5, random_state=0)
for n_segments in (50, 100, 200, 400):
    scores = [
        cls(n_segments=n_segments).fit(leaves.images).score(leaves.images, leaves.ground_truths)
        for cls in (SLICSuperpixels, ERSSuperpixels)
    ]
    print(f"{n_segments:4d} superpixels: SLIC {scores[0]:.3f}, ERS {scores[1]:.3f}")
