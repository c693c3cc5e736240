"""How alike neighbours are: by colour, by the shipped net, and what ERS makes of either."""

import matplotlib.pyplot as plt
import numpy as np
from _borders import show
from skimage.data import coffee

from sklearn_spx import ERSSuperpixels, SEALSuperpixels
from sklearn_spx.features.affinities import feature_affinities

image = coffee()[60:330, 120:480]
seal = SEALSuperpixels(100, pretrained="bsds500")
kinds = {
    "colour": (feature_affinities(image.astype(np.float32)), ERSSuperpixels(100)),
    "learned": (seal.affinities([image])[0], seal),
}
figure, axes = plt.subplots(2, 3, figsize=(9, 4.8), layout="constrained")
for (name, (affinities, method)), row in zip(kinds.items(), axes):
    for axis, part, way in zip(row, affinities, ("right", "lower")):
        axis.imshow(part, cmap="gray", vmin=0, vmax=1)
        axis.set_title(f"{name}: to the {way} neighbour", fontsize=10)
        axis.axis("off")
    labels = method.fit_transform([image])[0]
    show(row[2], image, labels, f"100 superpixels of {type(method).__name__}")
