"""PPM and PGM whose brightest value is not 255, which Pillow rescales or cuts to 8 bits."""

import re
from typing import NamedTuple

import numpy as np

from ._limits import check_size

KINDS = {b"P2": 1, b"P3": 3, b"P5": 1, b"P6": 3}  # channels
_SPACE = rb"(?:\s|#[^\n\r]*[\n\r])+"
_HEADER = re.compile(rb"(P[2356])" + 3 * (_SPACE + rb"(\d{1,10})") + rb"\s")


class Header(NamedTuple):
    """What stands before the numbers."""

    kind: bytes
    width: int
    height: int
    brightest: int
    length: int  # bytes


def pnm_header(head):
    """Return the Header at the beginning of a file, or None where it is of another format."""
    if head[:2] not in KINDS:
        return None
    found = _HEADER.match(head)
    if found is None:
        raise ValueError("has a broken header of a PPM or PGM")
    return Header(found[1], int(found[2]), int(found[3]), int(found[4]), found.end())


def read_pnm(file, header, as_labels):
    """Return the pixels: labels as they are stored, images over the full range of their dtype."""
    check_size(header.width * header.height, "the PPM or PGM image")
    if header.width * header.height == 0:
        raise ValueError("has no pixels")
    if not 0 < header.brightest < 65536:
        raise ValueError(f"has the brightest value {header.brightest}; accepted are 1 to 65535")
    channels = KINDS[header.kind]
    dtype = np.dtype(np.uint8 if header.brightest < 256 else np.uint16)
    size = header.width * header.height * channels
    file.seek(header.length)
    if header.kind in (b"P5", b"P6"):
        array = np.frombuffer(file.read(size * dtype.itemsize), dtype.newbyteorder(">"))
    else:
        text = re.sub(rb"#[^\n\r]*", b"", file.read(8 * size + 2**16))
        array = np.array(text.split()[:size], dtype=np.int64)
    if array.size < size:
        raise ValueError(f"is cut short: it has {array.size} of {size} numbers")
    if not 0 <= array.min() <= array.max() <= header.brightest:
        raise ValueError(
            f"holds values from {array.min()} to {array.max()}; its own limit is {header.brightest}"
        )
    if not as_labels:
        full = np.iinfo(dtype).max
        array = np.round(array * (full / header.brightest))
    shape = (header.height, header.width, channels)[: 2 if channels == 1 else 3]
    return array.astype(dtype).reshape(shape)
