"""Slow, obvious twins of the scores: one annotation, plain loops, written to be read.

``labels`` and ``truth`` are 2-d integer arrays; pixels where ``labels`` is negative are left out.
"""

import math
from collections import Counter

import numpy as np
from scipy.optimize import linear_sum_assignment


def pixels(labels):
    height, width = labels.shape
    return [(y, x) for y in range(height) for x in range(width) if labels[y, x] >= 0]


def overlaps(labels, truth):
    """Return {(superpixel, segment): pixels}, {superpixel: pixels}, {segment: pixels}."""
    inside = pixels(labels)
    return (
        Counter((labels[p], truth[p]) for p in inside),
        Counter(labels[p] for p in inside),
        Counter(truth[p] for p in inside),
    )


# --- superpixels ---------------------------------------------------------------------------------


def achievable_segmentation_accuracy(labels, truth):
    both, superpixels, segments = overlaps(labels, truth)
    best = sum(max(both[s, g] for g in segments) for s in superpixels)
    return best / sum(superpixels.values())


def undersegmentation_error(labels, truth, variant):
    both, superpixels, segments = overlaps(labels, truth)
    n = sum(superpixels.values())
    total = 0.0
    for g, area in segments.items():
        touching = [s for s in superpixels if both[s, g] > 0]
        if variant == "np":
            total += sum(min(both[s, g], superpixels[s] - both[s, g]) for s in touching) / n
        elif variant == "levinshtein":
            total += (sum(superpixels[s] for s in touching) - area) / area / len(segments)
        elif variant == "achanta":
            total += sum(superpixels[s] for s in touching if 20 * both[s, g] > superpixels[s]) / n
    if variant == "corrected":
        return 1 - achievable_segmentation_accuracy(labels, truth)
    return total - 1 if variant == "achanta" else total


def achievable_iou(labels, truth, average):
    both, superpixels, segments = overlaps(labels, truth)
    owner = {s: min(segments, key=lambda g: (-both[s, g], g)) for s in superpixels}
    inside, union = [], []
    for g, area in segments.items():
        mine = [s for s in superpixels if owner[s] == g]
        inside.append(sum(both[s, g] for s in mine))
        union.append(sum(superpixels[s] for s in mine) + area - inside[-1])
    iou = [a / b for a, b in zip(inside, union)]
    if average == "pixel":
        return sum(inside) / sum(union)
    if average == "segment":
        return sum(iou) / len(iou)
    return sum(i * area for i, area in zip(iou, segments.values())) / sum(segments.values())


def compactness(labels):
    _, superpixels, _ = overlaps(labels, labels)
    frame = np.pad(labels, 1, constant_values=-1)
    total = 0.0
    for s, area in superpixels.items():
        length = 0
        for y, x in np.argwhere(frame == s):
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                length += frame[v, u] != s
        total += area * 4 * math.pi * area / length**2
    return total / sum(superpixels.values())


# --- superpixels without annotation --------------------------------------------------------------


def explained_variation(labels, image):
    _, superpixels, _ = overlaps(labels, labels)
    image = image.reshape(*labels.shape, -1).astype(np.longdouble)
    mean = image[labels >= 0].mean(axis=0)
    between = sum(
        area * ((image[labels == s].mean(axis=0) - mean) ** 2).sum()
        for s, area in superpixels.items()
    )
    return between / ((image[labels >= 0] - mean) ** 2).sum()


def global_regularity(labels):
    _, superpixels, _ = overlaps(labels, labels)
    return shape_regularity(labels, superpixels) * smooth_matching(labels, superpixels)


def shape_regularity(labels, superpixels):
    total = 0.0
    for s, area in superpixels.items():
        shape = labels == s
        hull = convex_hull(shape)
        convexity = (edges(hull) / hull.sum()) / (edges(shape) / area)
        deviations = np.argwhere(shape).std(axis=0)
        balance = math.sqrt(deviations.min() / deviations.max()) if area > 1 else 1.0
        total += area * min(convexity, 1.0) * balance
    return total / sum(superpixels.values())


def smooth_matching(labels, superpixels):
    height, width = labels.shape
    shapes = {}
    for s, area in superpixels.items():
        place = np.argwhere(labels == s)
        centre = (2 * place.sum(axis=0) + area) // (2 * area)  # rounded, half up
        shapes[s] = np.zeros((2 * height, 2 * width))
        shapes[s][tuple((place - centre + (height, width)).T)] = 1
    mean = sum(shapes.values())
    mean /= mean.sum()
    different = sum(
        area * np.abs(shapes[s] / area - mean).sum() / 2 for s, area in superpixels.items()
    )
    return 1 - different / sum(superpixels.values())


def edges(shape):
    frame = np.pad(shape.astype(int), 1)
    return sum(int(np.abs(np.diff(frame, axis=axis)).sum()) for axis in (0, 1))


def convex_hull(shape):
    """Return the pixels whose centres are on no line's wrong side that keeps all of ``shape``."""
    inside = np.argwhere(shape)
    every = np.argwhere(np.ones_like(shape))
    hull = (every >= inside.min(axis=0)).all(axis=1) & (every <= inside.max(axis=0)).all(axis=1)
    for a in inside:
        for b in inside:

            def side(points, a=a, b=b):
                return (b[0] - a[0]) * (points[:, 1] - a[1]) - (b[1] - a[1]) * (points[:, 0] - a[0])

            if (side(inside) >= 0).all():
                hull &= side(every) >= 0
    return hull.reshape(shape.shape)


# --- boundaries ----------------------------------------------------------------------------------


def boundary(labels, truth, steps):
    """Return the pixels of ``truth`` that differ from a neighbour at one of ``steps``."""
    inside = set(pixels(labels))
    return {
        (y, x)
        for y, x in inside
        if any((y + v, x + u) in inside and truth[y + v, x + u] != truth[y, x] for v, u in steps)
    }


TWO = ((0, 1), (1, 0))
FOUR = (*TWO, (0, -1), (-1, 0))
BLOCK = (*TWO, (1, 1))


def near(p, others, radius):
    return any(max(abs(p[0] - q[0]), abs(p[1] - q[1])) <= radius for q in others)


def boundary_recall(labels, truth, radius, protocol):
    steps = TWO if protocol == "seal" else FOUR
    found, wanted = boundary(labels, labels, steps), boundary(labels, truth, steps)
    if not wanted:
        return 1.0 if protocol == "seal" else 0.0
    return sum(near(p, found, radius) for p in wanted) / len(wanted)


def boundary_precision(labels, truth, radius):
    found, wanted = boundary(labels, labels, FOUR), boundary(labels, truth, FOUR)
    right = sum(near(p, found, radius) for p in wanted)
    wrong = sum(not near(p, wanted, radius) for p in found)
    return right / (right + wrong) if right + wrong else 0.0


def mean_distance_to_edge(labels, truth, metric):
    found, wanted = boundary(labels, labels, FOUR), boundary(labels, truth, FOUR)
    if not wanted:
        return 0.0

    def distance(p, q):
        dy, dx = abs(p[0] - q[0]), abs(p[1] - q[1])
        if metric == "euclidean":
            return math.hypot(dy, dx)
        return 0.955 * (max(dy, dx) - min(dy, dx)) + 1.3693 * min(dy, dx)

    return sum(min((distance(p, q) for q in found), default=math.inf) for p in wanted) / len(wanted)


# --- segmentations -------------------------------------------------------------------------------


def segmentation_covering(labels, truth):
    both, regions, segments = overlaps(labels, truth)
    total = sum(
        area * max(both[s, g] / (regions[s] + area - both[s, g]) for s in regions)
        for g, area in segments.items()
    )
    return total / sum(segments.values())


def probabilistic_rand_index(labels, truth):
    inside = pixels(labels)
    agree = [
        (labels[p] == labels[q]) == (truth[p] == truth[q])
        for i, p in enumerate(inside)
        for q in inside[:i]
    ]
    return sum(agree) / len(agree) if agree else 1.0


def variation_of_information(labels, truth):
    def entropy(counts):
        n = sum(counts.values())
        return -sum(c / n * math.log2(c / n) for c in counts.values())

    both, regions, segments = overlaps(labels, truth)
    return 2 * entropy(both) - entropy(regions) - entropy(segments)


def object_part_f_measure(labels, truths):
    """Return precision and recall over a list of annotations."""

    def candidates(sizes):
        chosen, covered = set(), 0
        for region in sorted(sizes, key=lambda r: (sizes[r], r), reverse=True):
            if covered < 0.99 * sum(sizes.values()):
                chosen.add(region)
            covered += sizes[region]
        return chosen

    def score(chosen, objects, parts, filled):
        total = 0.0
        for region in chosen:
            if region in objects:
                total += 1
            elif region in parts:
                total += 0.1
            else:
                total += filled[region]
        return total

    region_objects, region_parts, region_filled = set(), set(), Counter()
    recalled, n_segments = 0.0, 0
    for truth in truths:
        both, regions, segments = overlaps(labels, truth)
        mine, theirs = candidates(regions), candidates(segments)
        objects, parts, filled = set(), set(), Counter()
        for (s, g), n in both.items():
            recall, precision = n / segments[g], n / regions[s]
            eligible = s in mine and g in theirs
            if recall >= 0.9 and precision >= 0.9:
                if eligible:
                    region_objects.add(s)
                    objects.add(g)
            elif precision >= 0.9:
                if eligible and recall >= 0.25:
                    region_parts.add(s)
                filled[g] += recall
            elif recall >= 0.9:
                if eligible and precision >= 0.25:
                    parts.add(g)
                region_filled[s] += precision / len(truths)
        recalled += score(theirs, objects, parts, filled)
        n_segments += len(theirs)
    precision = score(mine, region_objects, region_parts, region_filled) / len(mine)
    return precision, recalled / n_segments


# --- boundary F ----------------------------------------------------------------------------------


def thin_boundaries(labels):
    """Return the 2x2 boundary map thinned by whole-image passes of Guo and Hall's rules."""
    image = np.zeros(labels.shape, dtype=bool)
    for p in boundary(labels, labels, BLOCK):
        image[p] = True
    idle, east = 0, True
    while idle < 2:
        framed = np.pad(image, 1)
        p2, p3, p4 = framed[:-2, 1:-1], framed[:-2, 2:], framed[1:-1, 2:]
        p5, p6, p7 = framed[2:, 2:], framed[2:, 1:-1], framed[2:, :-2]
        p8, p9 = framed[1:-1, :-2], framed[:-2, :-2]
        pieces = (
            (~p2 & (p3 | p4)).astype(int)
            + (~p4 & (p5 | p6))
            + (~p6 & (p7 | p8))
            + (~p8 & (p9 | p2))
        )
        one = (p9 | p2).astype(int) + (p3 | p4) + (p5 | p6) + (p7 | p8)
        other = (p2 | p3).astype(int) + (p4 | p5) + (p6 | p7) + (p8 | p9)
        neighbours = np.minimum(one, other)
        keep = ((p2 | p3 | ~p5) & p4) if east else ((p6 | p7 | ~p9) & p8)
        delete = image & (pieces == 1) & (neighbours >= 2) & (neighbours <= 3) & ~keep
        idle = 0 if delete.any() else idle + 1
        image, east = image & ~delete, not east
    return image


def match_pixels(first, second, radius):
    """Return pairs and matched pixels of ``second``, of at most 14, by one dense assignment.

    One cost holds the three aims in turn: pairs, distance, early pixels of ``second``.
    """
    a, b = np.argwhere(first), np.argwhere(second)
    assert len(b) <= 14
    distance = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    early = 2.0 ** np.arange(len(b))[::-1]
    cost = np.where(distance <= radius, -1e12 + 2.0**14 * 1e5 * distance - early, 0.0)
    rows, columns = linear_sum_assignment(cost)
    paired = distance[rows, columns] <= radius
    matched = np.zeros(len(b), dtype=bool)
    matched[columns[paired]] = True
    return int(paired.sum()), matched


def least_distance(first, second, radius):
    """Return pairs and total distance of the best matching of any two boolean maps."""
    a, b = np.argwhere(first), np.argwhere(second)
    distance = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    rows, columns = linear_sum_assignment(np.where(distance <= radius, distance - 1e6, 0.0))
    paired = distance[rows, columns] <= radius
    return int(paired.sum()), float(distance[rows, columns][paired].sum())


# --- classes -------------------------------------------------------------------------------------


def mean_iou(predictions, truths):
    """Mean over classes of intersection over union; None where no pixel is known."""
    both, either = Counter(), Counter()
    for found, truth in zip(predictions, truths):
        for p in pixels(found):
            if truth[p] < 0:
                continue
            if found[p] == truth[p]:
                both[found[p]] += 1
            either.update({found[p], truth[p]})
    return sum(both[c] / either[c] for c in either) / len(either) if either else None
