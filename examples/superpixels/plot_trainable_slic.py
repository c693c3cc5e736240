"""
What a learned distance changes
===============================

``TrainableSLIC`` learns how unlike a pixel and a superpixel are, from images that people have
segmented. Four forms of the distance, beside plain SLIC:

- ``"linear"``: a weight a feature. Superpixels are grown by the plain kernel, as fast;
- ``"mlp"``: three layers on the differences of the features;
- ``"classifier"``: a net that sees a pixel and its seven neighbouring superpixels, and chooses;
- ``"embedding"``: the features themselves, by a net trained through SLIC. That takes its
  time, so here it is the one that comes trained on photographs.
"""

# %%
# Images whose regions often share their colour and differ in texture alone. The first three learn
# from the same ten, with colour and scattering coefficients as features.
import time

import matplotlib.pyplot as plt

from sklearn_spx import SLICSuperpixels, TrainableSLIC
from sklearn_spx.datasets import load_sample_images, make_dead_leaves
from sklearn_spx.features import ChannelUnion, LabFeatures, ScatteringFeatures
from sklearn_spx.inspection import SegmentationDisplay
from sklearn_spx.metrics import (
    achievable_segmentation_accuracy,
    boundary_recall,
    compactness,
    evaluate_superpixels,
    mean_distance_to_edge,
    undersegmentation_error,
)
from sklearn_spx.training import NetTraining

data = make_dead_leaves(n_images=14, shape=(96, 144), random_state=1)
train, test = slice(0, 10), slice(10, 14)
X_test, y_test = data.images[test], data.ground_truths[test]

features = ChannelUnion([("lab", LabFeatures()), ("scattering", ScatteringFeatures(L=4))])
forms = {"SLIC": SLICSuperpixels(n_segments=60)}
for distance in ("linear", "mlp", "classifier"):
    training = None if distance == "linear" else NetTraining(max_epochs=5)
    forms[distance] = TrainableSLIC(
        60, distance=distance, features=features, n_samples=20_000, training=training
    )
labels = {}
for name, form in forms.items():
    began = time.perf_counter()
    form.fit(data.images[train], data.ground_truths[train])
    labels[name] = form.transform(X_test)
    print(f"{name:12} {time.perf_counter() - began:5.1f} s")

# %%
# Scores depend on how many superpixels there are, and on how round. Both are alike here:
# ``compactness`` means the same to all forms.
scores = {
    "achievable segmentation accuracy": achievable_segmentation_accuracy,
    "boundary recall": boundary_recall,
    "undersegmentation error": undersegmentation_error,
    "mean distance to edge": mean_distance_to_edge,
}
results = {name: evaluate_superpixels(labels[name], y_test, scores=scores) for name in forms}
for name, result in results.items():
    shape = sum(map(compactness, labels[name])) / len(X_test)
    print(f"{name:12} {result.n_segments:5.1f} superpixels, compactness {shape:.2f}")

figure, axes = plt.subplots(1, 4, figsize=(13, 3), layout="constrained")
for score, axis in zip(scores, axes):
    values = [result.mean[score] for result in results.values()]
    axis.bar(list(forms), values, color=["#999999", "#0072B2", "#D55E00", "#009E73"])
    better = "less" if score.endswith(("error", "edge")) else "more"
    axis.set_title(f"{score}\n({better} is better)", fontsize=10)
    axis.tick_params(axis="x", labelrotation=30)
    axis.set_ylim(0.9 * min(values), 1.03 * max(values))

# %%
# The borders that each form draws.
figure, axes = plt.subplots(len(forms), 3, figsize=(13, 12), layout="constrained")
for (name, found), row in zip(labels.items(), axes):
    SegmentationDisplay.from_predictions(
        X_test[:3], found[:3], ground_truths=y_test[:3], views="boundaries", ax=row
    )
    row[0].set_title(name, loc="left", fontsize=12)

# %%
# Photographs, by plain SLIC and by the embedding: as many superpixels, as compact, but where plain
# SLIC follows every line these keep to what people call the borders of things.
samples = load_sample_images()
photographs = [samples.images[samples.names.index(n)] for n in ("astronaut", "chelsea", "coffee")]
figure, axes = plt.subplots(2, len(photographs), figsize=(13, 8), layout="constrained")
for name, form, row in (
    ("SLIC", SLICSuperpixels(150).fit(photographs), axes[0]),
    ("embedding", TrainableSLIC.from_pretrained("bsds500", n_segments=150), axes[1]),
):
    found = form.transform(photographs)
    SegmentationDisplay.from_predictions(photographs, found, views="boundaries", ax=row)
    row[0].set_title(name, loc="left", fontsize=12)
plt.show()

# sphinx_gallery_thumbnail_number = 3
