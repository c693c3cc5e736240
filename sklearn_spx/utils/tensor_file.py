"""Safetensors files, read with suspicion: nothing in them is believed before it is checked.

    8 bytes: length of the header | header, JSON | bytes of the tensors, end to end

The header gives each tensor's dtype, shape and place; under "__metadata__" are strings. Names and
values of a file are shown in messages by ``shown``: short, and with nothing that a terminal obeys.
"""

import io
import json
import math
import os
import struct
from collections import Counter

import numpy as np
from safetensors.numpy import save

from .eight_bits import restored
from .files import open_regular, replacing

MOST_BYTES = 2**29  # of a file; ten times what the largest net here has
MOST_HEADER_BYTES = 2**23
MOST_TENSORS = 5000
MOST_JSON_ITEMS = 1_000_000
MOST_LEVELS = 32  # of lists and dicts within each other

_DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "BF16": "<u2",  # the upper half of a float32
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}
_BEGINNINGS = {
    b"PK\x03\x04": "a zip archive, or what torch.save writes",
    b"\x80": "a pickle",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "an array of numpy",
    b"\x1f\x8b": "gzip",
    b"<": "a web page",
    b"{": "JSON",
    b"version https://git-lfs": "a pointer of Git LFS, in the place of the file itself",
}


def read_tensors(path, *, most_bytes=MOST_BYTES):
    """Read a safetensors file.

    Parameters
    ----------
    path : path-like
    most_bytes : int, of the file

    Returns
    -------
    arrays : dict of str to ndarray
        Finite. Half precision, of either kind, and weights in 8 bits as float32.

    metadata : dict of str to str

    Raises
    ------
    ValueError
        That names the file and what is wrong with it.

    OSError
        If it is not there or must not be read.
    """
    with open_regular(path) as file:
        try:
            table, metadata = _read_header(file, _size(file), most_bytes)
            raw = {name: _read_tensor(file, name, *entry) for name, entry in table.items()}
            arrays = restored(raw)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    return arrays, metadata


def read_metadata(path):
    """Read what ``read_tensors`` does, but for the arrays."""
    with open_regular(path) as file:
        try:
            return _read_header(file, _size(file))[1]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


def write_tensors(path, arrays, metadata):
    """Write a safetensors file, all at once or not at all.

    ValueError if ``read_tensors`` would refuse it.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    data = save(arrays, metadata=metadata)
    try:
        _read_header(io.BytesIO(data), len(data))
        for name, array in arrays.items():
            _check_finite(array, name)
    except ValueError as error:
        raise ValueError(f"{path} cannot be written: {error}") from error
    with replacing(path) as file:
        file.write(data)


def parse_json(text, *, allow_nan=False):
    """Parse JSON of a file; ValueError unless it is plain and of modest size.

    With ``allow_nan``, NaN and Infinity are taken as {"float": "NaN"}, ...
    """
    if sum(map(text.count, ",[{")) > MOST_JSON_ITEMS:
        raise ValueError(f"its JSON has more than {MOST_JSON_ITEMS:,} items")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_tagged if allow_nan else _no_constant,
            parse_float=_finite,
            parse_int=_modest,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"its JSON is broken: {error}") from error
    except RecursionError:
        raise ValueError(f"its JSON is more than {MOST_LEVELS} levels deep") from None
    _check_depth(value)
    return value


def shown(value):
    """Return how a message shows what a file says: as Python would write it, cut short."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


# --- the header ----------------------------------------------------------------------------------


def _size(file):
    return os.fstat(file.fileno()).st_size


def _read_header(file, size, most_bytes=MOST_BYTES):
    """Return ({name: (dtype, shape)} in the order of the bytes, metadata); stop at the tensors."""
    if size > most_bytes:
        raise ValueError(f"it has {size:,} bytes; accepted are up to {most_bytes:,}")
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if length < 2 or length > size - 8:
        raise ValueError(f"it is no safetensors file{_guess(file, start)}, or is cut off")
    if length > MOST_HEADER_BYTES:
        raise ValueError(
            f"its header has {length:,} bytes; accepted are up to {MOST_HEADER_BYTES:,}"
        )
    try:
        text = file.read(length).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"its header is not UTF-8: {error.reason}") from error
    header = parse_json(text)
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its __metadata__ is no object of strings")
    if len(header) > MOST_TENSORS:
        raise ValueError(f"it has {len(header):,} tensors; accepted are up to {MOST_TENSORS:,}")
    return _table(header, size - 8 - length), metadata


def _guess(file, start):
    beginning = start + file.read(24)
    kinds = (kind for mark, kind in _BEGINNINGS.items() if beginning.startswith(mark))
    return "".join(f": it begins like {kind}" for kind in list(kinds)[:1])


def _table(header, n_bytes):
    """Check that tensors follow one upon the other, from the first byte to the last."""
    places = []
    for name, entry in header.items():
        problem = f"the entry of tensor {shown(name)}"
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"{problem} has not just dtype, shape and data_offsets")
        if not isinstance(entry["dtype"], str) or entry["dtype"] not in _DTYPES:
            raise ValueError(f"{problem} has the dtype {shown(entry['dtype'])}")
        shape, offsets = entry["shape"], entry["data_offsets"]
        if not _are_sizes(shape) or len(shape) > 8:
            raise ValueError(f"{problem} has the shape {shown(shape)}")
        if not _are_sizes(offsets) or len(offsets) != 2:
            raise ValueError(f"{problem} has the data_offsets {shown(offsets)}")
        begin, end = offsets
        if end - begin != math.prod(shape) * np.dtype(_DTYPES[entry["dtype"]]).itemsize:
            raise ValueError(
                f"tensor {shown(name)} of shape {shown(shape)} and dtype {entry['dtype']} cannot "
                f"lie in bytes {shown(offsets)}"
            )
        places.append((begin, end, name))
    at, before = 0, None
    for begin, end, name in sorted(places):
        if begin != at:
            what = "overlaps with" if begin < at else "leaves a gap after"
            after = "the header" if before is None else f"tensor {shown(before)}"
            raise ValueError(f"tensor {shown(name)} {what} {after}")
        at, before = end, name
    if at != n_bytes:
        raise ValueError(f"its tensors need {at:,} bytes, it has {n_bytes:,}")
    order = [name for _, _, name in sorted(places)]
    return {name: (header[name]["dtype"], tuple(header[name]["shape"])) for name in order}


def _are_sizes(values):
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)


def _read_tensor(file, name, dtype, shape):
    raw = np.empty(shape, _DTYPES[dtype])
    if raw.size and file.readinto(raw.reshape(-1).view(np.uint8)) != raw.nbytes:
        raise ValueError(f"it ended within tensor {shown(name)} while it was read")
    if dtype == "F16":
        array = raw.astype(np.float32)
    elif dtype == "BF16":
        array = (raw.astype(np.uint32) << 16).view(np.float32)
    else:
        array = raw.astype(raw.dtype.newbyteorder("="), copy=False)
    _check_finite(array, name)
    return array


def _check_finite(array, name):
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"tensor {shown(name)} holds NaN or infinity")


# --- JSON ----------------------------------------------------------------------------------------


def _without_duplicates(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"its JSON has {shown(twice)} twice in one object")
    return found


def _no_constant(text):
    raise ValueError(f"its JSON holds {text}")


def _tagged(text):
    return {"float": text}


def _finite(text):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"its JSON holds the number {shown(text)}, too great for a float")
    return value


def _modest(text):
    if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
        raise ValueError(f"its JSON holds the integer {shown(text)}; accepted are 64 bits")
    return int(text)


def _check_depth(value):
    level, depth = [value], 0
    while level:
        if depth > MOST_LEVELS:
            raise ValueError(f"its JSON is more than {MOST_LEVELS} levels deep")
        inner = (v for v in level if isinstance(v, (dict, list)))
        level = [v for part in inner for v in (part.values() if isinstance(part, dict) else part)]
        depth += 1
