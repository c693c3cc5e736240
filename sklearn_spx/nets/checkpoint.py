"""Files of torch: checkpoints of a training, and trained nets that others have saved.

They are pickles. torch reads them without running anything (``weights_only``), but what comes out
may be of any shape and kind, so that all of it is checked here before it is used; what is wrong is
a ValueError that names the file. SECURITY.md says what a stranger's file can still do.
"""

import io
import math
import warnings
import zipfile

import torch

from ..utils.files import open_regular, replacing

__all__ = ["check_fits", "read_checkpoint", "read_tensors_of_torch", "write_checkpoint"]

# how the files of torch.save begin, since torch 1.6 and before
_ZIP = b"PK\x03\x04"
_LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"

# what optimisers keep of a parameter; "step" is one number, the others are of its shape
_SLOTS = {
    "Adam": {"step", "exp_avg", "exp_avg_sq"},
    "AdamW": {"step", "exp_avg", "exp_avg_sq"},
    "SGD": {"momentum_buffer"},
}


def write_checkpoint(path, state):
    """Write the state of a training, which replaces the file at once or not at all.

    Parameters
    ----------
    path : str or path-like
        The file.

    state : dict
        What :func:`read_checkpoint` returns.

    Raises
    ------
    OSError
        If the file cannot be written; an old one is kept.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_spx.nets.checkpoint import read_checkpoint, write_checkpoint
    >>> state = {"identity": {}, "net": {}, "optimizer": {"state": {}, "param_groups": []}}
    >>> state |= {"scaler": {}, "step": 7, "seconds": 0.5, "history": [], "failures": 0}
    >>> state |= {"losses": 0.0, "n_losses": 0, "best": None, "best_score": 0.0, "waited": 0}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_checkpoint(Path(folder, "run.pt"), state)
    ...     read_checkpoint(Path(folder, "run.pt"))["step"]
    7
    """
    buffer = io.BytesIO()  # torch's own writer may end the process on a full disk
    torch.save(state, buffer)
    with replacing(path) as file:
        file.write(buffer.getbuffer())


def read_checkpoint(path):
    """Read the state of a training.

    Parameters
    ----------
    path : str or path-like
        What ``write_checkpoint`` wrote.

    Returns
    -------
    state : dict
        ``identity`` (dict of words and numbers), ``net`` and ``best`` (tensors by name, on the
        CPU; ``best`` may be None), ``optimizer`` and ``scaler`` (their state), ``step``,
        ``waited``, ``failures``, ``n_losses`` (int), ``seconds``, ``best_score``, ``losses``
        (float), ``history`` (list of dicts of numbers).

    Raises
    ------
    ValueError
        If the file is anything else; the message names it.

    OSError
        If there is no such file, or it must not be read.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_spx.nets.checkpoint import read_checkpoint
    >>> with tempfile.NamedTemporaryFile(suffix=".pt") as file:
    ...     read_checkpoint(file.name)
    Traceback (most recent call last):
    ...
    ValueError: ...: this is no file that torch.save wrote
    """
    state = _load(path)
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise ValueError(f"{path}: this is no checkpoint, but {_kind(state)}")
    for names, problem in ((_FIELDS.keys() - state, "lacks"), (state.keys() - _FIELDS, "has")):
        if names:
            raise ValueError(f"{path}: this is no checkpoint: it {problem} {min(names)[:80]!r}")
    for name, is_right in _FIELDS.items():
        if not is_right(state[name]):
            raise ValueError(
                f"{path}: this is no checkpoint: {name!r} is {_kind(state[name])}, or what is in "
                "it is wrong"
            )
    return state


def check_fits(state, net, optimizer, path):
    """Raise ValueError unless a checkpoint is of this net and of this kind of optimiser.

    Parameters
    ----------
    state : dict
        What ``read_checkpoint`` returned.

    net : torch.nn.Module
        What is to be trained on.

    optimizer : torch.optim.Optimizer
        What trains it.

    path : str or path-like
        What messages name.

    Raises
    ------
    ValueError
        That names the file and the tensor or option that does not fit.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.checkpoint import check_fits
    >>> net = torch.nn.Linear(1, 1)
    >>> adam = torch.optim.Adam(net.parameters())
    >>> state = {"net": net.state_dict(), "best": None, "optimizer": adam.state_dict()}
    >>> check_fits(state, net, adam, "run.pt")
    >>> check_fits(state, torch.nn.Linear(2, 1), adam, "run.pt")
    Traceback (most recent call last):
    ...
    ValueError: run.pt: it is of another net: 'weight' is (1, 1), accepted is (1, 2)
    """
    own = net.state_dict()
    for tensors in (state["net"], state["best"]):
        if tensors is not None:
            _check_net(tensors, own, path)
    _check_optimizer(state["optimizer"], optimizer, path)


def read_tensors_of_torch(path):
    """Read a net that ``torch.save`` wrote as a dict of tensors.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    state : dict of str to tensor
        On the CPU.

    Raises
    ------
    ValueError
        If the file is anything else, or a number is not finite; the message names it.

    OSError
        If there is no such file, or it must not be read.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> from sklearn_spx.nets.checkpoint import read_tensors_of_torch
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     torch.save({"bias": torch.ones(2)}, file.name)
    ...     read_tensors_of_torch(file.name)
    {'bias': tensor([1., 1.])}
    """
    state = _load(path)
    if not _are_tensors(state):
        raise ValueError(f"{path}: it holds {_kind(state)}; accepted is a dict of finite tensors")
    return {name: tensor.detach() for name, tensor in state.items()}


# --- reading -------------------------------------------------------------------------------------


def _load(path):
    with open_regular(path) as file:
        start = file.read(len(_LEGACY))
        file.seek(0)
        if start.startswith(_ZIP):
            _check_zip(file, path)
            file.seek(0)
        elif start != _LEGACY:
            raise ValueError(f"{path}: this is no file that torch.save wrote")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # advice to file issues about damaged files
                return torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # a broken pickle may raise anything
            reason = str(error).partition("\n")[0][:200]
            raise ValueError(
                f"{path}: torch cannot read it, or it holds more than tensors and numbers: "
                f"{type(error).__name__}: {reason}"
            ) from error


def _check_zip(file, path):
    """Raise unless it is stored as torch stores, so that a small file cannot become a large one."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except Exception as error:  # zipfile has no word of its own for each kind of damage
        raise ValueError(f"{path}: it is cut off or damaged: {error}") from error
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError(f"{path}: it is compressed, which torch.save does not do")


def _kind(value):
    return "None" if value is None else f"a {type(value).__name__}"


def _are_tensors(value):
    return isinstance(value, dict) and all(
        isinstance(name, str) and _is_tensor(tensor) for name, tensor in value.items()
    )


def _is_tensor(value):
    """Whether it is a tensor that has as many numbers in the file as it says, all finite."""
    return (
        isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.numel() * value.element_size() <= value.untyped_storage().nbytes()
        and not value.is_complex()
        and bool(torch.isfinite(value.detach()).all())
    )


def _is_number(value):
    return type(value) in (int, float)


def _is_count(value):
    return type(value) is int and value >= 0


def _is_identity(value):
    kinds = (bool, int, float, str, type(None))
    return isinstance(value, dict) and all(
        isinstance(name, str) and type(entry) in kinds for name, entry in value.items()
    )


def _is_history(value):
    return isinstance(value, list) and all(
        isinstance(entry, dict)
        and all(isinstance(k, str) and _is_number(v) for k, v in entry.items())
        for entry in value
    )


def _is_optimizer(value):
    return (
        isinstance(value, dict)
        and value.keys() == {"state", "param_groups"}
        and isinstance(value["state"], dict)
        and all(_is_count(k) and isinstance(v, dict) for k, v in value["state"].items())
        and isinstance(value["param_groups"], list)
        and all(isinstance(group, dict) for group in value["param_groups"])
    )


def _is_scaler(value):
    return isinstance(value, dict) and all(_is_number(number) for number in value.values())


_FIELDS = {
    "identity": _is_identity,
    "net": _are_tensors,
    "optimizer": _is_optimizer,
    "scaler": _is_scaler,
    "step": _is_count,
    "seconds": _is_number,
    "history": _is_history,
    "best": lambda v: v is None or _are_tensors(v),
    "best_score": _is_number,
    "waited": _is_count,
    "failures": _is_count,
    "losses": _is_number,
    "n_losses": _is_count,
}


# --- fitting -------------------------------------------------------------------------------------


def _check_net(tensors, own, path):
    for names, problem in (
        (own.keys() - tensors, "is missing"),
        (tensors.keys() - own, "is none of it"),
    ):
        if names:
            raise ValueError(f"{path}: it is of another net: {min(names)[:80]!r} {problem}")
    for name, value in own.items():
        found = tensors[name]
        if found.shape != value.shape or found.dtype != value.dtype:
            kinds = [
                tuple(t.shape) if found.dtype == value.dtype else t.dtype for t in (found, value)
            ]
            raise ValueError(
                f"{path}: it is of another net: {name!r} is {kinds[0]}, accepted is {kinds[1]}"
            )


def _check_optimizer(state, optimizer, path):
    own = optimizer.state_dict()["param_groups"]
    found = state["param_groups"]
    if len(found) != len(own):
        raise ValueError(f"{path}: its optimiser has {len(found)} groups, accepted are {len(own)}")
    for group, ours in zip(found, own):
        for name, value in ours.items():
            # flags come with versions of torch; the rate goes up and down
            if name not in group and (value is None or isinstance(value, bool)):
                continue
            if name not in group or not _is_like(group[name], value, anything=name == "lr"):
                raise ValueError(f"{path}: its optimiser has another {name!r} than this one")
    params = [p for group in optimizer.param_groups for p in group["params"]]
    slots = _SLOTS.get(type(optimizer).__name__)
    for index, entry in state["state"].items():
        if index >= len(params) or (slots is not None and entry.keys() != slots):
            raise ValueError(f"{path}: the state of its optimiser is of another kind")
        for name, value in entry.items():
            shape = () if name == "step" else params[index].shape
            if not (value is None or (_is_tensor(value) and value.shape == shape)):
                raise ValueError(f"{path}: {name!r} of its optimiser does not fit the net")


def _is_like(found, value, anything):
    """Whether an option is the same, or with ``anything`` a number too."""
    if isinstance(value, (list, tuple)):
        return (
            isinstance(found, (list, tuple))
            and len(found) == len(value)
            and all(_is_like(a, b, anything) for a, b in zip(found, value))
        )
    if _is_number(value) and anything:
        return _is_number(found) and math.isfinite(found)
    return type(found) is type(value) and found == value
