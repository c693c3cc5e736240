"""The same photograph in the same number of superpixels, by four methods, and a part of it."""

import numpy as np
from _panels import borders, panel
from skimage.data import chelsea

from sklearn_spx import ERSSuperpixels, SEALSuperpixels, SLICSuperpixels, TrainableSLIC

image = chelsea()
methods = [
    SLICSuperpixels(150),
    ERSSuperpixels(150),
    TrainableSLIC(150, pretrained="bsds500"),
    SEALSuperpixels(150, pretrained="bsds500"),
]
part = np.s_[60:210, 110:310]
labels = [method.fit_transform([image])[0] for method in methods]
for method, one in zip(methods, labels):
    borders(panel(image, type(method).__name__), one)
for method, one in zip(methods, labels):
    borders(panel(image[part], f"{type(method).__name__}, a part"), one[part], width=1)
