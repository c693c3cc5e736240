"""
Choose compactness and features by cross-validation
===================================================

How much should place count against colour and texture, and which features are worth having? Both
are parameters, and ``GridSearchCV`` looks for them as it does for those of any estimator: by the
score on images that were not learned from.
"""

# %%
# ``compactness`` is no part of the training. With ``memory`` what a fold has learned is kept, and
# all eight values cost little more than one.
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_spx import TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import ChannelUnion, LabFeatures, ScatteringFeatures
from sklearn_spx.inspection import SegmentationDisplay
from sklearn_spx.metrics import asa_scorer, boundary_recall_scorer

leaves = make_dead_leaves(n_images=6, shape=(96, 144), random_state=1)
images, ground_truths = leaves.images, leaves.ground_truths
features = ChannelUnion([("lab", LabFeatures()), ("scattering", ScatteringFeatures(L=4))])
slic = TrainableSLIC(n_segments=60, features=features, n_samples=10_000)
scoring = {"ASA": asa_scorer, "boundary recall": boundary_recall_scorer}

with tempfile.TemporaryDirectory() as folder:
    search = GridSearchCV(
        clone(slic).set_params(memory=folder),
        {"compactness": [1, 2, 4, 8, 15, 25, 45, 80]},
        scoring=scoring,
        refit="ASA",
        cv=3,
    ).fit(images, ground_truths)
    best = search.best_estimator_.set_params(memory=None)
print(search.best_params_, f"ASA {search.best_score_:.3f}")

# %%
# Small values follow every border and the texture too, great ones draw a grid.
values = search.cv_results_["param_compactness"].astype(float)
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
for name, color in zip(scoring, ("#0072B2", "#D55E00")):
    mean = search.cv_results_[f"mean_test_{name}"]
    spread = search.cv_results_[f"std_test_{name}"]
    axis.plot(values, mean, "o-", color=color, label=name)
    axis.fill_between(values, mean - spread, mean + spread, color=color, alpha=0.15, linewidth=0)
axis.axvline(search.best_params_["compactness"], color="gray", linestyle=":")
axis.set(xscale="log", xticks=values, xticklabels=[f"{v:g}" for v in values])
axis.set(xlabel="compactness", ylabel="mean score, three folds and their spread")
axis.minorticks_off()
axis.legend()

# %%
# The same image at the ends of the scale, and at the value that was found.
figure, axes = plt.subplots(1, 3, figsize=(13, 3.4), layout="constrained")
for compactness, axis in zip((1, search.best_params_["compactness"], 80), axes):
    best.set_params(compactness=compactness)
    SegmentationDisplay.from_estimator(best, images[:1], views="boundaries", ax=[axis])
    axis.set_title(f"compactness {compactness}", fontsize=11)

# %%
# ``select`` of a ``ChannelUnion`` keeps some of the channels: binary weights, the first experiment
# of the paper. Here whole groups are tried, colour always among them.
order = np.repeat(["colour", "mean", "order 1", "order 2"], [3, 1, 8, 16])
groups = {
    "colour": order == "colour",
    "colour, mean": np.isin(order, ["colour", "mean"]),
    "colour, order 1": np.isin(order, ["colour", "order 1"]),
    "colour, order 2": np.isin(order, ["colour", "order 2"]),
    "all": order != "",
}
search = GridSearchCV(
    slic,
    {"features__select": list(groups.values())},
    cv=3,
    refit=False,
).fit(images, ground_truths)

figure, axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
found = search.cv_results_["mean_test_score"]
axis.barh(list(groups), found, color="#009E73")
axis.set(xlabel="mean ASA, three folds", xlim=(0.98 * found.min(), 1.005 * found.max()))
axis.invert_yaxis()
plt.show()
