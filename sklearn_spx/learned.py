"""A trained net as state: arrays, pickle, device, digest; and as a file: ``save``, ``pretrained``.

    arrays -> net on a device  TrainedNet.on
    estimator <-> file         Pretrained.save, Pretrained.from_pretrained, pretrained="bsds500"

The file's format is in ``model_file.py``.
"""

import os
import threading
from collections.abc import Sequence
from typing import Any, Self

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from .kernels.checks import uses_gpu
from .model_file import build, find_model, read_model, shipped_models, write_model
from .training import NetTraining
from .training.recipe import as_validation
from .training.state import digest, load_arrays, net_arrays

__all__ = ["Pretrained", "TrainedNet", "placed", "to_host", "torch_device"]

_building = threading.Lock()


def torch_device(device):
    """Return "cpu" or "cuda" for ``device``, which may also be "auto"; never a silent fallback."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device='cuda', but torch finds no GPU; accepted is 'cpu' or 'auto'")
    return device


def placed(device, *arrays):
    """Arrays, tensors and None where the kernels work for ``device``: on the host or on the GPU.

    On the host they are numpy arrays, on the GPU tensors. Where torch has a GPU and numba.cuda has
    none, "auto" leaves the kernels on the CPU, and "cuda" is a ValueError.
    """
    where = torch_device(device)
    if where == "cpu" or not uses_gpu(device):
        return tuple(map(to_host, arrays))
    import torch

    return tuple(None if a is None else torch.as_tensor(a, device=where) for a in arrays)


def to_host(array):
    """A numpy array of a tensor, wherever it is; anything else as it is."""
    return array.cpu().numpy() if hasattr(array, "cpu") else array


class TrainedNet:
    """A trained net that goes to any device and pickles as plain arrays.

    Parameters
    ----------
    make : callable
        Makes the net, with arbitrary weights; picklable.

    arrays : dict of ndarray
        Its state, as of ``net_arrays``.
    """

    def __init__(self, make, arrays):
        self.make = make
        self.module = _filled(make, arrays)

    def on(self, device):
        """The net, on "cpu", "cuda" or, with "auto", on a GPU if there is one."""
        device = torch_device(device)
        with _building:
            if next(self.module.parameters()).device.type != device:
                self.module.to(device)
        return self.module

    @property
    def digest(self):
        """What tells this net from any other: of its kind and its weights."""
        if "_digest" not in vars(self):
            # by name: what Python shows of a function is where this process has it in memory
            function, given = getattr(self.make, "func", self.make), _given(self.make)
            name = f"{function.__module__}.{function.__qualname__}"
            self._digest = digest([name, repr(given), net_arrays(self.module)])
        return self._digest

    def __getstate__(self):
        return {"make": self.make, "arrays": net_arrays(self.module)}

    def __setstate__(self, state):
        self.make = state["make"]
        self.module = _filled(**state)


def _given(make):
    """What a partial holds beside its function."""
    return getattr(make, "args", ()), getattr(make, "keywords", {})


def _filled(make, arrays):
    net = make()
    load_arrays(net, arrays)
    return net.eval().requires_grad_(False)


class Pretrained(BaseEstimator):
    """``pretrained=``, ``save`` and ``from_pretrained`` of an estimator that learns.

    It writes ``_state() -> (arrays, values)``, a dict of arrays and one of JSON values, and
    ``_set_state(arrays, values)``, its inverse, and has parameters ``pretrained`` and
    ``training``. ``_of_the_net`` names the parameters that a trained net settles: None stands for
    what the net is, and anything else must agree with it.
    """

    training: NetTraining | None
    _of_the_net = ()
    _sees_around = True

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        half_precision: bool = False,
        eight_bits: bool = False,
    ) -> None:
        """Write parameters and learned state to a safetensors file, without pickle.

        What says where and how a training ran is left out: ``memory``, ``checkpoint``, ``device``,
        ``n_jobs`` and ``verbose``. The file is written beside and put in place at once.

        Parameters
        ----------
        path : str or path-like
            The file to write, ``.safetensors`` by custom.

        half_precision : bool, default=False
            Whether float32 arrays of more than a thousand numbers are rounded to half precision,
            which halves the file.

        eight_bits : bool, default=False
            Whether weights are rounded to 8 bits, with a scale for what makes each output of a
            layer: a quarter of the file, and results that differ a little more.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If called before ``fit``.

        TypeError
            If a parameter cannot be written, such as an estimator of another package.
        """
        check_is_fitted(self)
        self._load()
        arrays, values = self._state()
        write_model(
            path, self, arrays, values, half_precision=half_precision, eight_bits=eight_bits
        )

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | os.PathLike[str] = "bsds500", **params: Any
    ) -> Self:
        """Make an estimator with ``pretrained`` and read its net at once.

        It has the parameters that the file keeps, where ``params`` say nothing else.

        Parameters
        ----------
        name_or_path : str or path-like, default="bsds500"
            A name that is shipped, see ``list_pretrained``, or a file that ``save`` wrote.

        **params : dict
            Parameters of the estimator.

        Returns
        -------
        estimator : object of this class
            Ready for ``transform``.

        Raises
        ------
        FileNotFoundError
            If there is neither such a name nor such a file; the message lists the names.

        ValueError
            If the file was not written by ``save``, or holds another estimator or net.
        """
        model = cls._read(name_or_path)
        estimator = build(model)
        estimator.set_params(**{"pretrained": os.fspath(name_or_path), **params})
        estimator._take(model)
        return estimator

    @classmethod
    def list_pretrained(cls) -> Sequence[str]:
        """List the trained nets that are shipped.

        Returns
        -------
        names : list of str
            What ``pretrained`` and ``from_pretrained`` take, beside paths.
        """
        return list(shipped_models(cls.__name__))

    @classmethod
    def _read(cls, name_or_path):
        """The :class:`~sklearn_spx.model_file.Model` of a shipped name or a file."""
        path = find_model(name_or_path, cls.__name__)
        model = read_model(path)
        if model.name != cls.__name__:
            raise ValueError(f"{path} holds a {model.name}, not a {cls.__name__}")
        return model

    def _load(self):
        """Read ``pretrained``, unless that is done or nothing is to be read."""
        if self.pretrained is None:
            return
        self._validate_params()
        if vars(self).get("_origin") != os.fspath(self.pretrained):
            self._take(self._read(self.pretrained))

    def _take(self, model):
        try:
            self._set_state(model.arrays, model.values)
        except NotFittedError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self.pretrained}: {error}") from error
        self._trained()
        for name in self._of_the_net:
            asked, found = getattr(self, name), self._kind[name]
            asked = tuple(asked) if isinstance(asked, list) else asked
            if asked is not None and asked != found:
                raise ValueError(
                    f"{name} is {asked!r}, but the net of pretrained={self.pretrained!r} has "
                    f"{found!r}; leave {name} at None"
                )

    def _trained(self):
        """To be called where the learned state is set."""
        self._origin = None if self.pretrained is None else os.fspath(self.pretrained)

    def _prepare(self):
        self._load()
        super()._prepare()

    def _keep_pretrained(self, X, masks, validation=None):
        """``fit`` where no net is to be trained: images are checked, their range is learned."""
        if validation is not None:
            raise ValueError(
                "validation is given, but pretrained without training trains nothing; say by "
                "training how to train on, NetTraining() for instance"
            )
        self._load()
        self._check_all(X, masks, self.n_channels_in_)
        return self

    def _checked_validation(self, validation):
        """The items that ``fit`` was given to hold out, checked after those it learns from."""
        if validation is None:
            return []
        X, y, masks = as_validation(validation)
        try:
            return list(self._checked(X, masks, y, self.n_channels_in_, learn_range=False))
        except (ValueError, TypeError) as error:
            raise type(error)(f"validation: {error}") from error

    def set_params(self, **params: Any) -> Self:
        """Set parameters; those of the training by ``training__name``.

        Parameters
        ----------
        **params : dict
            Value of each name.

        Returns
        -------
        self : object
            The estimator.
        """
        nested = any(name.startswith("training__") for name in params)
        if nested and self.training is None and "training" not in params:
            self.training = NetTraining()
        return super().set_params(**params)

    def __sklearn_is_fitted__(self):
        return "_origin" in vars(self) or self.pretrained is not None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.pretrained is None or self.training is not None
        return tags
