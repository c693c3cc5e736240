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
from sklearn.model_selection import train_test_split

from sklearn_spx import SLICSuperpixels, TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.inspection import SegmentationDisplay

data = make_dead_leaves(n_images=16, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(
    data.images, data.ground_truths, test_size=6, random_state=0
)

# %%
# ``TrainableSLIC(distance="linear")`` learns how much each colour and texture channel is to count.
trained = TrainableSLIC(n_segments=100, distance="linear").fit(X_train, y_train)
untrained = SLICSuperpixels(n_segments=100).fit(X_train)
print(f"SLIC           {untrained.score(X_test, y_test):.3f}")
print(f"trainable SLIC {trained.score(X_test, y_test):.3f}")

# %%
# The achievable segmentation accuracy (ASA) of each image is written into it.
SegmentationDisplay.from_estimator(untrained, X_test[:3], y_test[:3])
SegmentationDisplay.from_estimator(trained, X_test[:3], y_test[:3], views="boundaries")
plt.show()

# %%
# What was learned goes to a file without pickle, and comes back with other parameters.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "my-images.safetensors"
    trained.save(path)
    finer = TrainableSLIC.from_pretrained(path, n_segments=200)
print(finer.transform(X_test)[0].max() + 1, "superpixels")
