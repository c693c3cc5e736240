"""What people do to regions and classes: pure functions of a document's layers to other layers."""

import numpy as np
from scipy import ndimage

from ..kernels import enforce_connectivity
from ..kernels.region_statistics import number_regions
from .document import UNKNOWN
from .problems import Problem

__all__ = ["accept", "join", "label", "mark", "part_of", "put_pieces", "split_by_line"]


def label(layers, stroke, class_number):
    """Give all of every region under a stroke a class, or with UNKNOWN none."""
    touched = _touched(layers, stroke)
    chosen = np.zeros(len(layers.partition.alive) + 1, bool)  # the last is for what is outside
    chosen[:-1][np.isin(layers.partition.groups, touched)] = True
    classes = np.where(chosen[layers.regions], np.uint8(class_number), layers.classes)
    return layers._replace(classes=classes)


def mark(layers, stroke, class_number):
    """Give the pixels under a stroke a class, and no others."""
    classes = layers.classes.copy()
    part = classes[stroke.rows, stroke.columns]
    inside = stroke.inside & (layers.regions[stroke.rows, stroke.columns] >= 0)
    part[inside] = class_number
    return layers._replace(classes=classes)


def join(layers, stroke):
    """Make the regions under a stroke one."""
    touched = _touched(layers, stroke)
    if len(touched) < 2:
        raise Problem("the line lies in one region; draw it across the regions to be joined")
    return layers._replace(partition=layers.partition.with_joined(touched))


def split_by_line(layers, stroke):
    """Divide the region that most of a line lies in along the line."""
    groups = np.append(layers.partition.groups, np.int32(-1))
    under = groups[stroke.of(layers.regions)]
    under = under[under >= 0]
    if not under.size:
        raise Problem("the line lies in no region")
    region = int(np.bincount(under).argmax())
    box, inside = part_of(layers, region)
    line = stroke.mask(layers.regions.shape)[box]
    before = ndimage.label(inside)[1]
    pieces, n_pieces = ndimage.label(inside & ~line)
    if n_pieces <= before:
        raise Problem("the line does not divide the region; draw it from border to border")
    rows, columns = ndimage.distance_transform_edt(
        pieces == 0, return_distances=False, return_indices=True
    )
    pieces = pieces[rows, columns]
    pieces = enforce_connectivity(np.where(inside, pieces, -1), min_size=2, mask=inside)
    return put_pieces(layers, region, pieces)


def part_of(layers, region):
    """Return (slices around a region, its mask in them)."""
    is_atom = np.append(layers.partition.groups == region, False)
    inside = is_atom[layers.regions]
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not rows.size:
        raise Problem(f"there is no region {region}")
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return box, inside[box]


def put_pieces(layers, region, pieces):
    """Put pieces, labels of the part of a region with -1 around it, in the place of the region.

    They are regions that no threshold joins to others.
    """
    box, inside = part_of(layers, region)
    pieces, ids = number_regions(pieces)
    if pieces.shape != inside.shape or ((pieces >= 0) != inside).any():
        raise Problem("the region was changed meanwhile")
    if len(ids) < 2:
        raise Problem("the region cannot be divided: it is too small")
    partition = layers.partition
    regions = layers.regions.copy()
    regions[box][inside] = pieces[inside] + np.int32(len(partition.alive))
    gone = partition.groups == region
    return layers._replace(regions=regions, partition=partition.with_pieces(gone, len(ids)))


def accept(layers, prediction, least):
    """Give pixels without a class the predicted one, where that is as certain as ``least``."""
    predicted, certainty = prediction
    taken = (layers.classes == UNKNOWN) & (predicted != UNKNOWN) & (certainty >= least * 255)
    if not taken.any():
        raise Problem("no region without a class is predicted with that certainty")
    return layers._replace(classes=np.where(taken, predicted, layers.classes))


def _touched(layers, stroke):
    """The regions under a stroke."""
    atoms = stroke.of(layers.regions)
    touched = np.unique(layers.partition.groups[atoms[atoms >= 0]])
    if not touched.size:
        raise Problem("there is no region there")
    return touched
