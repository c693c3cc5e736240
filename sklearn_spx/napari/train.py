"""Classes of all regions, learned from those that have one."""

import numpy as np
from magicgui.widgets import CheckBox, PushButton
from napari.viewer import Viewer

from ..interactive import TOO_FEW_CLASSES
from ..kernels.checks import as_labels
from .arrays import from_napari, image_and_mask
from .panel import IMAGE, LABELS, Panel, told

__all__ = ["TrainWidget"]


class TrainWidget(Panel):
    """Learn the classes of regions from a layer of classes, and predict them everywhere.

    A :class:`sklearn_spx.regions.SuperpixelClassifier` learns from the pixels whose class is not 0,
    brushed by region or painted by napari. The prediction is a labels layer with the numbers of the
    classes, and 0 outside every region; training again replaces it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose layers are learned from.
    """

    def __init__(self, napari_viewer: Viewer):
        super().__init__(napari_viewer)
        self.image = self.choice_of(IMAGE, "Image")
        self.regions = self.choice_of(LABELS, "Regions")
        self.classes = self.choice_of(LABELS, "Classes")
        self.certainty = CheckBox(text="Certainty as a layer, too")
        self.run = PushButton(text="Train and predict")
        self.extend([self.image, self.regions, self.classes, self.certainty, self.run, self.cancel])
        self.run.changed.connect(self.start)

    @told
    def start(self):
        """Learn and predict beside napari; return the worker."""
        below, regions, classes = self.image.value, self.regions.value, self.classes.value
        self.check_same_grid(below, regions, classes)
        if regions.ndim != 2:
            raise ValueError(
                f"{regions.name} has {regions.ndim} axes; classes are learned from images of two"
            )
        known = as_labels(np.asarray(classes.data), "the layer of classes")
        known = np.where(known > 0, known, np.int32(-1))
        n_classes = len(np.unique(known[known > 0]))
        if n_classes < 2:
            raise ValueError(TOO_FEW_CLASSES.format(n_classes))
        data, labels = below.data[0] if below.multiscale else below.data, regions.data.copy()

        def arguments():
            return (image_and_mask(data, below.rgb)[0], from_napari(labels)), known

        def made(found):
            predicted, certainty = found
            return np.maximum(predicted, 0), certainty

        def show(result):
            predicted, certainty = result
            name = f"{classes.name} predicted"
            self.put(self.viewer.add_labels, predicted, name, regions)
            if self.certainty.value:
                self.put(self.viewer.add_image, certainty, f"{name}, certainty", regions)

        return self.work(classes.name, "learn", arguments, made, show)
