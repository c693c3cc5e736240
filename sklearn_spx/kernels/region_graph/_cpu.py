"""Region graph on the CPU: a counting sort of the pixel pairs that cross a boundary.

Each crossing is filed under its lower label; the higher labels of one file are then few enough
to sort and count. Linear in the pixels.
"""

from ..compilation import njit


@njit
def count_crossings(labels, starts):
    """Count the crossings below each label and turn the counts into starts.

    Parameters
    ----------
    labels : IN (H, W) int32
    starts : INOUT (n + 1,) int64, zeros; OUT where each label's file starts
    """
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            a = labels[y, x]
            if a < 0:
                continue
            if x + 1 < width and labels[y, x + 1] >= 0 and labels[y, x + 1] != a:
                starts[min(a, labels[y, x + 1]) + 1] += 1
            if y + 1 < height and labels[y + 1, x] >= 0 and labels[y + 1, x] != a:
                starts[min(a, labels[y + 1, x]) + 1] += 1
    for a in range(starts.size - 1):
        starts[a + 1] += starts[a]


@njit
def list_crossings(labels, starts, others):
    """File the higher label of each crossing under the lower.

    Parameters
    ----------
    labels : IN (H, W) int32
    starts : IN (n + 1,) int64 (moved while filing, and restored)
    others : OUT (starts[-1],) int32
    """
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            a = labels[y, x]
            if a < 0:
                continue
            for k in range(2):
                v, u = y + k, x + 1 - k
                if v < height and u < width and labels[v, u] >= 0 and labels[v, u] != a:
                    low = min(a, labels[v, u])
                    others[starts[low]] = max(a, labels[v, u])
                    starts[low] += 1
    for a in range(starts.size - 1, 0, -1):
        starts[a] = starts[a - 1]
    starts[0] = 0


@njit
def count_edges(starts, others, edges, lengths):
    """Sort each file and count equal labels; return the number of edges.

    Parameters
    ----------
    starts : IN (n + 1,) int64
    others : INOUT (starts[-1],) int32, sorted within each file
    edges : OUT (>= n_edges, 2) int32
    lengths : OUT (>= n_edges,) int64
    """
    n = 0
    for a in range(starts.size - 1):
        file = others[starts[a] : starts[a + 1]]
        file.sort()
        for i in range(file.size):
            if i == 0 or file[i] != file[i - 1]:
                edges[n, 0] = a
                edges[n, 1] = file[i]
                lengths[n] = 0
                n += 1
            lengths[n - 1] += 1
    return n


@njit
def sum_regions(image, labels, sums, sizes):
    """Add up channels and pixels.

    Parameters
    ----------
    image : IN (H, W, C) float32
    labels : IN (H, W) int32
    sums : INOUT (n, C) float64, zeros
    sizes : INOUT (n,) int64, zeros
    """
    height, width, n_channels = image.shape
    for y in range(height):
        for x in range(width):
            a = labels[y, x]
            if a >= 0:
                sizes[a] += 1
                for c in range(n_channels):
                    sums[a, c] += image[y, x, c]
