"""
Watch a net learn
=================

Has a net learned enough, or too long? Images that it never learns from tell. They are given to
``fit`` beside the others, and of all states of the net the best on them is kept.
"""

# %%
# A small net, few steps: enough to see the curves.
import matplotlib.pyplot as plt

from sklearn_spx import SEALSuperpixels, TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import LabFeatures
from sklearn_spx.inspection import LearningCurveDisplay
from sklearn_spx.training import NetTraining

leaves = make_dead_leaves(n_images=10, shape=(96, 96), random_state=0)
X, y = leaves.images[:8], leaves.ground_truths[:8]
held_out = leaves.images[8:], leaves.ground_truths[8:]

training = NetTraining(max_steps=60, batch_size=2, crop_size=48)
seal = SEALSuperpixels(n_segments=60, training=training).fit(X, y, validation=held_out)

# %%
# The loss falls on and on. The score of the images held out, their achievable segmentation accuracy
# by superpixels grown on what the net says, does not rise for ever. The dotted line is the state
# that was kept, the best on them.
LearningCurveDisplay.from_estimator(seal)

# %%
# Weights of colour are solved for, not trained: the curve is that of the solver, and the last of
# its iterations is the optimum. A net beside them is trained by epochs, and starts from those
# weights: its step 0.
slic = TrainableSLIC(n_segments=60, features=LabFeatures(), n_samples=10_000)
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for distance, axis in zip(("linear", "mlp"), axes):
    slic.set_params(distance=distance).fit(X, y, validation=held_out)
    LearningCurveDisplay.from_estimator(slic, ax=axis)
    axis.set_title(f'distance="{distance}"')
plt.show()
