"""How a net is trained, for every net of the package: the recipe, what is held out, the guards.

    NetTraining, own recipe -> resolve -> Recipe ; Recipe, Task -> fit_net -> state, history

A method says what its net learns in a :class:`Task`; nothing here knows about superpixels.
"""

import math
import os
from numbers import Integral, Real
from typing import Literal, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_memory

from .state import check_destination, digest, net_arrays

__all__ = [
    "NetTraining",
    "Recipe",
    "Task",
    "as_validation",
    "fit_net",
    "resolve",
    "seed_of",
    "split",
]


class NetTraining(BaseEstimator):
    """How a net is trained: the optimiser, its steps, what is held out, the checkpoint.

    It is the parameter ``training`` of the estimators that train a net. Whatever is None is as
    that net's own recipe has it, so ``NetTraining(max_steps=500)`` changes the steps alone. Its
    parameters are searched as ``training__learning_rate`` and so on.

    Parameters
    ----------
    max_steps : int or None, default=None
        Optimiser steps.

    max_epochs : int or None, default=None
        The same in passes over the samples; give one of the two.

    batch_size : int or None, default=None
        Samples a step: crops, images, or pixels, as the net has it.

    crop_size : int or None, default=None
        Side in pixels of the squares cut out of images at random, at least 32.

    optimizer : {"adamw", "adam", "sgd"} or None, default=None
        "sgd" has a momentum of 0.9.

    learning_rate : float or None, default=None
        Initial rate of the optimiser.

    schedule : {"cosine", "step", "constant"} or None, default=None
        "cosine": the rate rises at first and falls to 0 along a cosine. "step": it falls to a
        tenth after four fifths of the steps.

    weight_decay : float or None, default=None
        Of the optimiser.

    validation_fraction : float or None, default=None
        Share of the images held out of training: rounded to whole images, at least one where it
        is above 0. The state that is best on them is kept. Images of your own choice are held out
        by ``fit(X, y, validation=(X_validation, y_validation))`` instead.

    early_stopping : bool, default=False
        Stop when ``patience`` validations in a row brought nothing better. Needs images held out.

    patience : int or None, default=None
        See ``early_stopping``.

    checkpoint : str, path-like or None, default=None
        File that keeps the state of training. ``fit`` on the same data by the same recipe goes on
        from it, to the net that an undisturbed run gives; data or a recipe that differ are an
        error that names what differs. So a search, or a cross-validation, takes None.

    checkpoint_every : float, default=60.0
        Seconds between two saves. One is also made after the first step, at the end, and when
        training is interrupted.

    mixed_precision : bool or None, default=None
        Half precision where it is safe, on a GPU; nothing on a CPU.

    Examples
    --------
    >>> from sklearn_spx import SEALSuperpixels
    >>> from sklearn_spx.training import NetTraining
    >>> seal = SEALSuperpixels(training=NetTraining(max_steps=500, checkpoint="run.ckpt"))
    >>> seal.set_params(training__learning_rate=1e-3).training
    NetTraining(checkpoint='run.ckpt', learning_rate=0.001, max_steps=500)
    """

    _parameter_constraints = {  # noqa: RUF012  (scikit-learn's name and form)
        "max_steps": [Interval(Integral, 1, None, closed="left"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "crop_size": [Interval(Integral, 32, None, closed="left"), None],
        "optimizer": [StrOptions({"adamw", "adam", "sgd"}), None],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "schedule": [StrOptions({"cosine", "step", "constant"}), None],
        "weight_decay": [Interval(Real, 0, None, closed="left"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), None],
        "early_stopping": ["boolean"],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
        "checkpoint": [str, os.PathLike, None],
        "checkpoint_every": [Interval(Real, 0, None, closed="left")],
        "mixed_precision": ["boolean", None],
    }

    def __init__(
        self,
        *,
        max_steps: int | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        crop_size: int | None = None,
        optimizer: Literal["adamw", "adam", "sgd"] | None = None,
        learning_rate: float | None = None,
        schedule: Literal["cosine", "step", "constant"] | None = None,
        weight_decay: float | None = None,
        validation_fraction: float | None = None,
        early_stopping: bool = False,
        patience: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = 60.0,
        mixed_precision: bool | None = None,
    ) -> None:
        self.max_steps = max_steps
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.crop_size = crop_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.patience = patience
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.mixed_precision = mixed_precision


class Recipe(NamedTuple):
    """A recipe without a gap: what :func:`resolve` makes."""

    # what the trained net depends on, by the names of NetTraining, and `n_validation`: how many
    # images, the last ones, the caller wants held out
    values: dict
    n_held_out: int  # images, those or others
    checkpoint: str | None
    checkpoint_every: float


class Task:
    """What a net learns. A method subclasses it; ``fit_net`` calls it.

    ``net()`` makes the net as it starts, on its device. ``draw(step)`` is the batch of a step, a
    pure function of the step, and ``loss(net, batch)`` a scalar tensor. ``validate(net)`` is a
    score of the images held out, greater is better.
    """

    n_workers = 0  # threads that prepare batches ahead

    def groups(self, net, values):
        """Parameters for the optimiser, with rates of their own where they have some."""
        return [{"params": [p for p in net.parameters() if p.requires_grad]}]

    def finish(self, net):
        """Take off the net what training alone needed."""


def seed_of(random_state):
    """Return the seed of a training: an integer below 2**31 - 1."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def as_validation(validation):
    """Return images, ground truths and masks (or None) that ``fit`` was given to hold out.

    Parameters
    ----------
    validation : tuple (X, y) or (X, y, masks)
        What came in.

    Returns
    -------
    X, y, masks : sequences
        Its parts; the last may be None.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        found = type(validation).__name__
        if isinstance(validation, (tuple, list)):
            found += f" of {len(validation)}"
        raise TypeError(
            f"validation is a {found}; accepted is a tuple (X, y) or (X, y, masks): images to hold "
            "out, and their ground truths"
        )
    return (*validation, None)[:3]


def resolve(training, own, n_images, samples_per_image=1.0, n_validation=0):
    """Complete a recipe and check it against the images.

    Parameters
    ----------
    training : NetTraining or None
        What was asked for.

    own : dict
        The net's own recipe; may have more entries than NetTraining has parameters.

    n_images : int
        Images to learn from, before some are held out.

    samples_per_image : float or None, default=1.0
        By which epochs are counted in steps. None leaves epochs as they are, for a method that
        knows its samples later.

    n_validation : int, default=0
        Images beside these that the caller wants held out, instead of a share of these.

    Returns
    -------
    recipe : Recipe
        See there.

    Raises
    ------
    ValueError
        If the images do not suffice for what is held out, if they are to be held out in two ways,
        if there is nothing to stop early by, if both steps and epochs are given, or if the
        checkpoint cannot be written.
    """
    training = NetTraining() if training is None else training
    if not isinstance(training, NetTraining):
        raise TypeError(
            f"training must be a NetTraining or None, got {type(training).__name__}: "
            "sklearn_spx.training.NetTraining(max_steps=500), for example"
        )
    training._validate_params()
    asked = training.get_params(deep=False)
    checkpoint, every = asked.pop("checkpoint"), float(asked.pop("checkpoint_every"))
    steps = {"max_steps", "max_epochs"} if "max_steps" in own else set()
    idle = [
        name
        for name, value in asked.items()
        if value not in (None, False) and name not in {*own, *steps, "early_stopping"}
    ]
    if idle or (asked["early_stopping"] and "patience" not in own):
        accepted = ", ".join(name for name in asked if name in {*own, *steps})
        raise ValueError(
            f"training: {', '.join(idle or ['early_stopping'])} means nothing here; what counts is "
            f"{accepted}"
        )
    if asked["max_steps"] is not None and asked["max_epochs"] is not None:
        raise ValueError("training: give max_steps or max_epochs, not both")
    values = {**dict.fromkeys(asked), **own}
    if asked["max_steps"] is not None or asked["max_epochs"] is not None:
        values["max_steps"] = values["max_epochs"] = None
    values |= {name: value for name, value in asked.items() if value is not None}
    values["early_stopping"] = bool(asked["early_stopping"])
    values["n_validation"] = n_validation
    if n_validation:
        if asked["validation_fraction"]:
            raise ValueError(
                f"training: validation_fraction is {asked['validation_fraction']}, but images to "
                "hold out are given by validation; leave one of the two out"
            )
        values["validation_fraction"] = 0.0
    fraction = values["validation_fraction"]
    n_held_out = max(1, round(fraction * n_images)) if fraction else 0
    if n_held_out and asked["validation_fraction"] is None and fraction * n_images <= 0.5:
        n_held_out = 0  # the net's own share, of too few images
    if n_held_out >= n_images:
        raise ValueError(
            f"validation_fraction {fraction} of {n_images} images leaves none to learn from"
        )
    if values["early_stopping"] and not (n_held_out or n_validation):
        raise ValueError(
            f"early_stopping needs images held out, but validation_fraction {fraction} of "
            f"{n_images} images is none"
        )
    if steps and values["max_steps"] is None and samples_per_image is not None:
        n_samples = math.ceil(samples_per_image * (n_images - n_held_out))
        values["max_steps"] = values["max_epochs"] * -(-n_samples // values["batch_size"])
    if checkpoint is not None:
        checkpoint = check_destination(checkpoint)
    return Recipe(values, n_held_out + n_validation, checkpoint, every)


def split(n_images, recipe, seed):
    """Return which images are held out, and which are learned from.

    Parameters
    ----------
    n_images : int
        All of them; those that the caller wants held out are the last.

    recipe : Recipe
        Of the training.

    seed : int
        Of the random order, where a share of them is held out.

    Returns
    -------
    held_out, learned : ndarray of int
        Indices.
    """
    n_learned = n_images - recipe.n_held_out
    if recipe.values["n_validation"]:
        return np.arange(n_learned, n_images), np.arange(n_learned)
    order = np.random.default_rng(seed).permutation(n_images)
    return order[: recipe.n_held_out], order[recipe.n_held_out :]


def fit_net(make_task, recipe, *, about, data, memory=None, verbose=0):
    """Train a net, or find it in the cache or the checkpoint.

    Parameters
    ----------
    make_task : callable
        ``make_task()`` is the :class:`Task`; called where there is something to train.

    recipe : Recipe
        See ``resolve``.

    about : dict
        All else that the trained net depends on, by name: the net's kind, the loss, the seed.

    data : dict
        What it learns from, by name: arrays, or lists that have an entry an image, such as
        ``{"images": ..., "ground truths": ...}``. A checkpoint of other data is refused.

    memory : str, joblib.Memory or None, default=None
        Cache of trained nets.

    verbose : int, default=0
        A progress bar when 1 or more.

    Returns
    -------
    state : dict of ndarray
        Of the trained net.

    history : list of dict
        See :func:`sklearn_spx.training.loop.train`.
    """
    identity = {name: _plain(value) for name, value in {**recipe.values, **about}.items()}
    if memory is not None or recipe.checkpoint is not None:
        identity |= _digests(data, recipe.values["n_validation"])
    cached = check_memory(memory).cache(_fit_net, ignore=["make_task", "recipe", "verbose"])
    return cached(identity, make_task, recipe, verbose)


def _digests(data, n_validation):
    """What tells the data from other data; that of images given to hold out by itself."""
    found = {}
    for name, items in data.items():
        if n_validation and isinstance(items, list):
            found[f"the {name} of validation"] = digest(items[-n_validation:])
            items = items[:-n_validation]
        found[f"the {name}"] = digest(items)
    return found


def _fit_net(identity, make_task, recipe, verbose):
    """A pure function of ``identity``, which says all that the result depends on."""
    from .loop import train

    task, values = make_task(), recipe.values
    net = task.net()
    optimizer = _optimizer(values["optimizer"], task.groups(net, values), values)
    history = train(
        net,
        task.draw,
        task.loss,
        optimizer=optimizer,
        max_steps=values["max_steps"],
        schedule=lambda step: rate_factor(step, values),
        validate=task.validate if recipe.n_held_out else None,
        validate_every=values.get("validate_every"),
        patience=values["patience"] if values["early_stopping"] else None,
        checkpoint=recipe.checkpoint,
        checkpoint_every=recipe.checkpoint_every,
        identity=identity,
        n_workers=task.n_workers,
        mixed_precision=bool(values["mixed_precision"]),
        verbose=verbose,
    )
    task.finish(net)
    return net_arrays(net), history


def _optimizer(name, groups, values):
    import torch

    options = {"lr": values["learning_rate"], "weight_decay": values["weight_decay"]}
    if name == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, **options)
    return {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[name](groups, **options)


def rate_factor(step, values):
    """Return what multiplies the learning rate at a step.

    Parameters
    ----------
    step : int
        From 0.

    values : dict
        ``schedule``, ``max_steps`` and, for "cosine", ``warm_up``: the most steps that the rise
        takes; it takes a tenth of all, if that is less.

    Returns
    -------
    factor : float
        In [0, 1].

    Examples
    --------
    >>> from sklearn_spx.training.recipe import rate_factor
    >>> values = {"schedule": "cosine", "max_steps": 100, "warm_up": 200}
    >>> [round(rate_factor(step, values), 2) for step in (0, 9, 50, 99)]
    [0.1, 0.98, 0.5, 0.0]
    """
    steps = values["max_steps"]
    if values["schedule"] == "constant":
        return 1.0
    if values["schedule"] == "step":
        return 1.0 if step < 0.8 * steps else 0.1
    warm_up = max(1, min(values.get("warm_up", 200), steps // 10))
    return min(1.0, (step + 1) / warm_up) * (1 + math.cos(math.pi * step / steps)) / 2


def _plain(value):
    """A value as a checkpoint keeps it: a number, a word, or how it is written."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)
