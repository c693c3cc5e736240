"""
Video: labels that stay with what they cover
============================================

Segmented one by one, the frames of a video have nothing to do with each other: superpixels start
on the same grid in each, whatever has moved. :func:`~sklearn_spx.regions.segment_frames` starts
those of a frame from those of the frame before, and hands on their labels.
"""

# %%
# A camera that moves over a table, and things that it sees move to the left by eight pixels a
# frame. A colour is a label: above each frame is alone, below it follows the one before.
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from skimage.segmentation import find_boundaries

from sklearn_spx import SEALSuperpixels
from sklearn_spx.metrics import label_consistency
from sklearn_spx.regions import frame_shift, segment_frames

scene = data.coffee()
frames = [scene[40:380, 8 * t : 8 * t + 480] for t in range(13)]

seal = SEALSuperpixels(80, pretrained="bsds500")
alone = seal.transform(frames)
followed = list(segment_frames(seal, frames))

colours = np.random.default_rng(3).uniform(0.1, 1, (10_000, 3))
fig, axes = plt.subplots(2, 4, figsize=(13, 5.2), layout="constrained")
for row, (name, labels) in zip(axes, {"alone": alone, "followed": followed}.items()):
    for axis, t in zip(row, (0, 4, 8, 12)):
        picture = 0.45 * frames[t] / 255 + 0.55 * colours[labels[t]]
        picture[find_boundaries(labels[t], mode="inner")] = 0
        axis.imshow(picture)
        axis.set(xticks=[], yticks=[])
        axes[0][t // 4].set_title(f"frame {t}")
    row[0].set_ylabel(name)

# %%
# How many pixels take their label along from a frame to the next? That asks how far things moved.
# Here all of them move alike, which :func:`~sklearn_spx.regions.frame_shift` sees:
shift = frame_shift(frames[0], frames[1])
print("rows and columns from a frame to the next:", shift)
flow = np.reshape(shift, (2, 1, 1))
for name, labels in {"alone": alone, "followed": followed}.items():
    kept = np.mean([label_consistency(a, b, flow) for a, b in pairwise(labels)])
    print(f"{name:>9}: {kept:.0%} keep their label")

# %%
# What is new on the right gets numbers that were never used, and what leaves on the left takes its
# own along:
came, went = np.setdiff1d(followed[-1], followed[0]), np.setdiff1d(followed[0], followed[-1])
print(f"{len(came)} of {len(np.unique(followed[-1]))} superpixels came, {len(went)} went")

# %%
# The life of superpixels, as a cut through space and time: a line of the video in each frame, one
# below the other. Labels that stay are stripes.
row = 170
fig, axes = plt.subplots(1, 2, figsize=(13, 3), layout="constrained")
for axis, (name, labels) in zip(axes, {"alone": alone, "followed": followed}.items()):
    axis.imshow(colours[np.array([a[row] for a in labels])], aspect="auto", interpolation="nearest")
    axis.set(title=name, xlabel="column", ylabel="frame")
