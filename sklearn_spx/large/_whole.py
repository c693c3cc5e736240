"""An image of any size, its blocks, and how tasks get them."""

import numpy as np

from ..kernels.entropy_rate.blocks import around
from . import _images
from ._source import read, window


class Whole:
    """The image, its blocks, and how a block is read.

    Parameters
    ----------
    estimator : estimator, which says what black and white are
    source : what windows are taken of
    boxes : list of (first row, the one behind the last, first column, ...), row by row
    engine : Engine
    survey : what ``survey`` returns, if it is known, or None
    """

    def __init__(self, estimator, source, boxes, engine, survey=None):
        self.estimator, self.source, self.boxes, self.engine = estimator, source, boxes, engine
        self.shape = tuple(source.shape)
        self.reading = None  # of blocks, once it is known
        self._found = survey

    def of(self, estimator, source, journal=None, survey=None):
        """Another image of the same size, in the same blocks."""
        engine = self.engine if journal is None else self.engine.with_journal(journal)
        return Whole(estimator, source, self.boxes, engine, survey)

    def survey(self):
        """Black and white, and whether the image is an 8-bit picture."""
        if self._found is None:
            self._found = self._look()
        return self._found

    def _look(self):
        dtype = self.source.dtype
        known = _images.known_range(self.estimator, dtype)
        if known == (0, 255) and dtype == np.uint8:
            return known, True
        if known is None:
            found = self._surveyed("range", None)
            low, high = min(part[0] for part in found), max(part[1] for part in found)
            known = _images.natural_range(np.array([[low, high]], dtype), "array")
        return known, all(bool(part[2]) for part in self._surveyed("bits", known))

    def _surveyed(self, phase, value_range):
        self.engine.add_phase()
        return [part for _, part in self.engine.each(phase, _survey, self._arguments(value_range))]

    def _arguments(self, *more):
        """Of a task without a plan, by the number of the block."""
        return lambda k: (*self.part(self.boxes[k]), *more)

    def part(self, box):
        """Some of the image as tasks get it, and what messages call it."""
        return window(self.source, box), "array[{}:{}, {}:{}]".format(*box)

    def around(self, box, side):
        """A part of the image with as many pixels around it."""
        return around(box, self.shape, side)


def _survey(part, name, value_range):
    return _images.survey_block(read(part), value_range, name)
