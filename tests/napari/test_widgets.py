"""The widgets beside a viewer without a window, which needs no OpenGL: Qt draws nowhere."""

import os
import subprocess
import sys
import time
import warnings
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import sklearn_spx
from sklearn_spx.datasets import make_dead_leaves

MANIFEST = Path(sklearn_spx.__file__).parent / "napari" / "napari.yaml"
LEAVES = make_dead_leaves(1, (60, 90), random_state=0)
WIDGETS = ("segment", "hierarchy", "brush", "train")
PATIENCE = 300  # seconds, as kernels may have to be compiled


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["NAPARI_CONFIG"] = str(tmp_path_factory.mktemp("napari") / "settings.yaml")
    with warnings.catch_warnings():  # what napari uses of pydantic is deprecated
        warnings.simplefilter("ignore")
        pytest.importorskip("napari.components")
        pytest.importorskip("PyQt6")
        try:
            from PyQt6.QtWidgets import QApplication
        except ImportError as error:
            pytest.skip(f"a library of the system that Qt loads is not there: {error}")
        for name in WIDGETS:
            import_module(f"sklearn_spx.napari.{name}")

    return QApplication.instance() or QApplication([])


@pytest.fixture
def viewer(application):
    from napari.components import ViewerModel

    viewer = ViewerModel()
    viewer.add_image(LEAVES.images[0], name="leaves", scale=(2, 3), translate=(5, 6))
    return viewer


@pytest.fixture
def told(application, monkeypatch):
    """What people were told of errors."""
    from napari.utils.notifications import notification_manager

    found = []
    monkeypatch.setattr(notification_manager, "dispatch", lambda n: found.append(n.message))
    return found


@pytest.fixture
def make(viewer):
    """Make a widget of the viewer; all of them are closed."""
    made = []

    def one(name):
        module = import_module(f"sklearn_spx.napari.{name}")
        made.append(getattr(module, f"{name.capitalize()}Widget")(viewer))
        return made[-1]

    yield one
    for widget in made:
        widget.close()


@pytest.fixture
def wait(application):
    """Press the button of a widget, and wait for what it does in a thread."""

    def until_done(widget):
        widget.run.native.click()
        assert not widget.run.enabled
        assert widget.cancel.enabled
        late = time.monotonic() + PATIENCE
        while not widget.run.enabled:
            assert time.monotonic() < late, "the worker does not end"
            application.processEvents()
            time.sleep(0.005)
        assert not widget.cancel.enabled

    return until_done


@pytest.fixture
def told_of_progress(application, monkeypatch):
    """What napari's activity dock showed, as (text, total, done), and the bar itself."""
    from napari.utils import cancelable_progress

    from sklearn_spx.napari import panel

    shown, bars = [], []

    class Bar(cancelable_progress):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            bars.append(self)

        def update(self, n=1):
            super().update(n)
            shown.append((self.desc.removesuffix(": "), self.total, self.n))

    monkeypatch.setattr(panel, "cancelable_progress", Bar)
    return shown, bars


@pytest.fixture
def segmented(viewer, make, wait):
    """The labels layer of 40 superpixels."""
    widget = make("segment")
    widget.parameters.n_segments.value = 40
    wait(widget)
    return viewer.layers["leaves SLIC"]


def drag(layer, *points, button=1, dims=(0, 1)):
    """Press at the first point of the world, move through the others, release."""
    from napari.utils import interactions

    view = np.eye(3)[0] if len(dims) == 3 else None
    event = SimpleNamespace(
        dims_displayed=list(dims), view_direction=view, button=button, is_dragging=True
    )
    event.type, event.position = "mouse_press", points[0]
    interactions.mouse_press_callbacks(layer, event)
    event.type = "mouse_move"
    for event.position in points[1:]:
        interactions.mouse_move_callbacks(layer, event)
    event.type = "mouse_release"
    interactions.mouse_release_callbacks(layer, event)


# --- the plugin ---------------------------------------------------------------------------------


def test_the_manifest_is_valid(application):
    npe2 = pytest.importorskip("npe2")
    run = subprocess.run(
        [sys.executable, "-P", "-m", "npe2", "validate", "--imports", str(MANIFEST)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    names = [w.display_name for w in npe2.PluginManifest.from_file(MANIFEST).contributions.widgets]
    assert names == ["Segment", "Merge regions", "Region brush", "Train"]


def test_napari_is_told_of_the_plugin(application):
    (found,) = [e for e in entry_points(group="napari.manifest") if e.name == "sklearn-spx"]
    assert found.value == "sklearn_spx.napari:napari.yaml"


def test_napari_makes_the_widgets(viewer, application):
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    for command in manifest.contributions.commands:
        module, name = command.python_name.split(":")
        widget = getattr(import_module(module), name)(napari_viewer=viewer)
        assert widget.native is not None
        widget.close()


# --- segment ------------------------------------------------------------------------------------


def test_segment(viewer, segmented):
    assert np.array_equal(np.unique(segmented.data), np.arange(1, 41))
    assert segmented.scale.tolist() == [2, 3]
    assert segmented.translate.tolist() == [5, 6]
    slic = sklearn_spx.SLICSuperpixels(40, spacing=(2, 3))
    labels = slic.fit_transform([viewer.layers["leaves"].data])[0]
    assert np.array_equal(segmented.data, labels + 1)


def test_parameters_are_those_of_the_method(make):
    widget = make("segment")
    found = {}
    for key in widget.method.choices:
        widget.method.value = key
        found[key] = list(widget.parameters.asdict())
    assert found == {
        "slic": ["n_segments", "compactness"],
        "ers": ["n_segments", "balance"],
        "egb": ["scale", "sigma", "min_size"],
        "trainable-slic": ["n_segments", "compactness", "weights"],
        "seal": ["n_segments", "weights"],
        "del": ["weights"],
    }


def test_a_trained_method_with_its_weights(viewer, make, wait):
    widget = make("segment")
    widget.method.value = "seal"
    widget.parameters.n_segments.value = 30
    wait(widget)
    seal = sklearn_spx.SEALSuperpixels.from_pretrained("bsds500", n_segments=30)
    expected = seal.transform(LEAVES.images)[0]
    assert np.array_equal(viewer.layers["leaves SEAL"].data, expected + 1)


def test_an_image_with_transparent_pixels(viewer, make, wait):
    rgba = np.full((20, 30, 4), 255, np.uint8)
    rgba[:, :15, :3] = 40
    rgba[:5, :, 3] = 0
    viewer.add_image(rgba, name="cut out", rgb=True)
    widget = make("segment")
    widget.image.value = viewer.layers["cut out"]
    widget.parameters.n_segments.value = 4
    wait(widget)
    labels = viewer.layers["cut out SLIC"].data
    assert (labels[:5] == 0).all()
    assert np.array_equal(np.unique(labels[5:]), np.arange(1, 5))


def test_a_volume(viewer, make, wait, told):
    volume = np.full((6, 20, 20), 30, np.uint8)
    volume[:, 10:] = 200
    viewer.add_image(volume, name="cells", scale=(4, 1, 1))
    widget = make("segment")
    widget.image.value = viewer.layers["cells"]
    widget.method.value = "seal"
    assert widget.start() is None
    assert "SEAL takes images of two; volumes are taken by SLIC; ERS" in told[0]
    widget.method.value = "trainable-slic"
    widget.parameters.n_segments.value = 12
    wait(widget)
    assert viewer.layers["cells TrainableSLIC"].data.max() == 12
    widget.method.value = "ers"
    widget.parameters.n_segments.value = 12
    wait(widget)
    regions = viewer.layers["cells ERS"]
    expected = sklearn_spx.ERSSuperpixels(12, spacing=(4, 1, 1)).fit_transform([volume])[0]
    assert np.array_equal(regions.data, expected + 1)
    assert regions.scale.tolist() == [4, 1, 1]
    merged = make("hierarchy")
    merged.regions.value = regions
    merged.n_regions.value = 2
    assert len({*regions.data[:, :10].ravel()} & {*regions.data[:, 10:].ravel()}) == 0
    brush = make("brush")
    brush.regions.value = regions
    brush.add_classes()
    classes = viewer.layers["cells ERS classes"]
    brush.brush.value = True
    drag(classes, (8, 15, 3), dims=(1, 2))  # slice 2, of 4 each
    assert np.array_equal(classes.data == 1, volume == 200)
    classes.undo()
    assert not classes.data.any()
    viewer.dims.ndisplay = 3
    drag(classes, (8, 3, 3), dims=(0, 1, 2))  # in three dimensions along the first axis
    assert np.array_equal(classes.data == 1, volume == 30)
    train = make("train")
    train.image.value, train.regions.value = viewer.layers["cells"], regions
    train.classes.value = classes
    assert train.start() is None
    assert "cells ERS has 3 axes" in told[-1]


def test_the_levels_of_a_pyramid_have_labels_of_the_first(viewer, make, wait):
    large = np.zeros((64, 64), np.uint8)
    large[:, 32:] = 90
    viewer.add_image([large, large[::2, ::2]], name="pyramid", multiscale=True)
    widget = make("segment")
    widget.image.value = viewer.layers["pyramid"]
    widget.parameters.n_segments.value = 9
    wait(widget)
    assert viewer.layers["pyramid SLIC"].data.shape == (64, 64)


def test_images_that_no_method_takes(viewer, make, wait, told):
    widget = make("segment")
    viewer.add_image(np.full((8, 8), np.nan), name="holes")
    widget.image.value = viewer.layers["holes"]
    wait(widget)
    assert "NaN" in told[0]
    assert "X[0]" not in told[0]
    viewer.layers.clear()
    assert widget.start() is None
    assert "a layer is missing" in told[1]


# --- the slider ---------------------------------------------------------------------------------


def test_the_slider(viewer, make, segmented):
    widget = make("hierarchy")
    assert (widget.n_regions.min, widget.n_regions.value, widget.n_regions.max) == (1, 40, 40)
    before = segmented.data.copy()
    widget.n_regions.value = 7
    assert len(np.unique(segmented.data)) == 7
    assert float(widget.about.value) > 0
    for label in np.unique(before):  # only whole superpixels move
        assert len(np.unique(segmented.data[before == label])) == 1
    widget.n_regions.value = 40
    assert np.array_equal(segmented.data, before)
    assert widget.about.value == "0"


@pytest.mark.slow
def test_del_begins_at_its_threshold_and_the_slider_too(viewer, make, wait):
    segment, widget = make("segment"), make("hierarchy")
    segment.method.value = "del"
    wait(segment)
    regions = viewer.layers["leaves DEL"]
    image = viewer.layers["leaves"].data
    del_ = sklearn_spx.DELSegmenter.from_pretrained("bsds500", threshold=0.55)
    assert widget.n_regions.value == del_.transform([image])[0].max() + 1
    widget.n_regions.value = widget.n_regions.max
    assert len(np.unique(regions.data)) == widget.n_regions.max


def test_labels_of_others_get_a_tree_by_colour(viewer, make, wait, told):
    image = np.repeat(np.array([[10, 20, 200, 60]], np.uint8), 3, axis=0)
    viewer.layers.clear()
    viewer.add_image(image, name="strips")
    labels = viewer.add_labels(np.tile(np.array([5, 9, 2, 3]), (3, 1)), name="mine")
    widget = make("hierarchy")
    assert not widget.n_regions.enabled
    assert widget.about.value == "no merge tree yet"
    wait(widget)
    assert widget.n_regions.enabled
    widget.n_regions.value = 3
    assert labels.data[0, 0] == labels.data[0, 1]
    assert len(np.unique(labels.data)) == 3
    labels.data = np.zeros((3, 4), int)
    wait(widget)
    assert "mine has no region" in told[0]
    viewer.add_image(np.zeros((9, 9)), name="other")
    widget.image.value = viewer.layers["other"]
    assert widget.start() is None
    assert "other has shape (9, 9), but mine (3, 4)" in told[1]


# --- progress, and giving up --------------------------------------------------------------------


def test_what_is_being_done_is_told(viewer, make, wait, told_of_progress):
    from napari.utils import progress

    shown, (bar,) = told_of_progress[0], (wait(make("segment")), told_of_progress[1])[1]
    stages = ["starting", "SLIC: finding regions", "SLIC: merging by colour"]
    assert shown == [(f"leaves: SLIC: {stage}", 0, 0) for stage in stages]
    assert bar not in progress._all_instances


def test_the_share_that_is_done_is_told(viewer, segmented, make, wait, told_of_progress):
    train = make("train")
    marks = viewer.add_labels(np.zeros((60, 90), int), name="marks")
    marks.data[3, 5], marks.data[50, 80] = 1, 2
    train.classes.value = marks
    train.regions.value = segmented
    wait(train)
    assert told_of_progress[0] == [
        ("marks: learning", 100, 0),
        ("marks: predicting image 1 of 1", 100, 50),
    ]


@pytest.mark.parametrize("by", ["the button", "the dock"])
def test_cancel(viewer, make, wait, told_of_progress, application, by, told):
    widget = make("segment")
    wait(widget)  # the process is there
    first = viewer.layers.pop()
    viewer.add_image(np.zeros((3000, 3000), np.uint8), name="large")
    widget.image.value = viewer.layers["large"]
    widget.method.value = "ers"
    widget.run.native.click()
    if by == "the button":
        widget.cancel.native.click()
    else:
        told_of_progress[1][-1].cancel()
    start = time.monotonic()
    while not widget.run.enabled:
        application.processEvents()
        time.sleep(0.005)
    assert time.monotonic() - start < 2  # it would take many more
    assert "large ERS" not in viewer.layers
    assert not told
    widget.image.value, widget.method.value = viewer.layers["leaves"], "slic"
    wait(widget)
    assert np.array_equal(viewer.layers["leaves SLIC"].data, first.data)


def test_a_process_that_dies_is_told_and_replaced(viewer, make, wait, told, monkeypatch):
    from sklearn_spx.napari import task

    widget = make("segment")
    wait(widget)
    (process,) = task._idle
    monkeypatch.setattr(type(process), "is_alive", True)  # it dies amid the work
    process._process.kill()
    process._process.wait()
    wait(widget)
    assert "has died" in told[0]
    wait(widget)
    assert len(told) == 1


def test_two_widgets_work_at_once_and_leave_one_process(viewer, make, application):
    from sklearn_spx.napari import task

    widgets = [make("segment"), make("segment")]
    for widget in widgets:
        widget.run.native.click()
    late = time.monotonic() + PATIENCE
    while not all(widget.run.enabled for widget in widgets):
        assert time.monotonic() < late
        application.processEvents()
        time.sleep(0.005)
    assert len(viewer.layers) == 3
    assert len(task._idle) == 1


# --- the brush ----------------------------------------------------------------------------------


@pytest.fixture
def brush(viewer, make):
    """A brush over four squares of 10 x 10 pixels, in a world of larger pixels."""
    labels = np.repeat(np.repeat(np.array([[1, 2], [3, 0]]), 10, axis=0), 10, axis=1)
    viewer.add_labels(labels, name="squares", scale=(2, 2), translate=(100, 0))
    brush = make("brush")
    brush.regions.value = viewer.layers["squares"]
    brush.add.native.click()
    brush.brush.value = True
    return brush


@pytest.fixture
def classes(viewer, brush):
    """The layer that it labels."""
    return viewer.layers["squares classes"]


def classes_of(layer):
    """One number a square, of squares that are of one class."""
    squares = layer.data.reshape(2, 10, 2, 10)
    assert (squares == squares[:, :1, :, :1]).all()
    return squares[:, 0, :, 0].tolist()


def test_a_click_and_a_stroke(classes):
    classes.selected_label = 4
    drag(classes, (105, 5))
    assert classes_of(classes) == [[4, 0], [0, 0]]
    classes.selected_label = 2
    drag(classes, (125, 5), (105, 35), (125, 35))  # over 3, 1 between two points, 2
    assert classes_of(classes) == [[2, 2], [2, 0]]  # the last square is background


def test_a_stroke_is_one_step_back(classes):
    drag(classes, (105, 5))
    classes.selected_label = 2
    drag(classes, (105, 5), (105, 35), (125, 5))
    assert classes_of(classes) == [[2, 2], [2, 0]]
    classes.undo()
    assert classes_of(classes) == [[1, 0], [0, 0]]
    classes.undo()
    assert classes_of(classes) == [[0, 0], [0, 0]]
    classes.redo()
    assert classes_of(classes) == [[1, 0], [0, 0]]


def test_erase(brush, classes):
    drag(classes, (105, 5), (105, 35))
    brush.erase.value = True
    drag(classes, (105, 35))
    assert classes_of(classes) == [[1, 0], [0, 0]]


def test_the_other_buttons_label_nothing(classes):
    drag(classes, (105, 5), (105, 35), button=2)
    assert not classes.data.any()


def test_beyond_the_image_is_nothing(classes):
    drag(classes, (0, 0), (90, 5))
    assert not classes.data.any()


def test_another_tool_ends_the_brush(brush, classes, viewer):
    assert viewer.layers.selection.active is classes
    assert not classes.mouse_pan
    classes.mode = "paint"
    assert not brush.brush.value
    brush.brush.value = True
    assert classes.mode == "pan_zoom"
    brush.brush.value = False
    assert classes.mouse_pan
    drag(classes, (105, 5))
    assert not classes.data.any()


def test_the_brush_needs_two_layers(brush, viewer, told):
    brush.classes.value = brush.regions.value
    assert not brush.brush.value
    assert "regions and classes are one layer" in told[0]
    viewer.add_labels(np.zeros((3, 4), int), name="small")
    brush.classes.value = viewer.layers["small"]
    brush.brush.value = True
    assert not brush.brush.value
    assert "small has shape (3, 4), but squares (20, 20)" in told[1]


def test_a_widget_that_leaves_its_window_labels_nothing(brush, classes):
    from qtpy.QtWidgets import QWidget

    dock = QWidget()
    brush.native.setParent(dock)
    assert brush.brush.value
    brush.native.setParent(None)
    assert not brush.brush.value
    assert classes.mouse_drag_callbacks == []
    assert classes.mouse_pan


@pytest.mark.parametrize("name", ["squares", "squares classes"])
def test_a_layer_that_is_removed_ends_the_brush(brush, classes, viewer, told, name):
    viewer.layers.remove(name)
    assert not brush.brush.value
    assert classes.mouse_drag_callbacks == []
    assert not told


def test_layers_that_come_and_are_renamed_are_no_other_choice(brush, classes, viewer):
    viewer.add_labels(np.zeros((20, 20), int), name="one more")
    classes.name, brush.regions.value.name = "mine", "zzz"
    viewer.layers.move(0, 3)
    assert brush.classes.value is classes
    assert brush.brush.value
    drag(classes, (105, 5))
    assert classes_of(classes) == [[1, 0], [0, 0]]


# --- train --------------------------------------------------------------------------------------


def test_train(viewer, make, wait, told):
    image = np.zeros((20, 40), np.uint8)
    image[:, 20:] = 200
    viewer.add_image(image, name="halves")
    viewer.add_labels(np.arange(40)[None] // 2 + np.zeros((20, 1), int), name="strips")
    painted = viewer.add_labels(np.zeros((20, 40), int), name="marks", translate=(1, 1))
    train = make("train")
    train.image.value, train.regions.value = viewer.layers["halves"], viewer.layers["strips"]
    train.classes.value = painted
    painted.data[3, 5] = 7
    assert train.start() is None
    assert told == [
        "1 classes are labelled, and two or more are needed to learn: label some regions of each "
        "class"
    ]
    painted.data[3, 30] = 4
    wait(train)
    predicted = viewer.layers["marks predicted"]
    expected = np.where(image == 200, 4, 7)
    expected[:, :2] = 0  # label 0 of the strips is outside
    assert np.array_equal(predicted.data, expected)
    painted.data[3, 30] = 9  # again, with another class and the certainty
    train.certainty.value = True
    wait(train)
    assert viewer.layers["marks predicted"] is predicted
    assert set(np.unique(predicted.data)) == {0, 7, 9}
    certainty = viewer.layers["marks predicted, certainty"].data
    assert (certainty[:, 0] == 0).all()
    assert (certainty[:, 2:] > 0.5).all()
    viewer.layers.remove(predicted)
    wait(train)
    assert "marks predicted" in viewer.layers
