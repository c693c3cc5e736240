"""
What stands out: saliency from what is surely background
========================================================

Background reaches the border of a photograph along a good part of it; objects hardly do.
``background_detection`` (Zhu et al. 2014) turns that into a saliency for each region, over any
superpixels and with nothing learned.
"""

# %%
# How much of the image's border does each superpixel reach, by way of others like it? From that
# comes the probability of background; from the contrast to background, the first guess at what is
# salient; from both, evened out over the graph of superpixels, the saliency.
import matplotlib.pyplot as plt
import numpy as np
from skimage.filters import threshold_otsu
from skimage.segmentation import mark_boundaries

from sklearn_spx import ERSSuperpixels, SEALSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import load_sample_images
from sklearn_spx.regions import background_detection, region_saliency

data = load_sample_images()
photographs = dict(zip(data.names, data.images))
names = ["rocket", "coffee", "chelsea"]
images = [photographs[name] for name in names]
superpixels = SLICSuperpixels(n_segments=200).fit_transform(images)

figure, axes = plt.subplots(3, 4, figsize=(13, 6.8), layout="constrained")
for image, labels, row in zip(images, superpixels, axes):
    regions = region_saliency(image, labels)
    maps = {
        "background probability": regions.background_probability,
        "contrast to it": regions.contrast,
        "saliency": regions.saliency,
    }
    row[0].imshow(mark_boundaries(image, labels, color=(1, 1, 0)))
    for axis, (title, values) in zip(row[1:], maps.items()):
        axis.imshow(values[labels], cmap="magma", vmin=0, vmax=1)
        if row[0] is axes[0, 0]:
            axis.set_title(title)
for axis in axes.flat:
    axis.set_axis_off()
plt.show()

# %%
# The same over other superpixels. What lies above Otsu's threshold is left in colour.
image = photographs["rocket"]
methods = {
    "SLIC": SLICSuperpixels(n_segments=200).fit([image]),
    "ERS": ERSSuperpixels(n_segments=200).fit([image]),
    "SEAL": SEALSuperpixels.from_pretrained("bsds500", n_segments=200),
}
figure, axes = plt.subplots(2, 3, figsize=(13, 6), layout="constrained")
for (name, method), (above, below) in zip(methods.items(), axes.T):
    saliency = background_detection(image, method.transform([image])[0])
    above.imshow(saliency, cmap="magma", vmin=0, vmax=1)
    above.set_title(name)
    salient = saliency > threshold_otsu(saliency)
    below.imshow(np.where(salient[..., None], image, 255 - (255 - image) // 6))
for axis in axes.flat:
    axis.set_axis_off()
plt.show()
