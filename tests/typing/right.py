"""Code of a user who runs ``mypy --strict``: it finds nothing to complain about."""

from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import sklearn_spx
from sklearn_spx import (
    DELSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
)
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import ChannelUnion, LabFeatures
from sklearn_spx.inspection import SegmentationDisplay
from sklearn_spx.kernels import entropy_rate_superpixels, region_adjacency, slic
from sklearn_spx.metrics import boundary_recall, compactness, make_image_scorer
from sklearn_spx.training import NetTraining
from sklearn_spx.utils.estimator_checks import check_estimator

LabelImage = NDArray[np.int32]

version: str = sklearn_spx.__version__
images: list[NDArray[np.uint8]] = [np.zeros((20, 30, 3), np.uint8)]
truths = [np.zeros((20, 30), int)]

plain = SLICSuperpixels(n_segments=20, compactness=10.0).fit(images)
assert_type(plain, SLICSuperpixels)
assert_type(plain.transform(images), list[LabelImage] | LabelImage)
assert_type(plain.predict(np.stack(images), masks=[None]), list[LabelImage] | LabelImage)
assert_type(plain.score(images, truths, sample_weight=[1.0]), float)
ERSSuperpixels(20, connectivity=4, n_jobs=-1, on_error="warn").fit_transform(images)
ERSSuperpixels(20, connectivity=26, spacing=(2.5, 1, 1)).fit_transform([np.zeros((4, 5, 6))])

training = NetTraining(max_steps=10, learning_rate=1e-3)
features = ChannelUnion([("lab", LabFeatures())])
TrainableSLIC(20, distance="linear", features=features, random_state=0).fit(images, truths)
seal = SEALSuperpixels(n_segments=20, training=training, memory="cache").fit(images, truths)
seal.save(Path("seal.safetensors"))
seal.transform(images, n_segments=[10, 20])
DELSegmenter.from_pretrained("bsds500", threshold=0.4).hierarchy(images)

SLICSuperpixels(20, spacing=(2, 1)).fit(images)
labels = slic(images[0], 20, compactness=5)
slic(np.zeros((4, 5, 6)), 20, spacing=(2.5, 1, 1))
assert_type(labels, LabelImage)
assert_type(entropy_rate_superpixels(images[0], 20, balance=0.3), LabelImage)
edges, lengths = region_adjacency(labels)
assert_type(lengths, NDArray[np.int64])
recall: float = float(boundary_recall(labels, truths, protocol="stutz"))
assert_type(compactness(labels), float)
make_image_scorer(boundary_recall, tolerance=2)
make_dead_leaves(2, (48, 64), random_state=0)
SegmentationDisplay.from_estimator(plain, images, views=["boundaries"])
check_estimator(plain)
