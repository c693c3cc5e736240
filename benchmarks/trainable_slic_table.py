"""Tables I and II of the trainable SLIC paper, on BSDS500, beside what the paper says.

    python benchmarks/trainable_slic_table.py BSDS500 --cache fits
    python benchmarks/trainable_slic_table.py BSDS500 --images 20 --train-images 40 \
        --rows "linear, Lab + scattering" --enet enet_camvid.safetensors
    python benchmarks/trainable_slic_table.py --speed

Protocol of Table I (Verelst, Blaschko, Berman, arXiv:1903.04586): the central 256 x 256 pixels of
images and annotations, 256 superpixels, compactness 10, 5 iterations; mean over annotators, then
over images. IoU: achievable, by area. Rec: boundary recall "stutz". MDE: mean distance to edge.
UE: Neubert and Protzel's. CO: compactness. Superpixels that are fewer or rounder score worse or
better whatever the method, so every row is asked for the number and the compactness that give the
mean count and the mean CO of plain SLIC; both are printed. With --per-image it is the compactness
that gives each image the CO that plain SLIC gives it, as the paper's sigma of an image (Figures 9
to 11). Distances are learned on `train`. With --seeds each learned row is the mean of as many fits,
on other pixels to learn from; with --beside each row is followed by its mean difference from the
row of that name, which comes first, and the 95 % interval of it over images:

    python benchmarks/trainable_slic_table.py BSDS500 --tables I --seeds 5 \
        --beside "linear, X = 3" --rows "linear, X = 3" "linear, X = 4" "linear, X = 5"

The folder may be CamVid's, too: learned on its training images, one annotation each.

Table II is the cross-entropy of the choice among the neighbours, on a fifth of the training images,
held out, with the 81 maps of intensity, the paper's 243 of all channels, and ENet's.
"""

import argparse
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from sklearn_spx import SLICSuperpixels, TrainableSLIC
from sklearn_spx.datasets import load_bsds500, load_camvid, load_sample_images
from sklearn_spx.features import (
    ChannelUnion,
    ConvFeatures,
    EmbeddingFeatures,
    LabFeatures,
    ScatteringFeatures,
)
from sklearn_spx.kernels import slic
from sklearn_spx.metrics import (
    achievable_iou,
    boundary_recall,
    compactness,
    evaluate_superpixels,
    mean_distance_to_edge,
    undersegmentation_error,
)
from sklearn_spx.training import NetTraining

SIDE, N_SEGMENTS, COMPACTNESS, MAX_ITER = 256, 256, 10.0, 5
SCORES = {
    "IoU": achievable_iou,
    "Rec": partial(boundary_recall, protocol="stutz"),
    "MDE": mean_distance_to_edge,
    "UE": undersegmentation_error,
    "CO": lambda labels, truths: compactness(labels),
}
PAPER = {
    "SLIC": (0.907, 0.809, 0.911, 0.101, 0.324),
    "manual": (0.913, 0.819, 0.870, 0.095, 0.328),
    "classification, X = 3": (0.910, 0.800, 0.942, 0.097, 0.328),
    "classification, weak, X = 6": (0.913, 0.796, 0.954, 0.094, 0.307),
    "1-layer": (0.912, 0.819, 0.874, 0.095, 0.325),
    "3-layer": (0.912, 0.824, 0.855, 0.094, 0.320),
}


@dataclass
class Row:
    """A learned form; ``paper`` names the row of Table I that it stands beside."""

    features: str = "scattering"
    paper: str | None = None
    params: dict = field(default_factory=dict)


WEAK = {"labels": "weak", "hard_examples": 6}
ROWS = {
    "linear, Lab": Row("lab"),
    "linear, Lab + scattering": Row(paper="1-layer"),
    "linear, Lab + ENet": Row("enet"),
    "linear, weak, X = 6": Row(params=WEAK),
    "linear, edges": Row(params={"labels": "edges"}),
    "mlp, Lab + scattering": Row(paper="3-layer", params={"distance": "mlp"}),
    "mlp, Lab + ENet": Row("enet", params={"distance": "mlp"}),
    "classifier, Lab + scattering": Row(
        paper="classification, X = 3", params={"distance": "classifier"}
    ),
    "classifier, Lab + ENet": Row("enet", params={"distance": "classifier"}),
    "classifier as published": Row(
        paper="classification, X = 3", params={"distance": "classifier-paper"}
    ),
    "classifier as published, 243 maps": Row(
        "scattering of all", params={"distance": "classifier-paper"}
    ),
    "linear, Lab + 243 maps": Row("scattering of all"),
    "embedding": Row("own", params={"distance": "embedding"}),
    "classifier, weak, X = 6": Row(
        paper="classification, weak, X = 6", params={"distance": "classifier", **WEAK}
    ),
}
# how hard the examples are, as Figures 5 and 6, whose rows are run where they are named
LEAST_SEGMENTS = {f"linear, X = {x}": Row(params={"hard_examples": x}) for x in range(1, 8)}
# The paper's validation losses with scattering (243 maps) and ENet features, by form and label set.
PAPER_LOSSES = {
    ("classifier-paper", "replication", 3): (0.184, 0.210),
    ("classifier-paper", "corrected", 3): (0.786, 0.746),
    ("classifier-paper", "weak", 6): (1.413, 1.400),
    ("classifier", "replication", 3): (0.184, 0.210),
    ("classifier", "corrected", 3): (0.786, 0.746),
    ("classifier", "weak", 6): (1.413, 1.400),
    ("linear", "replication", 3): (0.016, 0.035),
    ("linear", "corrected", 3): (0.970, 2.885),
    ("mlp", "corrected", 3): (0.731, 0.960),
}
# b_m = 1 of the manual row: the local mean and order 1, the best of ten groups on training images
MANUAL = np.arange(3 + 81) < 3 + 1 + 16

# SNIC, whose rows are run where they are named, and the features that it is given
SNIC = {"SNIC": "lab", "SNIC, Lab + scattering": "scattering", "SNIC, Lab + ENet": "enet"}


def features(name, enet, seed=0):
    """The transformer of a row, or None if it needs a file that was not given."""
    if name == "own":
        return EmbeddingFeatures(random_state=seed, verbose=1)
    parts = [("lab", LabFeatures())]
    if name == "scattering":  # of intensity: 81 maps
        parts.append(("scattering", ScatteringFeatures()))
    if name == "scattering of all":  # three channels, as the paper: 243 maps
        parts.append(("scattering", ScatteringFeatures(channels="all")))
    if name == "enet":
        if enet is None:
            return None
        from sklearn_spx.nets.enet import ENetInitialBlock

        parts.append(("enet", ConvFeatures(ENetInitialBlock.from_file(enet))))
    return ChannelUnion(parts)


class Kept(TransformerMixin, BaseEstimator):
    """Features that learn nothing, made once an image of a run, for rows and seeds that share them.

    22 MB an image of 84 maps.
    """

    _store = {}  # noqa: RUF012, of all instances: estimators clone their features

    def __init__(self, features):
        self.features = features

    def fit(self, images, y=None):
        self.features_ = clone(self.features).fit(images)
        return self

    def transform(self, images):
        return [self._of(image) for image in images]

    def _of(self, image):
        key = repr(self.features), image.shape, image.tobytes()
        if key not in self._store:
            self._store[key] = self.features_.transform([image])[0]
        return self._store[key]


def unknown(params):
    """Why this version of the estimator cannot do it, or None."""
    try:
        TrainableSLIC(**params)._validate_params()
    except (TypeError, ValueError) as error:
        return str(error).splitlines()[0]


def centre(array):
    top, left = ((n - SIDE) // 2 for n in array.shape[:2])
    return np.ascontiguousarray(array[top : top + SIDE, left : left + SIDE])


def in_gray(image):
    return np.rint(image @ [0.299, 0.587, 0.114]).astype(np.uint8)[..., None].repeat(3, axis=2)


def street_scenes(root, split):
    """CamVid, whose class images are its annotations, one an image."""
    data = load_camvid(root, split)
    return Bunch(images=data.images, ground_truths=[[a] for a in data.classes], names=data.names)


def load(root, split, n_images, gray=False):
    """Central crops of images, and of the annotations of each."""
    opened = load_bsds500 if (root / "groundTruth").is_dir() else street_scenes
    data = opened(root, split)
    n = len(data.names)
    n_images = min(n_images or n, n)
    chosen = [i * n // n_images for i in range(n_images)]
    truths = [[centre(a) for a in data.ground_truths[i]] for i in chosen]
    images = [centre(data.images[i]) for i in chosen]
    return [in_gray(image) for image in images] if gray else images, truths


# --- Table I --------------------------------------------------------------------------------------


@dataclass
class Method:
    """``segment(images, n_segments, compactness)`` gives the label images."""

    segment: Callable
    paper: str | None = None


def ours(estimator, name="", **params):
    """A fitted estimator as a method; ``name`` is its place in a pipeline."""

    def segment(images, n_segments, compactness):
        estimator.set_params(**{f"{name}n_segments": n_segments, f"{name}compactness": compactness})
        return estimator.transform(images)

    return segment


def scikit_image(images, n_segments, compactness):
    """By a smaller least size than its default, with which about as many survive as are asked."""
    from skimage import segmentation

    return [
        segmentation.slic(
            image,
            n_segments,
            compactness=compactness,
            max_num_iter=MAX_ITER,
            min_size_factor=0.25,
            start_label=0,
        )
        for image in images
    ]


def snic(kind, enet):
    """SNIC (Achanta, Susstrunk 2017) on features, by pysnic, which takes seconds an image."""
    transformer = features(kind, enet)

    def segment(images, n_segments, compactness):
        from pysnic.algorithms.snic import snic

        found = [np.round(f, 3).tolist() for f in transformer.fit_transform(images)]
        labels = [np.array(snic(image, n_segments, compactness)[0]) for image in found]
        return [np.unique(a, return_inverse=True)[1].reshape(a.shape) for a in labels]

    return segment


def measure(labels):
    """Mean CO and mean count."""
    return np.mean([[compactness(found), found.max() + 1] for found in labels], axis=0)


def matched(segment, images, wanted, wanted_on_few, few):
    """Label images whose mean CO and count are those ``wanted``.

    False position on the logarithm of the compactness, at first on ``few`` of the images; the
    number asked for follows the number found.
    """
    asked, weight = float(N_SEGMENTS), np.log(COMPACTNESS)
    low, high = None, None  # (log compactness, CO less the one wanted) on either side

    def run(chosen):
        labels = segment(chosen, max(1, round(asked)), float(np.exp(weight)))
        return labels, measure(labels)

    part = [images[i] for i in few]
    stages = [(part, wanted_on_few, 9)] * (len(part) < len(images)) + [(images, wanted, 5)]
    for chosen, aim, n_rounds in stages:
        low = high = None
        least = np.inf
        slope = 0.15  # of CO by the logarithm of the compactness, until one is measured
        for _ in range(n_rounds):
            labels, (co, count) = run(chosen)
            off = abs(co - aim[0]) / 0.001 + abs(count - aim[1]) / 0.8
            if off < least:
                least, best = off, labels
            if off < 1:
                break
            if co < aim[0]:
                low = weight, co - aim[0]
            else:
                high = weight, co - aim[0]
            if low and high and low[0] < high[0]:
                slope = np.clip((high[1] - low[1]) / (high[0] - low[0]), 0.07, 0.3)
            weight += np.clip((aim[0] - co) / slope, -0.7, 0.7)
            asked = max(1.0, asked * aim[1] / count)
    return best


def table_one(options, images, truths, train):
    print(
        f"\nTable I: {options.root.name} {options.split}, {len(images)} images of {SIDE} x {SIDE}"
    )
    print(
        f"{'':30}" + "".join(f"{s:>8}" for s in SCORES) + "   count   less SLIC: IoU, Rec, MDE, UE"
    )
    reference = ours(SLICSuperpixels(max_iter=MAX_ITER, n_jobs=options.n_jobs).fit(images))
    labels = reference(images, N_SEGMENTS, COMPACTNESS)
    few = range(0, len(images), -(-len(images) // 16))
    wanted, wanted_on_few = measure(labels), measure([labels[i] for i in few])
    base = show("SLIC", *scored(labels, truths, options), None)
    show_paper("SLIC")
    shapes = [measure([each]) for each in labels]
    first = None
    for name, fits in methods(options, images, train):
        runs, counts = [], []
        for method in fits:
            if options.per_image:
                labels = [
                    matched(method.segment, [image], shape, shape, [0])[0]
                    for image, shape in zip(images, shapes)
                ]
            else:
                labels = matched(method.segment, images, wanted, wanted_on_few, few)
            scores, count = scored(labels, truths, options)
            runs.append(scores)
            counts.append(count)
        per_image = np.mean(runs, axis=0)
        show(name, per_image, np.mean(counts), base)
        if len(runs) > 1:
            show_spread(runs)
        if name == options.beside:
            first = per_image
        elif first is not None:
            show_difference(per_image - first)
        if method.paper:
            show_paper(method.paper)


def scored(labels, truths, options):
    """Scores of each image, (scores, images), and the mean count."""
    result = evaluate_superpixels(labels, truths, scores=SCORES, n_jobs=options.n_jobs)
    return np.array([result.per_image[s] for s in SCORES]), result.n_segments


def show(name, per_image, count, base):
    means = per_image.mean(axis=1)
    line(name, means, f"{count:8.1f}", base)
    return means


def show_spread(runs):
    """Between the fits of a row, whose seeds differ."""
    spread = np.std([scores.mean(axis=1) for scores in runs], axis=0, ddof=1)
    line(f"  deviation of {len(runs)} seeds", spread, "", None)


def show_difference(differences):
    """Means over images, and half the width of their 95 % intervals."""
    half = 1.96 * differences.std(axis=1, ddof=1) / differences.shape[1] ** 0.5
    line("  less the first", differences.mean(axis=1), "", None)
    line("  +-", half, "", None)


def show_paper(name):
    base = None if name == "SLIC" else PAPER["SLIC"]
    line(f"  paper: {name}", PAPER[name], f"{'':8}", base)


def line(name, values, count, base):
    less = ""
    if base is not None:
        less = "   " + "".join(f"{v - b:+8.4f}" for v, b in zip(values[:4], base))
    print(f"{name:30}" + "".join(f"{v:8.4f}" for v in values) + count + less, flush=True)


def methods(options, images, train):
    """The rows but the first, each the methods whose mean it is, fitted one after another."""

    def asked_for(name):
        return not options.rows or name in options.rows

    if asked_for("scikit-image"):
        yield f"SLIC, scikit-image {version('scikit-image')}", [Method(scikit_image)]
    for name, kind in SNIC.items():
        if name in (options.rows or ()):  # slow: only where it is named
            if find_spec("pysnic") is None:
                print(f"{name:30}  left out: pip install pysnic", flush=True)
            elif kind == "enet" and options.enet is None:
                print(f"{name:30}  left out: no --enet file was given", flush=True)
            else:
                yield name, [Method(snic(kind, options.enet))]
    if asked_for("manual"):
        union = features("scattering", None).set_params(select=MANUAL, n_jobs=options.n_jobs)
        plain = SLICSuperpixels(max_iter=MAX_ITER, convert2lab=False, n_jobs=options.n_jobs)
        manual = make_pipeline(union, plain).fit(images)
        yield "manual", [Method(ours(manual, "slicsuperpixels__"), "manual")]
    named = {name: row for name, row in LEAST_SEGMENTS.items() if name in (options.rows or ())}
    for name, row in {**ROWS, **named}.items():
        if asked_for(name) and (estimators := all_fitted(name, row, options, train)):
            yield name, [Method(ours(estimator), row.paper) for estimator in estimators]
    if asked_for("shipped"):
        shipped = TrainableSLIC.from_pretrained("bsds500")
        shipped.set_params(max_iter=MAX_ITER, n_jobs=options.n_jobs)
        yield 'from_pretrained("bsds500")', [Method(ours(shipped))]


def all_fitted(name, row, options, train):
    """A row's estimators, one a seed; none where it is left out."""
    found = []
    for seed in range(options.seeds):
        estimator = fitted(name, row, options, train, random_state=seed)
        if estimator is None:
            break
        found.append(estimator)
    return found


def fitted(name, row, options, train, **params):
    params = {**row.params, **params, "max_iter": MAX_ITER}
    reason = unknown(params)
    chosen = features(row.features, options.enet, params.get("random_state", 0))
    if chosen is None:
        reason = "no --enet file was given"
    if reason:
        print(f"{name:30}  left out: {reason}", flush=True)
        return None
    if options.keep_features and row.features != "own":
        chosen = Kept(chosen)
    cache = None if options.cache is None else str(options.cache)
    estimator = TrainableSLIC(
        features=chosen, memory=cache, n_jobs=options.n_jobs, verbose=options.verbose, **params
    )
    return estimator.fit(*train)


# --- Table II -------------------------------------------------------------------------------------


def table_two(options, train):
    print(f"\nTable II: loss on a fifth of {len(train[0])} training images, held out")
    kinds = {"scattering": "81 maps", "scattering of all": "243 maps", "enet": "ENet"}
    heads = "".join(f"{head:>10}" for head in kinds.values())
    print(f"{'':36}{heads}   paper: 243, ENet")
    for (distance, labels, hard_examples), paper in PAPER_LOSSES.items():
        params = {"distance": distance, "labels": labels, "hard_examples": hard_examples}
        params |= {"training": NetTraining(validation_fraction=0.2)}
        name = f"{distance}, {labels}, X = {hard_examples}"
        text = f"{name:36}"
        for kind in kinds:
            estimator = fitted(f"{name}, {kind}", Row(kind, params=params), options, train)
            text += f"{'':10}" if estimator is None else f"{held_out_loss(estimator):10.3f}"
        print(text + f"   {paper[0]:.3f}, {paper[1]:.3f}", flush=True)


def held_out_loss(estimator):
    """Cross-entropy of the right clusters."""
    name = "validation_loss" if estimator.distance == "linear" else "validation_cross_entropy"
    return estimator.history_[-1][name]


# --- speed ----------------------------------------------------------------------------------------


class Given:
    """Features that are there already."""

    def __init__(self, features):
        self.features = features

    def transform(self, images):
        return self.features


def speed(options):
    """Times of `transform` on 256 x 256 pixels, in one run, against the kernel on Lab alone."""
    images = [centre(image) for image in load_sample_images().images if image.ndim == 3]
    images = [image for image in images if image.shape[:2] == (SIDE, SIDE)][:4]
    edges = [[image[:, :, 1].astype(np.int32) // 64] for image in images]  # any segmentation
    lab = [LabFeatures().fit_transform([image])[0] for image in images]
    linear = TrainableSLIC(N_SEGMENTS, n_samples=20_000).fit(images, edges)
    given = copy(linear)  # the same, its features at hand
    given.features_ = Given(linear.features_.transform(images[:1]))
    runs = {
        "kernel on Lab": lambda: slic(lab[0], N_SEGMENTS, convert2lab=False),
        "linear, its features given": lambda: given.transform(images[:1]),
        "linear, 81 + 3 channels": lambda: linear.transform(images[:1]),
        "  of which features": lambda: linear.features_.transform(images[:1]),
    }
    names = {}
    for distance in ("mlp", "classifier"):
        params = {"distance": distance, "training": NetTraining(max_epochs=1)}
        if reason := unknown(params):
            print(f"{distance} left out: {reason}")
            continue
        form = TrainableSLIC(N_SEGMENTS, n_samples=20_000, n_jobs=2, **params).fit(images, edges)
        names[distance] = f"{distance}, 2 threads, an image"
        runs[names[distance]] = lambda form=form: form.transform(images)
    shipped = TrainableSLIC.from_pretrained("bsds500", n_segments=N_SEGMENTS)
    runs["embedding, shipped"] = lambda: shipped.transform(images[:1])
    seconds = {name: [] for name in runs}
    for k in range(options.runs + 1):  # interleaved; the first compiles
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if k:
                n = len(images) if name in names.values() else 1
                seconds[name].append((time.perf_counter() - began) / n)
    times = {name: median(values) for name, values in seconds.items()}
    kernel = times["kernel on Lab"]
    print(f"\nSpeed: {SIDE} x {SIDE}, {N_SEGMENTS} superpixels, medians of {options.runs} runs")
    print(f"{linear.axes_.shape[1]} axes of {len(linear.weights_)} channels")
    for name, value in times.items():
        print(f"{name:30}{1000 * value:9.1f} ms {value / kernel:8.2f} x the kernel on Lab")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, nargs="?", help="BSDS500, or CamVid")
    parser.add_argument("--split", default="val", choices=("train", "val", "test"))
    parser.add_argument("--images", type=int, help="this many, spread over the split; all")
    parser.add_argument("--train-images", type=int, help="this many, spread over train; all")
    names = ["scikit-image", *SNIC, "manual", *ROWS, *LEAST_SEGMENTS, "shipped"]
    parser.add_argument("--rows", nargs="+", choices=names, metavar="ROW", help=f"of {names}")
    parser.add_argument("--seeds", type=int, default=1, help="fits of each learned row of Table I")
    parser.add_argument("--beside", choices=names, metavar="ROW", help="differences from this row")
    parser.add_argument("--tables", nargs="+", choices=("I", "II"), default=["I", "II"])
    parser.add_argument("--gray", action="store_true", help="learn on and segment gray images")
    parser.add_argument("--per-image", action="store_true", help="each image's shape alike")
    parser.add_argument("--enet", type=Path, help="safetensors file of a trained ENet")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was fitted")
    parser.add_argument("--keep-features", action="store_true", help="in memory; 7 GB for all")
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--speed", action="store_true", help="times alone; needs no BSDS500")
    parser.add_argument("--runs", type=int, default=15, help="of each time")
    parser.add_argument("--verbose", type=int, default=0)
    options = parser.parse_args()
    if options.speed:
        return speed(options)
    if options.root is None:
        parser.error("the folder of BSDS500, or of CamVid, is missing")
    train = load(options.root, "train", options.train_images, options.gray)
    print(f"learned on {len(train[0])} images of train")
    if "I" in options.tables:
        images, truths = load(options.root, options.split, options.images, options.gray)
        table_one(options, images, truths, train)
    if "II" in options.tables:
        table_two(options, train)


if __name__ == "__main__":
    main()
