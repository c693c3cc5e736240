"""What the process beside napari computes: plain arrays in, plain arrays out.

``tell`` is called with what is being done, and the share that is done or None.
"""

from ..interactive import learn_classes, merge_by_colour, segment

__all__ = ["learn", "merge", "segment"]


def merge(tell, image, mask, atoms):
    """Return atoms, edges, merges and heights of regions that join by colour."""
    tell("merging by colour", None)
    return atoms, *merge_by_colour(image, mask, atoms)


def learn(tell, pair, known):
    """Return classes and certainty of an image and its regions, learned from a class image."""
    return next(learn_classes(tell, [pair], [known]))
