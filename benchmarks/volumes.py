"""Superpixels of volumes beside scikit-image's, with exact ground truth.

    python benchmarks/volumes.py [--quick] [--thick 4]

Dead leaves in three dimensions, 64 x 96 x 96 samples, RGB. With ``--thick n`` every n-th slice is
left, of volumes as much deeper, and spacing says so. Superpixels are as many as scikit-image's SLIC
made; graph-based segments are as many as they are. ASA is achievable segmentation accuracy, its
mean over the volumes; ms the median over them of the fastest run, in time of one CPU; the ratio is
a method's time over that of our SLIC, which has as many iterations as scikit-image's.
"""

# ruff: noqa: E402
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before anything reads them

import argparse
from time import process_time

import numpy as np
from skimage.segmentation import slic

from sklearn_spx import EGBSegmenter, ERSSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.metrics import achievable_segmentation_accuracy, undersegmentation_error

SHAPE = (64, 96, 96)
COUNTS = (200, 600, 1500)


def methods(n_segments, spacing):
    """Name of a method to a function of a volume and a number of superpixels."""

    def scikit_image(volume, _):
        return slic(
            volume, n_segments, compactness=10, spacing=spacing, start_label=0, channel_axis=-1
        )

    def entropy_rate(connectivity, regularity=0.1):
        def segment(volume, n):
            ers = ERSSuperpixels(
                n, connectivity=connectivity, regularity=regularity, spacing=spacing
            )
            return ers.fit_transform([volume])[0]

        return segment

    return {
        "scikit-image slic": scikit_image,
        "SLIC": lambda volume, n: SLICSuperpixels(n, spacing=spacing).fit_transform([volume])[0],
        "ERS, 26": entropy_rate(26),
        "ERS, 6": entropy_rate(6),
        "ERS, 6, as published": entropy_rate(6, 0.0),
        "EGB, 26": lambda volume, _: EGBSegmenter(
            50.0, min_size=volume[..., 0].size // (4 * n_segments), spacing=spacing
        ).fit_transform([volume])[0],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two volumes, one run, one count")
    parser.add_argument("--thick", type=int, default=1, help="spacing of slices")
    args = parser.parse_args()
    shape = (SHAPE[0] * min(args.thick, 2), *SHAPE[1:])
    data = make_dead_leaves(2 if args.quick else 5, shape, random_state=0)
    volumes = [volume[:: args.thick] for volume in data.images]
    truths = [truth[:: args.thick] for truth in data.ground_truths]
    spacing = (args.thick, 1, 1)
    print(f"{len(volumes)} volumes of {volumes[0].shape[:3]}, spacing {spacing}")
    print(f"{'method':22} {'segments':>8} {'ASA':>6} {'UE':>6} {'ms':>8} {'ratio':>6}")
    for n_segments in COUNTS[1:2] if args.quick else COUNTS:
        rows, counts = {}, None
        for name, method in methods(n_segments, spacing).items():
            found, times = [], []
            for i, volume in enumerate(volumes):
                wanted = n_segments if counts is None else counts[i]
                if i == 0:
                    method(volume, wanted)  # compilation
                runs = []
                for _ in range(1 if args.quick else 3):
                    start = process_time()
                    labels = method(volume, wanted)
                    runs.append(process_time() - start)
                found.append(labels)
                times.append(min(runs))
            made = [int(np.unique(labels).size) for labels in found]
            counts = made if counts is None else counts
            pairs = list(zip(found, truths))
            asa = np.mean([achievable_segmentation_accuracy(*pair) for pair in pairs])
            error = np.mean([undersegmentation_error(*pair) for pair in pairs])
            rows[name] = np.mean(made), asa, error, 1e3 * np.median(times)
        for name, (count, asa, error, ms) in rows.items():
            ratio = ms / rows["SLIC"][3]
            print(f"{name:22} {count:8.0f} {asa:6.3f} {error:6.3f} {ms:8.0f} {ratio:6.2f}")


if __name__ == "__main__":
    main()
