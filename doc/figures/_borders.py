"""Borders of regions as thin lines over a picture."""

from matplotlib.collections import LineCollection

from sklearn_spx.inspection.draw import boundary_lines


def show(axis, picture, labels=None, title="", color="#F0E442", width=0.7):
    axis.imshow(picture)
    if labels is not None:
        axis.add_collection(LineCollection(boundary_lines(labels), colors=color, linewidths=width))
    axis.set_title(title, fontsize=10)
    axis.axis("off")
