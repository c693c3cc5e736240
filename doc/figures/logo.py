"""The logo: superpixels of a disc on a ground, traced, as an SVG.

python doc/figures/logo.py doc/_static/logo.svg
"""

import sys
from pathlib import Path

import numpy as np

from sklearn_spx.kernels import region_means, slic
from sklearn_spx.regions import label_polygons

SIDE = 128
GROUND, DISC = (234, 122, 62), (31, 116, 140)


def picture():
    """A disc on a ground, both lighter to the upper left."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    inside = (np.hypot(y - 0.02, x + 0.02) < 0.33)[..., None]
    light = (1.12 - 0.5 * (x + y))[..., None]
    return np.clip(np.where(inside, DISC, GROUND) * light, 0, 255).astype(np.uint8)


def svg(n_segments=30):
    """The superpixels of the picture as paths in their mean colours."""
    image = picture()
    labels = slic(image, n_segments, compactness=12)
    colours = np.rint(region_means(image, labels)[0]).astype(int)
    paths = []
    for label, polygons in label_polygons(labels, simplify=2.0).items():
        rings = (ring[:-1] for polygon in polygons for ring in polygon)
        corners = "".join("M" + " ".join(f"{x},{y}" for x, y in ring) + "Z" for ring in rings)
        red, green, blue = colours[label]
        paths.append(f'<path d="{corners}" fill="#{red:02x}{green:02x}{blue:02x}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" role="img" '
        'aria-label="sklearn_spx">\n'
        f'<clipPath id="round"><rect width="{SIDE}" height="{SIDE}" rx="22"/></clipPath>\n'
        '<g clip-path="url(#round)" fill-rule="evenodd" stroke="#fff" stroke-width="2.5" '
        'stroke-linejoin="round">\n' + "\n".join(paths) + "\n</g>\n</svg>\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(svg())
