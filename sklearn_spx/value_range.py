"""``value_range``: what black and white are, so that a picture gives the same regions in any dtype.

The six estimators look at images through this. ``fit`` learns the range once, from all images;
``transform`` brings each to it. A subclass's ``_segment`` gets uint8 of an 8-bit picture, in
whatever dtype it came, and float32 with white at 1 of all others.
"""

from typing import Any

from .base import ImageSegmenter
from .utils.images import check_no_alpha
from .utils.scale import Survey, fill_outside, given_range, range_of, seen

__all__ = ["ValueRange"]


class ValueRange(ImageSegmenter):
    """Base of the estimators with the parameter ``value_range``."""

    # whether what is computed inside a mask depends on the pixels around, as filters and nets do
    _sees_around = False
    _ranges: dict[str, tuple[float, float]]

    _parameter_constraints = {  # noqa: RUF012
        **ImageSegmenter._parameter_constraints,
        "value_range": [tuple, list, None],
    }

    value_range: Any

    @property
    def value_range_(self):
        """Black and white: given, or of the images seen in ``fit``."""
        given = given_range(self.value_range)
        if given is not None:
            return given
        if not hasattr(self, "_ranges"):
            raise AttributeError("value_range_ is there after fit")
        return next(iter(self._ranges.values()), (0.0, 255.0))

    def _learn_range(self, X, masks):
        """Learn the range of ``X``; what cannot be used is left to the one who comes next."""
        if given_range(self.value_range) is None:
            survey = Survey()
            for image, mask in self._usable(X, masks):
                survey.add(image, mask)
            self._ranges = survey.ranges()
        else:
            self._ranges = {}

    def _checked(self, X, masks=None, y=None, channels=None, *, learn_range=True):
        self._validate_params()
        if learn_range:
            self._learn_range(X, masks)
        yield from super()._checked(X, masks, y, channels)

    def _check_all(self, X, masks=None, channels=None):
        self._validate_params()
        survey, given = Survey(), given_range(self.value_range)
        for image, mask, _ in self._items(X, masks, channels=channels):
            if given is None:
                survey.add(image, mask)
        self._ranges = survey.ranges()

    def _prepare(self):
        super()._prepare()
        given_range(self.value_range)

    def _check_item(self, image, mask, i, channels, known=True):
        image, mask = super()._check_item(image, mask, i, channels, known)
        if not known:
            check_no_alpha(image, f"X[{i}]", mask)
        return image, mask

    def _takes_channels(self, found, expected, known):
        """A gray image stands for the same gray as RGB, whatever it is mixed with."""
        return (
            found == expected
            or (found, expected) == (1, 3)
            or (not known and (found, expected) == (3, 1))
        )

    def _look_at(self, image, mask, name):
        ranges = vars(self).get("_ranges", {})
        value_range = given_range(self.value_range) or range_of(image, ranges, name, mask)
        image = seen(image, value_range, mask, name)
        return fill_outside(image, mask) if self._sees_around else image

    def _as_seen(self, X, masks):
        """``X`` as a collection of what ``_look_at`` makes of its images, made when asked for."""
        return _Seen(self, X, masks)

    # --- state, of those that are saved ---

    def _range_state(self):
        ranges = {kind: list(both) for kind, both in vars(self).get("_ranges", {}).items()}
        return {"value_ranges": ranges}

    def _set_range_state(self, values):
        ranges = values.get("value_ranges", {})  # files of earlier versions have none
        self._ranges = {kind: tuple(both) for kind, both in ranges.items()}


class _Seen:
    """A lazy collection: image i is read and brought to its range each time."""

    def __init__(self, estimator, X, masks):
        self.estimator, self.X, self.masks = estimator, X, masks

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        mask = None if self.masks is None else self.masks[i]
        image, mask = self.estimator._check_item(self.X[i], mask, i, None)
        return self.estimator._look_at(image, mask, f"X[{i}]")
