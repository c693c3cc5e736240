"""Panels: pictures of their own, which the page sets side by side, fewer of them on a phone."""

import textwrap

import matplotlib.pyplot as plt
from matplotlib.collections import LineCollection

from sklearn_spx.inspection.draw import boundary_lines

WIDTH, TITLE, LINE = 2.5, 11, 0.24  # inches; points; inches of a line of the title
LETTERS = 28  # that fit on such a line
CHART = (4.6, 3.9)  # inches, at which letters of matplotlib's usual size are read on a phone


def panel(picture, title="", lines=1, **options):
    """A picture below its title, as a figure of its own; ``lines`` of a row's titles, at most."""
    height, width = picture.shape[:2]
    tall = WIDTH * height / width
    figure = plt.figure(figsize=(WIDTH, tall + lines * LINE))
    axis = figure.add_axes((0, 0, 1, tall / (tall + lines * LINE)))
    axis.imshow(picture, aspect="auto", **options)
    axis.set_title(textwrap.fill(title, LETTERS), fontsize=TITLE, pad=4)
    axis.axis("off")
    return axis


def borders(axis, labels, color="#F0E442", width=0.7):
    """Borders of regions as thin lines over the picture of a panel."""
    axis.add_collection(LineCollection(boundary_lines(labels), colors=color, linewidths=width))
