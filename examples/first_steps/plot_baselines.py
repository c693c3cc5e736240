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
# How much of a segmentation could be rebuilt from the superpixels? With ground truth at hand
# ``score`` says so: the achievable segmentation accuracy, at best 1.
leaves = make_dead_leaves(n_images=5, random_state=0)
for n_segments in (50, 100, 200, 400):
    scores = [
        cls(n_segments=n_segments).fit(leaves.images).score(leaves.images, leaves.ground_truths)
        for cls in (SLICSuperpixels, ERSSuperpixels)
    ]
    print(f"{n_segments:4d} superpixels: SLIC {scores[0]:.3f}, ERS {scores[1]:.3f}")
