"""
Larger than memory: blocks that nobody sees
===========================================

An image that does not fit in memory is read block by block. Superpixels of each block alone end at
its sides, are numbered anew, and are as many as the blocks say.
:func:`~sklearn_spx.large.segment_array` gives the label image of the whole image instead, bit for
bit, whatever the blocks and the workers.
"""

# %%
# A fundus photograph, as a scanner leaves it: in chunks, on disk.
import hashlib
import tempfile

import dask
import matplotlib.pyplot as plt
import numpy as np
import zarr
from distributed import Client, LocalCluster
from skimage.segmentation import mark_boundaries

from sklearn_spx import DELSegmenter, SEALSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import load_sample_images
from sklearn_spx.large import segment_array

samples = load_sample_images()
scan = max(samples.images, key=lambda image: image.size)
folder = tempfile.TemporaryDirectory()
image = zarr.create_array(
    f"{folder.name}/image.zarr", shape=scan.shape, chunks=(300, 300, 3), dtype=scan.dtype
)
image[:] = scan
labels = zarr.create_array(
    f"{folder.name}/labels.zarr", shape=scan.shape[:2], chunks=(500, 500), dtype="int32"
)
print(f"{image.shape[0]} x {image.shape[1]} pixels in {image.nchunks} chunks")

# %%
# The estimator is fitted to a piece, for the number of channels and the range of values. Two
# workers of a cluster on this machine share the blocks; this process writes the labels.
n_segments, side = 1500, 480
slic = SLICSuperpixels(n_segments).fit([image[:200, :200]])
with (
    LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster,
    Client(cluster),
):
    segment_array(slic, image, labels, block_size=side)
print(f"{labels[:].max() + 1} superpixels")

# %%
# The same by threads, in other blocks, and of the whole image at once: one digest.
with dask.config.set(scheduler="threads"):
    others = segment_array(slic, image, block_size=176)
whole = slic.transform([scan])[0]
for name, found in {"two workers": labels[:], "threads": others, "whole": whole}.items():
    print(f"{name:>12}: {hashlib.sha256(np.ascontiguousarray(found)).hexdigest()[:16]}")

# %%
# What would be seen otherwise: blocks one by one, each with its share of the superpixels, and the
# corner where four of them meet.
alone, n = np.empty_like(whole), 0
for top in range(0, scan.shape[0], side):
    for left in range(0, scan.shape[1], side):
        block = scan[top : top + side, left : left + side]
        own = slic.set_params(n_segments=round(n_segments * block[..., 0].size / whole.size))
        alone[top : top + side, left : left + side] = own.transform([block])[0] + n
        n = alone[top : top + side, left : left + side].max() + 1
slic.set_params(n_segments=n_segments)

window = np.s_[side - 110 : side + 110, side - 160 : side + 160]
fig, axes = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
for axis, (name, found) in zip(axes, {"block by block": alone, "segment_array": labels[:]}.items()):
    axis.imshow(mark_boundaries(scan[window], found[window], color=(1, 1, 0.6)))
    axis.set(title=name, xticks=[], yticks=[])
for where in (109.5, 159.5):
    line = axes[0].axhline if where == 109.5 else axes[0].axvline
    line(where, color="tab:cyan", linestyle=":", linewidth=1.5)

# %%
# Superpixels of blocks end along the dotted lines. Where ``segment_array`` was at work, no line
# could be drawn.

# %%
# Learned methods go the same way: superpixels along the borders that SEAL's net finds, and segments
# that DEL's net makes of superpixels. A checkpoint keeps the graph of regions, so that another
# number of segments costs a merge.
seal = SEALSuperpixels(400, pretrained="bsds500").fit([image[:200, :200]])
segmenter = DELSegmenter(pretrained="bsds500").fit([image[:200, :200]])
found = {"400 superpixels of SEAL": segment_array(seal, image, block_size=side)}
for n in (30, 8):
    segmenter.set_params(n_segments=n)
    checkpoint = f"{folder.name}/segments"
    found[f"{n} segments of DEL"] = segment_array(segmenter, image, checkpoint=checkpoint)

fig, axes = plt.subplots(1, 3, figsize=(12, 4.3), layout="constrained")
for axis, (name, regions) in zip(axes, found.items()):
    axis.imshow(mark_boundaries(scan, regions, color=(1, 1, 0.6), mode="thick"))
    axis.set(title=name, xticks=[], yticks=[])
folder.cleanup()
