"""
A search over a trained net, without training
=============================================

``pretrained`` is a parameter as any other: clones, pipelines and searches keep it, and ``fit``
trains nothing. So :class:`~sklearn.model_selection.GridSearchCV` finds the threshold that suits
*your* images, with the net run once for each image: ``memory`` keeps what it says.
"""

# %%
# Scenes of overlapping leaves stand for images of your own, which the net never saw the like of.
import tempfile
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV

from sklearn_spx import DELSegmenter
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.inspection import SegmentationDisplay
from sklearn_spx.metrics import evaluate_segmentations, scorers

data = make_dead_leaves(9, shape=(160, 240), random_state=0)
train, test = slice(0, 6), slice(6, 9)
thresholds = np.round(np.linspace(0.15, 0.9, 11), 3)

# %%
# Two scores at once; the covering chooses.
folder = tempfile.TemporaryDirectory()
search = GridSearchCV(
    DELSegmenter(pretrained="bsds500", memory=folder.name),
    {"threshold": thresholds},
    scoring=scorers(["segmentation_covering", "boundary_f"]),
    refit="segmentation_covering",
    cv=3,
)
for run in ("first", "second"):
    start = perf_counter()
    search.fit(data.images[train], data.ground_truths[train])
    threshold = search.best_params_["threshold"]
    print(f"{run} search: {perf_counter() - start:.1f} s, threshold {threshold:.3f}")

default = DELSegmenter(pretrained="bsds500").fit(data.images[train])
for name, model in (("default", default), ("searched", search.best_estimator_)):
    print(f"{name:9s} covering {model.score(data.images[test], data.ground_truths[test]):.3f}")

# %%
# Both scores over the threshold, with the spread of the folds.
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
for score, colour in (("segmentation_covering", "#0072B2"), ("boundary_f", "#D55E00")):
    mean, spread = (search.cv_results_[f"{kind}_test_{score}"] for kind in ("mean", "std"))
    axis.plot(thresholds, mean, "o-", color=colour, label=score)
    axis.fill_between(thresholds, mean - spread, mean + spread, color=colour, alpha=0.15)
axis.axvline(search.best_params_["threshold"], color="gray", ls=":")
axis.set(xlabel="threshold", ylabel="score")
axis.legend()

# %%
# Papers report the score at the setting that is best for all images (ODS) and that at each image's
# own best one (OIS). :func:`~sklearn_spx.metrics.evaluate_segmentations` has both, from
# segmentations at all thresholds, which are cuts of one tree an image.
trees = default.hierarchy(data.images[test])
cuts = [[tree.labels(t) for t in thresholds] for tree in trees]
for name, score in evaluate_segmentations(cuts, data.ground_truths[test]).items():
    print(f"{name:25s} ODS {score.ods:.3f}, OIS {score.ois:.3f}")

# %%
# Images that took no part in the search, at the threshold that was found.
SegmentationDisplay.from_estimator(
    search.best_estimator_,
    data.images[test],
    data.ground_truths[test],
    views=("boundaries", "means", "ground_truth"),
)
plt.show()
folder.cleanup()
