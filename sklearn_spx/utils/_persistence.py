"""Fitted estimators in one safetensors file: arrays, and a JSON header for the rest. No pickle.

The header names the class, the parameters and the small state. Classes are looked up in this
package alone, so a file from a stranger cannot run code.
"""

import json
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from sklearn.utils.validation import check_is_fitted

_FORMAT = "sklearn_spx 1"
_WEIGHTS = Path(__file__).parents[1] / "weights"


class PretrainedMixin:
    """``save`` and ``from_pretrained`` for an estimator that turns its learned state into arrays.

    It writes ``_state() -> (arrays, values)``, a dict of arrays and one of JSON values, and
    ``_set_state(arrays, values)``, its inverse.
    """

    def save(self, path, *, half_precision=False):
        """Write parameters and learned state to a safetensors file, without pickle.

        Parameters
        ----------
        path : str or path-like
            The file to write, ``.safetensors`` by custom.

        half_precision : bool, default=False
            Whether float32 arrays of more than a thousand numbers are rounded to half precision,
            which halves the file.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If called before ``fit``.

        TypeError
            If a parameter cannot be written, such as an estimator of another package.
        """
        check_is_fitted(self)
        arrays, values = self._state()
        if half_precision:
            arrays = {name: _half(array) for name, array in arrays.items()}
        _save(self, arrays, values, path)

    @classmethod
    def from_pretrained(cls, name_or_path="bsds500", **params):
        """Load a fitted estimator.

        Parameters
        ----------
        name_or_path : str or path-like, default="bsds500"
            A name shipped with the package, or a file that ``save`` wrote.

        **params : dict
            Parameters set on the estimator. Those that training does not depend on need no fit.

        Returns
        -------
        estimator : object of this class
            Fitted.

        Raises
        ------
        FileNotFoundError
            If there is neither such a name nor such a file.

        ValueError
            If the file was not written by ``save``, or holds another estimator.
        """
        estimator, arrays, values = _load(cls, name_or_path)
        estimator.set_params(**params)
        estimator._set_state(arrays, values)
        return estimator


def _save(estimator, arrays, state, path):
    """Write parameters, ``arrays`` (name: ndarray) and ``state`` (JSON values) to ``path``."""
    header = {
        "format": _FORMAT,
        "estimator": json.dumps(_encode(estimator)),
        "state": json.dumps(state),
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # not by save_file, which leaves a file that its owner alone can read
    Path(path).write_bytes(save(arrays, metadata=header))


def _load(cls, name_or_path):
    """Return (unfitted estimator, arrays, state) from a shipped name or a file."""
    path = _find(cls, name_or_path)
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            arrays = {name: _full(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file: {error}") from error
    if header.get("format") != _FORMAT:
        raise ValueError(
            f"{path} was not written by save(): its format is {header.get('format')!r}, "
            f"accepted is {_FORMAT!r}"
        )
    estimator = _decode(json.loads(header["estimator"]))
    if not isinstance(estimator, cls):
        raise ValueError(f"{path} holds a {type(estimator).__name__}, not a {cls.__name__}")
    return estimator, arrays, json.loads(header["state"])


def _half(array):
    return array.astype(np.float16) if array.dtype == np.float32 and array.size > 1000 else array


def _full(array):
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _find(cls, name_or_path):
    """Return the path of a shipped file by its name, or of the file itself."""
    shipped = {p.stem.removeprefix(f"{cls.__name__}-"): p for p in _shipped(cls)}
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    path = Path(name_or_path)
    if not path.is_file():
        names = ", ".join(map(repr, sorted(shipped))) or "none"
        raise FileNotFoundError(
            f"{name_or_path!r} is neither a file nor shipped with {cls.__name__} (shipped: {names})"
        )
    return path


def _shipped(cls):
    return _WEIGHTS.glob(f"{cls.__name__}-*.safetensors")


def encode_fitted(value, arrays, name):
    """Return a fitted transformer of this package as JSON values; put its arrays in ``arrays``.

    Their names begin with ``name``.
    """
    return _encode(value, arrays, name)


def decode_fitted(value, arrays):
    """Return what :func:`encode_fitted` was given."""
    return _decode(value, arrays)


def _encode(value, arrays=None, name=""):
    """JSON values of parameters or, with ``arrays`` to put arrays in, of a fitted state too."""
    fitted = arrays is not None
    if hasattr(value, "get_params"):
        module = type(value).__module__
        if module.split(".")[0] != "sklearn_spx":
            raise TypeError(f"{type(value).__name__} cannot be saved: it is of {module}")
        params = {n: _encode(v) for n, v in value.get_params(deep=False).items()}
        encoded = {"class": f"{module}.{type(value).__qualname__}", "params": params}
        if fitted:
            state = {n: v for n, v in vars(value).items() if n.endswith("_") and n not in params}
            encoded["fitted"] = {n: _encode(v, arrays, f"{name}.{n}") for n, v in state.items()}
        return encoded
    if isinstance(value, np.ndarray) and fitted:
        arrays[name] = value
        return {"tensor": name}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        items = [_encode(item, arrays, f"{name}.{i}") for i, item in enumerate(value)]
        return {type(value).__name__: items}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {k: _encode(v, arrays, f"{name}.{k}") for k, v in value.items()}}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "state_dict"):
        raise TypeError(
            f"a torch module, {type(value).__name__}, cannot be saved without pickle: keep the "
            "estimator by joblib.dump"
        )
    raise TypeError(f"a parameter of type {type(value).__name__} cannot be saved: {value!r}")


def _public(name):
    import sklearn_spx
    from sklearn_spx import features

    for place in (sklearn_spx, features):
        if name in place.__all__:
            return getattr(place, name)
    raise ValueError(f"{name} is no estimator of this package")


def _decode(value, arrays=None):
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return np.array(value["array"], dtype=value["dtype"])
    if "tensor" in value:
        return arrays[value["tensor"]]
    if "list" in value:
        return [_decode(item, arrays) for item in value["list"]]
    if "tuple" in value:
        return tuple(_decode(item, arrays) for item in value["tuple"])
    if "dict" in value:
        return {key: _decode(item, arrays) for key, item in value["dict"].items()}
    module, _, name = value["class"].rpartition(".")
    if module.split(".")[0] != "sklearn_spx":
        raise ValueError(f"the class {value['class']} is not of this package")
    cls = _public(name)
    estimator = cls(**{n: _decode(v) for n, v in value["params"].items()})
    for attribute, state in value.get("fitted", {}).items():
        setattr(estimator, attribute, _decode(state, arrays))
    return estimator
