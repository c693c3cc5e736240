"""What the widgets have in common: lists of layers, work beside napari, errors as notifications."""

from functools import wraps

import napari.layers
from magicgui.widgets import ComboBox, Container, PushButton
from napari.qt.threading import create_worker
from napari.utils import cancelable_progress
from napari.utils.notifications import show_error

from ..interactive import reason_of
from .task import Task

__all__ = ["Panel", "place_of", "told"]

IMAGE, LABELS = napari.layers.Image, napari.layers.Labels


def told(action):
    """Return an action of a widget that tells people of input that it cannot use."""

    @wraps(action)
    def act(self, *args):
        try:
            return action(self, *args)
        except (ValueError, TypeError) as error:
            show_error(reason_of(error))

    return act


def place_of(layer):
    """Return what puts another layer in the same place of the world."""
    names = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    return {name: getattr(layer, name) for name in names}


class Panel(Container):
    """A widget beside a viewer, whose lists of layers are always those of the viewer.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        With or without a window.
    """

    def __init__(self, viewer):
        super().__init__()
        self.min_width = 320
        self.viewer = viewer
        self.cancel = PushButton(text="Cancel", enabled=False)  # beside ``run``, where there is one
        self._lists = []
        self._shown = {}  # layers of results, which a new result replaces, by name
        for change in ("inserted", "removed", "renamed"):
            getattr(viewer.layers.events, change).connect(self._list_layers)

    def _list_layers(self, event=None):
        """Let the lists follow layers added, removed or renamed; what is chosen and there stays."""
        for chosen in self._lists:
            before = chosen.value
            with chosen.changed.blocked():
                chosen.reset_choices()
                if before in self.viewer.layers:  # perhaps by another name
                    chosen.value = before
            if chosen.value is not before:
                chosen.changed.emit(chosen.value)

    def choice_of(self, kind, label):
        """Return a list of the layers of a kind; labels of many resolutions cannot be edited."""

        def choices(_):
            found = [layer for layer in self.viewer.layers if isinstance(layer, kind)]
            return [layer for layer in found if kind is IMAGE or not layer.multiscale]

        self._lists.append(ComboBox(label=label, choices=choices))
        return self._lists[-1]

    def check_same_grid(self, *layers):
        """Raise unless layers were chosen that have the same pixels."""
        if None in layers:
            raise ValueError("a layer is missing: add one, or choose one from each list")
        shapes = [_grid_of(layer) for layer in layers]
        for layer, shape in zip(layers, shapes):
            if shape != shapes[0]:
                raise ValueError(
                    f"{layer.name} has shape {shape}, but {layers[0].name} {shapes[0]}; choose "
                    "layers that belong together"
                )

    def work(self, what, name, arguments, made, show):
        """Call a function of ``work`` beside napari; ``show`` what is ``made`` of its result.

        Meanwhile the button is *Cancel*'s, and napari's activity dock says what is being done, and
        which share of it is where that is known. ``arguments`` and ``made`` are called in a thread.
        """
        task = Task(name, arguments, made)
        bar = cancelable_progress(total=0, desc=what)

        def told_of(step):
            if bar.is_canceled:
                task.give_up()
            if step is not None:
                stage, share = step
                bar.set_description(f"{what}: {stage}")
                bar.total = 0 if share is None else 100  # of 0 the bar runs to and fro
                bar.update(0 if share is None else round(100 * share) - bar.n)

        def returned(found):
            result, problem = found
            if problem is not None:
                show_error(problem)
            elif result is not None:
                show(result)

        def finished():
            task.close()
            bar.close()
            self.cancel.changed.disconnect(task.give_up)
            self.run.enabled, self.cancel.enabled = True, False

        self.run.enabled, self.cancel.enabled = False, True
        self.cancel.changed.connect(task.give_up)
        return create_worker(
            task.steps,
            _connect={"yielded": told_of, "returned": returned, "finished": finished},
        )

    def put(self, add, data, name, like):
        """Add a layer of a result, or put the result in the place of an earlier one."""
        layer = self._shown.get(name)
        if layer in self.viewer.layers and layer.data.shape == data.shape:
            layer.data = data
        else:
            self._shown[name] = add(data, name=name, **place_of(like))


def _grid_of(layer):
    """Shape without channels, at full resolution."""
    data = layer.data[0] if layer.multiscale else layer.data
    return tuple(data.shape[: layer.ndim])
