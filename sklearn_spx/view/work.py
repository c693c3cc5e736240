"""What is computed in the process beside the server: plain arrays in, plain arrays out.

image -> estimator -> atoms, edges ; colours, edges -> agglomerate -> merge tree
image, regions, classes -> SuperpixelClassifier -> class and certainty of every region

``tell`` is called with what is being done, and the share that is done or None.
"""

import numpy as np

from ..inspection.draw import as_rgb
from ..kernels import region_adjacency, region_means, slic
from ..kernels.agglomeration import agglomerate
from ..kernels.color import rgb_to_lab
from ..kernels.region_statistics import number_regions
from ..regions import SuperpixelClassifier
from .document import UNKNOWN
from .export import make_files
from .methods import METHODS, make_estimator

__all__ = ["export", "segment", "split", "train"]

THRESHOLD = 0.55  # what DELSegmenter merges up to, unless told otherwise
# of agglomerate, for mean colours in Lab: at 20 units a boundary is half as strong as can be
_COEFFICIENTS = (1.0, 0.05, 0.2, 0.0)
_MOST_ATOMS = 100_000  # that are merged by colour


def segment(tell, key, parameters, image, mask):
    """Return (atoms, edges, merges, heights, cut) of an image."""
    tell(f"{METHODS[key].name}: reading the net" if METHODS[key].has_weights else "starting", None)
    estimator = make_estimator(key, parameters)
    masks = None if mask is None else [mask]
    estimator.fit([image], masks=masks)
    tell(f"{METHODS[key].name}: finding regions", None)
    if key == "del":
        tree = estimator.hierarchy([image], masks=masks)[0]
        cut = int(np.searchsorted(tree.heights, THRESHOLD, "right"))
        return tree.superpixels, tree.edges, tree.merges, tree.heights, cut
    atoms = estimator.transform([image], masks=masks)[0]
    tell(f"{METHODS[key].name}: merging by colour", None)
    return atoms, *_tree_by_colour(image, mask, atoms), 0


def _tree_by_colour(image, mask, atoms):
    """Edges, merges and heights of regions that join the neighbour of the most similar colour."""
    edges, lengths = region_adjacency(atoms)
    sizes = np.bincount(atoms[atoms >= 0])
    if len(sizes) > _MOST_ATOMS:
        return edges[:0], edges[:0], np.empty(0)
    means, _ = region_means(rgb_to_lab(as_rgb(image, mask=mask)), atoms)
    none = np.zeros((len(edges), 0))
    return edges, *agglomerate(edges, lengths, means, sizes, none, _COEFFICIENTS)


def split(tell, image, inside, n_pieces):
    """Return superpixels of a part of an image, -1 around it."""
    tell("splitting", None)
    return slic(as_rgb(image, mask=inside), n_pieces, mask=inside)


def train(tell, marked, unmarked):
    """Learn the classes of regions; return (classes, certainty) of every image, uint8.

    ``marked`` and ``unmarked`` are lists of (image, regions) and, of the marked, classes.
    """
    tell("learning", 0.0)
    pairs = [(image, regions) for image, regions, _ in marked]
    targets = [np.where(c == UNKNOWN, -1, c.astype(np.int32)) for _, _, c in marked]
    classifier = SuperpixelClassifier().fit(pairs, targets)
    found, everything = [], [*pairs, *unmarked]
    for i, pair in enumerate(everything):
        tell(f"predicting image {i + 1} of {len(everything)}", i / len(everything))
        found.append(_predicted(classifier, pair))
    return found


def _predicted(classifier, pair):
    """Class and certainty of each pixel: predict_proba itself would be of float64 a class."""
    rows = classifier.features_.transform([pair])
    chances = classifier.classifier_.predict_proba(rows)
    index, _ = number_regions(pair[1])
    classes = classifier.classes_[chances.argmax(axis=1)]
    certainty = np.rint(255 * chances.max(axis=1))
    return (
        np.append(classes, UNKNOWN).astype(np.uint8)[index],
        np.append(certainty, 0).astype(np.uint8)[index],
    )


def export(tell, kind, items, file_names, classes):
    """Return files, and what has to be told about them."""
    tell("making files", None)
    return make_files(kind, items, file_names, classes)
