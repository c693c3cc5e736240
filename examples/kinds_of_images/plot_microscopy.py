"""
Stained tissue: how much of it is brown?
========================================

In immunohistochemistry an antibody turns what it finds brown, and a counterstain turns nuclei blue.
How much of the tissue is brown is what pathologists ask. Pixels by themselves are noisy;
superpixels have a mean colour, follow the borders of glands, and a few scribbles say what is what.
"""

# %%
# A colon's mucosa, of scikit-image. Colours become stains (Ruifrok and Johnston 2001), so that the
# features are amounts of dye rather than of red, green and blue.
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from skimage import data
from skimage.color import rgb2hed
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_spx import SLICSuperpixels
from sklearn_spx.inspection.draw import boundary_lines
from sklearn_spx.regions import region_table

image = data.immunohistochemistry()
stains = rgb2hed(image).astype(np.float32)
names = {0: "haematoxylin (blue)", 2: "DAB (brown)"}

figure, axes = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained")
axes[0].imshow(image)
axes[0].set_title("as stained")
for axis, (channel, name) in zip(axes[1:], names.items()):
    low, high = np.percentile(stains[..., channel], (1, 99))
    axis.imshow(stains[..., channel], cmap="magma", vmin=low, vmax=high)
    axis.set_title(name)
for axis in axes:
    axis.axis("off")

# %%
# Scribbles on a few places of each class. Unknown is -1.
classes = ["pale", "brown", "blue"]
scribbles = np.full(image.shape[:2], -1)
boxes = {
    "pale": [
        (330, 5, 440, 30),
        (284, 205, 296, 240),
        (400, 435, 450, 465),
        (110, 472, 190, 480),
    ],
    "brown": [(100, 200, 160, 230), (60, 380, 110, 420), (430, 60, 490, 140), (400, 290, 440, 340)],
    "blue": [
        (246, 290, 256, 302),
        (426, 200, 446, 212),
        (392, 174, 402, 188),
        (304, 432, 330, 446),
    ],
}
for kind, name in enumerate(classes):
    for top, left, bottom, right in boxes[name]:
        scribbles[top:bottom, left:right] = kind

# %%
# Superpixels of the photograph, and the mean of each stain in each. (Where regions and features
# come of one image, :class:`~sklearn_spx.regions.SuperpixelClassifier` does all of it.)
slic = SLICSuperpixels(2000, compactness=8)
labels = slic.fit_transform([image])[0]
table = region_table(labels, stains, properties=["label", "area", "intensity_mean"])
amounts = np.column_stack([table[f"intensity_mean-{c}"] for c in range(3)])

known = scribbles >= 0
counts = np.zeros((len(amounts), len(classes)), int)
np.add.at(counts, (labels[known], scribbles[known]), 1)
drawn = 2 * counts.max(axis=1) > table["area"]  # most of the superpixel is scribbled over
model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(amounts[drawn], counts[drawn].argmax(axis=1))
found = model.predict(amounts)

shares = np.bincount(found, table["area"]) / image[..., 0].size
print(", ".join(f"{name} {share:.0%}" for name, share in zip(classes, shares)))

# %%
# What was found, and the amount of dye in each superpixel.
palette = np.array([[235, 235, 235], [150, 80, 20], [60, 80, 190]], np.uint8)
part = np.s_[230:400, 120:330]
figure, axes = plt.subplots(1, 3, figsize=(14, 4.9), layout="constrained")
axes[0].imshow(palette[found[labels]])
for kind, colour in enumerate(("black", "yellow", "cyan")):
    axes[0].contour(scribbles == kind, levels=[0.5], colors=colour, linewidths=1.5)
axes[0].set_title("classes, and what was scribbled")
axes[1].imshow(amounts[labels][..., 2], cmap="magma")
axes[1].set_title("DAB, mean of each superpixel")
axes[2].imshow(image[part])
lines = boundary_lines(labels[part])
axes[2].add_collection(LineCollection(lines, colors="#F0E442", linewidths=0.8))
axes[2].set_title("superpixels, a part")
for axis in axes:
    axis.axis("off")
plt.show()

# sphinx_gallery_thumbnail_number = 2
