"""
Why did the classifier say so? LIME, Captum and SHAP over superpixels
=====================================================================

Explainers of image classifiers ask which parts of an image an answer hangs on, and the parts are
superpixels. ``segmentation_fn`` hands any segmenter to LIME and Captum, ``RegionMasker`` any label
image to SHAP. ``pip install lime captum shap`` brings them.
"""

# %%
# A small network learns, in a few seconds, to tell patches of four photographs apart.
import contextlib
import io

import matplotlib.pyplot as plt
import numpy as np
import shap
import torch
from captum.attr import KernelShap
from lime.lime_image import LimeImageExplainer
from skimage.segmentation import mark_boundaries
from torch import nn

from sklearn_spx import SEALSuperpixels
from sklearn_spx.datasets import load_sample_images
from sklearn_spx.regions import RegionMasker, segmentation_fn

MEAN, STD, SIDE = 0.5, 0.25, 64
CLASSES = ["chelsea", "coffee", "tissue", "hubble"]
data = load_sample_images()
photographs = [data.images[data.names.index(name)] for name in CLASSES]
rng = np.random.default_rng(0)
torch.manual_seed(0)
torch.set_num_threads(1)


def crop(image):
    y, x = (rng.integers(0, n - SIDE + 1) for n in image.shape[:2])
    return image[y : y + SIDE, x : x + SIDE]


def normalised(images):
    """Images (n, height, width, 3) from 0 to 255, as the network takes them."""
    x = torch.from_numpy(np.asarray(images)).float() / 255
    return (x.permute(0, 3, 1, 2) - MEAN) / STD


net = nn.Sequential(
    *(nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU()),
    *(nn.Conv2d(32, 32, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    nn.Linear(32, len(CLASSES)),
)
optimizer = torch.optim.Adam(net.parameters(), 3e-3)
for _ in range(150):
    y = rng.integers(0, len(CLASSES), 32)
    loss = nn.functional.cross_entropy(
        net(normalised([crop(photographs[k]) for k in y])), torch.from_numpy(y)
    )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
net.eval()
print(f"loss after the last step {loss.item():.3f}")


@torch.no_grad()
def predict(images):
    """Probabilities of the classes, as LIME and SHAP ask for them."""
    return torch.softmax(net(normalised(images)), dim=1).numpy()


# %%
# A picture that has two answers in it: the cat, with the cup of coffee in its place.
image = photographs[0][:288, :432].copy()
cup = photographs[1][70:310, 180:420]
image[30:270, 20:260] = cup
asked = CLASSES.index("coffee")
print(", ".join(f"{name} {p:.2f}" for name, p in zip(CLASSES, predict([image])[0])))

# %%
# SEAL's superpixels for all three. LIME wants a function of an image, Captum a mask of features for
# a tensor, here one normalised for the network, and SHAP a masker.
seal = SEALSuperpixels.from_pretrained("bsds500", n_segments=40)

segment = segmentation_fn(seal)
with contextlib.redirect_stderr(io.StringIO()):  # LIME draws a bar there
    by_lime = LimeImageExplainer(random_state=0).explain_instance(
        image, predict, labels=[asked], top_labels=None, num_samples=300, segmentation_fn=segment
    )
labels = by_lime.segments
weights = dict(by_lime.local_exp[asked])
lime_values = np.array([weights[region] for region in range(labels.max() + 1)])[labels]

tensor = normalised([image])
mask = segmentation_fn(seal, mean=MEAN, std=STD).feature_mask(tensor)
with torch.no_grad():
    by_captum = KernelShap(lambda x: torch.softmax(net(x), dim=1)).attribute(
        tensor, target=asked, feature_mask=mask, n_samples=300
    )
captum_values = by_captum[0, 0].numpy()

masker = RegionMasker(labels)
by_shap = shap.PartitionExplainer(predict, masker)(image[None], max_evals=300, silent=True)
shap_values = masker.paint(by_shap.values[0][:, asked])

# %%
# What speaks for coffee in red, what speaks against it in blue.
values = {"LIME": lime_values, "Captum, KernelShap": captum_values, "SHAP, partition": shap_values}
figure, axes = plt.subplots(1, 4, figsize=(14, 3), layout="constrained")
axes[0].imshow(mark_boundaries(image, labels, color=(1, 1, 0)))
axes[0].set_title(f"{labels.max() + 1} superpixels")
gray = image.mean(axis=2)
for axis, (name, shown) in zip(axes[1:], values.items()):
    limit = np.abs(shown).max()
    axis.imshow(gray, cmap="gray")
    axis.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=0.65)
    axis.set_title(name)
for axis in axes:
    axis.set_axis_off()
plt.show()
