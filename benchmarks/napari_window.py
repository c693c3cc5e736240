"""The picture of the plugin of napari for the site: a photograph segmented, labelled and learned.

    xvfb-run -s "-screen 0 1400x1000x24" python benchmarks/napari_window.py doc/images/napari.png

Needs the extra ``napari``, a Qt and OpenGL; Xvfb with Mesa has that without a screen.
"""

import sys
import time
from types import SimpleNamespace

import napari
from napari.utils import interactions
from PIL import Image
from qtpy.QtWidgets import QApplication
from skimage import data

from sklearn_spx.napari.brush import BrushWidget
from sklearn_spx.napari.hierarchy import HierarchyWidget
from sklearn_spx.napari.segment import SegmentWidget
from sklearn_spx.napari.train import TrainWidget

# (class, rows and columns of a stroke), in a photograph of a cup
STROKES = (
    (1, ((60, 300), (150, 300), (200, 250))),
    (1, ((170, 120), (330, 200), (340, 400))),
    (2, ((20, 20), (30, 150), (60, 80))),
    (2, ((30, 470), (100, 570), (360, 580))),
)


def run(widget):
    """Press the button of a widget, and wait until it is done."""
    widget.start()
    while not widget.run.enabled:
        QApplication.processEvents()
        time.sleep(0.01)


def drag(layer, points):
    """Press at the first point, move through the others, release."""
    event = SimpleNamespace(dims_displayed=[0, 1], button=1, is_dragging=True)
    event.type, event.position = "mouse_press", points[0]
    interactions.mouse_press_callbacks(layer, event)
    event.type = "mouse_move"
    for event.position in points[1:]:
        interactions.mouse_move_callbacks(layer, event)
    event.type = "mouse_release"
    interactions.mouse_release_callbacks(layer, event)


def main(path):
    viewer = napari.Viewer()
    viewer.window.resize(1280, 900)
    viewer.add_image(data.coffee(), name="cup")
    segment, hierarchy, brush, train = widgets = [
        kind(viewer) for kind in (SegmentWidget, HierarchyWidget, BrushWidget, TrainWidget)
    ]
    for widget, name in zip(widgets, ("Segment", "Merge regions", "Region brush", "Train")):
        viewer.window.add_dock_widget(widget, name=name)
    run(segment)
    regions = viewer.layers["cup SLIC"]
    hierarchy.n_regions.value = 220
    brush.regions.value = train.regions.value = regions
    brush.add_classes()
    classes = train.classes.value = viewer.layers["cup SLIC classes"]
    brush.brush.value = True
    for number, points in STROKES:
        classes.selected_label = number
        drag(classes, points)
    run(train)
    regions.contour = 1
    viewer.layers["cup SLIC classes predicted"].opacity = 0.35
    classes.opacity = 0.8
    viewer.layers.selection.active = classes
    viewer.reset_view()
    for _ in range(50):  # until all is drawn
        QApplication.processEvents()
        time.sleep(0.02)
    picture = Image.fromarray(viewer.window.screenshot(canvas_only=False, flash=False))
    picture.convert("RGB").quantize(128).save(path, optimize=True)
    viewer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
