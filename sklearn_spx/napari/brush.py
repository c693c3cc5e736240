"""Classes of whole regions, brushed along them."""

import numpy as np
from magicgui.widgets import CheckBox, PushButton
from napari.viewer import Viewer

from .arrays import regions_along
from .panel import LABELS, Panel, place_of, told

__all__ = ["BrushWidget"]


class BrushWidget(Panel):
    """Give all of every region under a stroke a class, in a second labels layer.

    The class is the label that is selected in the layer of classes; label 0 is unknown, and what
    *Erase* gives back. A stroke is one step of that layer's history: Ctrl-Z takes it back. Another
    tool of napari for that layer, as its own brush for pixels, ends the brush of regions.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose layers are labelled.
    """

    def __init__(self, napari_viewer: Viewer):
        super().__init__(napari_viewer)
        self.regions = self.choice_of(LABELS, "Regions")
        self.classes = self.choice_of(LABELS, "Classes")
        self.add = PushButton(text="New layer of classes")
        self.brush = CheckBox(text="Brush")
        self.erase = CheckBox(text="Erase")
        self.extend([self.regions, self.classes, self.add, self.brush, self.erase])
        self._held = None  # (regions, classes) while strokes go to them
        self._touched: set[int] = set()  # regions that the stroke has labelled
        self.add.changed.connect(self.add_classes)
        self.brush.changed.connect(self._hold)
        self.regions.changed.connect(self._hold)
        self.classes.changed.connect(self._hold)
        self.native_parent_changed.connect(self._leave)

    @told
    def add_classes(self):
        """Add a layer of classes, all unknown, over the regions."""
        regions = self.regions.value
        self.check_same_grid(regions)
        layer = self.viewer.add_labels(
            np.zeros(regions.data.shape, np.int32),
            name=f"{regions.name} classes",
            **place_of(regions),
        )
        self.classes.value = layer

    def _hold(self, _=None):
        """Let strokes go to the layer that is chosen, or to none."""
        is_wanted = self.brush.value
        if self._held is not None:
            is_wanted &= all(layer in self.viewer.layers for layer in self._held)
            _, classes = self._held
            classes.mouse_drag_callbacks.remove(self._drag)
            classes.events.mode.disconnect(self._let_go)
            classes.mouse_pan = classes.mode == "pan_zoom"
            self._held = None
        self.brush.value = is_wanted and self._begin() is not None

    @told
    def _begin(self):
        regions, classes = self.regions.value, self.classes.value
        self.check_same_grid(regions, classes)
        if regions is classes:
            raise ValueError("regions and classes are one layer; add a layer of classes")
        classes.mode = "pan_zoom"
        classes.mouse_pan = False
        classes.mouse_drag_callbacks.append(self._drag)
        classes.events.mode.connect(self._let_go)
        self.viewer.layers.selection.active = classes
        self._held = regions, classes
        return self._held

    def _let_go(self, event=None):
        self.brush.value = False

    def _leave(self, parent):
        """End the brush when napari takes the widget out of its window, as its dock is closed."""
        if parent is None:
            self._let_go()

    def _drag(self, layer, event):
        """Follow the pointer from press to release; napari calls this for every stroke."""
        if event.button != 1:  # others zoom
            return
        with layer.block_history():
            self._touched = set()
            at = self._stroke(event, None)
            yield
            while event.type == "mouse_move":
                at = self._stroke(event, at)
                yield

    def _stroke(self, event, start):
        """Label what lies from one place to the pointer; return where that is."""
        regions, _ = self._held
        if len(event.dims_displayed) == 3:  # the first region on the ray through the pointer
            found = regions.get_value(
                event.position,
                view_direction=event.view_direction,
                dims_displayed=event.dims_displayed,
                world=True,
            )
            self._give([found] if found else [])
            return None
        end = regions.world_to_data(event.position)
        self._give(regions_along(regions.data, end if start is None else start, end))
        return end

    def _give(self, regions):
        """Label regions that the stroke has not come to before."""
        new = [int(region) for region in regions if region not in self._touched]
        if new:
            self._touched.update(new)
            where = np.nonzero(np.isin(self._held[0].data, new))
            layer = self._held[1]
            layer.data_setitem(where, 0 if self.erase.value else layer.selected_label)
