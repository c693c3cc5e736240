"""The methods that people choose from: names, parameters, how estimators are made of them."""

from typing import NamedTuple

from ..methods.deep_embedding.estimator import DELSegmenter
from ..methods.egb import EGBSegmenter
from ..methods.ers import ERSSuperpixels
from ..methods.seal.estimator import SEALSuperpixels
from ..methods.slic import SLICSuperpixels
from ..methods.trainable_slic.estimator import TrainableSLIC

__all__ = ["METHODS", "make_estimator"]

MOST_REGIONS = 200_000


class Parameter(NamedTuple):
    """A number that is asked for; ``step`` is 1 for integers."""

    label: str
    default: float
    low: float
    high: float
    step: float = 1

    @property
    def is_integer(self):
        """Whether it is a whole number."""
        return self.step == 1


class Method(NamedTuple):
    """An estimator, and those of its parameters that are asked for."""

    name: str
    estimator: type
    parameters: dict
    has_weights: bool = False

    @property
    def takes_volumes(self):
        """Whether it segments volumes, and pixels that are no squares."""
        return "spacing" in self.estimator().get_params()

    @property
    def weights(self):
        """Names of the weights that are shipped, the usual first."""
        return list(self.estimator.list_pretrained()) if self.has_weights else []


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


def make_estimator(key, parameters, spacing=None):
    """Return the estimator that a choice names, not fitted; ``spacing`` where it takes volumes."""
    parameters = dict(parameters)
    if spacing is not None:
        parameters["spacing"] = spacing
    if METHODS[key].has_weights:
        parameters["pretrained"] = parameters.pop("weights")
    return METHODS[key].estimator(**parameters)
