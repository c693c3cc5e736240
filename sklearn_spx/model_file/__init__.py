"""Trained estimators in files that cannot hurt: arrays, numbers and words, and nothing that runs.

A model file is a safetensors file. Its header says, in JSON, which estimator it is, by a public
name of ``REGISTRY``, with which parameters, and what it has learned that is no array. A file from
a stranger is safe to open: it can name no other class, no module, no function and no other file,
its sizes are bounded, and all of it is checked before anything is made of it. Whatever is wrong
with it is a ValueError that names the file. See SECURITY.md.

Format 2, the strings of the header:

    format      "sklearn_spx 2"
    version     of the package that wrote it, for people
    estimator   {"name": ..., "params": {...}}, see ``_parameters``
    state       {...}, see ``_state``

A parameter is null, true, a number or a string; or one of

    {"list": [...]}  {"tuple": [...]}  {"array": [...], "dtype": ...}  {"name": ..., "params": ...}

A tensor may be in half precision, or in 8 bits, see :mod:`sklearn_spx.utils.eight_bits`.

Format 1 had "class", a path of modules, for "name", and no version; see ``_migration``.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import __version__
from ..utils.eight_bits import restored, rounded
from ..utils.tensor_file import parse_json, read_metadata, read_tensors, shown, write_tensors
from . import _parameters, _state
from ._migration import from_format_1, state_from_format_1
from ._parameters import REGISTRY, built, estimator_class
from ._state import decode_fitted, encode_fitted

__all__ = [
    "FORMAT",
    "REGISTRY",
    "Model",
    "build",
    "check_arrays",
    "decode_fitted",
    "encode_fitted",
    "estimator_class",
    "find_model",
    "is_model",
    "read_model",
    "shipped_models",
    "write_model",
]

FORMAT = "sklearn_spx 2"
_OLD_FORMAT = "sklearn_spx 1"
_WEIGHTS = Path(__file__).parents[1] / "weights"


class Model(NamedTuple):
    """What a file holds.

    Parameters
    ----------
    name : str
        Of ``REGISTRY``.

    params : dict
        Of the constructor. Estimators in it are built, not fitted.

    arrays : dict of str to ndarray
        What was learned.

    values : dict
        The rest of it.

    Examples
    --------
    >>> from sklearn_spx.model_file import find_model, read_model
    >>> model = read_model(find_model("bsds500", "SEALSuperpixels"))
    >>> model.name, model.values["n_channels_in"]
    ('SEALSuperpixels', 3)
    """

    name: str
    params: dict
    arrays: dict
    values: dict


def write_model(path, estimator, arrays, values, *, half_precision=False, eight_bits=False):
    """Write a fitted estimator to a file, which changes at once or, if anything fails, not at all.

    Parameters
    ----------
    path : str or path-like
        The file.

    estimator : estimator
        Of a class of ``REGISTRY``. Its parameters are written, except for paths and those that say
        where and how it runs and was trained.

    arrays : dict of str to ndarray
        What it has learned.

    values : dict of str to what JSON can hold
        The rest of it.

    half_precision : bool, default=False
        Whether float32 arrays of more than a thousand numbers are rounded to half precision.

    eight_bits : bool, default=False
        Whether those of two axes and more are rounded to 8 bits, and the others, if
        ``half_precision``, to half precision.

    Raises
    ------
    TypeError
        If a parameter cannot be written, such as an estimator of another package.

    ValueError
        If :func:`read_model` would refuse the file.

    Returns
    -------
    None

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_spx.model_file import build, find_model, read_model, write_model
    >>> model = read_model(find_model("bsds500", "SEALSuperpixels"))
    >>> with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
    ...     write_model(file.name, build(model), model.arrays, model.values)
    ...     read_model(file.name).name
    'SEALSuperpixels'
    """
    encoded = _parameters.encode(estimator)
    metadata = {
        "format": FORMAT,
        "version": __version__,
        "estimator": json.dumps(encoded),
        "state": json.dumps(_state.encode_values(values)),
    }
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    small = rounded(arrays) if eight_bits else arrays
    if half_precision:  # of scales nothing is to be lost
        small = {n: _half(array) if n in arrays else array for n, array in small.items()}
    try:
        _checked(_as_read(small), metadata)
    except ValueError as error:
        raise ValueError(f"{encoded['name']} cannot be saved to {path}: {error}") from error
    write_tensors(path, small, metadata)


def read_model(path):
    """Read a file that ``write_model`` wrote, of this version of the package or an older one.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    model : Model
        Checked; the estimator itself is not built.

    Raises
    ------
    ValueError
        That names the file and what is wrong with it.

    OSError
        If there is no such file, or it must not be read.

    Examples
    --------
    >>> from sklearn_spx.model_file import find_model, read_model
    >>> read_model(find_model("bsds500", "TrainableSLIC")).params["distance"]
    'embedding'
    """
    arrays, metadata = read_tensors(path)
    try:
        estimator, values = _checked(arrays, metadata)
    except ValueError as error:
        raise ValueError(f"{path}: {error}{_age(metadata)}") from error
    return Model(estimator.name, built(estimator.params), arrays, values)


def build(model):
    """Return the estimator of a model, not fitted.

    Parameters
    ----------
    model : Model
        What ``read_model`` returned.

    Returns
    -------
    estimator : estimator
        Its arrays and values are still to be given to it.

    Examples
    --------
    >>> from sklearn_spx.model_file import build, find_model, read_model
    >>> build(read_model(find_model("bsds500", "SEALSuperpixels"))).backend
    'ers'
    """
    return estimator_class(model.name)(**model.params)


def shipped_models(class_name):
    """Return the files that are shipped with the package for an estimator.

    Parameters
    ----------
    class_name : str
        Such as "SEALSuperpixels".

    Returns
    -------
    paths : dict of str to Path
        By the names that ``from_pretrained`` knows, sorted.

    Examples
    --------
    >>> from sklearn_spx.model_file import shipped_models
    >>> list(shipped_models("SEALSuperpixels"))
    ['bsds500', 'bsds500-train']
    """
    paths = _WEIGHTS.glob(f"{class_name}-*.safetensors")
    return dict(sorted((path.stem.removeprefix(f"{class_name}-"), path) for path in paths))


def find_model(name_or_path, class_name):
    """Return the path of a shipped file, by its name, or of a file.

    Parameters
    ----------
    name_or_path : str or path-like
        A name that ``shipped_models`` returns, or a file.

    class_name : str
        Such as "SEALSuperpixels".

    Returns
    -------
    path : Path
        Of something that is there.

    Raises
    ------
    FileNotFoundError
        That lists the names, if there is neither.

    Examples
    --------
    >>> from sklearn_spx.model_file import find_model
    >>> find_model("bsds500", "SEALSuperpixels").name
    'SEALSuperpixels-bsds500.safetensors'
    """
    shipped = shipped_models(class_name)
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    path = Path(name_or_path)
    if not os.path.exists(path):  # that of Path raises where a name is too long
        names = ", ".join(map(repr, shipped)) or "none"
        raise FileNotFoundError(
            f"{ascii(str(name_or_path))[:1000]} is neither a file nor shipped with {class_name} "
            f"(shipped: {names})"
        )
    return path


def is_model(path):
    """Return whether a file says of itself that ``write_model`` wrote it.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    is_model : bool
        Also False if there is no such file.

    Examples
    --------
    >>> from sklearn_spx.model_file import find_model, is_model
    >>> is_model(find_model("bsds500", "SEALSuperpixels"))
    True
    """
    try:
        return read_metadata(path).get("format", "").startswith("sklearn_spx ")
    except (OSError, ValueError):
        return False


def check_arrays(arrays, expected, path):
    """Check that arrays are just those that a net has, and finite.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Of a file.

    expected : dict of str to tuple (shape, dtype)
        Of the net.

    path : str or path-like
        What messages name.

    Returns
    -------
    arrays : dict of str to ndarray
        Of these shapes: format 1 kept a single number as an array of one.

    Raises
    ------
    ValueError
        If one is missing, one too many, of another shape or dtype, or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.model_file import check_arrays
    >>> check_arrays({"a": np.zeros(2)}, {"b": ((2,), "float64")}, "my.safetensors")
    Traceback (most recent call last):
    ...
    ValueError: my.safetensors: tensor 'b' is missing
    """
    for names, problem in (
        (expected.keys() - arrays.keys(), "is missing"),
        (arrays.keys() - expected.keys(), "is none of this net"),
    ):
        if names:
            raise ValueError(f"{path}: tensor {shown(min(names))} {problem}")
    found = {}
    for name, (shape, dtype) in expected.items():
        array, shape = arrays[name], tuple(shape)
        if array.shape == (1,) and shape == ():
            array = array.reshape(())
        if array.shape != shape or array.dtype != dtype:
            raise ValueError(
                f"{path}: tensor {shown(name)} is {array.dtype} of shape {array.shape}; accepted "
                f"is {np.dtype(dtype)} of shape {shape}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{path}: tensor {shown(name)} holds NaN or infinity")
        found[name] = array
    return found


def _checked(arrays, metadata):
    """Return (Checked, values of the state) of what a file says."""
    kind = metadata.get("format")
    if kind not in (FORMAT, _OLD_FORMAT):
        raise ValueError(
            f"it was not written by save(): its format is {shown(kind)}, accepted is {FORMAT!r}"
        )
    strings = {"format", "version", "estimator", "state"}
    if set(metadata) != (strings if kind == FORMAT else strings - {"version"}):
        raise ValueError(f"its header has the strings {shown(sorted(metadata))}")
    estimator = parse_json(metadata["estimator"])
    values = parse_json(metadata["state"], allow_nan=kind == _OLD_FORMAT)
    if kind == _OLD_FORMAT:
        estimator = from_format_1(estimator)
        values = state_from_format_1(estimator, from_format_1(values))
    estimator, values = _parameters.check(estimator), _state.decode_values(values)
    _state.check_state(estimator, arrays, values)
    return estimator, values


def _age(metadata):
    """What to add to a complaint about a file of a newer version than this one."""
    version = metadata.get("version", "")
    if _numbers(version) <= _numbers(__version__):
        return ""
    return f". It was written by version {shown(version)}, newer than this one, {__version__}"


def _numbers(version):
    """The leading numbers of a version, to compare."""
    found = []
    for part in version[:50].split("."):
        if not part.isdecimal():
            break
        found.append(int(part))
    return found


def _as_read(arrays):
    """What ``read_model`` makes of arrays."""
    whole = {n: a.astype(np.float32) if a.dtype == np.float16 else a for n, a in arrays.items()}
    return restored(whole)


def _half(array):
    """In half precision, unless it is small, of another dtype, or beyond the range."""
    if array.dtype != np.float32 or array.size <= 1000 or np.abs(array).max() > 65504:
        return array
    return array.astype(np.float16)
