"""Regions of an image layer, by any of the six methods."""

from magicgui.widgets import ComboBox, Container, FloatSpinBox, PushButton, SpinBox
from napari.viewer import Viewer

from ..interactive import METHODS
from .arrays import image_and_mask, spacing_for, tree_of, with_n_regions
from .panel import IMAGE, Panel, place_of, told

__all__ = ["SegmentWidget"]


class SegmentWidget(Panel):
    """Segment an image layer: a labels layer in the same place, with its merge tree.

    The tree is ``layer.metadata["sklearn_spx"]``, for :class:`HierarchyWidget`. Layers of three
    axes are volumes, for the methods that take some, with the layer's scale as spacing. Transparent
    pixels are outside, with label 0.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose layers are segmented.
    """

    def __init__(self, napari_viewer: Viewer):
        super().__init__(napari_viewer)
        self.image = self.choice_of(IMAGE, "Image")
        names = [(method.name, key) for key, method in METHODS.items()]
        self.method = ComboBox(label="Method", choices=names, value="slic")
        self.parameters = Container()
        self.parameters.margins = (0, 0, 0, 0)
        self.run = PushButton(text="Segment")
        self.extend([self.image, self.method, self.parameters, self.run, self.cancel])
        self._ask_for(self.method.value)
        self.method.changed.connect(self._ask_for)
        self.run.changed.connect(self.start)

    def _ask_for(self, key):
        """Show the parameters of a method."""
        self.parameters.clear()
        for name, p in METHODS[key].parameters.items():
            kind, number = (SpinBox, int) if p.is_integer else (FloatSpinBox, float)
            self.parameters.append(
                kind(
                    name=name,
                    label=p.label,
                    min=number(p.low),
                    max=number(p.high),
                    step=number(p.step),
                    value=number(p.default),
                )
            )
        if METHODS[key].has_weights:
            weights = METHODS[key].weights
            self.parameters.append(
                ComboBox(name="weights", label="Weights", choices=weights, value="bsds500")
            )

    @told
    def start(self):
        """Segment the chosen layer beside napari; return the worker."""
        layer, key = self.image.value, self.method.value
        self.check_same_grid(layer)
        spacing = spacing_for(METHODS[key], layer.name, layer.scale)
        parameters = self.parameters.asdict()
        name = METHODS[key].name.split(",")[0]
        data = layer.data[0] if layer.multiscale else layer.data

        def arguments():
            return key, parameters, *image_and_mask(data, layer.rgb), spacing

        def made(found):
            *tree, cut = found
            tree = tree_of(*tree)
            return tree, with_n_regions(tree, tree.n_superpixels - cut)

        def show(result):
            tree, labels = result
            self.viewer.add_labels(
                labels,
                name=f"{layer.name} {name}",
                metadata={"sklearn_spx": tree},
                **place_of(layer),
            )

        return self.work(f"{layer.name}: {name}", "segment", arguments, made, show)
