"""
A folder of images, some of them broken
=======================================

Folders of photographs hold more than memory does, and now and then a file that is none. Here is
how a batch runs over all cores, reads each image when its turn comes, and ends with labels for
every image that could be read.
"""

# %%
# A folder as a camera leaves it: images of several sizes, and a file whose copy was interrupted.
import tempfile
import warnings
from pathlib import Path

import imageio.v3 as iio
from skimage import data

from sklearn_spx import SEALSuperpixels
from sklearn_spx.inspection import SegmentationDisplay
from sklearn_spx.io import ImageFolder, write_labels

folder = tempfile.TemporaryDirectory()
photographs = {"astronaut": data.astronaut, "cat": data.chelsea, "coffee": data.coffee}
for name, photograph in (photographs | {"rocket": data.rocket}).items():
    iio.imwrite(Path(folder.name, f"{name}.png"), photograph())
whole = Path(folder.name, "cat.png").read_bytes()
Path(folder.name, "dog.png").write_bytes(whole[: len(whole) // 2])

images = ImageFolder(folder.name)
print(images.names)

# %%
# ``on_error="warn"`` names what cannot be read, and goes on. In the place of its labels is None.
# Kernels hold no lock, so that ``n_jobs`` threads share the images; each holds one at a time.
superpixels = SEALSuperpixels(250, pretrained="bsds500", n_jobs=2, on_error="warn")
with warnings.catch_warnings(record=True) as told:
    labels = superpixels.transform(images)
for warning in told:
    print(str(warning.message).replace(folder.name, "..."))
print({name: None if found is None else found.shape for name, found in zip(images.names, labels)})

# %%
# How many threads there are changes the time, never the labels.
again = superpixels.set_params(n_jobs=1).transform(images[:3])
print("one thread, the same labels:", all((a == b).all() for a, b in zip(again, labels)))

# %%
# Label images are written as files that lose nothing.
readable = [k for k, found in enumerate(labels) if found is not None]
for k in readable:
    write_labels(Path(folder.name, f"{images.names[k]}_labels.png"), labels[k])
print(sorted(path.name for path in Path(folder.name).glob("*_labels.png")))

SegmentationDisplay.from_predictions(
    [images[k] for k in readable],
    [labels[k] for k in readable],
    names=[images.names[k] for k in readable],
    views=["boundaries"],
)
folder.cleanup()
