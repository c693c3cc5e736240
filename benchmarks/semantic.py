"""Semantic segmentation by superpixels: classes of a net pooled over them, and their borders.

    python benchmarks/semantic.py CAMVID --enet enet_camvid.safetensors [--split val]
    python benchmarks/semantic.py --images FOLDER --labels FOLDER --void 255 [--crop 512 512]

Two tables over SLIC, ERS and SEAL at several numbers of superpixels. The first, of CamVid and with
``--enet`` alone, is the mean intersection over union of ENet's classes, and of its scores averaged
over superpixels (``sklearn_spx.regions.pool_over_regions``); the best is that of superpixels whose
class is that of most of their pixels in the annotation. The second is the protocol of SEAL on
Cityscapes: achievable segmentation accuracy, and boundary recall within 3 pixels, against the
4-connected parts of the classes, unknown pixels left out; means over images.

``--images`` and ``--labels`` are folders of images and of label ids, of the same names up to a
suffix: of Cityscapes --images leftImg8bit/val --labels gtFine/val --recursive
--labels-suffix _gtFine_labelIds --images-suffix _leftImg8bit --void 0 1 2 3. ``--crop`` takes the
middle of each image.
"""

import argparse
from pathlib import Path

import numpy as np

from sklearn_spx import ERSSuperpixels, SEALSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import class_segments, load_camvid
from sklearn_spx.io import ImageFolder, read_labels
from sklearn_spx.metrics import (
    achievable_segmentation_accuracy,
    boundary_recall,
    compactness,
    mean_iou,
)
from sklearn_spx.regions import pool_over_regions

KNOWN = 11  # ENet's twelfth class is what is not labelled


def folders(options):
    """Images, class images and names of two folders."""
    images = ImageFolder(options.images, recursive=options.recursive)
    labels = ImageFolder(options.labels, recursive=options.recursive, read=read_labels)
    truths = {
        name.removesuffix(options.labels_suffix): path
        for name, path in zip(labels.names, labels.paths)
        if name.endswith(options.labels_suffix)
    }
    names = [name for name in images.names if name.endswith(options.images_suffix)]
    kept = [i for i, name in enumerate(images.names) if name.endswith(options.images_suffix)]
    if not kept:
        raise SystemExit(f"no image in {options.images} ends in {options.images_suffix}")
    names = [name.removesuffix(options.images_suffix) for name in names]
    missing = [name for name in names if name not in truths]
    if missing:
        raise SystemExit(
            f"{len(missing)} of {len(names)} images have no label image in {options.labels}, as "
            f"{missing[0]}"
        )
    return images[kept], [truths[name] for name in names], names


def middle(array, crop):
    """The middle of an image, of the size of the crop at most."""
    if crop is None:
        return array
    place = tuple(
        slice(max(0, (n - wanted) // 2), max(0, (n - wanted) // 2) + wanted)
        for n, wanted in zip(array.shape, crop)
    )
    return array[place]


def items(options):
    """Each image with its classes, -1 where they are unknown."""
    if options.root is not None:
        data = load_camvid(options.root, options.split)
        images, classes, void = data.images, data.classes, []
    else:
        images, paths, _ = folders(options)
        classes, void = map(read_labels, paths), options.void
    for image, labels in zip(images[: options.first], classes):
        if labels.shape != image.shape[:2]:
            raise SystemExit(f"an image is {image.shape[:2]}, and its labels {labels.shape}")
        labels = np.where(np.isin(labels, void), -1, labels)
        yield middle(image, options.crop), middle(labels, options.crop)


def enet_scores(net, image):
    """ENet's scores of the classes that are annotated, (height, width, classes)."""
    import torch

    x = torch.from_numpy(np.float32(image.transpose(2, 0, 1) / 255))
    with torch.no_grad():
        return np.moveaxis(net(x[None])[0, :KNOWN].numpy(), 0, 2)


def pooled_table(images, classes, labels, path):
    """Mean IoU of the net, of the net over superpixels, and the best over superpixels."""
    from sklearn_spx.nets.enet import ENet

    net = ENet.from_file(path)
    scores = [enet_scores(net, image) for image in images]
    print("\nmean IoU of ENet, %")
    print(f"  alone           {100 * mean_iou([s.argmax(2) for s in scores], classes):6.2f}")
    print("  over              mean    vote    best that superpixels allow")
    for (name, n), found in labels.items():
        row = [
            [pool_over_regions(s, spx, how=how).argmax(2) for s, spx in zip(scores, found)]
            for how in ("mean", "vote")
        ]
        row.append([pool_over_regions(c, spx, how="vote") for c, spx in zip(classes, found)])
        figures = "  ".join(f"{100 * mean_iou(predicted, classes):6.2f}" for predicted in row)
        print(f"  {name:5s} {n:5d}     {figures}")


def borders_table(segments, labels, tolerance):
    """ASA and boundary recall against the connected parts of classes."""
    print(f"\nagainst the connected parts of classes, recall within {tolerance} pixels")
    print("                superpixels    ASA      BR       compactness")
    for (name, n), found in labels.items():
        count = np.mean([a.max() + 1 for a in found])
        asa = [achievable_segmentation_accuracy(a, b) for a, b in zip(found, segments)]
        recall = [boundary_recall(a, b, tolerance=tolerance) for a, b in zip(found, segments)]
        shape = np.mean([compactness(a) for a in found])
        print(
            f"  {name:5s} {n:5d}  {count:10.1f}   {np.mean(asa):.4f}   {np.mean(recall):.4f}   "
            f"{shape:.4f}"
        )


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", type=Path, help="folder of CamVid")
    parser.add_argument("--split", default="val", choices=["train", "val", "test"])
    parser.add_argument("--enet", type=Path, help="weights of ENet for CamVid")
    parser.add_argument("--images", type=Path, metavar="FOLDER")
    parser.add_argument("--labels", type=Path, metavar="FOLDER")
    parser.add_argument("--images-suffix", default="", help="end of the names of images")
    parser.add_argument("--labels-suffix", default="", help="end of the names of label images")
    parser.add_argument("--recursive", action="store_true", help="folders inside folders too")
    parser.add_argument("--void", type=int, nargs="+", default=[], help="ids that are unknown")
    parser.add_argument("--crop", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--n-segments", type=int, nargs="+", default=[200, 600, 1000])
    parser.add_argument("--tolerance", type=int, default=3, help="pixels")
    parser.add_argument("--seal", default="bsds500-train", help="net of SEAL")
    parser.add_argument("--first", type=int, help="the first so many images alone")
    options = parser.parse_args(arguments)
    if (options.root is None) == (options.images is None):
        parser.error("give a folder of CamVid, or --images and --labels")
    if (options.images is None) != (options.labels is None):
        parser.error("--images and --labels go together")
    if options.enet and options.root is None:
        parser.error("--enet is for CamVid, whose classes it knows")
    if options.void and options.root is not None:
        parser.error("--void is for --labels; CamVid's is known")
    return options


def main(arguments=None):
    options = parse(arguments)
    images, classes = zip(*items(options))
    segments = [class_segments(labels) for labels in classes]
    print(
        f"{len(images)} images of {' x '.join(map(str, images[0].shape[:2]))}, "
        f"{np.mean([s.max() + 1 for s in segments]):.0f} segments an image"
    )
    labels = {}
    for n in options.n_segments:
        methods = {
            "SLIC": SLICSuperpixels(n_segments=n).fit(images),
            "ERS": ERSSuperpixels(n_segments=n).fit(images),
            "SEAL": SEALSuperpixels.from_pretrained(options.seal, n_segments=n),
        }
        for name, method in methods.items():
            labels[name, n] = method.transform(images)
    if options.enet:
        pooled_table(images, classes, labels, options.enet)
    borders_table(segments, labels, options.tolerance)


if __name__ == "__main__":
    main()
