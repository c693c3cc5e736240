"""What was made of one image: its regions, the classes of its pixels, and every step back.

An edit gives new arrays and a new Partition to ``commit``, which keeps what changed, compressed,
so that any number of steps can be undone.
"""

import threading
import zlib
from http import HTTPStatus
from typing import NamedTuple

import numpy as np

from .images import enlarged, reduced
from .partition import Partition
from .problems import Problem

__all__ = ["UNKNOWN", "Box", "Document", "Layers"]

UNKNOWN = 255  # the class of pixels that nobody has labelled


class Box(NamedTuple):
    """A part of a layer."""

    top: int
    left: int
    bottom: int
    right: int

    def of(self, array):
        """That part of an array."""
        return array[self.top : self.bottom, self.left : self.right]


class Layers(NamedTuple):
    """The state of a document. Arrays in it are never written to."""

    regions: np.ndarray  # int32 (height, width), atoms of the partition; -1 outside
    classes: np.ndarray  # uint8 (height, width)
    partition: Partition
    factor: int  # by which the image was reduced
    about: str  # how the regions came to be, for people


class _Packed(NamedTuple):
    """An array, compressed."""

    data: bytes
    shape: tuple
    dtype: np.dtype

    @classmethod
    def of(cls, array):
        return cls(zlib.compress(np.ascontiguousarray(array), 1), array.shape, array.dtype)

    def array(self):
        values = np.frombuffer(zlib.decompress(self.data), self.dtype)
        return values.reshape(self.shape).copy()  # kernels compile anew for what is read-only


class _Delta(NamedTuple):
    """What a step changes in a layer: a part of it, or with None the whole."""

    layer: str
    box: Box | None
    before: _Packed
    after: _Packed

    @classmethod
    def between(cls, layer, before, after):
        """The change from one array to the other, or None."""
        if before is after:
            return None
        if before.shape != after.shape:
            return cls(layer, None, _Packed.of(before), _Packed.of(after))
        differs = before != after
        rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
        if not rows.size:
            return None
        box = Box(*map(int, (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)))
        return cls(layer, box, _Packed.of(box.of(before)), _Packed.of(box.of(after)))

    def applied(self, array, back):
        """The layer after the step, or with ``back`` before it."""
        part = (self.before if back else self.after).array()
        if self.box is None:
            return part
        array = array.copy()
        self.box.of(array)[:] = part
        return array


class _Step(NamedTuple):
    name: str
    deltas: tuple
    before: tuple  # partition, factor and about
    after: tuple


class Document:
    """One image's layers, and the steps that led to them."""

    def __init__(self, full_shape):
        self.full_shape = tuple(full_shape)
        self.layers = None  # until it is segmented
        self.prediction = None  # (classes, certainty), uint8 (height, width) each, or None
        self.version = 0
        self.lock = threading.RLock()
        self._steps, self._done = [], 0

    @property
    def undone(self):
        """The name of the step that undo takes back, or None."""
        return self._steps[self._done - 1].name if self._done else None

    @property
    def redone(self):
        """The name of the step that redo does again, or None."""
        return self._steps[self._done].name if self._done < len(self._steps) else None

    def check(self, version):
        """Raise where an edit was made of another state than this one."""
        if self.layers is None:
            raise Problem("the image is not segmented yet", HTTPStatus.CONFLICT)
        if version != self.version:
            raise Problem(
                "the image was changed elsewhere meanwhile, as in another window; it is shown anew",
                HTTPStatus.CONFLICT,
            )

    def start(self, regions, partition, factor, about):
        """Put a segmentation in the place of the regions; classes stay. Return what changed."""
        if self.layers is None:
            # an empty one before it, so that the first segmentation can be undone, too
            nothing = Partition(*(np.zeros(s, t) for s, t in _NO_ATOMS), cut=0)
            outside = np.full(regions.shape, -1, np.int32)
            unknown = np.full(regions.shape, UNKNOWN, np.uint8)
            self.layers = Layers(outside, unknown, nothing, factor, "")
        classes = self.layers.classes
        if factor != self.layers.factor:
            classes = self._at(classes, factor)
            self.prediction = None
        layers = Layers(regions, classes, partition, factor, about)
        return self.commit("segmentation", layers)

    def _at(self, classes, factor):
        """A class image at another size: of a block of pixels, the one at its first pixel."""
        full = enlarged(classes, self.layers.factor, self.full_shape)
        return np.ascontiguousarray(full[::factor, ::factor])

    def commit(self, name, layers):
        """Take a step; return what changed, as ``changes`` has it."""
        old = self.layers
        found = (
            _Delta.between(layer, getattr(old, layer), getattr(layers, layer))
            for layer in ("regions", "classes")
        )
        step = _Step(name, tuple(d for d in found if d is not None), old[2:], layers[2:])
        self._steps[self._done :] = [step]
        self._done += 1
        self.layers = layers
        self.version += 1
        return self._changes(step)

    def undo(self):
        """Take the last step back; return what changed."""
        if not self._done:
            raise Problem("there is nothing to undo", HTTPStatus.CONFLICT)
        self._done -= 1
        return self._replay(self._steps[self._done], back=True)

    def redo(self):
        """Take the step again that was undone last; return what changed."""
        if self._done == len(self._steps):
            raise Problem("there is nothing to redo", HTTPStatus.CONFLICT)
        self._done += 1
        return self._replay(self._steps[self._done - 1], back=False)

    def _replay(self, step, back):
        layers = self.layers._asdict()
        for delta in step.deltas:
            layers[delta.layer] = delta.applied(layers[delta.layer], back)
        partition, *rest = step.before if back else step.after
        if step.before[0] is not step.after[0]:
            if partition.heights is self.layers.partition.heights:  # the threshold stays
                partition = partition.with_cut(self.layers.partition.cut)
            layers["partition"] = partition
        layers["factor"], layers["about"] = rest
        if layers["factor"] != self.layers.factor:
            self.prediction = None
        self.layers = Layers(**layers)
        self.version += 1
        return self._changes(step)

    def _changes(self, step):
        """Which parts of which layers the browser has to read again, and whether the tree, too."""
        changed = {d.layer: None if d.box is None else list(d.box) for d in step.deltas}
        resized = any(box is None for box in changed.values())
        tree = step.before[0] is not step.after[0]
        return {"step": step.name, "layers": changed, "tree": tree, "resized": resized}

    def set_cut(self, cut):
        """Move the threshold; that is no step, as moving it back is as easy."""
        self.layers = self.layers._replace(partition=self.layers.partition.with_cut(cut))

    def regions(self):
        """The label image of the regions as they are cut and joined; -1 outside."""
        groups = self.layers.partition.groups
        return np.append(groups, np.int32(-1)).astype(np.int32)[self.layers.regions]

    def working(self, loaded):
        """The image and the mask as they were segmented."""
        mask = None if loaded.mask is None else reduced(loaded.mask, self.layers.factor)
        return reduced(loaded.image, self.layers.factor), mask


_NO_ATOMS = ((0, bool), ((0, 2), np.int32), (0, float), (0, float))
