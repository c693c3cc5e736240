"""Lines drawn by hand as pixels of the working image."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

__all__ = ["Stroke", "draw_stroke"]


class Stroke(NamedTuple):
    """Pixels of a stroke, in a part of the image."""

    rows: slice
    columns: slice
    inside: NDArray[np.bool_]

    def of(self, array):
        """The values of an image under the stroke."""
        return array[self.rows, self.columns][self.inside]

    def mask(self, shape):
        """The stroke as a mask of the whole image."""
        found = np.zeros(shape, bool)
        found[self.rows, self.columns] = self.inside
        return found


def draw_stroke(points, radius, factor, shape):
    """Return the Stroke along points (x, y), both in pixels of the image ``factor`` times as large.

    It is round at its ends; of radius 0 it is a line one pixel wide. What is beyond the image is
    left out.
    """
    height, width = shape
    xy = np.floor(np.array(points, float) / factor)
    xy = np.clip(xy, -1, [width, height]).astype(int)
    reach = int(np.ceil(radius / factor))
    low = np.clip(xy.min(axis=0) - reach, 0, [width - 1, height - 1])
    high = np.clip(xy.max(axis=0) + reach + 1, low + 1, [width, height])
    picture = Image.new("1", tuple((high - low).tolist()))
    pen = ImageDraw.Draw(picture)
    local = [tuple(point) for point in (xy - low).tolist()]
    if len(local) > 1:
        pen.line(local, fill=1, width=2 * reach + 1)
    pen.point(local, fill=1)  # of an ellipse of one pixel nothing is drawn
    for x, y in local:
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=1)
    rows, columns = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
    return Stroke(rows, columns, np.asarray(picture))
