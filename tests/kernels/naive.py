"""Slow, obvious twins of the kernels: plain Python and numpy, written to be read.

Every kernel is compared with its twin on small random inputs.
"""

import numpy as np

# --- SLIC and connectivity -------------------------------------------------------------------


# --- graphs: adjacency, merging, entropy rate, graph segmentation -----------------------------


def region_adjacency(labels):
    labels = np.asarray(labels)
    counts = {}
    for y, x in np.ndindex(labels.shape):
        for v, u in ((y, x + 1), (y + 1, x)):
            if v < labels.shape[0] and u < labels.shape[1]:
                a, b = sorted((int(labels[y, x]), int(labels[v, u])))
                if a >= 0 and a != b:
                    counts[a, b] = counts.get((a, b), 0) + 1
    return sorted(counts), [counts[pair] for pair in sorted(counts)]


def _neighbours(shape, connectivity):
    """Pairs of pixels (y, x), (v, u) and the kind of edge, in the order of the kernels."""
    for y, x in np.ndindex(shape):
        around = [(y, x + 1), (y + 1, x), (y + 1, x + 1), (y + 1, x - 1)][: connectivity // 2]
        for kind, (v, u) in enumerate(around):
            if v < shape[0] and 0 <= u < shape[1]:
                yield (y, x), (v, u), kind


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
    """Without smoothing, on a float image (H, W, C)."""
    shape = image.shape[:2]
    edges, weights = [], []
    for p, q, _ in _neighbours(shape, connectivity):
        if mask[p] and mask[q]:
            edges.append((p[0] * shape[1] + p[1], q[0] * shape[1] + q[1]))
            weights.append(np.sqrt(((image[p] - image[q]) ** 2).sum(dtype=np.float32)))
    names = segment_graph(image.shape[0] * shape[1], edges, weights, scale / 255, min_size)
    inside = np.flatnonzero(mask)
    labels = np.full(mask.size, -1)
    labels[inside] = _numbered([names[i] for i in inside])
    return labels.reshape(shape)


def colour_affinity(image, sigma):
    """Function of two pixels: the affinity of the standard entropy rate superpixels."""

    def affinity(p, q, kind):
        d = np.abs(image[p].astype(float) - image[q]).sum() * (np.sqrt(2) if kind > 1 else 1)
        return max(np.exp(-(d**2) / (2 * (3 * sigma) ** 2)), 1e-38)

    return affinity


def given_affinity(affinities):
    """Function of two pixels: affinities to the right and below, and diagonals made of them."""
    right, lower = affinities.astype(float)

    def affinity(p, q, kind):
        (y, x), left = p, min(p[1], q[1])
        if kind < 2:
            return (right, lower)[kind][y, x]
        horizontal = (right[y, left] + right[y + 1, left]) / 2
        vertical = (lower[y, left] + lower[y, left + 1]) / 2
        return min(horizontal, vertical) / np.sqrt(2)

    return affinity


def entropy_rate_superpixels(shape, affinity, n_segments, balance, connectivity, mask):
    """Liu et al. by exhaustive search: at each step every edge's gain is computed anew."""
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
    if len(pixels) > 2:
        greatest = max(entropy_gain(p, q, w) for (p, q), w in edges.items())
        factor = balance * n_segments * greatest / max(balance_gain(p, q) for p, q in edges)
    while len(set(cluster.values())) > n_segments:
        gains = {
            (p, q): entropy_gain(p, q, w) + factor * balance_gain(p, q)
            for (p, q), w in edges.items()
            if cluster[p] != cluster[q]
        }
        # pixels with no other edge left to choose gain 0, all of them: the first edge wins
        best = max(gains.values())
        p, q = next(pair for pair in edges if gains.get(pair, -np.inf) > best - 1e-12 * greatest)
        loop[p] -= edges[p, q]
        loop[q] -= edges[p, q]
        joined, kept = cluster[q], cluster[p]
        cluster = {r: kept if c == joined else c for r, c in cluster.items()}
    labels = np.full(shape, -1)
    for p, label in zip(pixels, _numbered([cluster[p] for p in pixels])):
        labels[p] = label
    return labels
