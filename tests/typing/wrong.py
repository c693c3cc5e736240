"""Mistakes of a user, each with the error that mypy gives it."""

import numpy as np

from sklearn_spx import DELSegmenter, SEALSuperpixels, SLICSuperpixels, TrainableSLIC
from sklearn_spx.kernels import slic
from sklearn_spx.metrics import boundary_recall
from sklearn_spx.training import NetTraining

image = np.zeros((20, 30, 3), np.uint8)

SLICSuperpixels(n_segments="many")  # error: arg-type
SLICSuperpixels(n_superpixels=20)  # error: call-arg
SLICSuperpixels(20).transform(None)  # error: arg-type
SLICSuperpixels(20).transform()  # error: call-arg
text: str = SLICSuperpixels(20).score([image], [image])  # error: assignment
TrainableSLIC(20, distance="nearest")  # error: arg-type
SEALSuperpixels(20, training={"max_steps": 10})  # error: arg-type
DELSegmenter(merge="all")  # error: arg-type
NetTraining(schedule="linear")  # error: arg-type
slic(image, 20, compactness="10")  # error: arg-type
boundary_recall(image[:, :, 0], [image[:, :, 0]], protocol="best")  # error: arg-type
