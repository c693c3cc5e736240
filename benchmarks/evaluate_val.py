"""Time the data-set evaluation of segmentations over a split of BSDS500.

Every image gets a hierarchy (SLIC superpixels joined in the order of their mean Lab colours'
difference) and its segmentations at a number of thresholds; their boundary F, objects and parts
F, covering, Rand index and variation of information are computed and timed as one call. Making
the label images from the superpixels is part of the time, the superpixels are not.

    python benchmarks/evaluate_val.py --root data/BSDS500 --split val --n-jobs 2
"""

import argparse
import os
import platform
import time

import numpy as np
from skimage.color import rgb2lab

from sklearn_spx.datasets import load_bsds500
from sklearn_spx.kernels import merge_regions, region_adjacency, region_means, slic
from sklearn_spx.metrics import evaluate_segmentations


class Segmentations:
    """Per image, its label images at every threshold, made when they are asked for."""

    def __init__(self, images, thresholds, n_segments):
        self.superpixels = []
        self.regions = []
        for image in images:
            labels = slic(image, n_segments)
            edges, _ = region_adjacency(labels)
            colour, _ = region_means(rgb2lab(image), labels)
            difference = np.linalg.norm(colour[edges[:, 0]] - colour[edges[:, 1]], axis=1)
            self.superpixels.append(labels)
            self.regions.append(
                [merge_regions(edges, difference, len(colour), t) for t in thresholds]
            )

    def __len__(self):
        return len(self.superpixels)

    def __getitem__(self, i):
        return [region[self.superpixels[i]] for region in self.regions[i]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, help="folder with images/ and groundTruth/")
    parser.add_argument("--split", default="val", choices=["train", "val", "test"])
    parser.add_argument("--n-jobs", type=int, default=2, help="threads")
    parser.add_argument("--settings", type=int, default=30, help="thresholds")
    parser.add_argument("--images", type=int, help="the first images only")
    parser.add_argument("--n-segments", type=int, default=1000, help="superpixels to start from")
    arguments = parser.parse_args()

    data = load_bsds500(arguments.root, arguments.split)
    images = data.images[: arguments.images]
    truths = list(data.ground_truths[: arguments.images])
    thresholds = np.geomspace(0.5, 30.0, arguments.settings)
    start = time.perf_counter()
    segmentations = Segmentations(images, thresholds, arguments.n_segments)
    print(f"{len(images)} images segmented in {time.perf_counter() - start:.1f} s")
    evaluate_segmentations([segmentations[0][:1]], truths[:1])  # compiles

    start, busy = time.perf_counter(), time.process_time()
    result = evaluate_segmentations(segmentations, truths, n_jobs=arguments.n_jobs, verbose=1)
    elapsed, busy = time.perf_counter() - start, time.process_time() - busy
    n_matchings = sum(map(len, truths)) * arguments.settings
    print(
        f"{len(images)} images x {arguments.settings} settings, {n_matchings} matchings: "
        f"{elapsed:.1f} s with {arguments.n_jobs} threads on {os.cpu_count()} cores "
        f"({platform.processor() or platform.machine()}), {busy:.1f} s of processor time, "
        f"{1000 * busy / n_matchings:.1f} ms a matching"
    )

    regions = np.mean([[r.max() + 1 for r in one] for one in segmentations.regions], axis=0)
    print("\nthreshold  regions      Fb     P      R     Fop   cover    PRI     VI")
    boundary = result.boundary_f
    for k, threshold in enumerate(thresholds):
        print(
            f"{threshold:9.2f} {regions[k]:8.1f} {boundary.curve[k]:7.4f} "
            f"{boundary.precision[k]:6.3f} {boundary.recall[k]:6.3f} "
            f"{result.object_part_f.curve[k]:7.4f} {result.covering.curve[k]:7.4f} "
            f"{result.probabilistic_rand_index.curve[k]:6.4f} "
            f"{result.variation_of_information.curve[k]:6.3f}"
        )
    print()
    for name, figures in result.items():
        print(f"{name:25s} ODS {figures.ods:.4f}  OIS {figures.ois:.4f}")


if __name__ == "__main__":
    main()
