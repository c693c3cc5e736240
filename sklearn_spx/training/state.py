"""The state of a training: a net as arrays; the checkpoint, whose it is, who is writing it."""

import hashlib
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..model_file import check_arrays
from ..utils.files import why_not_writable

__all__ = [
    "check_destination",
    "check_same_training",
    "digest",
    "load_arrays",
    "locked",
    "net_arrays",
]


def net_arrays(net):
    """Copy the state of a net: {name: C-contiguous ndarray}."""
    return {k: np.array(v.cpu().numpy(), order="C") for k, v in net.state_dict().items()}


def load_arrays(net, arrays):
    """Fill a net with what ``net_arrays`` returned; the arrays stay the caller's.

    Raises
    ------
    ValueError
        If arrays are missing, left over, of other shapes or kinds, or not finite.
    """
    import torch

    expected = {
        name: (tuple(value.shape), str(value.dtype).removeprefix("torch."))
        for name, value in net.state_dict().items()
    }
    arrays = check_arrays(arrays, expected, f"the weights of a {type(net).__name__}")
    net.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in arrays.items()})


def digest(items):
    """Return a digest of (nested lists of) arrays: of their kind, shape and values alone.

    Parameters
    ----------
    items : ndarray, dict, list, None, number or str
        Arrays, or containers of them.

    Returns
    -------
    digest : str
        Hexadecimal.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.training.state import digest
    >>> digest([np.zeros(3)]) == digest([np.zeros(6)[::2]])
    True
    """
    found = hashlib.sha256()
    _feed(found, items)
    return found.hexdigest()


def _feed(found, item):
    if isinstance(item, dict):
        item = [part for pair in sorted(item.items()) for part in pair]
    if isinstance(item, (list, tuple)):
        found.update(f"[{len(item)}".encode())
        for part in item:
            _feed(found, part)
    elif isinstance(item, np.ndarray):
        found.update(f"{item.dtype.str}{item.shape}".encode())
        found.update(np.ascontiguousarray(item).data.cast("B") if item.size else b"")
    else:
        found.update(repr(item).encode())


def check_destination(checkpoint):
    """Return the path of a checkpoint, if a file can be written there.

    Parameters
    ----------
    checkpoint : str or path-like
        The file.

    Returns
    -------
    path : str
        The same.

    Raises
    ------
    ValueError
        If it is a folder, or its folder is missing or cannot be written to.
    """
    path = Path(checkpoint)
    if path.exists() and not path.is_file():
        raise ValueError(f"checkpoint: {path} is no file")
    if not path.parent.is_dir():
        raise ValueError(f"checkpoint: there is no folder {path.parent}; make it first")
    if (reason := why_not_writable(path.parent)) is not None:
        raise ValueError(f"checkpoint: the folder {path.parent} cannot be written to: {reason}")
    return os.fspath(checkpoint)


@contextmanager
def locked(checkpoint):
    """Hold a lock on a checkpoint, until the context or the process ends.

    Parameters
    ----------
    checkpoint : str
        The file; the lock is a file beside it.

    Raises
    ------
    ValueError
        If another training holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(f"{checkpoint}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"checkpoint: another training is writing {checkpoint}; give each its own file"
        ) from None
    try:
        yield
    finally:
        lock.release()


def check_same_training(path, found, wanted):
    """Raise if a checkpoint belongs to other data or another recipe.

    Parameters
    ----------
    path : str
        The checkpoint, for the message.

    found, wanted : dict
        What the checkpoint was trained on and by, and what is to be trained.

    Raises
    ------
    ValueError
        Names what differs.
    """
    differences = []
    for name in {**wanted, **found}:
        there, here = found.get(name), wanted.get(name)
        if there != here:
            data = name.startswith("the ")
            differences.append(
                f"{name} differ" if data else f"{name} is {there!r} there, {here!r} here"
            )
    if differences:
        raise ValueError(
            f"the checkpoint {path} belongs to another training: {'; '.join(differences)}. "
            "Remove it, or name another file; for a search or a cross-validation, which train "
            "several times, set it to None"
        )
