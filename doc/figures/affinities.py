"""How alike neighbours are: by colour, by the shipped net, and what ERS makes of either."""

import numpy as np
from _panels import borders, panel
from skimage.data import coffee

from sklearn_spx import ERSSuperpixels, SEALSuperpixels
from sklearn_spx.features.affinities import feature_affinities

image = coffee()[60:330, 120:480]
seal = SEALSuperpixels(100, pretrained="bsds500")
kinds = {
    "by colour": (feature_affinities(image.astype(np.float32)), ERSSuperpixels(100)),
    "learned": (seal.affinities([image])[0], seal),
}
for k, way in enumerate(("right", "lower")):
    for name, (affinities, _) in kinds.items():
        title = f"{name}: to the {way} neighbour"
        panel(affinities[k], title, lines=2, cmap="gray", vmin=0, vmax=1)
for name, (_, method) in kinds.items():
    title = f"{name}: 100 superpixels of {type(method).__name__}"
    borders(panel(image, title, lines=2), method.fit_transform([image])[0])
