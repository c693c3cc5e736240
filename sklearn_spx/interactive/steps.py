"""Segmenting, merging and learning as one call each: plain arrays in, plain arrays out.

image -> estimator -> atoms, edges ; colours, edges -> agglomerate -> merge tree
image, regions, classes -> SuperpixelClassifier -> class and certainty of every region

``tell`` is called with what is being done, and the share that is done or None.
"""

import numpy as np

from ..inspection.draw import as_rgb
from ..kernels import region_adjacency, region_means
from ..kernels.agglomeration import agglomerate
from ..kernels.color import rgb_to_lab
from ..kernels.region_statistics import number_regions
from ..methods.deep_embedding.merging import THRESHOLDS
from ..regions import SuperpixelClassifier
from .methods import METHODS, make_estimator

__all__ = ["learn_classes", "merge_by_colour", "segment"]

# of agglomerate, for mean colours in Lab: at 20 units a boundary is half as strong as can be
_COEFFICIENTS = (1.0, 0.05, 0.2, 0.0)
_MOST_ATOMS = 100_000  # that are merged by colour


def segment(tell, key, parameters, image, mask, spacing=None):
    """Return (atoms, edges, merges, heights, cut) of an image; with ``spacing`` of a volume, too.

    The merges before ``cut`` are those that the method itself would do.
    """
    tell(f"{METHODS[key].name}: reading the net" if METHODS[key].has_weights else "starting", None)
    estimator = make_estimator(key, parameters, spacing)
    masks = None if mask is None else [mask]
    estimator.fit([image], masks=masks)
    tell(f"{METHODS[key].name}: finding regions", None)
    if key == "del":
        tree = estimator.hierarchy([image], masks=masks)[0]
        cut = int(np.searchsorted(tree.heights, THRESHOLDS["greedy"], "right"))
        return tree.superpixels, tree.edges, tree.merges, tree.heights, cut
    atoms = estimator.transform([image], masks=masks)[0]
    tell(f"{METHODS[key].name}: merging by colour", None)
    return atoms, *merge_by_colour(image, mask, atoms), 0


def merge_by_colour(image, mask, atoms):
    """Edges, merges and heights of regions that join the neighbour of the most similar colour.

    Atoms are of an image or a volume, 0 .. n - 1 and -1 outside. Of too many there is no tree.
    """
    edges, lengths = region_adjacency(atoms)
    sizes = np.bincount(atoms[atoms >= 0])
    if len(sizes) > _MOST_ATOMS:
        return edges[:0], edges[:0], np.empty(0)
    # colours have no neighbours: slices of a volume may lie below each other
    axes, tall = atoms.ndim, (-1, atoms.shape[-1])
    rgb = as_rgb(
        image.reshape(*tall, *image.shape[axes:]), mask=None if mask is None else mask.reshape(tall)
    )
    means, _ = region_means(rgb_to_lab(rgb), atoms.reshape(tall))
    none = np.zeros((len(edges), 0))
    return edges, *agglomerate(edges, lengths, means, sizes, none, _COEFFICIENTS)


def learn_classes(tell, pairs, classes, others=()):
    """Learn the classes of regions; yield (classes, certainty) of ``pairs``, then of ``others``.

    Both are lists of (image, regions). Classes are class images, int32, negative where unknown;
    certainty is float32, the probability of the class, 0 outside.
    """
    tell("learning", 0.0)
    classifier = SuperpixelClassifier().fit(pairs, classes)
    everything = [*pairs, *others]
    first, total = len(pairs), len(pairs) + len(everything)  # the features of ``pairs`` twice
    for i, pair in enumerate(everything):
        tell(f"predicting image {i + 1} of {len(everything)}", (first + i) / total)
        yield _predicted(classifier, pair)


def _predicted(classifier, pair):
    """Class and certainty of each pixel: predict_proba itself would be of float64 a class."""
    rows = classifier.features_.transform([pair])
    chances = classifier.classifier_.predict_proba(rows)
    index, _ = number_regions(pair[1])
    classes = classifier.classes_[chances.argmax(axis=1)]
    return (
        np.append(classes, -1).astype(np.int32)[index],
        np.append(chances.max(axis=1), 0).astype(np.float32)[index],
    )
