"""
Where nothing is to be seen: round cells in the place of strips
================================================================

In a sky or on a wall all neighbours are alike. Entropy rate superpixels as published, on colour or
on learned affinities, fill such parts with strips and staircases. ``regularity`` lessens affinities
a little across the borders of as many SLIC superpixels: where there is a boundary it matters
little, and where there is none superpixels are round.
"""

# %%
# A rocket before an evening sky, by four numbers of superpixels: as published above, with
# ``regularity`` below.
import matplotlib.pyplot as plt
from skimage import data
from skimage.segmentation import mark_boundaries

from sklearn_spx import ERSSuperpixels, SEALSuperpixels
from sklearn_spx.metrics import compactness

image = data.rocket()[:, 100:540]
counts = (50, 150, 300, 600)


def show(rows):
    """Draw a row of label images for each name, with their compactness."""
    _, axes = plt.subplots(
        len(rows), len(counts), figsize=(13, 3.2 * len(rows)), layout="constrained"
    )
    for row, (name, found) in zip(axes, rows.items()):
        for axis, labels in zip(row, found):
            axis.imshow(mark_boundaries(image, labels, color=(1, 1, 0), mode="inner"))
            axis.set_title(f"{labels.max() + 1}, compactness {compactness(labels):.2f}")
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(name)


show(
    {
        name: [ERSSuperpixels(n, regularity=r).fit_transform([image])[0] for n in counts]
        for name, r in (("ERS, as published", 0.0), ("regularity 0.1", 0.1))
    }
)

# %%
# The same on the affinities of a net, where it is stronger by default. Compactness is that of
# Schick et al.: 1 for circles.
seal = SEALSuperpixels.from_pretrained("bsds500")
show(
    {
        name: seal.set_params(regularity=r).transform([image], n_segments=counts)[0]
        for name, r in (("SEAL, none", 0.0), ("regularity 0.25", 0.25))
    }
)
