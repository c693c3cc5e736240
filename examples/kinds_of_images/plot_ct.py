"""
Slices of 12 bits: say what is black and white
==============================================

Tomograms are numbers on a scale of their own: Hounsfield units, -1000 for air, 0 for water. What a
superpixel is depends on what counts as a large difference, and that is ``value_range``. None learns
it in ``fit``, of all images together; a radiologist's window says it.
"""

# %%
# A phantom (Shepp and Logan 1974) of int16, with noise. Bone is a thousand units brighter than what
# it holds, and what differs inside differs by forty.
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from scipy.ndimage import gaussian_filter
from skimage.data import shepp_logan_phantom

from sklearn_spx import ERSSuperpixels, SLICSuperpixels
from sklearn_spx.inspection.draw import boundary_lines
from sklearn_spx.metrics import achievable_segmentation_accuracy

phantom = shepp_logan_phantom()
truth = np.unique(np.round(phantom, 3), return_inverse=True)[1].reshape(phantom.shape)
units = np.select([phantom == 0, phantom > 0.9], [-1000, 1000], 400 * phantom - 60)
rng = np.random.default_rng(0)
noise = gaussian_filter(rng.normal(size=units.shape), 0.8)
ct = (units + 12 * noise / noise.std()).astype(np.int16)
print(ct.dtype, ct.min(), ct.max())

# %%
# All of the range, and a window of soft tissue: -100 to 150 units. What lies beyond is black or
# white.
settings = {"learned in fit": None, "window -100 to 150": (-100, 150)}
methods = {"SLIC": SLICSuperpixels, "ERS": ERSSuperpixels}
figure, axes = plt.subplots(2, 3, figsize=(13, 8.6), layout="constrained")
for row, (name, make) in zip(axes, methods.items()):
    for axis, (how, value_range) in zip(row, settings.items()):
        estimator = make(400, value_range=value_range).fit([ct])
        labels = estimator.transform([ct])[0]
        asa = achievable_segmentation_accuracy(labels, truth)
        axis.imshow(ct, cmap="gray", vmin=-100, vmax=150)
        axis.add_collection(LineCollection(boundary_lines(labels), colors="gold", linewidths=0.8))
        low, high = estimator.value_range_
        axis.set_title(f"{name}, {how}: {low:.0f} to {high:.0f}, ASA {asa:.3f}", fontsize=10)
axes[0, 2].imshow(ct, cmap="gray", vmin=-1000, vmax=1000)
axes[0, 2].set_title("the slice, all of its range", fontsize=10)
axes[1, 2].imshow(truth, cmap="tab20")
axes[1, 2].set_title("the truth", fontsize=10)
for axis in axes.flat:
    axis.axis("off")
plt.show()

# %%
# A mask leaves out what is not the patient. Pixels outside are -1 and count for nothing, whatever
# they hold; all 400 superpixels are spent inside.
inside = gaussian_filter((ct > -500).astype(float), 1) > 0.5
slic = SLICSuperpixels(400, value_range=(-100, 150)).fit([ct], masks=[inside])
labels = slic.transform([ct], masks=[inside])[0]
print(labels.min(), labels.max() + 1, np.unique(labels[~inside]))
figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
axis.imshow(ct, cmap="gray", vmin=-100, vmax=150)
axis.add_collection(LineCollection(boundary_lines(labels), colors="gold", linewidths=0.9))
axis.axis("off")
plt.show()

# sphinx_gallery_thumbnail_number = 2
