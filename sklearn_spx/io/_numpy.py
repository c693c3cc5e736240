"""NumPy's .npy and .npz, never with pickled objects inside."""

import zipfile

import numpy as np

from ._limits import check_shape


def read_npy(file):
    """Return the array of an .npy file."""
    return _array(file, "")


def read_npz(file):
    """Return {name: array} of an .npz file."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            if not names:
                raise ValueError("is a zip archive without an array of NumPy's")
            arrays = {}
            for name in names:
                with archive.open(name) as member:
                    arrays[name.removesuffix(".npy")] = _array(member, f"array {name[:-4]!r} ")
            return arrays
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"is a broken .npz: {error}") from error


def _array(file, which):
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{which}is broken: {error}") from error
    if dtype.hasobject:
        raise ValueError(
            f"{which}holds an array of Python objects, which would run code when read; "
            "save it again as numbers"
        )
    check_shape(shape, which.strip() or "the array")
    file.seek(0)
    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{which}is broken or cut short: {error}") from error
