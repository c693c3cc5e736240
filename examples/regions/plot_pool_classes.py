"""
Classes that follow borders: scores of pixels pooled over superpixels
=====================================================================

A net for semantic segmentation gives every pixel scores for each class. They are noisy, and blurred
where classes meet. Averaged over superpixels, they follow the borders of the image.
"""

# %%
# The scores here are made, so that the truth is known: of three classes, blurred as by a net that
# works at an eighth of the image's size, with errors that are patches and not single pixels.
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter

from sklearn_spx import ERSSuperpixels, SEALSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.metrics import class_iou, mean_iou
from sklearn_spx.regions import pool_over_regions

N_CLASSES = 3
data = make_dead_leaves(4, random_state=5)
truths = [labels % N_CLASSES for labels in data.ground_truths]


def scores_of_a_net(truth, seed):
    noise = np.random.default_rng(seed).normal(size=(*truth.shape, N_CLASSES))
    scores = np.eye(N_CLASSES)[truth] + 7 * gaussian_filter(noise, (3, 3, 0))
    return gaussian_filter(scores, (4, 4, 0))


scores = [scores_of_a_net(truth, seed) for seed, truth in enumerate(truths)]

# %%
# One line pools them, over any label image.
methods = {
    "SLIC": SLICSuperpixels(n_segments=300).fit(data.images),
    "ERS": ERSSuperpixels(n_segments=300).fit(data.images),
    "SEAL": SEALSuperpixels.from_pretrained("bsds500", n_segments=300),
}
superpixels = {name: method.transform(data.images) for name, method in methods.items()}
classes = {"pixel by pixel": [s.argmax(axis=2) for s in scores]}
for name, found in superpixels.items():
    classes[name] = [pool_over_regions(s, spx).argmax(axis=2) for s, spx in zip(scores, found)]
for name, found in classes.items():
    each = ", ".join(f"{100 * iou:.0f}" for iou in class_iou(found, truths).values())
    print(f"{name:15s} mean IoU {100 * mean_iou(found, truths):.1f} %, of the classes {each}")

# %%
# The classes of one image.
pictures = {"image": None, "truth": truths[0], **{name: c[0] for name, c in classes.items()}}
figure, axes = plt.subplots(2, 3, figsize=(12, 6), layout="constrained")
for axis, (name, found) in zip(axes.flat, pictures.items()):
    if found is None:
        axis.imshow(data.images[0])
    else:
        axis.imshow(found, cmap="viridis", vmin=0, vmax=N_CLASSES - 1, interpolation="nearest")
        if name in classes:
            name += f": mean IoU {100 * mean_iou(found, truths[0]):.0f} %"
    axis.set_title(name)
    axis.set_axis_off()
plt.show()
