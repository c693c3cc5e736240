"""MATLAB's .mat, up to version 7."""

import numpy as np
from scipy.io import loadmat, whosmat

from ..datasets.bsds500 import read_annotations
from ._limits import check_shape

INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
NUMBERS = {"double", "single", "logical", *INTEGERS}


def read_mat(file, path, as_labels):
    """Return {name: array} of the numeric variables of two or three axes.

    With ``as_labels``, annotations as BSDS500 has them are {"groundTruth": list of arrays}.
    """
    try:
        variables = whosmat(file)
        file.seek(0)
        for name, shape, _ in variables:
            check_shape(shape, f"variable {name!r}")
        if as_labels and any(name == "groundTruth" for name, _, _ in variables):
            return {"groundTruth": read_annotations(file)}
        names = [n for n, shape, kind in variables if kind in NUMBERS and len(shape) in (2, 3)]
        found = loadmat(file, variable_names=names)
        return {name: np.asarray(found[name]) for name in names}
    except NotImplementedError:
        raise ValueError(
            "is of MATLAB 7.3; save it in MATLAB by save(..., '-v7') or as TIFF"
        ) from None
    except ValueError:
        raise
    except Exception as error:  # scipy raises whatever a broken file brings about
        raise ValueError(f"is a broken .mat: {type(error).__name__}: {error}") from error
