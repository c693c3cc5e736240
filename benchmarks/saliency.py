"""Saliency by robust background detection over SLIC, ERS and SEAL at 200 superpixels.

    python benchmarks/saliency.py BSDS500 [--split val]
    python benchmarks/saliency.py --ecssd ECSSD

Prints mean absolute error, weighted F-measure and S-measure of
``sklearn_spx.regions.background_detection`` at its defaults, each map stretched to 0 to 1 as the
field's evaluators do, and the mean difference to SLIC with its 95 % interval over images.

``--ecssd FOLDER`` holds images/NAME.jpg and ground_truth_mask/NAME.png, as ECSSD is distributed.

BSDS500 has segments, not objects; masks are made of them so. Of each annotation those segments
are joined that make up at most 2 % of the image's border. Of the connected parts of their union,
the object is the one of greatest weight, pixels counting by a Gaussian about the image's centre
whose deviation is a quarter of its height and width, if it takes 2 to 60 % of the image. An image
is kept if at least three annotators, and more than half of them, have an object, and if the
intersection over union of these, averaged over all pairs of annotators, is at least 0.7. The mask
is what more than half of the annotators with an object have in theirs.
"""

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from sklearn_spx import ERSSuperpixels, SEALSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import load_bsds500
from sklearn_spx.metrics import s_measure, saliency_mae, weighted_f_measure
from sklearn_spx.regions import background_detection

BORDER, AREA, AGREEMENT = 0.02, (0.02, 0.6), 0.7


def central_object(segments):
    """The object of one annotation as a mask, or None."""
    shape = np.shape(segments)
    segments = np.unique(segments, return_inverse=True)[1].reshape(shape)
    rim = np.concatenate([segments[0], segments[-1], segments[1:-1, 0], segments[1:-1, -1]])
    on_rim = np.bincount(rim, minlength=segments.max() + 1)
    parts, n_parts = ndimage.label((on_rim <= BORDER * rim.size)[segments])
    if n_parts == 0:
        return None
    y, x = (((np.arange(n) + 0.5) / n - 0.5) / 0.25 for n in parts.shape)
    weight = np.exp(-0.5 * (y[:, None] ** 2 + x**2))
    largest = 1 + np.argmax(ndimage.sum_labels(weight, parts, np.arange(1, n_parts + 1)))
    found = parts == largest
    return found if AREA[0] <= found.mean() <= AREA[1] else None


def agreed_object(annotations):
    """The object that annotators agree on as a mask, or None."""
    masks = [mask for mask in map(central_object, annotations) if mask is not None]
    if len(masks) < max(3, len(annotations) // 2 + 1):
        return None
    overlaps = [(a & b).sum() / (a | b).sum() for a, b in combinations(masks, 2)]
    return 2 * np.sum(masks, axis=0) > len(masks) if np.mean(overlaps) >= AGREEMENT else None


def of_bsds500(root, split):
    """Images and masks made of a split of BSDS500."""
    data = load_bsds500(root, split)
    for image, annotations in zip(data.images, data.ground_truths):
        mask = agreed_object(annotations)
        if mask is not None:
            yield image, mask


def of_ecssd(root):
    """Images and masks of a folder in ECSSD's layout."""
    paths = sorted((root / "images").glob("*.jpg"))
    if not paths:
        raise SystemExit(f"there is no .jpg file in {root / 'images'}")
    for path in paths:
        truth = root / "ground_truth_mask" / f"{path.stem}.png"
        if not truth.is_file():
            raise SystemExit(f"the mask {truth} of {path} is missing")
        with Image.open(path) as image, Image.open(truth) as mask:
            yield np.array(image.convert("RGB")), np.array(mask.convert("L")) > 128


def stretched(saliency):
    low, high = saliency.min(), saliency.max()
    return (saliency - low) / (high - low) if high > low else saliency


def interval(differences):
    mean, error = differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))
    return f"{mean:+.4f} +- {1.96 * error:.4f}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("root", nargs="?", type=Path, help="folder of BSDS500")
    source.add_argument("--ecssd", type=Path, metavar="FOLDER", help="folder in ECSSD's layout")
    parser.add_argument("--split", default="val", choices=["train", "val", "test"])
    parser.add_argument("--n-segments", type=int, default=200)
    parser.add_argument("--seal", default="bsds500-train", help="net of SEAL")
    options = parser.parse_args(arguments)
    pairs = list(
        of_ecssd(options.ecssd) if options.ecssd else of_bsds500(options.root, options.split)
    )
    if not pairs:
        raise SystemExit("annotators agree on an object in none of the images")
    images, masks = zip(*pairs)
    methods = {
        "SLIC": SLICSuperpixels(n_segments=options.n_segments).fit(images),
        "ERS": ERSSuperpixels(n_segments=options.n_segments).fit(images),
        "SEAL": SEALSuperpixels.from_pretrained(options.seal, n_segments=options.n_segments),
    }
    print(f"{len(images)} images, objects of {100 * np.mean([m.mean() for m in masks]):.0f} %")
    print("         MAE     weighted F  S-measure")
    rows = {}
    for name, method in methods.items():
        maps = map(background_detection, images, method.transform(images))
        rows[name] = np.array(
            [
                [score(saliency, mask) for score in (saliency_mae, weighted_f_measure, s_measure)]
                for saliency, mask in zip(map(stretched, maps), masks)
            ]
        )
        print(f"{name:6s}  {'    '.join(f'{value:7.4f}' for value in rows[name].mean(axis=0))}")
    if len(images) > 1:
        for name in list(methods)[1:]:
            print(f"{name} - SLIC  {'   '.join(map(interval, (rows[name] - rows['SLIC']).T))}")


if __name__ == "__main__":
    main()
