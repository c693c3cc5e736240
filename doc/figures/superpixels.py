"""The same photograph in the same number of superpixels, by four methods, and a part of it."""

import matplotlib.pyplot as plt
import numpy as np
from _borders import show
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
figure, axes = plt.subplots(2, 4, figsize=(10, 3.8), layout="constrained")
for method, (whole, close) in zip(methods, axes.T):
    labels = method.fit_transform([image])[0]
    show(whole, image, labels, type(method).__name__)
    show(close, image[part], labels[part], width=1)
