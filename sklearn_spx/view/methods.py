"""The methods of the page: what they are called, which parameters they have, how they are made."""

from typing import NamedTuple

from ..methods.deep_embedding.estimator import DELSegmenter
from ..methods.egb import EGBSegmenter
from ..methods.ers import ERSSuperpixels
from ..methods.seal.estimator import SEALSuperpixels
from ..methods.slic import SLICSuperpixels
from ..methods.trainable_slic.estimator import TrainableSLIC
from . import fields

__all__ = ["METHODS", "described", "make_estimator", "read_choice"]

MOST_REGIONS = 200_000


class Parameter(NamedTuple):
    """A number that the page asks for; ``step`` is 1 for integers."""

    label: str
    default: float
    low: float
    high: float
    step: float = 1


class Method(NamedTuple):
    """An estimator, and the parameters that the page offers of it."""

    name: str
    estimator: type
    parameters: dict
    has_weights: bool = False


_COUNT = {"n_segments": Parameter("Superpixels", 500, 2, MOST_REGIONS)}
_COMPACTNESS = {"compactness": Parameter("Compactness", 10, 0, 1000, 0.5)}
METHODS = {
    "slic": Method("SLIC", SLICSuperpixels, _COUNT | _COMPACTNESS),
    "ers": Method(
        "ERS, entropy rate",
        ERSSuperpixels,
        _COUNT | {"balance": Parameter("Balance of sizes", 0.5, 0, 100, 0.1)},
    ),
    "egb": Method(
        "EGB, graph-based",
        EGBSegmenter,
        {
            "scale": Parameter("Scale", 100, 0, 1e6, 10),
            "sigma": Parameter("Smoothing, pixels", 0.8, 0, 50, 0.1),
            "min_size": Parameter("Smallest region, pixels", 50, 0, 1e6),
        },
    ),
    "trainable-slic": Method("TrainableSLIC", TrainableSLIC, _COUNT | _COMPACTNESS, True),
    "seal": Method("SEAL", SEALSuperpixels, _COUNT, True),
    "del": Method("DEL, objects and parts", DELSegmenter, {}, True),
}


def described():
    """What the browser is told of all methods."""
    return [
        {
            "id": key,
            "name": method.name,
            "parameters": [
                {"id": name, **parameter._asdict()} for name, parameter in method.parameters.items()
            ],
            "weights": list(method.estimator.list_pretrained()) if method.has_weights else [],
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
        read = fields.integer if p.step == 1 and p.default >= 1 else fields.number
        if name == "scale":
            read = fields.number
        chosen[name] = read(given, name, p.low, p.high, p.default)
    if method.has_weights:
        names = method.estimator.list_pretrained()
        chosen["weights"] = fields.choice(given, "weights", names, "bsds500")
    return key, chosen


def make_estimator(key, parameters):
    """Return the estimator that a choice names, not fitted."""
    parameters = dict(parameters)
    if METHODS[key].has_weights:
        parameters["pretrained"] = parameters.pop("weights")
    return METHODS[key].estimator(**parameters)
