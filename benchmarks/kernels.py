"""The kernels beside other libraries, in milliseconds, one thread each unless the row says two.

    python benchmarks/kernels.py [--quick]

Every method gets the same photographs of scikit-image, resized to two sizes. All are run once
first (compilation, caches), then in turn, again and again; the figure is the median. A ratio is
the time of the peer over ours. Peers that are not installed are left out: OpenCV's superpixels
come with opencv-contrib-python, fast-slic with fast-slic.
"""

# ruff: noqa: E402
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before anything reads them

import argparse
import platform
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter

import numpy as np
from peers import fast_slic, is_there, opencv_slic, skimage_slic

from sklearn_spx.kernels import entropy_rate_superpixels, graph_segmentation, slic

SIZES = {"481x321": (321, 481, 600), "1920x1280": (1280, 1920, 2000)}
PHOTOGRAPHS = ("astronaut", "coffee", "chelsea")


def photographs(height, width):
    """Three photographs, uint8 RGB, cut to the shape's proportions and resized to it."""
    from skimage import data
    from skimage.transform import resize

    for name in PHOTOGRAPHS:
        image = getattr(data, name)()
        rows = min(image.shape[0], round(image.shape[1] * height / width))
        columns = min(image.shape[1], round(rows * width / height))
        cut = image[:rows, :columns]
        yield (resize(cut, (height, width), anti_aliasing=True) * 255).astype(np.uint8)


def methods(n_segments):
    """Name of the group and of the method to a function of an image; ours is the group's first."""
    from skimage import segmentation

    table = {
        ("SLIC", "sklearn_spx"): lambda image: slic(image, n_segments),
        ("SLIC", "ours, 2 threads"): lambda image: slic(image, n_segments, n_threads=2),
        ("SLIC", "scikit-image"): lambda image: skimage_slic(image, n_segments),
    }
    if is_there("cv2.ximgproc"):
        table["SLIC", "OpenCV"] = lambda image: opencv_slic(image, n_segments)
    for name, module in (("fast-slic", "fast_slic"), ("fast-slic AVX2", "fast_slic.avx2")):
        if is_there(module):
            table["SLIC", name] = partial(fast_slic, number=n_segments, avx2="." in module)
    table["graph-based", "sklearn_spx"] = lambda image: graph_segmentation(
        image, scale=100, sigma=0.8, min_size=50
    )
    table["graph-based", "scikit-image"] = lambda image: segmentation.felzenszwalb(
        image, scale=100, sigma=0.8, min_size=50
    )
    table["entropy rate", "sklearn_spx"] = lambda image: entropy_rate_superpixels(image, n_segments)
    table["entropy rate", "ours, 2 threads"] = lambda image: entropy_rate_superpixels(
        image, n_segments, n_threads=2
    )
    table["entropy rate", "skimage's slic"] = lambda image: skimage_slic(image, n_segments)
    return table


def measure(table, images, repeats):
    """Median milliseconds and mean number of segments of each method."""
    times = {key: [] for key in table}
    counts = {}
    for key, method in table.items():
        counts[key] = np.mean([len(np.unique(method(image))) for image in images])
    for _ in range(repeats):
        for image in images:
            for key, method in table.items():
                start = perf_counter()
                method(image)
                times[key].append(perf_counter() - start)
    return {key: (1e3 * np.median(values), counts[key]) for key, values in times.items()}


def versions():
    packages = (
        "sklearn_spx",
        "numpy",
        "numba",
        "scikit-image",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
        "fast-slic",
    )
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join([f"Python {platform.python_version()}", *found])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two repeats instead of ten")
    parser.add_argument("--size", choices=SIZES, help="only this size")
    parser.add_argument("--only", choices=["SLIC", "graph-based", "entropy rate"])
    args = parser.parse_args()
    print(versions())
    print(f"{'size':10} {'method':13} {'library':15} {'segments':>8} {'ms':>9} {'ratio':>6}")
    for name, (height, width, n_segments) in SIZES.items():
        if args.size not in (None, name):
            continue
        table = methods(n_segments)
        if args.only:
            table = {key: method for key, method in table.items() if key[0] == args.only}
        results = measure(table, list(photographs(height, width)), 2 if args.quick else 10)
        for (group, library), (ms, count) in results.items():
            ratio = ms / results[group, "sklearn_spx"][0]
            print(f"{name:10} {group:13} {library:15} {count:8.0f} {ms:9.1f} {ratio:6.2f}")


if __name__ == "__main__":
    main()
