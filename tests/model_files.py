"""Model files taken apart, changed and put together again; and what Python does meanwhile."""

import contextlib
import copy
import json
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from sklearn_spx import DELSegmenter, SEALSuperpixels, TrainableSLIC

FORMAT_1 = Path(__file__).parent / "data" / "format-1"


@dataclass
class Parts:
    """A model file in pieces: JSON as objects, which ``join`` makes text again."""

    table: dict  # the header but for its strings
    strings: dict
    estimator: object
    state: object
    data: bytes

    @classmethod
    def of(cls, content):
        (length,) = struct.unpack("<Q", content[:8])
        table = json.loads(content[8 : 8 + length])
        strings = table.pop("__metadata__")
        estimator, state = json.loads(strings.pop("estimator")), json.loads(strings.pop("state"))
        return cls(table, strings, estimator, state, content[8 + length :])

    def copy(self):
        return copy.deepcopy(self)

    def header(self):
        strings = {
            **self.strings,
            "estimator": json.dumps(self.estimator),
            "state": json.dumps(self.state),
        }
        return {"__metadata__": strings, **self.table}

    def join(self):
        return joined(json.dumps(self.header()), self.data)

    # tensors

    def remove(self, name):
        """Without a tensor, the others moved together."""
        begin, end = self.table.pop(name)["data_offsets"]
        self.data = self.data[:begin] + self.data[end:]
        for entry in self.table.values():
            if entry["data_offsets"][0] >= end:
                entry["data_offsets"] = [at - (end - begin) for at in entry["data_offsets"]]

    def add(self, name, array):
        kinds = {"float16": "F16", "float32": "F32", "float64": "F64"}
        kinds |= {"int32": "I32", "int64": "I64", "uint8": "U8", "int8": "I8", "bool": "BOOL"}
        raw = array.tobytes()
        self.table[name] = {
            "dtype": kinds[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [len(self.data), len(self.data) + len(raw)],
        }
        self.data += raw


def joined(header, data=b""):
    """A file of a header, text or bytes, and data."""
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header)) + header + data


def format_1(name):
    """A file that an earlier version wrote; of large ones the header is kept, the rest is 0."""
    whole = FORMAT_1 / f"{name}.safetensors"
    if whole.exists():
        return whole.read_bytes()
    header = (FORMAT_1 / f"{name}.header").read_bytes()
    table = json.loads(header[8:])
    ends = [entry["data_offsets"][1] for key, entry in table.items() if key != "__metadata__"]
    return header + bytes(max(ends))


NAMES_1 = sorted(p.stem for p in FORMAT_1.iterdir() if p.suffix in (".header", ".safetensors"))
_CLASSES = (DELSegmenter, SEALSuperpixels, TrainableSLIC)


def class_of(name):
    """The estimator of a file in NAMES_1."""
    return next(cls for cls in _CLASSES if name.startswith(cls.__name__))


# --- what Python does ----------------------------------------------------------------------------

_DANGEROUS = (
    *("open", "import", "exec", "compile", "marshal", "pickle", "subprocess", "socket", "ctypes"),
    *("os.", "shutil", "urllib", "webbrowser", "tempfile", "ensurepip", "mmap", "fcntl", "signal"),
)
_HARMLESS = ("os.scandir", "os.listdir")  # the folder of the shipped files is looked through
_seen = None


def _hook(event, arguments):
    if _seen is None or not event.startswith(_DANGEROUS) or event in _HARMLESS:
        return
    what = arguments[0] if arguments else None
    if event != "open" or not isinstance(what, int):  # what is open already becomes an object
        _seen.append((event, str(what)))


sys.addaudithook(_hook)  # for good: Python has no way to remove one


@contextlib.contextmanager
def watched():
    """Give a list of what the interpreter opens, imports, compiles, executes and starts."""
    global _seen
    _seen = events = []
    try:
        yield events
    finally:
        _seen = None
