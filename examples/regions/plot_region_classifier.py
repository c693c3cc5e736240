"""
From a few scribbles to a class for every pixel
===============================================

Drawing a line through each kind of thing takes seconds, painting every pixel does not.
:class:`~sklearn_spx.regions.SuperpixelClassifier` learns from the superpixels under the lines and
classifies all others: any estimator of superpixels, features of regions, any classifier.
"""

# %%
# A photograph with lines through five things. Everything else is unknown, which is -1.
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from skimage.data import coffee
from skimage.draw import disk, line
from skimage.segmentation import mark_boundaries
from sklearn.ensemble import ExtraTreesClassifier

from sklearn_spx import SLICSuperpixels
from sklearn_spx.regions import RegionFeatures, SuperpixelClassifier

image = coffee()
lines = {
    "table": [
        [(20, 250), (60, 330), (110, 380)],
        [(430, 40), (560, 110), (565, 330), (500, 380)],
        [(15, 30), (150, 70), (215, 15)],
        [(15, 120), (60, 190)],
        [(590, 10), (590, 100)],
        [(95, 320), (150, 375)],
    ],
    "red china": [
        [(95, 200), (120, 280), (200, 350), (330, 365), (430, 300), (465, 200), (440, 140)],
        [(205, 290), (225, 250)],
        [(200, 190), (260, 225), (300, 245)],
        [(260, 270), (300, 300), (315, 335)],
    ],
    "white china": [
        [(182, 110), (215, 165), (270, 200), (340, 192), (398, 130), (395, 70), (330, 30)],
        [(205, 90), (260, 60), (340, 60), (375, 110)],
    ],
    "coffee": [
        [(235, 150), (300, 140), (350, 160), (290, 180)],
        [(222, 132), (245, 109), (307, 97), (360, 113), (380, 142)],
    ],
    "spoon": [[(345, 290), (370, 275), (385, 300), (360, 310)], [(392, 200), (410, 90)]],
}
scribbles = np.full(image.shape[:2], -1)
for number, strokes in enumerate(lines.values()):
    for stroke in strokes:
        for (x, y), (u, v) in pairwise(stroke):
            for point in zip(*line(y, x, v, u)):
                scribbles[disk(point, 3, shape=scribbles.shape)] = number
print(f"{np.mean(scribbles >= 0):.1%} of the pixels are known")

# %%
# A region gets the class of most of its known pixels, and weighs by them. Colour, spread, gradient,
# shape, place and neighbours are features by default.
classifier = SuperpixelClassifier(
    SLICSuperpixels(1200),
    RegionFeatures(),
    ExtraTreesClassifier(300, min_samples_leaf=2, random_state=0),
)
classifier.fit([image], [scribbles])
(classes,) = classifier.predict([image])
(probabilities,) = classifier.predict_proba([image])

# %%
# What was drawn, what came of it, and how sure the classifier is of its class: it doubts
# highlights, shadows, and the spoon, which mirrors everything else.
colours = np.array([[0, 114, 178], [213, 94, 0], [240, 228, 66], [0, 158, 115], [204, 121, 167]])
figure, axes = plt.subplots(2, 2, figsize=(12, 8.4), layout="constrained")
drawn = image.copy()
drawn[scribbles >= 0] = colours[scribbles[scribbles >= 0]]
axes[0, 0].imshow(drawn)
axes[0, 0].set_title("scribbles")
(superpixels,) = classifier.superpixels_.transform([image])
axes[0, 1].imshow(mark_boundaries(image, superpixels, color=(1, 1, 1)))
axes[0, 1].set_title("superpixels")
shade = image.mean(axis=2, keepdims=True) / 255
axes[1, 0].imshow((0.35 + 0.65 * shade) * colours[classes] / 255)
axes[1, 0].set_title("class of each pixel")
for name, colour in zip(lines, colours):
    axes[1, 0].plot([], [], "s", color=colour / 255, label=name)
axes[1, 0].legend(loc="lower right", fontsize=9)
shown = axes[1, 1].imshow(probabilities.max(axis=2), cmap="magma", vmin=0.2, vmax=1)
axes[1, 1].set_title("probability of that class")
figure.colorbar(shown, ax=axes[1, 1], shrink=0.8)
for axis in axes.flat:
    axis.set_axis_off()

# %%
# The rows themselves are there for anything else that takes a table.
# :func:`~sklearn_spx.regions.region_table` measures one image; what weighed most here:
names = classifier.features_.get_feature_names_out()
importance = classifier.classifier_.feature_importances_
for k in np.argsort(importance)[::-1][:6]:
    print(f"{names[k]:28} {importance[k]:.3f}")
plt.show()
