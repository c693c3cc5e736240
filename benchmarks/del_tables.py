"""DEL's tables on BSDS500: boundary F, objects-and-parts F and seconds an image, method by method.

    python benchmarks/del_tables.py BSDS500_FOLDER [--split val] [--images 100] [--rows NAME ...]
    python benchmarks/del_tables.py BSDS500_FOLDER --settings paper      # 280 settings a method
    python benchmarks/del_tables.py BSDS500_FOLDER --fit vgg16 --vgg16 FILE --steps 500

Rows of the first table (Table 1 of the paper: ablations) and of the second (Table 2: others),
each at its best setting over the data set (ODS) and over each image (OIS). The settings of DEL
are thresholds, times the smallest size of a segment in superpixels; those of the others their
scale. ``--fit`` trains the paper's net on the train images first, from weights of VGG16.
Seconds are of one image after the other, from pixels to segments at one setting; beside them
their ratio to scikit-image's slic with ten iterations, timed in turns.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import sklearn_spx
from sklearn_spx import DELSegmenter, EGBSegmenter, SLICSuperpixels
from sklearn_spx.datasets import load_bsds500
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

    return all_of, lambda image: segmenter.transform([image])[0]


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
    import cv2
    from skimage.measure import label

    def segment(image):
        flat = cv2.pyrMeanShiftFiltering(np.ascontiguousarray(image), 8, radius).astype(np.int64)
        return label(flat @ [1, 256, 65536], connectivity=1).astype(np.int32) - 1

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


def rows(arguments):
    """Name: a function that makes (segment at all settings, segment at one)."""
    compact = DELSegmenter.from_pretrained(arguments.weights)
    sizes = (0, 2, 4)
    paper = papers_settings() if arguments.settings == "paper" else None
    greedy = few_settings(0.2, 0.8, sizes=(0,) if paper is None else (0, 2, 4, 8))
    fixed = paper or few_settings(0.1, 0.98, sizes=sizes)

    def variant(net=compact, **params):
        import copy

        return copy.deepcopy(net).set_params(**params)

    out = {
        "DEL compact, greedy": lambda: del_row(variant(merge="greedy"), greedy),
        "DEL compact": lambda: del_row(variant(merge="threshold"), fixed),
        "DEL compact, EGB": lambda: del_row(
            variant(merge="egb"), few_settings(0.05, 5, sizes=(0, 4))
        ),
        "SLIC": lambda: parametric(slic, (5, 10, 20, 40, 80, 160)),
        "EGB": lambda: parametric(egb, (100, 200, 400, 800, 1600, 3200)),
        "mean shift": lambda: parametric(mean_shift, (8, 16, 24, 32, 48, 64)),
        "HFS": lambda: parametric(hfs, (0.04, 0.06, 0.08, 0.12, 0.16)),
        "NCuts": lambda: parametric(ncuts, (0.002, 0.01, 0.05, 0.2, 0.5)),
    }
    if arguments.fit:
        out.update(fitted_rows(arguments, variant, fixed))
    return out


def fitted_rows(arguments, variant, settings):
    """Ablations that need a net of their own, trained here on the train images."""
    train = load_bsds500(arguments.folder, "train")
    images = train.images[: arguments.train_images]
    truths = train.ground_truths[: arguments.train_images]
    kinds = {"": {}, "-Max": {"pooling": "max"}}
    if arguments.fit == "vgg16":
        kinds["-conv5"] = {"sides": (5,)}
    out = {}
    for name, params in kinds.items():
        segmenter = DELSegmenter(
            net=arguments.fit,
            initial_weights=arguments.vgg16 if arguments.fit == "vgg16" else "trunk",
            merge="threshold",
            max_steps=arguments.steps,
            learning_rate=arguments.rate,
            batch_size=arguments.batch,
            verbose=1,
            **params,
        )

        def fit(segmenter=segmenter):
            return del_row(segmenter.fit(images, truths), settings)

        out[f"DEL{name} {arguments.fit}, trained here"] = fit
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds images/ and groundTruth/")
    parser.add_argument("--split", default="val", choices=("train", "val", "test"))
    parser.add_argument("--images", type=int, default=None, help="evenly spaced over the split")
    parser.add_argument("--rows", nargs="+", default=None, metavar="NAME")
    parser.add_argument("--settings", default="few", choices=("few", "paper"))
    parser.add_argument("--weights", default="bsds500", help="name or file of the compact net")
    parser.add_argument("--fit", choices=("compact", "vgg16"), default=None)
    parser.add_argument("--vgg16", default="random", help="file of VGG16's weights")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--batch", type=int, default=None)
    parser.add_argument("--rate", type=float, default=None)
    parser.add_argument("--train-images", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()

    data = load_bsds500(arguments.folder, arguments.split)
    n = len(data.images)
    chosen = np.linspace(0, n - 1, arguments.images or n).round().astype(int).tolist()
    images = [data.images[i] for i in chosen]
    truths = [data.ground_truths[i] for i in chosen]
    print(f"sklearn_spx {sklearn_spx.__version__}, BSDS500 {arguments.split}, {len(images)} images")
    columns = ("Fb ODS", "OIS", "Fop ODS", "OIS", "cover", "s/image", "/ slic")
    print(f"{'method':<32}" + "".join(f"{column:>9}" for column in columns))
    for name, make in rows(arguments).items():
        if arguments.rows and name not in arguments.rows:
            continue
        try:
            all_of, one = make()
            seconds, ratio = speed(one, images[:10])
            result = evaluate_segmentations(Lazy(images, all_of), truths, n_jobs=arguments.jobs)
        except (AttributeError, ImportError) as error:
            print(f"{name:<32}  not here: {error}")
            continue
        b, op = result.boundary_f, result.object_part_f
        print(
            f"{name:<32}{b.ods:9.3f}{b.ois:9.3f}{op.ods:9.3f}{op.ois:9.3f}"
            f"{result.covering.ods:9.3f}{seconds:9.3f}{ratio:9.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
