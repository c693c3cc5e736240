"""Region statistics on the CPU: one walk over the runs of equal labels in each row.

Rows are those of an image, or those of a volume, slice by slice, as `_grid` has them.

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
    labels : IN (R, W) int32
    new : SCRATCH (largest label + 1,) int32, zeros
    index : OUT (R, W) int32
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
def sum_up(
    labels, height, image, places_too, spread, area, bbox, first, places, origin, mean, deviation,
    low, high,
):  # fmt: skip
    """Add up areas, places and their squares and products; join means and deviations run by run.

    Parameters
    ----------
    labels : IN (R, W) int32
    height : int, rows of a slice
    image : IN (R, W, C) uint8, float32 or float64
    places_too : IN bool, whether bbox, first and places are wanted; else they are not looked at
    spread : IN bool, the same of deviation, low and high
    area : INOUT (n,) int64, zeros
    bbox : OUT (n, 6) int64, first slice, row and column, and those behind the last
    first : OUT (n, 3) float64, slice, row and column of the first pixel
    places : INOUT (n, 9) float64, zeros: sums of z, y, x, zz, zy, zx, yy, yx, xx from there
    origin : OUT (n, C) float64, values of the first pixel
    mean : INOUT (n, C) float64, zeros: from those values
    deviation : INOUT (n, C) float64, zeros: sums of squared differences from the mean
    low, high : OUT (n, C) float64
    """
    n_rows, width, n_channels = image.shape
    for row in range(n_rows):
        z, y = row // height, row % height
        line = labels[row]
        end = 0
        while end < width:
            start = end
            a, stop = line[start], min(width, start + LONGEST)
            sums = (0.0, 0.0, 0.0)
            if spread or n_channels == 0:
                end += 1
                while end < stop and line[end] == a:
                    end += 1
            else:
                end, sums = _end_and_sums(line, image[row], start, stop)
            if a < 0:
                continue
            if area[a] == 0:
                if places_too:
                    bbox[a, 0], bbox[a, 1], bbox[a, 2] = z, y, start
                    bbox[a, 3], bbox[a, 4], bbox[a, 5] = z + 1, y + 1, end
                    first[a, 0], first[a, 1], first[a, 2] = z, y, start
                for c in range(n_channels):
                    origin[a, c] = image[row, start, c]
                    if spread:
                        low[a, c] = high[a, c] = origin[a, c]
            n = np.float64(end - start)
            if places_too:
                t, v, u = z - first[a, 0], y - first[a, 1], start - first[a, 2]
                sum_u = n * u + n * (n - 1) / 2
                places[a, 0] += n * t
                places[a, 1] += n * v
                places[a, 2] += sum_u
                places[a, 3] += n * t * t
                places[a, 4] += n * t * v
                places[a, 5] += t * sum_u
                places[a, 6] += n * v * v
                places[a, 7] += v * sum_u
                places[a, 8] += n * u * u + u * n * (n - 1) + (n - 1) * n * (2 * n - 1) / 6
                bbox[a, 1] = min(bbox[a, 1], y)
                bbox[a, 2] = min(bbox[a, 2], start)
                bbox[a, 3] = z + 1
                bbox[a, 4] = max(bbox[a, 4], y + 1)
                bbox[a, 5] = max(bbox[a, 5], end)
            area[a] += end - start
            share = n / area[a]
            for c in range(n_channels):
                reference = np.float64(image[row, start, c])
                total = squares = 0.0
                if spread:
                    least, greatest = low[a, c], high[a, c]
                    for x in range(start, end):
                        value = np.float64(image[row, x, c])
                        least = min(least, value)
                        greatest = max(greatest, value)
                        value -= reference
                        total += value
                        squares += value * value
                    low[a, c], high[a, c] = least, greatest
                else:
                    if c > 0 and c % 3 == 0:
                        sums = _three_sums(image[row], start, end, c)
                    total = sums[c % 3]
                total /= n
                apart = (reference - origin[a, c]) + total - mean[a, c]
                mean[a, c] += apart * share
                if spread:
                    deviation[a, c] += (
                        squares - n * total * total + apart * apart * share * (area[a] - n)
                    )


@njit
def _end_and_sums(line, values, start, stop):
    """Where a run ends, and the sums of its first three channels, each about its first value.

    Runs are short: the end of a loop, which the processor does not foresee, comes once for all.

    Parameters
    ----------
    line : IN (W,) int32, labels
    values : IN (W, C) uint8, float32 or float64
    start, stop : int, the run's first pixel, and where it ends at the latest
    """
    last = values.shape[1] - 1
    d, e = min(1, last), min(2, last)
    of_c, of_d, of_e = (
        np.float64(values[start, 0]),
        np.float64(values[start, d]),
        np.float64(values[start, e]),
    )
    sum_c = sum_d = sum_e = 0.0
    a, end = line[start], start + 1
    while end < stop and line[end] == a:
        sum_c += np.float64(values[end, 0]) - of_c
        sum_d += np.float64(values[end, d]) - of_d
        sum_e += np.float64(values[end, e]) - of_e
        end += 1
    return end, (sum_c, sum_d, sum_e)


@njit
def _three_sums(values, start, end, c):
    """As `_end_and_sums`, of the channels c, c + 1 and c + 2 of a run whose end is known.

    Parameters
    ----------
    values : IN (W, C) uint8, float32 or float64
    start, end, c : int
    """
    last = values.shape[1] - 1
    d, e = min(c + 1, last), min(c + 2, last)
    of_c, of_d, of_e = (
        np.float64(values[start, c]),
        np.float64(values[start, d]),
        np.float64(values[start, e]),
    )
    sum_c = sum_d = sum_e = 0.0
    for x in range(start + 1, end):
        sum_c += np.float64(values[x, c]) - of_c
        sum_d += np.float64(values[x, d]) - of_d
        sum_e += np.float64(values[x, e]) - of_e
    return sum_c, sum_d, sum_e


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
def count_faces(labels, height, faces):
    """Count the faces of samples to another label or to the end of the volume.

    Parameters
    ----------
    labels : IN (R, W) int32
    height : int, rows of a slice
    faces : INOUT (n,) int64, zeros
    """
    n_rows, width = labels.shape
    for row in range(n_rows):
        y = row % height
        for x in range(width):
            a = labels[row, x]
            if a < 0:
                continue
            n = 0
            n += row < height or labels[row - height, x] != a
            n += row + height >= n_rows or labels[row + height, x] != a
            n += y == 0 or labels[row - 1, x] != a
            n += y + 1 == height or labels[row + 1, x] != a
            n += x == 0 or labels[row, x - 1] != a
            n += x + 1 == width or labels[row, x + 1] != a
            faces[a] += n


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
    labels : IN (R, W) int32
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


@njit(allocates=True)
def interpolate_quantiles(values, pixels, area, shares, scratch, out):
    """Quantiles of each region and channel, linear between the two nearest values.

    Parameters
    ----------
    values : IN (R * W, C) float32 or float64
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
def sum_gradients(labels, height, spacing, image, magnitude, histogram):
    """Add up the length of the gradient over all channels, and orientations by that length.

    Differences are central, one-sided at the end of what is inside; the orientation is that of
    the channel whose gradient is longest, in bins whose middles are multiples of pi / B.

    Parameters
    ----------
    labels : IN (R, W) int32
    height : int, rows of a slice
    spacing : three float, of slices, rows and columns
    image : IN (R, W, C) float32 or float64
    magnitude : INOUT (n,) float64, zeros
    histogram : INOUT (n, B) float64, zeros; B is 0 of volumes
    """
    n_rows, width, n_channels = image.shape
    n_bins = histogram.shape[1]
    for row in range(n_rows):
        y = row % height
        for x in range(width):
            a = labels[row, x]
            if a < 0:
                continue
            above = row - height if row >= height and labels[row - height, x] >= 0 else row
            below = row + height if row + height < n_rows and labels[row + height, x] >= 0 else row
            up = row - 1 if y > 0 and labels[row - 1, x] >= 0 else row
            down = row + 1 if y + 1 < height and labels[row + 1, x] >= 0 else row
            left = x - 1 if x > 0 and labels[row, x - 1] >= 0 else x
            right = x + 1 if x + 1 < width and labels[row, x + 1] >= 0 else x
            total, longest, along_y, along_x = 0.0, 0.0, 0.0, 0.0
            for c in range(n_channels):
                dz = dy = dx = 0.0
                if above < below:
                    apart = (below - above) // height * spacing[0]
                    dz = (np.float64(image[below, x, c]) - image[above, x, c]) / apart
                if up < down:
                    apart = (down - up) * spacing[1]
                    dy = (np.float64(image[down, x, c]) - image[up, x, c]) / apart
                if left < right:
                    apart = (right - left) * spacing[2]
                    dx = (np.float64(image[row, right, c]) - image[row, left, c]) / apart
                squared = dy * dy + dx * dx + dz * dz
                total += squared
                if squared > longest:
                    longest, along_y, along_x = squared, dy, dx
            if total > 0:
                length = math.sqrt(total)
                magnitude[a] += length
                if n_bins > 0:
                    turn = math.atan2(along_y, along_x) / math.pi  # half turns, from -1 to 1
                    histogram[a, int((turn + 1) * n_bins + 0.5) % n_bins] += length
