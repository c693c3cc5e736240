"""The kernels on a GPU: are the results the CPU's, and how long does each take?

    python benchmarks/gpu.py [--sizes 481x321 1280x720 3840x2160] [--repeats 20] [--root BSDS500]

Prints a row a function and size: GPU milliseconds (arrays on the GPU in and out, waited for; the
median), those from numpy array to numpy array, CPU milliseconds on one thread, what the cost model
of `gpu_model.py` predicts for the nearest of its cards, and whether the result equals the CPU's. It
fails where one does not. With --root, superpixels of all validation images of BSDS500 are compared
too, and DEL from pixels to segments is timed over them.

Runs in numba's simulator as well, to see that it runs: NUMBA_ENABLE_CUDASIM=1, sizes of a few
pixels, --repeats 1. Then no time means anything.
"""

# ruff: noqa: E402
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before anything reads them

import argparse
import contextlib
import statistics
import sys
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from gpu_model import milliseconds, nearest_card
from numba.core import config

from sklearn_spx.kernels import (
    enforce_connectivity,
    entropy_rate_superpixels,
    graph_segmentation,
    merge_heights,
    region_adjacency,
    region_means,
)
from sklearn_spx.kernels.checks import missing_gpu
from sklearn_spx.kernels.color import rgb_to_lab
from sklearn_spx.kernels.slic import slic_quiet

SIZES = ("481x321", "1280x720", "3840x2160")
PIXELS_A_SUPERPIXEL = 256


def photograph(width, height):
    """A photograph of scikit-image, uint8 RGB, resized."""
    from skimage import data
    from skimage.transform import resize

    image = resize(data.coffee(), (height, width), anti_aliasing=True)
    return (image * 255).astype(np.uint8)


def cases(image):
    """Name to a function and its arrays; what else it takes is in the function."""
    n = max(2, image.shape[0] * image.shape[1] // PIXELS_A_SUPERPIXEL)
    labels = slic_quiet(image, n)
    loose = slic_quiet(image, n, enforce_connectivity=False)
    means, _ = region_means(image, labels)
    edges, _ = region_adjacency(labels)
    weights = np.abs(means[edges[:, 0]] - means[edges[:, 1]]).sum(axis=1)
    size = PIXELS_A_SUPERPIXEL // 8
    return {
        "rgb_to_lab": (rgb_to_lab, [image]),
        "slic": (lambda x, **k: slic_quiet(x, n, **k), [image]),
        "enforce_connectivity": (lambda x, **k: enforce_connectivity(x, size, **k), [loose]),
        "region_adjacency": (region_adjacency, [labels]),
        "region_means": (region_means, [image, labels]),
        "merge_heights": (lambda e, w, **k: merge_heights(e, w, len(means), **k), [edges, weights]),
        "graph_segmentation": (lambda x, **k: graph_segmentation(x, scale=100, **k), [image]),
        "entropy_rate_superpixels": (lambda x, **k: entropy_rate_superpixels(x, n, **k), [image]),
    }


def milliseconds_of(call, repeats):
    """The median time of a call, after one that compiles; and what it returned."""
    out, times = call(), []
    for _ in range(repeats):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return 1e3 * statistics.median(times), out


def waited_for(function, arrays):
    """What a function returns of arrays on the GPU, when it is there."""
    from numba import cuda

    out = function(*arrays)
    cuda.synchronize()
    return out


def on_host(result):
    """Numpy arrays of what a function returned."""
    parts = result if isinstance(result, tuple) else (result,)
    return [np.asarray(p.copy_to_host() if hasattr(p, "copy_to_host") else p) for p in parts]


def is_equal(a, b):
    """Whether two results are the same, bit by bit."""
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(on_host(a), on_host(b)))


def compare_sizes(sizes, repeats, card):
    """Print the table; return the rows that differ from the CPU."""
    from numba import cuda

    differ = []
    print(f"{'function':<26} {'size':>10} {'GPU ms':>9} {'numpy ms':>9} {'CPU ms':>9} "
          f"{'times':>6} {'model':>8}  equal")  # fmt: skip
    for size in sizes:
        width, height = map(int, size.split("x"))
        for name, (function, arrays) in cases(photograph(width, height)).items():
            there = [cuda.to_device(array) for array in arrays]
            gpu, found = milliseconds_of(partial(waited_for, function, there), repeats)
            copies, _ = milliseconds_of(partial(function, *arrays, device="cuda"), repeats)
            cpu, wanted = milliseconds_of(partial(function, *arrays), min(repeats, 5))
            equal = is_equal(found, wanted)
            predicted = milliseconds(name, width, height, card)
            print(f"{name:<26} {size:>10} {gpu:>9.3f} {copies:>9.3f} {cpu:>9.3f} "
                  f"{cpu / gpu:>6.1f} {predicted:>8.3f}  {'yes' if equal else 'NO'}")  # fmt: skip
            if not equal:
                differ.append(f"{name} at {size}")
    return differ


def compare_images(root, split):
    """Superpixels of all images, on GPU and CPU; return the files where they differ."""
    from sklearn_spx.datasets import load_bsds500

    images = load_bsds500(root, split).images
    differ = []
    for i, image in enumerate(images):
        n = image.shape[0] * image.shape[1] // PIXELS_A_SUPERPIXEL
        for name, function in (("slic", slic_quiet), ("ers", entropy_rate_superpixels)):
            if not is_equal(function(image, n, device="cuda"), function(image, n)):
                differ.append(f"{name} of {split} image {i}")
    print(f"{len(images)} images of {split}: {len(differ)} label images differ")
    return differ


def time_del(root, split, batch):
    """Images a second of DEL, from pixels to segments, on GPU and CPU."""
    from sklearn_spx import DELSegmenter
    from sklearn_spx.datasets import load_bsds500

    images = list(load_bsds500(root, split).images)[:batch]
    for device in ("cuda", "cpu"):
        segmenter = DELSegmenter.from_pretrained("bsds500-train", device=device, n_jobs=4)
        ms, _ = milliseconds_of(partial(segmenter.transform, images), 3)
        print(f"DEL, {device}, {len(images)} images, 4 jobs: {1e3 * len(images) / ms:.1f} a second")


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WIDTHxHEIGHT")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--root", type=Path, help="folder of BSDS500")
    parser.add_argument("--split", default="val")
    arguments = parser.parse_args()
    missing = missing_gpu()
    if missing:
        raise SystemExit(f"there is no GPU: {missing}")
    from numba import cuda

    with contextlib.ExitStack() as stack:
        card = nearest_card(None)
        if config.ENABLE_CUDASIM:
            sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "kernels"))
            from simulator import permuted

            stack.enter_context(permuted())
            print("numba's simulator: times mean nothing")
        else:
            device = cuda.get_current_device()
            name = device.name.decode() if isinstance(device.name, bytes) else device.name
            card = nearest_card(device.MULTIPROCESSOR_COUNT)
            print(f"{name}, compute capability {device.compute_capability}; model of {card}")
        differ = compare_sizes(arguments.sizes, arguments.repeats, card)
        if arguments.root:
            differ += compare_images(arguments.root, arguments.split)
            time_del(arguments.root, arguments.split, 100)
    if differ:
        raise SystemExit("not the CPU's: " + ", ".join(differ))


if __name__ == "__main__":
    main()
