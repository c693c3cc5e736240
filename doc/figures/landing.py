"""A photograph, superpixels, segments, and classes learned from three scribbles."""

import numpy as np
from _panels import borders, panel
from skimage.data import coffee
from sklearn.ensemble import RandomForestClassifier

from sklearn_spx import DELSegmenter, SEALSuperpixels, SLICSuperpixels
from sklearn_spx.inspection import draw
from sklearn_spx.regions import RegionFeatures, SuperpixelClassifier

image = coffee()[10:370, 90:570]
superpixels = SEALSuperpixels(200, pretrained="bsds500").transform([image])[0]
segments = DELSegmenter(pretrained="bsds500").transform([image])[0]

scribbles = np.full(image.shape[:2], -1)
scribbles[128:138, 150:260] = 1  # coffee
scribbles[215:300, 240:250] = 0
scribbles[20:30, 20:200] = 0
classifier = SuperpixelClassifier(
    SLICSuperpixels(400), RegionFeatures(), RandomForestClassifier(random_state=0)
)
classes = classifier.fit([image], [scribbles]).predict([image])[0]
found = image.copy()
found[classes != 1] = (0.35 * found[classes != 1] + 150).astype(np.uint8)
found[scribbles == 1], found[scribbles == 0] = (0, 158, 115), (213, 94, 0)

panel(image, "a photograph")
borders(panel(image, f"{superpixels.max() + 1} superpixels"), superpixels)
means = draw.mean_colors(image, segments)
borders(panel(means, f"{segments.max() + 1} segments"), segments)
panel(found, "coffee, by three scribbles")
