"""Recall of object proposals by regions of DEL, EGB and SLIC, with and without MTSE.

    python benchmarks/proposals.py BSDS500 [--split val] [--images 20]
    python benchmarks/proposals.py --voc VOCdevkit/VOC2007 [--split test]

Prints recall at intersections over union of 0.5 and 0.7, and average recall, of the first 10, 100
and 1,000 boxes of each image.

``--voc FOLDER`` holds JPEGImages, Annotations and ImageSets/Main, as VOC2007 is distributed;
objects marked as difficult are left out.

BSDS500 has segments, not objects. Its boxes are the tight boxes of all segments that take 1 to
50 % of the image, of every annotator, so that an object that all five have drawn counts five times.

Three trees of regions:

DEL   the hierarchy of ``DELSegmenter`` with the net ``--net``
EGB   ``EGBSegmenter(scale=30)``, merged greedily by mean colour
SLIC  600 superpixels of ``SLICSuperpixels``, merged greedily by mean colour

where mean colours are compared in CIE Lab, and small regions merge sooner (by the power 0.2 of
their size, as in DEL). Of each tree three rows:

regions   ``object_proposals``: the boxes of all regions by how long they survive
windows   sliding windows over a grid, ranked by ``straddling_score`` over 25, 50, 100 and 200
          segments cut from the tree (or as many as it has)
  + MTSE  the same windows after ``straddling_expansion`` over the same segments

``random`` are the windows in random order. Windows take 1/8, 1/4, 1/2, 3/4 or all of the image's
width and of its height, in all pairs, moved by a quarter of their own size or a little less.
"""

import argparse
from pathlib import Path

import numpy as np

from sklearn_spx import DELSegmenter, EGBSegmenter, SLICSuperpixels
from sklearn_spx.datasets import load_bsds500, load_voc_boxes
from sklearn_spx.kernels import region_adjacency, region_means
from sklearn_spx.kernels.agglomeration import agglomerate
from sklearn_spx.kernels.boxes import tree_boxes
from sklearn_spx.kernels.color import rgb_to_lab
from sklearn_spx.methods.deep_embedding.hierarchy import RegionHierarchy
from sklearn_spx.metrics import detection_recall
from sklearn_spx.regions import object_proposals, straddling_expansion, straddling_score

AREA = 0.01, 0.5
WINDOWS = 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1
SEGMENTS = 25, 50, 100, 200
COUNTS, OVERLAPS = (10, 100, 1000), (0.5, 0.7)
COLOUR = 1.0, 0.02, 0.2, 0.0  # of agglomerate: tanh bends little up to 100 units of Lab


def segment_boxes(annotations):
    """Tight boxes of the segments of one image, of all annotators."""
    found = []
    for segments in annotations:
        _, labels = np.unique(segments, return_inverse=True)
        labels = labels.reshape(segments.shape).astype(np.int32)
        boxes, sizes, _ = tree_boxes(labels, [])
        share = sizes / labels.size
        found.append(boxes[(share >= AREA[0]) & (share <= AREA[1])])
    return np.concatenate(found)


def of_bsds500(root, split):
    """Pairs of an image and the boxes of its segments."""
    data = load_bsds500(root, split)
    for image, annotations in zip(data.images, data.ground_truths):
        yield image, segment_boxes(annotations)


def of_voc(root, split):
    """Pairs of an image and the boxes of its objects."""
    data = load_voc_boxes(root, split)
    for image, objects in zip(data.images, data.objects):
        yield image, objects.boxes[~objects.difficult]


def colour_tree(image, labels):
    """Regions merged greedily by mean colour in Lab, as a hierarchy."""
    edges, lengths = region_adjacency(labels)
    means, sizes = region_means(rgb_to_lab(image), labels)
    evidence = np.empty((len(edges), 0))
    return RegionHierarchy(
        labels, edges, *agglomerate(edges, lengths, means, sizes, evidence, COLOUR)
    )


def sliding_windows(shape):
    """Boxes of several sizes over a grid."""
    spans = []
    for side in shape:
        own = []
        for share in WINDOWS:
            size = max(round(side * share), 1)
            n = int(np.ceil(4 * (side - size) / size)) + 1
            starts = np.rint(np.linspace(0, side - size, n)).astype(int)
            own += [(start, start + size) for start in starts]
        spans.append(np.unique(own, axis=0))
    rows, columns = (np.arange(len(span)) for span in spans)
    rows, columns = (index.ravel() for index in np.meshgrid(rows, columns, indexing="ij"))
    (y, x) = spans[0][rows], spans[1][columns]
    return np.column_stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]])


def proposals(tree, windows):
    """Boxes of the three rows of a tree, the best first."""
    n_regions = tree.n_superpixels, tree.n_superpixels - len(tree.merges)
    cuts = sorted({int(np.clip(n, n_regions[1], n_regions[0])) for n in SEGMENTS})
    segmentations = [tree.labels(n_segments=n) for n in cuts]
    scores = straddling_score(windows, segmentations)
    moved = straddling_expansion(
        windows, segmentations, scores=scores, max_proposals=max(COUNTS), max_overlap=0.9
    )
    yield "regions", object_proposals(tree, max_proposals=max(COUNTS)).boxes
    yield "windows", windows[np.argsort(-scores, kind="stable")]
    yield "  + MTSE", moved.boxes


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("root", nargs="?", type=Path, help="folder of BSDS500")
    source.add_argument("--voc", type=Path, metavar="FOLDER", help="folder in VOC2007's layout")
    parser.add_argument("--split", help="val of BSDS500, test of VOC unless given")
    parser.add_argument("--images", type=int, help="the first so many alone")
    parser.add_argument("--net", default="bsds500-train", help="net of DEL")
    options = parser.parse_args(arguments)
    if options.voc:
        pairs = of_voc(options.voc, options.split or "test")
    else:
        pairs = of_bsds500(options.root, options.split or "val")

    methods = DELSegmenter.from_pretrained(options.net), EGBSegmenter(30), SLICSuperpixels(600)
    found, objects = {}, []
    for image, wanted in pairs:
        if len(objects) == options.images:
            break
        objects.append(wanted)
        net, egb, slic = methods
        trees = {
            "DEL": net.hierarchy([image])[0],
            "EGB": colour_tree(image, egb.fit_transform([image])[0]),
            "SLIC": colour_tree(image, slic.fit_transform([image])[0]),
        }
        windows = sliding_windows(image.shape[:2])
        rng = np.random.default_rng(len(objects))
        found.setdefault("     random", []).append(rng.permutation(windows))
        for name, tree in trees.items():
            for kind, boxes in proposals(tree, windows):
                found.setdefault(f"{name:5}{kind}", []).append(boxes)
    report(found, objects)


def report(found, objects):
    """Print a row for each kind of proposals."""
    n_boxes = sum(map(len, objects))
    print(f"{len(objects)} images, {n_boxes} objects")
    heads = [f"recall at {overlap}" for overlap in OVERLAPS] + ["average recall"]
    print(f"{'':16}{'boxes':>6}" + "".join(f"{head:^24}" for head in heads))
    print(f"{'':22}" + "".join(f"{count:8}" for count in COUNTS) * len(heads))
    for name, boxes in found.items():
        scores = detection_recall(boxes, objects, iou=OVERLAPS, counts=COUNTS)
        values = np.concatenate([*scores.recall, scores.average_recall])
        n = np.mean([len(b) for b in boxes])
        print(f"{name:16}{n:6.0f}" + "".join(f"{value:8.3f}" for value in values))


if __name__ == "__main__":
    main()
