"""
Train on your own images
========================

A trained estimator takes a sequence of images and, for each, a label image (or a list of them,
one an annotator). The images here are synthetic, so that the example runs anywhere; yours need
only take their place: arrays (height, width) or (height, width, channels) of any, unequal sizes.
"""

# %%
# Images whose regions often share their colour and differ in texture alone.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.model_selection import train_test_split

from sklearn_spx import SLICSuperpixels, TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import ChannelUnion, ConvFeatures, LabFeatures
from sklearn_spx.inspection import SegmentationDisplay

data = make_dead_leaves(n_images=12, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(
    data.images, data.ground_truths, test_size=4, random_state=0
)

# %%
# ``TrainableSLIC`` learns how much each colour and texture channel is to count.
trained = TrainableSLIC(n_segments=100, n_samples=30_000).fit(X_train, y_train)
untrained = SLICSuperpixels(n_segments=100).fit(X_train)
print(f"SLIC           {untrained.score(X_test, y_test):.3f}")
print(f"trainable SLIC {trained.score(X_test, y_test):.3f}")

# %%
# The achievable segmentation accuracy (ASA) of each image is written into it.
SegmentationDisplay.from_estimator(untrained, X_test[:3], y_test[:3])
SegmentationDisplay.from_estimator(trained, X_test[:3], y_test[:3], views="boundaries")

# %%
# What counts? The share of each kind of feature in the distance of two pixels chosen at random:
# its weight times its variance. Scattering comes as the local mean, two scales (order 1), and pairs
# of them (order 2).
kinds = np.repeat(["L", "a, b", "mean", "fine", "coarse", "order 2"], [1, 2, 1, 8, 8, 64])
pixels = np.concatenate([f.reshape(-1, len(kinds)) for f in trained.features_.transform(X_train)])
share = trained.weights_ * pixels.var(axis=0)
names = list(dict.fromkeys(kinds))
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
axis.bar(names, [share[kinds == name].sum() / share.sum() for name in names], color="#0072B2")
axis.set(ylabel="share of the distance", title="what the training images asked for")

# %%
# Any layer of any torch module gives features too; the module is yours, its weights stay as they
# are. Here it is a bank of fixed filters: differences of neighbours in four directions, at half the
# size of the image.
filters = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False)
weights = torch.zeros(4, 3, 3, 3)
for k, (row, column) in enumerate([(1, 2), (2, 2), (2, 1), (2, 0)]):
    weights[k, :, row, column], weights[k, :, 1, 1] = 1, -1
filters.weight.data = weights
bank = torch.nn.Sequential(filters, torch.nn.ReLU(), torch.nn.AvgPool2d(3, 1, 1))
features = ChannelUnion([("lab", LabFeatures()), ("filters", ConvFeatures(bank, layer="2"))])
by_filters = TrainableSLIC(n_segments=100, n_samples=30_000, features=features).fit(
    X_train, y_train
)
print(f"by own filters {by_filters.score(X_test, y_test):.3f}")

# %%
# What was learned goes to a file without pickle, and comes back with other parameters.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "my-images.safetensors"
    trained.save(path)
    finer = TrainableSLIC.from_pretrained(path, n_segments=200)
print(finer.transform(X_test)[0].max() + 1, "superpixels")

# %%
# And when more images come in, learning goes on; those of before need not be kept.
more = make_dead_leaves(n_images=4, random_state=1)
trained.partial_fit(more.images, more.ground_truths)
print(f"after {trained.n_images_} images {trained.score(X_test, y_test):.3f}")
plt.show()

# sphinx_gallery_multi_image = "single"
