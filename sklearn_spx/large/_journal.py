"""What is done of a long work, in a folder: results of its parts, each written whole or not at all.

A part is a tuple of arrays. The folder belongs to one work, told by a digest.
"""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

_ABOUT = "about.json"
_WHAT = "sklearn_spx.large.segment_array"


class Journal:
    """The parts that are done, by phase and number; without a folder, none is kept."""

    def __init__(self, folder, digest):
        self.folder = None if folder is None else Path(folder)
        self.digest = digest
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"checkpoint {self.folder} is no folder: {error.strerror}") from error
        about = self.folder / _ABOUT
        if about.exists():
            self._check(about, digest)
        elif any(self.folder.iterdir()):
            raise ValueError(
                f"checkpoint {self.folder} holds other files; name a folder of its own"
            )
        else:
            text = json.dumps({"what": _WHAT, "digest": digest})
            self._write(about, lambda file: file.write(text.encode()))

    def _check(self, about, digest):
        try:
            known = json.loads(about.read_text(encoding="utf-8"))
            what, found = known["what"], known["digest"]
        except (OSError, ValueError, TypeError, KeyError):
            raise ValueError(f"checkpoint {about} is not one of segment_array") from None
        if what != _WHAT:
            raise ValueError(f"checkpoint {about} is not one of segment_array")
        if found != digest:
            raise ValueError(
                f"checkpoint {self.folder} belongs to another array, estimator or block_size; "
                "give the same again, or another folder"
            )

    def within(self, name):
        """The journal of a work that is part of this one."""
        return Journal(None if self.folder is None else self.folder / name, self.digest)

    def get(self, phase, k):
        """The part, or None if it is not done."""
        if self.folder is None or not self._path(phase, k).exists():
            return None
        path = self._path(phase, k)
        try:
            with np.load(path, allow_pickle=False) as file:
                return tuple(file[f"arr_{i}"] for i in range(len(file.files)))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ValueError(f"checkpoint file {path} is damaged: {error}; delete it") from None

    def put(self, phase, k, arrays):
        """Keep a part."""
        if self.folder is not None:
            self._write(self._path(phase, k), lambda file: np.savez(file, *arrays))

    def forget(self, phase):
        """Drop all parts of a phase."""
        if self.folder is not None:
            for path in self.folder.glob(f"{phase}-*.npz"):
                path.unlink()

    def last(self, phase):
        """The greatest number of a part of the phase that is done, or None."""
        if self.folder is None:
            return None
        done = [int(path.stem.rpartition("-")[2]) for path in self.folder.glob(f"{phase}-*.npz")]
        return max(done, default=None)

    def _path(self, phase, k):
        return self.folder / f"{phase}-{k:06d}.npz"

    def _write(self, path, write):
        descriptor, name = tempfile.mkstemp(dir=self.folder, prefix=".part-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise


def opened(path, dtype, shape, journal, phase):
    """The .npy file that a phase fills, as it was left; or a new one, which has nothing yet."""
    with suppress(OSError, ValueError):
        found = np.lib.format.open_memmap(path, "r+")
        if found.shape == shape and found.dtype == dtype:
            return found
    journal.forget(phase)
    return np.lib.format.open_memmap(path, "w+", dtype, shape)
