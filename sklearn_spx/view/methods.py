"""The methods as the browser is told of them, and as it names them."""

from ..interactive import METHODS
from . import fields

__all__ = ["METHODS", "described", "read_choice"]


def described():
    """What the browser is told of all methods."""
    return [
        {
            "id": key,
            "name": method.name,
            "parameters": [
                {"id": name, **parameter._asdict()} for name, parameter in method.parameters.items()
            ],
            "weights": method.weights,
        }
        for key, method in METHODS.items()
    ]


def read_choice(body):
    """Return (method, its parameters) of what the browser sent, checked."""
    key = fields.choice(body, "method", METHODS)
    method, given = METHODS[key], body.get("parameters", {})
    fields.known(given, [*method.parameters, *(["weights"] if method.has_weights else [])])
    chosen = {}
    for name, p in method.parameters.items():
        read = fields.integer if p.is_integer else fields.number
        chosen[name] = read(given, name, p.low, p.high, p.default)
    if method.has_weights:
        chosen["weights"] = fields.choice(given, "weights", method.weights, "bsds500")
    return key, chosen
