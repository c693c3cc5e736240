"""What estimators have learned: which values and arrays a file has to hold, and no others.

One function for each kind of estimator asks for what it knows, by name, kind and shape; what is
missing, wrong or left over is a ValueError. The arrays of torch nets are only counted as theirs:
whether they fit is for ``check_arrays``, which is told by the net.
"""

import inspect
import math

import numpy as np

from ..utils.tensor_file import shown
from . import _parameters
from ._parameters import Checked

# attributes of fitted transformers that are written and read
_FITTED = {
    "features.ChannelUnion": ("n_channels_in_", "transformers_"),
    "features.EmbeddingFeatures": (
        "n_channels_in_",
        "n_features_out_",
        "colours_",
        "colour_scales_",
        "weights_",
        "history_",
    ),
    "features.LabFeatures": ("n_channels_in_", "n_features_out_", "converts_"),
    "features.ScatteringFeatures": ("n_channels_in_", "n_features_out_", "lab_", "mixing_"),
}
_MOST_CHANNELS = 4096  # of an image
_MOST_FEATURES = 2**20  # of a pixel
_MOST_ENTRIES = 20_000  # of a history
_PAN = ("two-way", "square", "no-canny", "baseline")  # the net of SEAL's paper, its ablations
_NETS = ("mlp", "classifier", "classifier-paper")  # of TrainableSLIC
_KINDS = {"bool", "uint8", "uint16", "integer", "float"}  # of images, that share a value range
_DTYPES = {"float32", "float64", "int64"}  # of arrays


def encode_values(value):
    """Return values as JSON holds them; numbers that it has no words for as {"float": "NaN"}."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"a dict of the state has keys that are no str: {shown(value)}")
        return {key: encode_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode_values(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a {type(value).__name__} of the state cannot be saved: {shown(value)}")


def decode_values(value):
    """Return what ``encode_values`` was given."""
    if isinstance(value, list):
        return [decode_values(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"float"} and not isinstance(value["float"], list):  # the range of floats
        if value["float"] not in ("NaN", "Infinity", "-Infinity"):
            raise ValueError(f"the state holds the number {shown(value['float'])}")
        return float(value["float"])
    return {key: decode_values(item) for key, item in value.items()}


def check_state(estimator, arrays, values):
    """Raise ValueError unless this can be the state of a ``Checked`` estimator."""
    for name, array in arrays.items():
        if str(array.dtype) not in _DTYPES:
            raise ValueError(
                f"tensor {shown(name)} is {array.dtype}; accepted is {' or '.join(sorted(_DTYPES))}"
            )
    if not isinstance(values, dict):
        raise ValueError(f"the state is {shown(values)}; accepted is an object")
    if estimator.name in _STATES:
        values, arrays = _Fields(values, "the state"), _Fields(arrays, "the tensors")
        _STATES[estimator.name](estimator.params, values, arrays)
        values.done()
        arrays.done()


# --- fitted transformers -------------------------------------------------------------------------


def encode_fitted(transformer, arrays, name):
    """Return a fitted transformer as values for JSON.

    Parameters
    ----------
    transformer : transformer of images
        Fitted.

    arrays : dict of str to ndarray
        Where its arrays are put.

    name : str
        What their names begin with.

    Returns
    -------
    value : dict
        Of the name, the parameters, and what it has learned.

    Raises
    ------
    TypeError
        For a transformer that no file may hold.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.features import LabFeatures
    >>> from sklearn_spx.model_file import encode_fitted
    >>> lab = LabFeatures().fit([np.zeros((4, 5, 3), np.uint8)])
    >>> encode_fitted(lab, {}, "lab")["fitted"]
    {'n_channels_in_': 3, 'n_features_out_': 3, 'converts_': True}
    """
    encoded = _parameters.encode(transformer)
    if encoded["name"] not in _FITTED:
        raise TypeError(f"{type(transformer).__name__} cannot be saved as a fitted transformer")
    encoded["fitted"] = {
        attribute: _encode_attribute(getattr(transformer, attribute), arrays, f"{name}.{attribute}")
        for attribute in _FITTED[encoded["name"]]
    }
    return encoded


def decode_fitted(value, arrays):
    """Return the transformer that ``encode_fitted`` was given.

    Parameters
    ----------
    value : dict
        What it returned.

    arrays : dict of str to ndarray
        With those that it put there.

    Returns
    -------
    transformer : transformer of images
        Fitted. Only attributes that are declared for its class are set.

    Raises
    ------
    ValueError
        If the values are not what ``encode_fitted`` returns.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.features import LabFeatures
    >>> from sklearn_spx.model_file import decode_fitted, encode_fitted
    >>> arrays = {}
    >>> lab = LabFeatures().fit([np.zeros((4, 5, 3), np.uint8)])
    >>> decode_fitted(encode_fitted(lab, arrays, "lab"), arrays).converts_
    True
    """
    return check_fitted(value, _Fields(arrays, "the tensors"), "the transformer").build()


def check_fitted(value, arrays, where):
    """Return ``Checked`` of what ``encode_fitted`` wrote; take its arrays from the fields."""
    if not isinstance(value, dict) or set(value) != {"name", "params", "fitted"}:
        raise ValueError(f"{where} is {shown(value)}; accepted is a fitted transformer")
    estimator = {"name": value["name"], "params": value["params"]}
    checked = _parameters.check(estimator, where, _parameters.TRANSFORMERS)
    where = f"{where} ({checked.name})"
    fitted = _Fields(_decode_attributes(value["fitted"], arrays, where), where)
    _TRANSFORMERS[checked.name](checked.params, fitted)
    fitted.done()
    return Checked(checked.name, checked.params, fitted.values)


def _encode_attribute(value, arrays, name):
    if hasattr(value, "get_params"):
        return encode_fitted(value, arrays, name)
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"tensor": name}
    if isinstance(value, (list, tuple)):
        items = [_encode_attribute(item, arrays, f"{name}.{i}") for i, item in enumerate(value)]
        return {type(value).__name__: items}
    if isinstance(value, dict):
        return {"dict": {k: _encode_attribute(v, arrays, f"{name}.{k}") for k, v in value.items()}}
    return encode_values(value)


def _decode_attributes(value, arrays, where):
    if not isinstance(value, dict):
        raise ValueError(f"what {where} has learned is {shown(value)}; accepted is an object")
    return {name: _decode_attribute(item, arrays, where) for name, item in value.items()}


def _decode_attribute(value, arrays, where):
    if not isinstance(value, dict):
        return value
    kind = next(iter(value)) if len(value) == 1 else None
    if kind == "tensor":
        if not isinstance(value[kind], str):
            raise ValueError(f"{where} names the tensor {shown(value[kind])}")
        return arrays.take(value[kind])
    if kind in ("list", "tuple") and isinstance(value[kind], list):
        items = [_decode_attribute(item, arrays, where) for item in value[kind]]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict":
        return _decode_attributes(value[kind], arrays, where)
    return check_fitted(value, arrays, f"a part of {where}")


class _Fields:
    """Values, or arrays, by name, each to be asked for once; ``done`` complains of the rest."""

    def __init__(self, values, where):
        if not isinstance(values, dict):
            raise ValueError(f"{where} is {shown(values)}; accepted is an object")
        self.values, self.where = values, where
        self.left = set(values)

    def take(self, name):
        if name not in self.left:
            problem = "is asked for twice" if name in self.values else "is missing"
            raise ValueError(f"{shown(name)} of {self.where} {problem}")
        self.left.remove(name)
        return self.values[name]

    def take_all(self, prefix):
        """Take what begins with ``prefix``: {rest of the name: value}."""
        names = sorted(name for name in self.left if name.startswith(prefix))
        return {name.removeprefix(prefix): self.take(name) for name in names}

    def done(self):
        if self.left:
            raise ValueError(f"{self.where}: {shown(min(self.left))} belongs to nothing")

    def _checked(self, name, is_right, accepted):
        value = self.take(name)
        if not is_right(value):
            raise ValueError(
                f"{shown(name)} of {self.where} is {shown(value)}; accepted is {accepted}"
            )
        return value

    def count(self, name, most):
        accepted = f"an integer from 1 to {most:,}"
        return self._checked(name, lambda v: type(v) is int and 1 <= v <= most, accepted)

    def flag(self, name):
        return self._checked(name, lambda v: isinstance(v, bool), "true or false")

    def word(self, name, words):
        accepted = " or ".join(map(repr, words))
        return self._checked(name, lambda v: isinstance(v, str) and v in words, accepted)

    def name(self, name):
        accepted = "up to 255 characters"
        return self._checked(name, lambda v: isinstance(v, str) and len(v) <= 255, accepted)

    def number(self, name, low=-math.inf):
        accepted = f"a number above {low}"
        return self._checked(name, lambda v: _is_number(v) and low < v < math.inf, accepted)

    def numbers(self, name, low, lengths):
        return self._checked(
            name,
            lambda v: (
                isinstance(v, list)
                and len(v) in lengths
                and all(_is_number(x) and low <= x < math.inf for x in v)
            ),
            f"a list of numbers, {low} or more",
        )

    def history(self, name):
        return self._checked(
            name,
            lambda v: (
                isinstance(v, list)
                and len(v) <= _MOST_ENTRIES
                and all(isinstance(entry, dict) for entry in v)
                and all(_is_number(x) for entry in v for x in entry.values())
            ),
            f"a list of at most {_MOST_ENTRIES:,} objects of numbers",
        )

    def array(self, name, shape, *dtypes):
        """Take an array of one of the dtypes; None in ``shape`` stands for any size."""
        value = self.take(name)
        return _check_array(value, f"{shown(name)} of {self.where}", shape, dtypes)


def _is_number(value):
    return type(value) in (int, float)


def _check_array(value, where, shape, dtypes):
    if not isinstance(value, np.ndarray):
        raise ValueError(f"{where} is {shown(value)}; accepted is an array")
    fits = len(value.shape) == len(shape) and all(
        n in (None, found) for n, found in zip(shape, value.shape)
    )
    if not fits or value.dtype not in dtypes:
        sizes = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(
            f"{where} is {value.dtype} of shape {value.shape}; accepted is "
            f"{' or '.join(dtypes)} of shape ({sizes})"
        )
    return value


# --- what each has learned: functions of (parameters, values, arrays) ----------------------------


def _ranges(values):
    """Black and white of each kind of image; files of earlier versions have none."""
    if "value_ranges" not in values.values:
        return
    ranges = _Fields(values.take("value_ranges"), "the value_ranges")
    for kind in sorted(ranges.left):
        if kind not in _KINDS:
            raise ValueError(f"the value_ranges name {shown(kind)}, which is no kind of image")
        low, high = ranges.numbers(kind, -math.inf, {2})
        if not -math.inf < low < high:
            raise ValueError(f"the range of {kind} is from {shown(low)} to {shown(high)}")


def _seal(params, values, arrays):
    values.count("n_channels_in", _MOST_CHANNELS)
    _ranges(values)
    if "net_channels" in values.values:  # three of gray images
        values.count("net_channels", _MOST_CHANNELS)
    values.history("history")
    values.word("net", ("compact", "pan", *(f"pan-{kind}" for kind in _PAN)))
    values.word("loss", ("cross_entropy", "seal"))
    arrays.take_all("")


def _del(params, values, arrays):
    values.count("n_channels_in", _MOST_CHANNELS)
    _ranges(values)
    values.history("history")
    values.word("net", ("compact", "large", "vgg16"))
    values.word("pooling", ("mean", "max"))
    sides = values._checked("sides", lambda v: isinstance(v, list), "a list")
    if not 0 < len(sides) <= 5 or not all(type(v) is int and 1 <= v <= 5 for v in sides):
        raise ValueError(f"the sides are {shown(sides)}; accepted are integers from 1 to 5")
    arrays.take_all("net.")
    if "trunk" in values.values:  # sums of a trunk that is not in the file
        values.numbers("trunk", 0, range(1, 1000))
    if "trunk_file" in values.values:  # for people
        values.name("trunk_file")
    superpixels = params.get("superpixels")
    if superpixels is not None and superpixels.name in _STATES:
        inner = _Fields(values.take("superpixels"), "the state of the superpixels")
        tensors = _Fields(arrays.take_all("superpixels."), "the tensors of the superpixels")
        _STATES[superpixels.name](superpixels.params, inner, tensors)
        inner.done()
        tensors.done()


def _trainable_slic(params, values, arrays):
    n_channels = values.count("n_channels_in", _MOST_CHANNELS)
    _ranges(values)
    values.count("n_images", 2**31)
    values.history("history")
    values._checked("loss", _is_number, "a number")
    values.number("scale", 0)
    distance = values.word("distance", ("linear", *_NETS, "embedding"))
    features = check_fitted(values.take("features"), arrays, "features")
    reference = _Fields(values.take("reference"), "the reference")
    lab = check_fitted(reference.take("lab"), arrays, "the reference")
    if n_channels == 1 and lab.fitted["n_channels_in_"] == 3:
        n_channels = 3  # gray images are seen as colours
    reference.numbers("weights", 0, {n_channels})
    reference.done()
    for part in (features, lab):
        if part.fitted["n_channels_in_"] != n_channels:
            raise ValueError(f"{part.name} is for another number of channels than {n_channels}")
    n = _n_features(features)
    arrays.array("weights", (n,), "float64")
    arrays.array("axes", (n, None), "float32")
    if values.values.get("past") is None:
        values.take("past")
    else:
        past = _Fields(values.take("past"), "the past")
        past.count("n_images", 2**31)
        past.count("n", 2**53)
        past.number("log_scale")
        past.done()
        for name, shape in (
            ("unit", (n + 1,)),
            ("curvature", (n + 1, n + 1)),
            ("slope", (n + 1,)),
            ("weights", (n + 1,)),
            ("moments", (n, n)),
        ):
            arrays.array(f"past.{name}", shape, "float32", "float64")
    if distance in _NETS:
        values.count("n_neighbors", 1024)
        arrays.take_all("net.")
    else:
        values._checked("n_neighbors", lambda v: v is None, "null")


_STATES = {"DELSegmenter": _del, "SEALSuperpixels": _seal, "TrainableSLIC": _trainable_slic}


# --- and fitted transformers: functions of (parameters, attributes) ------------------------------


def _lab(params, fitted):
    n_channels = fitted.count("n_channels_in_", _MOST_CHANNELS)
    if fitted.count("n_features_out_", _MOST_FEATURES) != n_channels:
        raise ValueError(f"n_features_out_ of {fitted.where} is not n_channels_in_")
    if fitted.flag("converts_") and n_channels != 3:
        raise ValueError(f"converts_ of {fitted.where} is of 3 channels, not {n_channels}")


def _scattering(params, fitted):
    n_channels = fitted.count("n_channels_in_", _MOST_CHANNELS)
    _part(fitted, "lab_", n_channels, {"features.LabFeatures"})
    mixing = fitted.array("mixing_", (n_channels, None), "float32")
    name = "features.ScatteringFeatures"
    J, L, order = (_given(name, params, key) for key in ("J", "L", "max_order"))
    per_channel = 1 + J * L + (J * (J - 1) // 2 * L**2 if order == 2 else 0)
    if fitted.count("n_features_out_", _MOST_FEATURES) != per_channel * mixing.shape[1]:
        raise ValueError(f"n_features_out_ of {fitted.where} does not follow from its parameters")


def _embedding(params, fitted):
    n_channels = fitted.count("n_channels_in_", _MOST_CHANNELS)
    n_components = _given("features.EmbeddingFeatures", params, "n_components")
    if fitted.count("n_features_out_", _MOST_FEATURES) != n_channels + n_components:
        raise ValueError(f"n_features_out_ of {fitted.where} does not follow from its parameters")
    _part(fitted, "colours_", n_channels, {"features.LabFeatures"})
    fitted.array("colour_scales_", (n_channels,), "float32")
    fitted.history("history_")
    weights = fitted.take("weights_")
    if not isinstance(weights, dict) or not all(
        isinstance(array, np.ndarray) for array in weights.values()
    ):
        raise ValueError(f"weights_ of {fitted.where} is no object of tensors")


def _union(params, fitted):
    n_channels = fitted.count("n_channels_in_", _MOST_CHANNELS)
    parts, given = fitted.take("transformers_"), params["transformers"]
    if (
        not isinstance(parts, list)
        or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in parts)
        or [name for name, _ in parts] != [name for name, _ in given]
    ):
        raise ValueError(f"transformers_ of {fitted.where} are not those of its parameters")
    for name, part in parts:
        _part(_Fields({name: part}, fitted.where), name, n_channels, _parameters.TRANSFORMERS)


_TRANSFORMERS = {
    "features.ChannelUnion": _union,
    "features.EmbeddingFeatures": _embedding,
    "features.LabFeatures": _lab,
    "features.ScatteringFeatures": _scattering,
}


def _part(fitted, name, n_channels, accepted):
    """Take a fitted transformer that another consists of."""
    part = fitted.take(name)
    if not isinstance(part, Checked) or part.name not in accepted:
        raise ValueError(f"{shown(name)} of {fitted.where} is no fitted {' or '.join(accepted)}")
    if part.fitted["n_channels_in_"] != n_channels:
        raise ValueError(f"{shown(name)} of {fitted.where} is not for {n_channels} channels")


def _n_features(checked):
    """How many channels a fitted transformer returns."""
    if checked.name != "features.ChannelUnion":
        return checked.fitted["n_features_out_"]
    n = sum(_n_features(part) for _, part in checked.fitted["transformers_"])
    select = checked.params.get("select")
    if select is None:
        return n
    select = np.asarray(select)
    fits = len(select) == n if select.dtype == bool else -n <= select.min() <= select.max() < n
    if not fits:
        raise ValueError(f"select of {checked.name} is not of {n} channels")
    return int(select.sum()) if select.dtype == bool else len(select)


def _given(name, params, key):
    """A parameter of the file, or its default."""
    signature = inspect.signature(_parameters.estimator_class(name))
    return params.get(key, signature.parameters[key].default)
