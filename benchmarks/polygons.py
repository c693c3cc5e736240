"""Polygons of label images beside other libraries, in milliseconds of one processor's time.

    python benchmarks/polygons.py [--quick]

Every method gets the same label images: SLIC superpixels of a photograph of scikit-image, resized.
All are run once first (compilation, caches), then in turn; the figure is the median, a ratio the
time of the peer over ours. rasterio's ``shapes`` gives polygons as ours, without shared borders;
``find_contours`` of scikit-image, of one region at a time in its box, gives neither holes nor exact
corners. rasterio comes with the extra ``geo``; it is left out where it is not installed.
"""

# ruff: noqa: E402
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before anything reads them

import argparse
from functools import partial
from importlib.util import find_spec
from time import process_time

import numpy as np
from scipy.ndimage import find_objects
from skimage import data
from skimage.measure import find_contours
from skimage.transform import resize

from sklearn_spx.kernels import slic
from sklearn_spx.regions import label_polygons, polygons_to_labels, to_coco, to_geojson

SIZES = {"481x321": (321, 481, 300), "1920x1280": (1280, 1920, 2000)}
LARGE = {"4000x3000": (3000, 4000, 10000)}


def label_image(height, width, n_segments):
    """SLIC superpixels of a photograph, resized; the same each time."""
    photograph = resize(data.astronaut(), (height, width), anti_aliasing=True)
    return slic((255 * photograph).astype(np.uint8), n_segments)


def contours(labels):
    """Contours of each region by scikit-image."""
    found = {}
    for label, box in enumerate(find_objects(labels + 1)):
        if box is not None:
            found[label] = find_contours(np.pad(labels[box] == label, 1).astype(float), 0.5)
    return found


def methods():
    """Name to a function of a label image; ours is the first."""
    table = {"label_polygons": label_polygons}
    if find_spec("rasterio"):
        from rasterio.features import shapes

        table["rasterio.features.shapes"] = lambda labels: list(shapes(labels))
    table["skimage find_contours"] = contours
    table["label_polygons(simplify=1)"] = lambda labels: label_polygons(labels, simplify=1)
    table["to_geojson"] = to_geojson
    table["to_coco, run lengths"] = lambda labels: to_coco([labels], ["a.png"])
    return table


def measure(method, labels, repeats):
    method(labels[:20, :20].copy())
    times = []
    for _ in range(repeats):
        start = process_time()
        method(labels)
        times.append(process_time() - start)
    return 1e3 * float(np.median(times))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the smallest size alone, three times")
    quick = parser.parse_args().quick
    sizes = dict(list(SIZES.items())[:1]) if quick else SIZES | LARGE
    for name, (height, width, n_segments) in sizes.items():
        labels = label_image(height, width, n_segments)
        repeats = 1 if name in LARGE else 3 if quick else 7
        print(f"\n{name}, {labels.max() + 1} regions{'':>20}ms   ratio")
        ours = None
        for method, function in methods().items():
            took = measure(function, labels, repeats)
            ours = took if ours is None else ours
            print(f"  {method:<32}{took:10.1f} {took / ours:7.2f}")
        polygons = label_polygons(labels)
        back = partial(polygons_to_labels, polygons, labels.shape)
        took = measure(lambda _, back=back: back(), labels, repeats)
        print(f"  {'polygons_to_labels':<32}{took:10.1f} {took / ours:7.2f}")
        assert (polygons_to_labels(polygons, labels.shape) == labels).all()


if __name__ == "__main__":
    main()
