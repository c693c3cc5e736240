"""Peak memory of kernels and estimators beside the image they are given, on one thread.

    python benchmarks/memory.py [--size 4000x3000] [--only graph_segmentation]

Each runs in a process of its own, first on a small image, for compilation, then on a random
one of the size. The figure is how much the resident memory rises above what the process held before
the call, over the size of the image in float32, three channels. The input, uint8, is not counted;
the labels are.
"""

import argparse
import os
import subprocess
import sys
import threading
import time

import numpy as np

from sklearn_spx import (
    DELSegmenter,
    EGBSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
    kernels,
)
from sklearn_spx.datasets import make_dead_leaves

KERNELS = {
    "graph_segmentation": lambda image: kernels.graph_segmentation(image, scale=100, min_size=50),
    "slic": lambda image: kernels.slic(image, image.size // 3600),
    "entropy_rate_superpixels": lambda image: kernels.entropy_rate_superpixels(
        image, image.size // 3600
    ),
}


def linear():
    leaves = make_dead_leaves(4, random_state=0)
    return TrainableSLIC().fit(leaves.images, leaves.ground_truths)


ESTIMATORS = {
    "SLICSuperpixels": lambda: SLICSuperpixels().fit([scene(60, 80)]),
    "ERSSuperpixels": lambda: ERSSuperpixels().fit([scene(60, 80)]),
    "EGBSegmenter": lambda: EGBSegmenter().fit([scene(60, 80)]),
    "TrainableSLIC linear": linear,
    "TrainableSLIC embedding": lambda: TrainableSLIC.from_pretrained("bsds500"),
    "SEALSuperpixels": lambda: SEALSuperpixels.from_pretrained("bsds500"),
    "DELSegmenter": lambda: DELSegmenter.from_pretrained("bsds500"),
}


def scene(height, width):
    """Colours that change slowly, and noise, as in a photograph."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 224, (height // 50 + 1, width // 50 + 1, 3), np.uint8)
    image = blocks.repeat(50, axis=0)[:height].repeat(50, axis=1)[:, :width]
    image += rng.integers(0, 32, image.shape, np.uint8)
    return np.ascontiguousarray(image)


def resident():
    """Bytes of resident memory of this process (Linux)."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(call):
    """Peak of resident memory during a call, less that before it, in bytes; and its CPU seconds."""
    before, peak, done = resident(), 0, threading.Event()

    def watch():
        nonlocal peak
        while not done.is_set():
            peak = max(peak, resident())
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.process_time()
    call()
    seconds = time.process_time() - start
    done.set()
    watcher.join()
    return max(peak - before, 0), seconds


def call(name):
    """A function of an image: a kernel, or an estimator, for one superpixel every 1200 pixels."""
    if name in KERNELS:
        return KERNELS[name]
    estimator = ESTIMATORS[name]()

    def transform(image):
        if "n_segments" in estimator.get_params() and name != "DELSegmenter":
            estimator.set_params(n_segments=image.size // 3600)
        return estimator.transform([image])

    return transform


def measure(name, height, width):
    """`growth` of a call on an image, compiled before."""
    work, image = call(name), scene(height, width)
    work(scene(160, 300))  # more than a tile of any method, so that all of it is compiled
    return growth(lambda: work(image))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="4000x3000", help="WIDTHxHEIGHT")
    parser.add_argument("--only", choices=[*KERNELS, *ESTIMATORS])
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    if args.here:
        if args.only in ESTIMATORS:
            import torch

            torch.set_num_threads(1)
        peak, seconds = measure(args.only, height, width)
        ratio = peak / (12 * height * width)
        print(f"{args.only:26} {args.size:>10} {peak / 2**20:8.0f} MiB {ratio:6.2f} {seconds:7.1f}")
        return
    print(f"{'what':26} {'size':>10} {'peak':>12} {'ratio':>6} {'s':>7}", flush=True)
    for name in (*KERNELS, *ESTIMATORS):
        if args.only in (None, name):
            command = [sys.executable, __file__, "--here", "--only", name, "--size", args.size]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
