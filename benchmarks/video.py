"""Labels from frame to frame: how many stay, at what accuracy, in which time.

    python benchmarks/video.py BSDS500 [--split val] [--images 10] [--n-segments 300]

A camera that moves over a photograph: six frames of its inside, each shifted by a few pixels of the
one before, with new noise each, so that the flow is exact and the annotations go with it. Three
motions: none, 3 pixels across, and 7 across and 2 down. For each method frame by frame and by
``regions.segment_frames``: the share of pixels that keep their label (label consistency), ASA of
the last frame, and, at the end, the ratio of the times, medians over the images.
"""

import argparse
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from sklearn_spx import (
    DELSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
)
from sklearn_spx.datasets import load_bsds500
from sklearn_spx.metrics import achievable_segmentation_accuracy, label_consistency
from sklearn_spx.regions import segment_frames

N_FRAMES, MARGIN = 6, (12, 36)
MOTIONS = {"still": (0, 0), "3 across": (0, 3), "7 across, 2 down": (2, 7)}


def pan(array, motion):
    """What a camera sees of an image while things move through it by ``motion`` a frame."""
    height, width = (n - 2 * margin for n, margin in zip(array.shape, MARGIN))
    for t in range(N_FRAMES):
        top, left = (margin - step * t for margin, step in zip(MARGIN, motion))
        yield np.ascontiguousarray(array[top : top + height, left : left + width])


def noisy(frame, sigma, rng):
    worn = frame + rng.normal(0, sigma, frame.shape)
    return np.clip(np.rint(worn), 0, 255).astype(np.uint8)


def timed(function):
    started = time.perf_counter()
    return function(), time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="BSDS500, with images/ and groundTruth/")
    parser.add_argument("--split", default="val", choices=("train", "val", "test"))
    parser.add_argument("--images", type=int, default=10, help="this many, spread over the split")
    parser.add_argument("--n-segments", type=int, default=300)
    parser.add_argument("--noise", type=float, default=4.0, help="sigma, of 8 bits")
    parser.add_argument("--methods", nargs="+")
    options = parser.parse_args()

    shipped = "bsds500" if options.split == "test" else "bsds500-train"
    n = options.n_segments
    methods = {
        "SLIC": SLICSuperpixels(n),
        "TrainableSLIC": TrainableSLIC.from_pretrained("bsds500", n_segments=n),
        "ERS": ERSSuperpixels(n),
        "SEAL": SEALSuperpixels.from_pretrained(shipped, n_segments=n),
        "DEL": DELSegmenter.from_pretrained(shipped),
    }
    data = load_bsds500(options.root, options.split)
    size = len(data.names)
    chosen = [i * size // min(options.images, size) for i in range(min(options.images, size))]
    print(f"BSDS500 {options.split}, {len(chosen)} images, noise of sigma {options.noise:g}")
    print(f"{'':34}consistency          ASA of the last frame   time of the second")
    print(f"{'':34}alone    followed    alone    followed       / the first")
    for name, estimator in methods.items():
        if options.methods and name not in options.methods:
            continue
        for motion_name, motion in MOTIONS.items():
            flow, found = np.reshape(motion, (2, 1, 1)), []
            for i in chosen:
                rng = np.random.default_rng(i)
                frames = [noisy(f, options.noise, rng) for f in pan(data.images[i], motion)]
                truths = [list(pan(a, motion))[-1] for a in data.ground_truths[i]]
                estimator.fit(frames)
                if not found:
                    list(segment_frames(estimator, frames[:2]))  # compiles
                alone, once = timed(lambda: estimator.transform(frames))  # noqa: B023
                followed, twice = timed(lambda: list(segment_frames(estimator, frames)))  # noqa: B023
                found.append(
                    [
                        np.mean([label_consistency(a, b, flow) for a, b in pairwise(x)])
                        for x in (alone, followed)
                    ]
                    + [achievable_segmentation_accuracy(x[-1], truths) for x in (alone, followed)]
                    + [twice / once]
                )
            *means, _ = np.mean(found, axis=0)
            row = "".join(f"{value:10.3f}" for value in means)
            print(f"{name:16}{motion_name:18}{row}{np.median(found, axis=0)[-1]:14.2f}", flush=True)


if __name__ == "__main__":
    main()
