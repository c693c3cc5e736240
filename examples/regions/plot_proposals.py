"""
Where may an object be? Boxes from regions
==========================================

A detector need not look everywhere: objects are made of whole regions. The merge tree of
``DELSegmenter`` proposes the boxes of all its regions, at all levels; and any boxes, even those of
a grid, become tight ones by straddling expansion.
"""

# %%
# Regions that survive long in the tree differ from all that is around them. Their boxes come
# first; here are the best ten, the brighter the better.
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from sklearn_spx import DELSegmenter
from sklearn_spx.datasets import load_sample_images
from sklearn_spx.regions import object_proposals, straddling_expansion, straddling_score

data = load_sample_images()
photographs = dict(zip(data.names, data.images))
images = [photographs[name] for name in ("coffee", "chelsea", "rocket")]
trees = DELSegmenter.from_pretrained("bsds500").hierarchy(images)


def draw(axis, image, boxes):
    """Draw boxes over a photograph, the first ones last and brightest."""
    axis.imshow((image * 0.7).astype(np.uint8))
    colours = plt.get_cmap("plasma")(np.linspace(0.95, 0.2, len(boxes)))
    for (x0, y0, x1, y1), colour in reversed(list(zip(boxes, colours))):
        place = (x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0
        axis.add_patch(Rectangle(*place, fill=False, edgecolor=colour, linewidth=2))
    axis.set_axis_off()


figure, axes = plt.subplots(1, 3, figsize=(13, 3.4), layout="constrained")
for axis, image, tree in zip(axes, images, trees):
    draw(axis, image, object_proposals(tree, max_proposals=10, min_size=400, max_overlap=0.6).boxes)
plt.show()

# %%
# Straddling expansion starts from boxes of any kind. Those below were drawn by a careless hand;
# each is first aligned to the regions, of which it may cut some, then joined by the regions of
# which it holds a tenth, and so on up to a half. The number is how little the first box cuts
# regions, at most 1: :func:`~sklearn_spx.regions.straddling_score`, which can rank boxes that have
# no score of their own.
careless = [[170, 40, 520, 330], [60, 20, 400, 285], [270, 130, 390, 330]]
figure, axes = plt.subplots(2, 3, figsize=(13, 6.4), layout="constrained")
for (above, below), image, tree, box in zip(axes.T, images, trees, careless):
    levels = [tree.labels(n_segments=n) for n in (10, 30)]
    expanded = straddling_expansion([box], levels).boxes[:4]
    draw(above, image, [box])
    draw(below, image, expanded)
    above.set_title(f"a careless box: {straddling_score([box], levels)[0]:.2f}")
    below.set_title(f"aligned and expanded: {straddling_score(expanded, levels)[0]:.2f}")
plt.show()

# sphinx_gallery_thumbnail_number = 2
