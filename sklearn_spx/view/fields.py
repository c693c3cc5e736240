"""Fields of the JSON that the browser sends: each of its type, and in its range."""

import re

from .problems import Problem

__all__ = ["choice", "color", "integer", "known", "number", "path", "text"]

MOST_POINTS = 20_000  # of a stroke
LONGEST = 80  # letters of a name


def known(body, names):
    """Raise unless ``body`` is an object whose fields are all among ``names``."""
    if not isinstance(body, dict):
        raise Problem(f"the request is {_shown(body)}; expected is a JSON object")
    for name in body:
        if name not in names:
            raise Problem(f"there is no field {name!r} here; known are {', '.join(names)}")


def integer(body, name, low, high, default=None):
    """Return a field that is an integer from ``low`` to ``high``."""
    value = _of(body, name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Problem(f"{name} is {_shown(value)}; expected is an integer from {low} to {high}")
    return value


def number(body, name, low, high, default=None):
    """Return a field that is a number from ``low`` to ``high``, as a float."""
    value = _of(body, name, default)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:  # nor is NaN between them
        raise Problem(f"{name} is {_shown(value)}; expected is a number from {low:g} to {high:g}")
    return float(value)


def choice(body, name, choices, default=None):
    """Return a field that is one of some words."""
    value = _of(body, name, default)
    if not isinstance(value, str) or value not in choices:
        raise Problem(f"{name} is {_shown(value)}; expected is one of {', '.join(choices)}")
    return value


def text(body, name):
    """Return a field that is a name: one line, neither empty nor long."""
    value = _of(body, name, None)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST:
        raise Problem(f"{name} is {_shown(value)}; expected are 1 to {LONGEST} letters")
    if not value.isprintable():
        raise Problem(f"{name} is {_shown(value)}, which holds what cannot be printed")
    return value.strip()


def color(body, name):
    """Return a field that is a colour as #rrggbb."""
    value = _of(body, name, None)
    if not isinstance(value, str) or not re.fullmatch("#[0-9a-fA-F]{6}", value):
        raise Problem(f"{name} is {_shown(value)}; expected is a colour as #rrggbb")
    return value.lower()


def path(body, name):
    """Return a field that is a line of points, as a list of (x, y) in pixels of the image."""
    value = _of(body, name, None)
    if not isinstance(value, list) or not 0 < len(value) <= MOST_POINTS:
        raise Problem(f"{name} is {_shown(value)}; expected are 1 to {MOST_POINTS} points [x, y]")
    points = []
    for point in value:
        if not isinstance(point, list) or len(point) != 2:
            raise Problem(f"{name} holds {_shown(point)}; expected are points [x, y]")
        x, y = ({name: value} for value in point)
        points.append((number(x, name, -1e7, 1e7), number(y, name, -1e7, 1e7)))
    return points


def _of(body, name, default):
    if name not in body and default is None:
        raise Problem(f"the field {name!r} is missing")
    return body.get(name, default)


def _shown(value):
    found = repr(value)
    return found if len(found) <= 60 else f"{found[:57]}..."
