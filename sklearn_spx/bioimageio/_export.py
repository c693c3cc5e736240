"""``export_bioimageio``: what is asked for, and whether it can be had."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..training.state import net_arrays
from ..utils.files import replacing
from ._maps import maps_of
from ._package import Credits, write_package

__all__ = ["export_bioimageio"]


def export_bioimageio(
    estimator: Any,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    authors: Sequence[str] | None = None,
    license: str | None = None,
) -> None:
    """Write the compact net of an estimator as a package of BioImage.IO.

    The package is a zip file: the net as TorchScript, which takes colours from 0 to 255 and needs
    nothing else before or after; a test image and what the net makes of it; a description
    (rdf.yaml), a README, a cover. It needs bioimageio.spec, the extra ``bioimageio``.

    Parameters
    ----------
    estimator : SEALSuperpixels, DELSegmenter or TrainableSLIC
        Fitted or pretrained, with a compact net. Of SEAL it is exported from an image to
        ``affinities``; of DEL to the probability of a boundary at each pixel, as the net sees the
        image in its own size (``scales=(1.0,)``, ``mirror=False``); of TrainableSLIC with
        ``distance="embedding"`` to the features that SLIC runs on.

    path : str or path-like
        The file to write, ``.zip``. There must be none.

    name : str or None, default=None
        Title of the package, of five or more letters, digits, spaces and ``_+-()``. None says what
        the net computes, and on which weights.

    authors : list of str or None, default=None
        Who made the net. None, for weights that this package ships alone: who made those.

    license : str or None, default=None
        SPDX name of the licence of the weights. None, for weights that this package ships alone:
        theirs, BSD-3-Clause.

    Raises
    ------
    FileExistsError
        If there is a file, or anything else, at ``path``.

    FileNotFoundError
        If there is no folder that ``path`` could lie in.

    ImportError
        If bioimageio.spec is not installed.

    TypeError
        If it is another estimator.

    ValueError
        If ``path`` does not end in .zip, the estimator has no compact net, or its weights are not
        shipped by this package and ``authors`` or ``license`` is missing or none.

    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> import tempfile, zipfile
    >>> from pathlib import Path
    >>> from sklearn_spx import SEALSuperpixels
    >>> from sklearn_spx.bioimageio import export_bioimageio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "seal.zip")
    ...     export_bioimageio(SEALSuperpixels.from_pretrained("bsds500"), path)
    ...     "rdf.yaml" in zipfile.ZipFile(path).namelist()
    True
    """
    _check_path(path)
    _check_installed()
    maps = maps_of(_ready(estimator))
    credits = _credits(estimator, maps, name, authors, license)
    with tempfile.TemporaryDirectory() as folder:
        made = write_package(Path(folder), maps, credits)
        with replacing(path) as target, open(made, "rb") as source:
            shutil.copyfileobj(source, target)


def _check_path(path):
    if os.path.lexists(path):
        raise FileExistsError(f"{os.fspath(path)} is there already; nothing is overwritten")
    if Path(path).suffix.lower() != ".zip":
        raise ValueError(f"path is {os.fspath(path)!r}; accepted is a name that ends in .zip")
    if not Path(path).parent.is_dir():
        raise FileNotFoundError(
            f"{os.fspath(path)} cannot be written: there is no folder {Path(path).parent}"
        )


def _check_installed():
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it uses of pydantic is deprecated
            import bioimageio.spec  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "export_bioimageio needs bioimageio.spec, which is not installed: "
            "pip install 'sklearn-spx[bioimageio]'"
        ) from error


def _ready(estimator):
    """The estimator, its net read; what is no estimator of nets is left to ``maps_of``."""
    if hasattr(estimator, "list_pretrained"):
        check_is_fitted(estimator)
        estimator._load()
    return estimator


def _credits(estimator, maps, name, authors, license):
    """Whose net it is: of weights that are shipped their card says so, of others the caller."""
    shipped = _shipped(estimator, maps)
    if shipped is None:
        missing = [n for n, v in (("authors", authors), ("license", license)) if not v]
        if missing:
            raise ValueError(
                "the net is none that is shipped with sklearn_spx: give "
                f"{' and '.join(missing)}, as authors=['A. Author'], license='CC-BY-4.0'"
            )
    if isinstance(authors, str):
        raise ValueError(f"authors is {authors!r}; accepted is a list of names")
    title = f"{maps.name} ({shipped})" if shipped else maps.name
    return Credits(
        name=name or title,
        authors=list(authors or ["The sklearn_spx developers"]),
        license=license or "BSD-3-Clause",
        card=f"{type(estimator).__name__}-{shipped}.md" if shipped else None,
        about=f"{type(estimator).__name__} of sklearn_spx",
    )


def _shipped(estimator, maps):
    """The shipped name whose weights these are, trained on by nobody, or None."""
    name = estimator.pretrained
    if name is None or name not in estimator.list_pretrained():
        return None
    known = net_arrays(maps_of(type(estimator).from_pretrained(name)).graph)
    own = net_arrays(maps.graph)
    return name if all(np.array_equal(known[key], own[key]) for key in own) else None
