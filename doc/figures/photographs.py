"""The picture of README.md: superpixels, segments, and these in their mean colours.

python doc/figures/photographs.py doc/images/photographs.jpg
"""

import sys

import numpy as np
from PIL import Image
from skimage import data

from sklearn_spx import DELSegmenter, SEALSuperpixels
from sklearn_spx.inspection import draw

WIDTH, GAP = 1500, 6


def picture():
    """A row each, of three photographs at one height."""
    images = [data.coffee(), np.stack(3 * [data.coins()], axis=-1)]
    images.append(np.stack(3 * [data.cell()[110:550]], axis=-1))
    superpixels = SEALSuperpixels(150, pretrained="bsds500").transform(images)
    segments = DELSegmenter(pretrained="bsds500").transform(images)
    rows = [
        [draw.overlay(*pair, line_width=2) for pair in zip(images, superpixels)],
        [draw.overlay(*pair, line_width=2) for pair in zip(images, segments)],
        [draw.mean_colors(*pair) for pair in zip(images, segments)],
    ]
    height = round((WIDTH - 2 * GAP) / sum(one.shape[1] / one.shape[0] for one in images))
    sheet = Image.new("RGB", (WIDTH, 3 * height + 2 * GAP), "white")
    for k, row in enumerate(rows):
        left = 0
        for one in row:
            width = round(height * one.shape[1] / one.shape[0])
            small = Image.fromarray(one).resize((width, height), Image.Resampling.LANCZOS)
            sheet.paste(small, (left, k * (height + GAP)))
            left += width + GAP
    return sheet


if __name__ == "__main__":
    picture().save(sys.argv[1], quality=88, optimize=True)
