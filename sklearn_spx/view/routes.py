"""Which question of the browser is answered by which function: method and path, no more.

A path is ``images/3/regions``: words, and numbers where the pattern has ``#``.
"""

from http import HTTPStatus
from typing import Any, NamedTuple

from .problems import Problem

__all__ = ["Answer", "Route", "find_route", "route"]

ROUTES: dict[tuple, Any] = {}


class Answer(NamedTuple):
    """What is sent back: JSON, or bytes of a type."""

    content: Any
    kind: str | None = None  # None: content is sent as JSON
    deflate: bool = False
    headers: dict = {}  # noqa: RUF012  (never changed)


class Route(NamedTuple):
    """A function of (session, numbers of the path, query, body) to an Answer."""

    answer: Any
    takes_file: bool = False


def route(method, pattern, takes_file=False):
    """Say which path a function answers."""

    def keep(function):
        ROUTES[method, tuple(pattern.split("/"))] = Route(function, takes_file)
        return function

    return keep


def find_route(method, parts):
    """Return (the Route of a path, the numbers in it); Problem where there is none."""
    numbers = [part for part in parts if part.isascii() and part.isdigit()]
    pattern = tuple("#" if part in numbers else part for part in parts)
    if any(len(number) > 9 for number in numbers):
        raise Problem("there is nothing of that number", HTTPStatus.NOT_FOUND)
    if (method, pattern) in ROUTES:
        return ROUTES[method, pattern], [int(number) for number in numbers]
    for other in {"GET", "POST"} - {method}:
        if (other, pattern) in ROUTES:
            raise Problem(f"this is asked by {other}", HTTPStatus.METHOD_NOT_ALLOWED)
    raise Problem("there is no such question", HTTPStatus.NOT_FOUND)
