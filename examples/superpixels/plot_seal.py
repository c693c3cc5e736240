"""
SEAL superpixels: learned affinities
====================================

A net says how alike neighbouring pixels are to a person's eye, and superpixels grow on that. The
net that comes with the package was trained on the human segmentations of BSDS500.
"""

# %%
# The same growing, once on colour and once on what was learned.
import matplotlib.pyplot as plt
from skimage.color import rgb2gray
from skimage.filters import sobel

from sklearn_spx import ERSSuperpixels, SEALSuperpixels
from sklearn_spx.datasets import load_sample_images, make_dead_leaves
from sklearn_spx.features.affinities import edge_affinities
from sklearn_spx.inspection import SegmentationDisplay
from sklearn_spx.kernels import entropy_rate_superpixels
from sklearn_spx.training import NetTraining

images = list(load_sample_images().images[:2])
seal = SEALSuperpixels.from_pretrained("bsds500", n_segments=150)
SegmentationDisplay.from_estimator(ERSSuperpixels(150).fit(images), images, views="boundaries")
SegmentationDisplay.from_estimator(seal, images, views="boundaries")

# %%
# What the net predicts: dark where a pixel and its right or lower neighbour should part.
affinities = seal.affinities(images)
figure, axes = plt.subplots(1, len(images), figsize=(5 * len(images), 4), layout="constrained")
for axis, affinity in zip(axes, affinities):
    axis.imshow(affinity.min(axis=0), cmap="gray", vmin=0, vmax=1)
    axis.set_axis_off()

# %%
# Several numbers of superpixels cost one run of the net.
for labels in seal.transform(images[:1], n_segments=[50, 200, 800])[0]:
    print(labels.max() + 1, "superpixels")

# %%
# Affinities may come from anywhere. Any edge detector makes some: here scikit-image's Sobel filter,
# whose edges are as strong as differences of gray, whoever's eye they matter to.
edges = [sobel(rgb2gray(image)) for image in images]
by_sobel = [
    entropy_rate_superpixels(affinities=edge_affinities(edge / edge.max()), n_segments=150)
    for edge in edges
]
SegmentationDisplay.from_predictions(images, by_sobel, views="boundaries")

# %%
# Training on annotations of one's own takes the same call as any estimator. ``NetTraining`` says
# how; its ``checkpoint`` keeps the state of a long run. ``memory=`` lets a grid search over cheap
# parameters train once.
leaves = make_dead_leaves(6, shape=(64, 96), random_state=0)
own = SEALSuperpixels(80, training=NetTraining(max_steps=40, batch_size=4, crop_size=48))
own.fit(leaves.images[:5], leaves.ground_truths[:5])
print(f"trained {own.score(leaves.images[5:], leaves.ground_truths[5:]):.3f}")
plt.show()

# sphinx_gallery_thumbnail_number = 3
# sphinx_gallery_multi_image = "single"
