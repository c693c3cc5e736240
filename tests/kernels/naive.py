"""Slow, obvious twins of the kernels: plain Python and numpy, written to be read.

Every kernel is compared with its twin on small random inputs.
"""

import numpy as np

# --- SLIC and connectivity -------------------------------------------------------------------


def grid_seeds(height, width, n_seeds):
    """Seeds row by row, the rows as equal as can be, and the step of their grid."""
    n_rows = round(np.sqrt(n_seeds * height / width))
    n_rows = max(n_rows, int(np.ceil(n_seeds / width)))
    n_rows = min(n_rows, height, n_seeds)
    seeds = []
    for i in range(n_rows):
        n = (i + 1) * n_seeds // n_rows - i * n_seeds // n_rows
        y = (i + 0.5) * height / n_rows - 0.5
        seeds += [(y, (j + 0.5) * width / n - 0.5) for j in range(n)]
    return seeds, max(height / n_rows, width * n_rows / n_seeds)


def slic(image, seeds, step, compactness, max_iter, stride, weights, mask, slic_zero, spacing=None):
    """Clusters of pixels, and how near rounding was to another result.

    That is the least relative gap between a pixel's two best distances, or between a cluster's
    window and a tile of pixels. Of a volume seeds have three numbers; step is in units of spacing.
    """
    shape = image.shape[:-1]
    spacing = np.ones(len(shape)) if spacing is None else np.array(spacing)
    sides = np.array([1, 8 * stride, 8 * stride][-len(shape) :])
    sets = [(0, 0)] if stride == 1 else [(0, 0), (1, 1), (0, 1), (1, 0)]
    places = [np.array(seed, float) for seed in seeds]
    colours = [image[tuple((place + 0.5).astype(int))].astype(float) for place in places]
    contrast = [1.0 / compactness**2 if slic_zero else 1.0] * len(seeds)
    spatial = (1 / step) ** 2 if slic_zero else (compactness / step) ** 2
    farthest = [0.0] * len(seeds)
    labels = np.full(shape, -1)
    gap = np.inf
    for iteration in range(max_iter):
        is_last = iteration == max_iter - 1
        mine = [[] for _ in seeds]
        shown = np.array(sets[iteration % len(sets)])
        for p in np.argwhere(mask):
            if not is_last and tuple(p[-2:] % stride) != tuple(shown):
                continue
            first = p // sides * sides
            last = first + sides - 1
            slack = [(np.minimum(last - c, c - first) + step / spacing).min() for c in places]
            near = [k for k, s in enumerate(slack) if s >= 0]
            gap = min(gap, min(map(abs, slack)) / step)  # a window that just touches a tile
            if not near:
                middle = first + np.where(sides > 1, sides / 2, 0)
                ways = [np.sum((spacing * (place - middle)) ** 2) for place in places]
                near = [int(np.argmin(ways))]
            apart = [np.sum(weights * (image[tuple(p)] - colours[k]) ** 2) for k in near]
            distances = [
                contrast[k] * d + spatial * np.sum((spacing * (p - places[k])) ** 2)
                for k, d in zip(near, apart)
            ]
            best = int(np.argmin(distances))
            others = distances[:best] + distances[best + 1 :]
            if others:
                gap = min(gap, (min(others) - distances[best]) / min(others))
            labels[tuple(p)] = near[best]
            mine[near[best]].append(p)
            farthest[near[best]] = max(farthest[near[best]], apart[best])
        if is_last:
            return labels, gap
        for k, pixels in enumerate(mine):
            if pixels:
                places[k] = np.mean(pixels, axis=0)
                places[k][-2:] += (stride - 1) / 2 - shown
                colours[k] = np.mean([image[tuple(p)] for p in pixels], axis=0)
        if slic_zero:
            contrast = [1 / f if f > 0 else c for f, c in zip(farthest, contrast)]


def around(p, shape):
    """The neighbours of a pixel or a sample that share a face with it, in reading order."""
    steps = [(axis, -1) for axis in range(len(shape))]
    steps += [(axis, 1) for axis in reversed(range(len(shape)))]
    for axis, step in steps:
        q = list(map(int, p))
        q[axis] += step
        if 0 <= q[axis] < shape[axis]:
            yield tuple(q)


def settle_pixels(labels):
    """Pixels unlike all their neighbours take the most frequent label of these, all at once."""
    out = labels.copy()
    for p in map(tuple, np.argwhere(labels >= 0)):
        near = [labels[q] for q in around(p, labels.shape) if labels[q] >= 0]
        if near and labels[p] not in near:
            out[p] = max(near, key=near.count)  # of equals the first
    return out


def connected_regions(labels):
    """Regions of one label, connected by faces, numbered by first pixel; below 0 is outside."""
    out = np.full(labels.shape, -1)
    n = 0
    for start in map(tuple, np.argwhere(labels >= 0)):
        if out[start] >= 0:
            continue
        stack = [start]
        while stack:
            p = stack.pop()
            if out[p] >= 0 or labels[p] != labels[start]:
                continue
            out[p] = n
            stack += around(p, labels.shape)
        n += 1
    return out


def enforce_connectivity(labels, min_size, n_segments=None, colours=None, scale=1.0):
    """Connected regions, the small ones joined in rounds with the one they border most.

    Then the smallest goes on joining a neighbour while there are too many. Of the more alike in
    colour, if each label has one, a shorter border is enough, but for crumbs.
    """
    if min_size > 1:
        labels = settle_pixels(labels)
    out = connected_regions(labels)
    regions = range(out.max() + 1)
    looks = {i: 0.0 if colours is None else colours[labels[out == i][0]] for i in regions}

    def join(i, by_colour=True):
        border = {}
        turned = [np.moveaxis(out, axis, 0) for axis in range(out.ndim)]
        pairs = [(a[1:], a[:-1]) for a in turned]
        for a, b in pairs + [(b, a) for a, b in pairs]:
            for j in a[(b == i) & (a != i) & (a >= 0)].tolist():
                border[j] = border.get(j, 0) + 1
        if not border:
            return False
        apart = {j: scale + by_colour * np.linalg.norm(looks[i] - looks[j]) for j in border}
        worth = {j: border[j] / apart[j] for j in border}
        best = min(border, key=lambda j: (-worth[j], np.sum(out == j), j))
        mine, others = np.sum(out == i), np.sum(out == best)
        looks[best] = (mine * looks[i] + others * looks[best]) / (mine + others)
        out[out == i] = best
        return True

    for most in [min_size] if colours is None else [min_size // 8, min_size]:
        threshold = 1
        while threshold < most:
            threshold = min(2 * threshold, most)
            for i in regions:
                if 0 < np.sum(out == i) < threshold:
                    join(i, most == min_size)
    while n_segments is not None and len(np.unique(out[out >= 0])) > n_segments:
        left = sorted((np.sum(out == i), i) for i in regions if (out == i).any())
        if not any(join(i) for _, i in left):  # the first that can
            break
    names = list(dict.fromkeys(out[out >= 0].tolist()))
    return np.reshape([names.index(v) if v >= 0 else -1 for v in out.ravel().tolist()], out.shape)


# --- graphs: adjacency, merging, entropy rate, graph segmentation -----------------------------


def region_adjacency(labels):
    labels = np.asarray(labels)
    counts = {}
    for p, q, _ in _neighbours(labels.shape, 2 * labels.ndim):
        a, b = sorted((int(labels[p]), int(labels[q])))
        if a >= 0 and a != b:
            counts[a, b] = counts.get((a, b), 0) + 1
    return sorted(counts), [counts[pair] for pair in sorted(counts)]


OFFSETS = {
    4: [(0, 1), (1, 0)],
    8: [(0, 1), (1, 0), (1, 1), (1, -1)],
    6: [(0, 0, 1), (0, 1, 0), (1, 0, 0)],
}
OFFSETS[26] = [*OFFSETS[6], (0, 1, 1), (0, 1, -1), (1, -1, -1), (1, -1, 0), (1, -1, 1)]
OFFSETS[26] += [(1, 0, -1), (1, 0, 1), (1, 1, -1), (1, 1, 0), (1, 1, 1)]


def _neighbours(shape, connectivity):
    """Pairs of pixels, or of samples of a volume, and the kind of edge, in the kernels' order."""
    for p in np.ndindex(shape):
        for kind, offset in enumerate(OFFSETS[connectivity]):
            q = tuple(int(i) + o for i, o in zip(p, offset))
            if all(0 <= i < n for i, n in zip(q, shape)):
                yield p, q, kind


def _numbered(names):
    """Replace names by 0, 1, ... in the order in which they are met."""
    order = {}
    for name in names:
        order.setdefault(name, len(order))
    return [order[name] for name in names]


def components(n, edges):
    """Lowest member of each element's connected component."""
    names = list(range(n))
    for a, b in edges:
        low, high = sorted((names[a], names[b]))
        names = [low if name == high else name for name in names]
    return names


def merge_regions(edges, weights, n_regions, threshold, min_size=0):
    names = components(n_regions, [e for e, w in zip(edges, weights) if w <= threshold])
    for a, b in edges:
        few = min(names.count(names[a]), names.count(names[b])) < min_size
        if names[a] != names[b] and few:
            low, high = sorted((names[a], names[b]))
            names = [low if name == high else name for name in names]
    return _numbered(names)


def segment_graph(n, edges, weights, k, min_size, sizes=None):
    """Felzenszwalb and Huttenlocher, eq. 3 to 5, by lists of members."""
    sizes = [1] * n if sizes is None else sizes
    members = {i: [i] for i in range(n)}
    inner = dict.fromkeys(range(n), 0.0)
    name = list(range(n))

    def size(s):
        return sum(sizes[i] for i in members[s])

    def join(s, t, weight):
        for i in members[t]:
            name[i] = s
        members[s] += members.pop(t)
        inner[s] = weight

    order = sorted(range(len(edges)), key=lambda e: (weights[e], e))
    for e in order:
        s, t = (name[i] for i in edges[e])
        if s != t and weights[e] <= min(inner[s] + k / size(s), inner[t] + k / size(t)):
            join(s, t, weights[e])
    for e in order:
        s, t = (name[i] for i in edges[e])
        if s != t and min(size(s), size(t)) < min_size:
            join(s, t, weights[e])
    return _numbered(name)


def graph_segmentation(image, scale, min_size, connectivity, mask):
    """Without smoothing, on a float image (H, W, C) or volume (D, H, W, C)."""
    shape = image.shape[:-1]
    edges, weights = [], []
    for p, q, _ in _neighbours(shape, connectivity):
        if mask[p] and mask[q]:
            edges.append([int(np.ravel_multi_index(i, shape)) for i in (p, q)])
            weights.append(np.sqrt(((image[p] - image[q]) ** 2).sum(dtype=np.float32)))
    names = segment_graph(mask.size, edges, weights, scale / 255, min_size)
    inside = np.flatnonzero(mask)
    labels = np.full(mask.size, -1)
    labels[inside] = _numbered([names[i] for i in inside])
    return labels.reshape(shape)


def smoothed(image, taps, mask=None):
    """Convolved tap by tap in float32; with a mask, of what lies inside.

    Along z in a volume, by the first of its three taps, then along x, then along y.
    """

    def along(values, axis, taps):
        n = values.shape[axis]
        out = np.zeros_like(values)
        for t, tap in enumerate(taps):
            out += tap * values.take(np.clip(np.arange(n) + t - taps.size // 2, 0, n - 1), axis)
        return out

    def all_along(values):
        if values.ndim == 3:
            return along(along(values, 1, taps), 0, taps)
        return along(along(along(values, 0, taps[0]), 2, taps[2]), 1, taps[1])

    if mask is None:
        return all_along(image)
    share = all_along(mask[..., None].astype(np.float32))
    out = np.zeros_like(image)
    return np.divide(all_along(image), share, out=out, where=mask[..., None])


def edge_weights(image, connectivity, mask, steps=(1, 1, 1)):
    """Distances of colours (rows, d, W) float32, summed channel by channel; else all bits set.

    Each is multiplied by how much longer its edge is than where all steps are 1.
    """
    d = len(OFFSETS[connectivity])
    out = np.full((*image.shape[:-1], d), -1, np.int32).view(np.float32)
    for p, q, k in _neighbours(image.shape[:-1], connectivity):
        if mask[p] and mask[q]:
            total = np.float32(0)
            for a, b in zip(image[p], image[q]):
                total += (a - b) * (a - b)
            offset = np.subtract(q, p)
            longer = np.sqrt(np.sum((offset * steps[-offset.size :]) ** 2) / np.sum(offset**2))
            out[(*p, k)] = np.sqrt(total) * np.float32(longer)
    return np.moveaxis(out.reshape(-1, image.shape[-2], d), 1, 2)


def colour_affinity(image, sigma, spacing=(1, 1, 1)):
    """Function of two pixels: the affinity of the standard entropy rate superpixels.

    Differences count by the distance of the two, where the smallest spacing is 1.
    """

    def affinity(p, q, kind):
        apart = [(a - b) * s / min(spacing) for a, b, s in zip(p, q, spacing)]
        d = np.abs(image[p].astype(float) - image[q]).sum() * np.linalg.norm(apart)
        return max(np.exp(-(d**2) / (2 * (3 * sigma) ** 2)), 1e-38)

    return affinity


def given_affinity(affinities, inside=None):
    """Function of two pixels: affinities to the right and below, and diagonals made of them.

    Those that lead outside the mask count for nothing.
    """
    right, lower = affinities.astype(float)
    if inside is not None:
        right, lower = right.copy(), lower.copy()
        right[:, :-1][~(inside[:, :-1] & inside[:, 1:])] = np.nan
        lower[:-1][~(inside[:-1] & inside[1:])] = np.nan

    def affinity(p, q, kind):
        (y, x), left = p, min(p[1], q[1])
        if kind < 2:
            return (right, lower)[kind][y, x]
        horizontal = [right[y, left], right[y + 1, left]]
        vertical = [lower[y, left], lower[y, left + 1]]
        known = [[v for v in pair if not np.isnan(v)] for pair in (horizontal, vertical)]
        return min((np.mean(pair) for pair in known if pair), default=0.0) / np.sqrt(2)

    return affinity


def entropy_rate_superpixels(shape, affinity, n_segments, balance, connectivity, mask):
    """Liu et al. by exhaustive search: at each step every edge's gain is computed anew.

    Returns labels, and whether two edges were ever equally good, but for rounding.
    """
    edges = {}
    for p, q, kind in _neighbours(shape, connectivity):
        if mask[p] and mask[q]:
            edges[p, q] = affinity(p, q, kind)
    pixels = [p for p in np.ndindex(shape) if mask[p]]
    incident = dict.fromkeys(pixels, 0.0)
    for (p, q), w in edges.items():
        incident[p] += w
        incident[q] += w
    total = sum(incident.values()) or 1.0
    edges = {pair: w / total for pair, w in edges.items()}
    loop = {p: w / total for p, w in incident.items()}
    cluster = {p: i for i, p in enumerate(pixels)}

    def x_log_x(x):
        return x * np.log2(x) if x > 1e-15 else 0.0

    def entropy_gain(p, q, w):
        gain = x_log_x(loop[p]) + x_log_x(loop[q]) - 2 * x_log_x(w)
        return gain - x_log_x(loop[p] - w) - x_log_x(loop[q] - w)

    def balance_gain(p, q):
        sizes = list(cluster.values())
        a, b = (sizes.count(cluster[i]) / len(pixels) for i in (p, q))
        return x_log_x(a) + x_log_x(b) - x_log_x(a + b) + 1

    factor, greatest = 0.0, 1.0
    if len(pixels) > 2 and edges:
        greatest = max(entropy_gain(p, q, w) for (p, q), w in edges.items())
        factor = balance * n_segments * greatest / max(balance_gain(p, q) for p, q in edges)
    tied = False
    while len(set(cluster.values())) > n_segments:
        gains = {
            (p, q): entropy_gain(p, q, w) + factor * balance_gain(p, q)
            for (p, q), w in edges.items()
            if cluster[p] != cluster[q]
        }
        # pixels with no other edge left to choose gain 0, all of them: the first edge wins
        best = max(gains.values())
        p, q = next(pair for pair in edges if gains.get(pair, -np.inf) >= best - 1e-12 * greatest)
        tied |= sum(gain >= best - 1e-9 * greatest for gain in gains.values()) > 1
        loop[p] -= edges[p, q]
        loop[q] -= edges[p, q]
        joined, kept = cluster[q], cluster[p]
        cluster = {r: kept if c == joined else c for r, c in cluster.items()}
    labels = np.full(shape, -1)
    for p, label in zip(pixels, _numbered([cluster[p] for p in pixels])):
        labels[p] = label
    return labels, tied
