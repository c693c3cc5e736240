"""Slow, obvious twins of what is done with boxes: masks of pixels, one box after the other."""

import numpy as np


def box_of(mask):
    """Tight box (x0, y0, x1, y1) of a mask."""
    y, x = np.nonzero(mask)
    return [x.min(), y.min(), x.max() + 1, y.max() + 1]


def mask_of(box, shape):
    mask = np.zeros(shape, bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def overlap(a, b, shape):
    a, b = mask_of(a, shape), mask_of(b, shape)
    return (a & b).sum() / (a | b).sum()


def tree_boxes(superpixels, merges):
    """(box, pixels) of each superpixel, then of what each merge makes."""
    masks = {k: superpixels == k for k in range(superpixels.max() + 1)}
    nodes = list(masks.values())
    for a, b in merges:
        joined = masks[a] | masks[b]
        for k in masks:
            if (masks[k] & joined).any():
                masks[k] = joined
        nodes.append(joined)
    return [(box_of(mask), mask.sum()) for mask in nodes]


def suppress(boxes, max_overlap, shape):
    kept = []
    for i, box in enumerate(boxes):
        clear = all(overlap(box, boxes[k], shape) <= max_overlap for k in kept)
        if clear and not any((box == boxes[k]).all() for k in kept):
            kept.append(i)
    return kept


def align(box, labels):
    """The aligned box, or None where there is no region."""
    inside = mask_of(box, labels.shape)
    regions = {s: labels == s for s in np.unique(labels[labels >= 0])}
    joined = np.zeros(labels.shape, bool)
    cut = []
    for s, region in regions.items():
        if not (region & ~inside).any():
            joined |= region
        elif (region & inside).any():
            cut.append(s)
    gains = [overlap(box_of(joined | regions[s]), box, labels.shape) for s in cut]
    best = overlap(box_of(joined), box, labels.shape) if joined.any() else 0
    for s in [cut[k] for k in np.argsort(-np.array(gains), kind="stable")]:
        gain = overlap(box_of(joined | regions[s]), box, labels.shape)
        if gain < best:
            break
        joined, best = joined | regions[s], gain
    return box_of(joined) if joined.any() else None


def expand(box, labels, threshold):
    """The box with all regions of which it holds a share of at least ``threshold``."""
    inside = mask_of(box, labels.shape)
    joined = inside.copy()
    for s in np.unique(labels[labels >= 0]):
        region = labels == s
        if (region & inside).sum() / region.sum() >= threshold:
            joined |= region
    return box_of(joined)


def straddling(box, labels):
    inside = mask_of(box, labels.shape)
    cut = 0
    for s in np.unique(labels[labels >= 0]):
        cut += min((inside & (labels == s)).sum(), (~inside & (labels == s)).sum())
    return 1 - cut / inside.sum()
