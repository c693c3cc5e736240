"""Region statistics on the CPU: one walk over the runs of equal labels in each row.

Values of a run are summed about its first one, and runs are joined by their means and sums of
squared deviations (Chan, Golub and LeVeque, 1983): large values cost no digits of the deviations.
"""

import math

import numpy as np

from ..compilation import njit

LONGEST = 256  # pixels of a run; where it starts with an outlier, as many cancel at most


@njit
def number(labels, new, index, ids):
    """Number the labels from 0 in their order, negative ones -1; return how many there are.

    Parameters
    ----------
    labels : IN (H, W) int32
    new : SCRATCH (largest label + 1,) int32, zeros
    index : OUT (H, W) int32
    ids : OUT (largest label + 1,) int32, the first of which are the labels in use
    """
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            if labels[y, x] >= 0:
                new[labels[y, x]] = 1
    n = 0
    for label in range(new.size):
        if new[label]:
            new[label] = n
            ids[n] = label
            n += 1
    for y in range(height):
        for x in range(width):
            index[y, x] = new[labels[y, x]] if labels[y, x] >= 0 else -1
    return n


@njit
def sum_up(labels, image, spread, area, bbox, first, places, origin, mean, deviation, low, high):
    """Add up areas, places and their squares and products; join means and deviations run by run.

    Parameters
    ----------
    labels : IN (H, W) int32
    image : IN (H, W, C) float32 or float64
    spread : IN bool, whether deviation, low and high are wanted; else they are not looked at
    area : INOUT (n,) int64, zeros
    bbox : OUT (n, 4) int64
    first : OUT (n, 2) float64, row and column of the first pixel
    places : INOUT (n, 5) float64, zeros: sums of y, x, yy, yx, xx from the first pixel
    origin : OUT (n, C) float64, values of the first pixel
    mean : INOUT (n, C) float64, zeros: from those values
    deviation : INOUT (n, C) float64, zeros: sums of squared differences from the mean
    low, high : OUT (n, C) float64
    """
    height, width, n_channels = image.shape
    for y in range(height):
        end = 0
        while end < width:
            start = end
            a = labels[y, start]
            while end < width and end < start + LONGEST and labels[y, end] == a:
                end += 1
            if a < 0:
                continue
            if area[a] == 0:
                bbox[a, 0], bbox[a, 1], bbox[a, 2], bbox[a, 3] = y, start, y + 1, end
                first[a, 0], first[a, 1] = y, start
                for c in range(n_channels):
                    origin[a, c] = image[y, start, c]
                    if spread:
                        low[a, c] = high[a, c] = origin[a, c]
            n = np.float64(end - start)
            v = y - first[a, 0]
            u = start - first[a, 1]
            sum_u = n * u + n * (n - 1) / 2
            places[a, 0] += n * v
            places[a, 1] += sum_u
            places[a, 2] += n * v * v
            places[a, 3] += v * sum_u
            places[a, 4] += n * u * u + u * n * (n - 1) + (n - 1) * n * (2 * n - 1) / 6
            bbox[a, 1] = min(bbox[a, 1], start)
            bbox[a, 2] = y + 1
            bbox[a, 3] = max(bbox[a, 3], end)
            area[a] += end - start
            share = n / area[a]
            for c in range(n_channels):
                reference = np.float64(image[y, start, c])
                total = squares = 0.0
                if spread:
                    least, greatest = low[a, c], high[a, c]
                    for x in range(start, end):
                        value = np.float64(image[y, x, c])
                        least = min(least, value)
                        greatest = max(greatest, value)
                        value -= reference
                        total += value
                        squares += value * value
                    low[a, c], high[a, c] = least, greatest
                else:
                    for x in range(start, end):
                        total += np.float64(image[y, x, c]) - reference
                total /= n
                apart = (reference - origin[a, c]) + total - mean[a, c]
                mean[a, c] += apart * share
                if spread:
                    deviation[a, c] += (
                        squares - n * total * total + apart * apart * share * (area[a] - n)
                    )


@njit
def mark_borders(labels, border, sides):
    """Mark pixels with a side to another label or to the end of the image, and count the sides.

    Parameters
    ----------
    labels : IN (H, W) int32
    border : OUT (H, W) bool
    sides : INOUT (n,) int64, zeros
    """
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            a = labels[y, x]
            n = 0
            n += y == 0 or labels[y - 1, x] != a
            n += x == 0 or labels[y, x - 1] != a
            n += y + 1 == height or labels[y + 1, x] != a
            n += x + 1 == width or labels[y, x + 1] != a
            border[y, x] = n > 0
            if a >= 0:
                sides[a] += n


@njit
def count_steps(labels, border, steps):
    """Count border pixels by the steps to their neighbours on the border of the same region.

    A step is straight, diagonal, or half of each; pixels of other patterns count for nothing.

    Parameters
    ----------
    labels : IN (H, W) int32
    border : IN (H, W) bool
    steps : INOUT (n, 3) int64, zeros
    """
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            a = labels[y, x]
            if a < 0 or not border[y, x]:
                continue
            straight = diagonal = 0
            for v in range(max(y - 1, 0), min(y + 2, height)):
                for u in range(max(x - 1, 0), min(x + 2, width)):
                    if (v == y and u == x) or labels[v, u] != a or not border[v, u]:
                        continue
                    if v == y or u == x:
                        straight += 1
                    else:
                        diagonal += 1
            if diagonal <= 2 and (straight == 2 or straight == 3):
                steps[a, 0] += 1
            elif (diagonal == 2 and straight == 0) or (diagonal == 3 and straight == 1):
                steps[a, 1] += 1
            elif straight == 1 and (diagonal == 1 or diagonal == 2):
                steps[a, 2] += 1


@njit
def list_pixels(labels, starts, pixels):
    """List the pixels of each region, in the order of the image.

    Parameters
    ----------
    labels : IN (H, W) int32
    starts : INOUT (n,) int64, where each region's pixels start; OUT where they end
    pixels : OUT (pixels inside,) int64, y * W + x
    """
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            a = labels[y, x]
            if a >= 0:
                pixels[starts[a]] = y * width + x
                starts[a] += 1


@njit
def interpolate_quantiles(values, pixels, area, shares, scratch, out):
    """Quantiles of each region and channel, linear between the two nearest values.

    Parameters
    ----------
    values : IN (H * W, C) float32 or float64
    pixels : IN (pixels inside,) int64, region by region
    area : IN (n,) int64
    shares : IN (Q,) float64, from 0 to 1
    scratch : SCRATCH (largest area,) of the type of values
    out : OUT (n, Q, C) float64
    """
    begin = 0
    for a in range(area.size):
        n = area[a]
        for c in range(values.shape[1]):
            for i in range(n):
                scratch[i] = values[pixels[begin + i], c]
            scratch[:n].sort()
            for q in range(shares.size):
                place = shares[q] * (n - 1)
                below = int(place)
                lower = np.float64(scratch[below])
                upper = np.float64(scratch[min(below + 1, n - 1)])
                out[a, q, c] = lower + (upper - lower) * (place - below)
        begin += n


@njit
def sum_gradients(labels, image, magnitude, histogram):
    """Add up the length of the gradient over all channels, and orientations by that length.

    Differences are central, one-sided at the end of what is inside; the orientation is that of
    the channel whose gradient is longest, in bins whose middles are multiples of pi / B.

    Parameters
    ----------
    labels : IN (H, W) int32
    image : IN (H, W, C) float32 or float64
    magnitude : INOUT (n,) float64, zeros
    histogram : INOUT (n, B) float64, zeros
    """
    height, width, n_channels = image.shape
    n_bins = histogram.shape[1]
    for y in range(height):
        for x in range(width):
            a = labels[y, x]
            if a < 0:
                continue
            up = y - 1 if y > 0 and labels[y - 1, x] >= 0 else y
            down = y + 1 if y + 1 < height and labels[y + 1, x] >= 0 else y
            left = x - 1 if x > 0 and labels[y, x - 1] >= 0 else x
            right = x + 1 if x + 1 < width and labels[y, x + 1] >= 0 else x
            total, longest, along_y, along_x = 0.0, 0.0, 0.0, 0.0
            for c in range(n_channels):
                dy = dx = 0.0
                if up < down:
                    dy = (np.float64(image[down, x, c]) - image[up, x, c]) / (down - up)
                if left < right:
                    dx = (np.float64(image[y, right, c]) - image[y, left, c]) / (right - left)
                squared = dy * dy + dx * dx
                total += squared
                if squared > longest:
                    longest, along_y, along_x = squared, dy, dx
            if total > 0:
                length = math.sqrt(total)
                magnitude[a] += length
                turn = math.atan2(along_y, along_x) / math.pi  # half turns, from -1 to 1
                histogram[a, int((turn + 1) * n_bins + 0.5) % n_bins] += length
