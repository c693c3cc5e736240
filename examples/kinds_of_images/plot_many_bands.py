"""
Ten bands: what three colours cannot show
=========================================

Images need not have three channels. Here are synthetic scenes in ten spectral bands. Materials
come in pairs that a colour camera cannot tell apart: their spectra differ, the red, green and blue
that a camera makes of them do not (metamers). Two bands hold little but noise, as those do where
water vapour takes the light.
"""

# %%
# Regions are those of ``make_dead_leaves``. Each gets one of eight materials; the second four are
# the first four plus a spectrum that the camera is blind to.
import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import null_space
from scipy.ndimage import gaussian_filter

from sklearn_spx import SLICSuperpixels, TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import LabFeatures
from sklearn_spx.inspection import SegmentationDisplay
from sklearn_spx.kernels import region_adjacency

N_BANDS, NOISY = 10, [4, 9]
CLEAR = [b for b in range(N_BANDS) if b not in NOISY]
rng = np.random.default_rng(3)
camera = np.zeros((3, N_BANDS))  # its red, green and blue
camera[:, CLEAR] = np.exp(-0.5 * (np.array(CLEAR) - np.array([[7.5], [5], [1.5]])) ** 2)
camera /= camera.sum(axis=1, keepdims=True)

seen = 0.45 + 0.16 * rng.normal(size=(4, 3)) @ np.linalg.pinv(camera).T
unseen = np.zeros((4, N_BANDS))
unseen[:, CLEAR] = 0.1 * rng.normal(size=(4, 5)) @ null_space(camera[:, CLEAR]).T
spectra = np.vstack([seen, seen + unseen])
spectra[:, NOISY] = 0.1


def scene(regions):
    """An image (height, width, 10) and the colours that the camera makes of it."""
    material = np.zeros(regions.max() + 1, int)
    edges, _ = region_adjacency(regions)
    for region in range(1, len(material)):  # neighbours differ
        near = edges[edges[:, 1] == region, 0]
        material[region] = rng.choice(np.setdiff1d(np.arange(len(spectra)), material[near]))
    light = 1 + 3 * gaussian_filter(rng.normal(size=regions.shape), 12)
    image = spectra[material[regions]] * light[:, :, None]
    noise = np.full(N_BANDS, 0.01)
    noise[NOISY] = 0.05
    image = gaussian_filter(image, (0.6, 0.6, 0)) + noise * rng.normal(size=image.shape)
    return image.astype(np.float32), np.clip(image @ camera.T, 0, 1).astype(np.float32)


ground_truths = make_dead_leaves(n_images=14, random_state=0).ground_truths
images, colours = zip(*(scene(regions) for regions in ground_truths))
train, test = slice(0, 10), slice(10, 13)

# %%
# SLIC on the camera's colours, on all bands alike (each scaled to the same variance), and on bands
# weighed by what the ground truths of ten images ask for. Plain SLIC follows the noise here, and
# the default labels would learn some of its choices; those of ``labels="weak"`` are the ground
# truths' alone.
on_colour = SLICSuperpixels(n_segments=80).fit(colours)
variance = np.var([image.reshape(-1, N_BANDS) for image in images[train]], axis=(0, 1))
on_bands = SLICSuperpixels(n_segments=80, weights=90 / variance).fit(images)
learned = TrainableSLIC(n_segments=80, features=LabFeatures(), labels="weak")
learned.fit(images[train], ground_truths[train])

print(f"three colours        {on_colour.score(colours[test], ground_truths[test]):.3f}")
print(f"ten bands, alike     {on_bands.score(images[test], ground_truths[test]):.3f}")
print(f"ten bands, learned   {learned.score(images[test], ground_truths[test]):.3f}")

# %%
# Three other scenes as the camera sees them, with the borders that each draws. In the first row
# superpixels run across borders that the camera does not see, in the second they fray.
figure, axes = plt.subplots(3, 3, figsize=(13, 9), layout="constrained")
rows = {
    "three colours": on_colour.transform(colours[test]),
    "ten bands, alike": on_bands.transform(images[test]),
    "ten bands, learned": learned.transform(images[test]),
}
for (name, labels), row in zip(rows.items(), axes):
    SegmentationDisplay.from_predictions(
        colours[test], labels, ground_truths=ground_truths[test], views="boundaries", ax=row
    )
    row[0].set_title(name, loc="left", fontsize=11)

# %%
# What was learned: the noisy bands weigh next to nothing.
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
axis.bar(range(N_BANDS), learned.weights_ / learned.weights_.max(), color="#0072B2")
axis.bar(NOISY, learned.weights_[NOISY] / learned.weights_.max(), color="#D55E00")
axis.set(
    xticks=range(N_BANDS), xlabel="band", ylabel="learned weight", title="noisy bands in orange"
)
plt.show()
