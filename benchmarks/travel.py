"""How trained nets travel: to other cameras, light, sizes and files, and to street scenes.

    python benchmarks/travel.py BSDS500 [--camvid CamVid] [--images 25] [--counts 100 300 600 1200]

Images of val as they are, gray, darkened, blurred, noisy, worn by JPEG and resized, and with
``--camvid`` street scenes. A table a condition: achievable segmentation accuracy and boundary
recall (protocol "seal", plain means over annotators, tolerance 1 pixel, 3 on CamVid) and
compactness of superpixels, method by method; the covering of DEL's segments at its own threshold;
and, where a net is compared with colour alone, the mean difference with its 95 % interval over
images. Nets are those trained on BSDS500's train images, where shipped, or given by ``--model``.
"""

import argparse
import io
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from sklearn_spx import (
    DELSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
)
from sklearn_spx.datasets import load_bsds500
from sklearn_spx.metrics import (
    achievable_segmentation_accuracy,
    boundary_recall,
    compactness,
    segmentation_covering,
)

VOID = 11  # of CamVid


def eight_bit(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def gray(image, rng):
    return eight_bit(image @ [0.299, 0.587, 0.114])[..., None].repeat(3, axis=2)


def dark(image, rng):
    return eight_bit(image * 0.3)


def blurred(image, rng):
    return eight_bit(gaussian_filter(image.astype(float), (1.5, 1.5, 0)))


def noisy(image, rng):
    return eight_bit(image + rng.normal(0, 15, image.shape))


def jpeg(image, rng):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=15)
    return np.asarray(Image.open(file))


def resized(pair, factor):
    image, truths = pair
    size = tuple(round(n * factor) for n in image.shape[1::-1])
    image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    nearest = Image.Resampling.NEAREST
    truths = [np.asarray(Image.fromarray(a.astype(np.int32)).resize(size, nearest)) for a in truths]
    return image, truths


CHANGES = {
    "gray": gray,
    "at 30 % of the light": dark,
    "blurred, sigma 1.5": blurred,
    "noise, sigma 15": noisy,
    "JPEG, quality 15": jpeg,
}
SIZES = (0.5, 2, 4)


def changed(pairs, change):
    for i, (image, truths) in enumerate(pairs):
        yield change(image, np.random.default_rng(i)), truths


def conditions(pairs, camvid, step):
    """Name, tolerance, and what makes the pairs of image and truths."""
    yield "as they are", 1, lambda: pairs
    for name, change in CHANGES.items():
        yield name, 1, partial(changed, pairs, change)
    for factor in SIZES:
        yield f"{factor} x the size", 1, partial(map, partial(resized, factor=factor), pairs)
    if camvid is not None:
        yield "CamVid, val", 3, partial(street_scenes, camvid, step)


def street_scenes(folder, step):
    for path in sorted((folder / "images" / "val").glob("*.png"))[::step]:
        labels = np.asarray(Image.open(folder / "labels" / "val" / path.name)).astype(np.int32)
        yield np.asarray(Image.open(path)), [np.where(labels == VOID, -1, labels)]


def superpixel_methods(model, counts):
    """Functions from an image to label images, one a count."""
    seal = SEALSuperpixels.from_pretrained(model)
    trained = TrainableSLIC.from_pretrained("bsds500")

    def each(estimator, image):
        return [estimator.set_params(n_segments=n).fit_transform([image])[0] for n in counts]

    return {
        "SEAL": lambda image: seal.transform([image], n_segments=counts)[0],
        "ERS, as published": partial(each, ERSSuperpixels(regularity=0.0)),
        "ERS": partial(each, ERSSuperpixels()),
        "TrainableSLIC": lambda image: [
            trained.set_params(n_segments=n).transform([image])[0] for n in counts
        ],
        "SLIC": partial(each, SLICSuperpixels()),
    }


def score(labels, truths, tolerance):
    recall = boundary_recall(labels, truths, tolerance=tolerance, per_annotator=True)
    return (
        np.mean(achievable_segmentation_accuracy(labels, truths, per_annotator=True)),
        np.mean(recall),
        compactness(labels),
    )


def interval(differences):
    return (
        f"{np.mean(differences):+.4f} +-{1.96 * np.std(differences) / len(differences) ** 0.5:.4f}"
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path, help="The folder of BSDS500.")
    parser.add_argument(
        "--camvid",
        type=Path,
        help="A folder with images/val and labels/val: all, or every second below 50 --images.",
    )
    parser.add_argument("--images", type=int, default=25, help="Of val, evenly chosen.")
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 300, 600, 1200])
    parser.add_argument("--model", default="bsds500-train", help="SEAL's net.")
    parser.add_argument("--only", nargs="+", help="Conditions, by a part of their name.")
    parser.add_argument("--methods", nargs="+", help="By name, DEL among them; all.")
    options = parser.parse_args(arguments)
    val = load_bsds500(options.root, "val")
    step = max(1, len(val.images) // options.images)
    pairs = list(zip(val.images, val.ground_truths))[::step][: options.images]
    methods = superpixel_methods(options.model, options.counts)
    segments = {"DEL": DELSegmenter.from_pretrained("bsds500-train")}
    if options.methods:
        methods = {name: run for name, run in methods.items() if name in options.methods}
        segments = {name: run for name, run in segments.items() if name in options.methods}
    for name, tolerance, make in conditions(pairs, options.camvid, 2 if options.images < 50 else 1):
        if options.only and not any(word in name for word in options.only):
            continue
        found, coverings = {method: [] for method in methods}, {method: [] for method in segments}
        for image, annotations in make():
            for method, run in methods.items():
                labels = run(image)
                found[method].append([score(each, annotations, tolerance) for each in labels])
            for method, estimator in segments.items():
                labels = estimator.fit_transform([image])[0]
                coverings[method].append(segmentation_covering(labels, annotations))
        report(name, found, coverings, options.counts)


def report(name, found, coverings, counts):
    found = {method: np.array(values) for method, values in found.items()}
    n_images = len(next(iter((found | coverings).values())))
    print(f"\n{name}: {n_images} images; superpixels {' '.join(map(str, counts))}")
    for method, values in found.items():
        asa, recall, compact = values.mean(axis=0).T
        print(
            f"{method:18s} ASA {' '.join(f'{v:.4f}' for v in asa)}  "
            f"BR {' '.join(f'{v:.3f}' for v in recall)}  "
            f"CO {' '.join(f'{v:.3f}' for v in compact)}"
        )
    if {"SEAL", "ERS, as published"} <= set(found):
        apart = found["SEAL"] - found["ERS, as published"]
        for k, what in enumerate(("ASA", "BR")):
            print(f"SEAL - ERS, {what:6s} {'  '.join(map(interval, apart[:, :, k].T))}")
    for method, values in coverings.items():
        print(f"{method:18s} covering {np.mean(values):.3f}", flush=True)


if __name__ == "__main__":
    main()
