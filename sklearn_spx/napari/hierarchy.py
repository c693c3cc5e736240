"""Fewer or more regions of a labels layer, along its merge tree."""

import numpy as np
from magicgui.widgets import Label, PushButton, Slider
from napari.viewer import Viewer

from .arrays import from_napari, image_and_mask, tree_of, with_n_regions
from .panel import IMAGE, LABELS, Panel, told

__all__ = ["HierarchyWidget"]


class HierarchyWidget(Panel):
    """Merge the regions of a labels layer to any number of them, as a slider moves.

    Layers of :class:`SegmentWidget` have a merge tree; any other gets one from the colours of an
    image layer below it: neighbours of the most similar mean colour join first. A layer that was
    edited since gets another one in the same way.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose layers are merged.
    """

    def __init__(self, napari_viewer: Viewer):
        super().__init__(napari_viewer)
        self.regions = self.choice_of(LABELS, "Regions")
        self.n_regions = Slider(label="How many", min=1, max=1, enabled=False)
        self.about = Label(label="Height")
        self.image = self.choice_of(IMAGE, "Image")
        self.run = PushButton(text="Merge by colour")
        self.extend([self.regions, self.n_regions, self.about, self.image, self.run, self.cancel])
        self.regions.changed.connect(self._look)
        self.n_regions.changed.connect(self._cut)
        self.run.changed.connect(self.start)
        self._look()

    @property
    def tree(self):
        """The tree of the chosen layer, or None."""
        layer = self.regions.value
        tree = None if layer is None else layer.metadata.get("sklearn_spx")
        return tree if tree is not None and tree.superpixels.shape == layer.data.shape else None

    def _look(self, layer=None):
        """Set the slider to what the layer shows."""
        tree = self.tree
        self.n_regions.enabled = tree is not None
        if tree is None:
            self.about.value = "no merge tree yet"
            return
        labels = np.unique(self.regions.value.data)
        shown = int((labels > 0).sum())
        least = tree.n_superpixels - len(tree.merges)
        with self.n_regions.changed.blocked():
            self.n_regions.min, self.n_regions.max = least, tree.n_superpixels
            self.n_regions.value = min(max(shown, least), tree.n_superpixels)
        self._tell()

    def _tell(self):
        n_merges = self.tree.n_superpixels - self.n_regions.value
        self.about.value = f"{self.tree.heights[n_merges - 1] if n_merges else 0:.4g}"

    def _cut(self, n_regions):
        if self.tree is not None:
            self.regions.value.data = with_n_regions(self.tree, n_regions)
            self._tell()

    @told
    def start(self):
        """Make a tree of the regions as they are, beside napari; return the worker."""
        layer, below = self.regions.value, self.image.value
        self.check_same_grid(layer, below)
        data, labels = below.data[0] if below.multiscale else below.data, layer.data

        def arguments():
            image, atoms = image_and_mask(data, below.rgb)[0], from_napari(labels)
            if (atoms < 0).all():
                raise ValueError(f"{layer.name} has no region")
            return image, None if (atoms >= 0).all() else atoms >= 0, atoms

        def show(tree):
            layer.metadata["sklearn_spx"] = tree
            layer.data = with_n_regions(tree, tree.n_superpixels)
            self._look()

        return self.work(layer.name, "merge", arguments, lambda found: tree_of(*found), show)
