"""The table of regions beside scikit-image's, in milliseconds of the processor, one thread each.

    python benchmarks/regions.py [--quick] [--regions 300 2400]

Both get the same photographs of scikit-image, resized to 481x321, the same SLIC superpixels, and
the same columns. Both are run once first (compilation, caches), then in turn; the figure is the
median, and the ratio scikit-image's time over ours. Columns that both have agree (checked here).
"""

# ruff: noqa: E402
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before anything reads them

import argparse
import platform
from importlib.metadata import version
from time import process_time

import numpy as np
from skimage import data
from skimage.measure import regionprops_table
from skimage.transform import resize

from sklearn_spx.kernels import slic
from sklearn_spx.regions import region_table

SHAPE = (321, 481)
COLUMNS = {
    "area, mean": ("label", "area", "intensity_mean"),
    "shape": (
        "label",
        "area",
        "bbox",
        "centroid",
        "extent",
        "axis_major_length",
        "axis_minor_length",
        "eccentricity",
        "orientation",
        "perimeter",
    ),
    "values": ("label", "intensity_mean", "intensity_min", "intensity_max"),
}
COLUMNS["all of these"] = tuple(dict.fromkeys(name for names in COLUMNS.values() for name in names))


def photographs():
    for name in ("astronaut", "coffee", "chelsea"):
        image = resize(getattr(data, name)(), SHAPE, anti_aliasing=True)
        yield (image * 255).astype(np.uint8)


def measure(functions, items, repeats):
    """Median milliseconds of each function over items, run in turn."""
    times = [[] for _ in functions]
    for _ in range(repeats):
        for item in items:
            for found, function in zip(times, functions):
                start = process_time()
                function(*item)
                found.append(1e3 * (process_time() - start))
    return [float(np.median(found)) for found in times]


def check(ours, theirs):
    """Raise where the columns differ; angles are left out, which are free in round regions."""
    for name in ours.keys() & theirs.keys() - {"label", "orientation"}:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-7, atol=1e-5, err_msg=name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one repeat instead of five")
    parser.add_argument("--regions", type=int, nargs="+", default=(300, 600, 1200, 2400))
    args = parser.parse_args()
    packages = ("sklearn_spx", "numpy", "numba", "scikit-image")
    print(
        ", ".join([f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)])
    )
    print(f"{'columns':14} {'regions':>7} {'ours ms':>9} {'skimage ms':>11} {'ratio':>7}")
    images = list(photographs())
    for n_segments in args.regions:
        # scikit-image leaves out the label 0
        items = [(slic(image, n_segments) + 1, image) for image in images]
        for name, properties in COLUMNS.items():
            functions = [
                lambda labels, image, p=properties: region_table(labels, image, properties=p),
                lambda labels, image, p=properties: regionprops_table(labels, image, properties=p),
            ]
            for item in items:
                check(*(function(*item) for function in functions))
            ours, theirs = measure(functions, items, 1 if args.quick else 5)
            print(f"{name:14} {n_segments:7} {ours:9.2f} {theirs:11.1f} {theirs / ours:7.0f}")
        everything = measure([region_table], items, 1 if args.quick else 5)[0]
        print(f"{'all we have':14} {n_segments:7} {everything:9.2f}")


if __name__ == "__main__":
    main()
