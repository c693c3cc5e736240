"""``sklearn-spx train``: estimators trained on one's own images and annotations."""

import shlex
import sys
from pathlib import Path

import click

from . import _files
from ._console import complain, stderr, stdout


@click.group()
def train():
    """Train an estimator on images and ground truths."""


_COMMON = (
    click.argument("images", nargs=-1, required=True),
    click.option(
        "--truths",
        multiple=True,
        required=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Directory of ground truths, as sklearn-spx evaluate reads them; may be given again.",
    ),
    click.option(
        "--out",
        type=click.Path(dir_okay=False, path_type=Path),
        required=True,
        help="File to write, .safetensors by custom.",
    ),
    click.option(
        "--void", type=int, help="Label of unknown pixels in the ground truths, such as 255."
    ),
)
# how a net is trained: the options that are parameters of NetTraining, by their names
_TRAINING = (
    click.option("--steps", "max_steps", type=click.IntRange(1), help="Optimiser steps."),
    click.option("--epochs", "max_epochs", type=click.IntRange(1), help="Steps, as passes."),
    click.option("--batch-size", type=click.IntRange(1), help="Crops, images or pixels a step."),
    click.option("--crop-size", type=click.IntRange(32), help="Side of random crops, in pixels."),
    click.option(
        "--optimizer", type=click.Choice(["adamw", "adam", "sgd"]), help="How the net learns."
    ),
    click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Its rate."),
    click.option(
        "--schedule",
        type=click.Choice(["cosine", "step", "constant"]),
        help="How the rate falls.",
    ),
    click.option("--weight-decay", type=click.FloatRange(0), help="Of the optimiser."),
    click.option(
        "--validation-fraction",
        type=click.FloatRange(0, 1, max_open=True),
        help="Share of the images held out, to keep the best state.",
    ),
    click.option(
        "--early-stopping", is_flag=True, help="Stop when the images held out gain no more."
    ),
    click.option(
        "--checkpoint",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File that keeps the state of training; the same command goes on from it.",
    ),
    click.option(
        "--checkpoint-every",
        type=click.FloatRange(0),
        default=60.0,
        show_default=True,
        help="Seconds between two saves.",
    ),
)
_RUN = (
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--jobs", default=1, show_default=True, help="Images or crops worked on at once."),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
    ),
    click.option(
        "--pretrained",
        metavar="FILE",
        help="Train on from a shipped net, by its name, or from what an earlier training wrote.",
    ),
    click.option("--half", is_flag=True, help="Write half precision: half the file."),
)


def training_command(name, *options):
    """A command of ``train``: what all have, with options of its own in the middle."""

    def decorate(function):
        for option in reversed((*_COMMON, *options, *_TRAINING, *_RUN)):
            function = option(function)
        return click.command(name)(function)

    return decorate


def take_training(options):
    """Take the options of training out of all; return the NetTraining, or None for none.

    With ``--pretrained`` there always is one: without, ``fit`` would train nothing.
    """
    from ..training import NetTraining

    names = NetTraining().get_params()
    given = {name: options.pop(name) for name in names if name in options}
    every = given.pop("checkpoint_every")
    given = {name: value for name, value in given.items() if value not in (None, False)}
    if not given and options.get("pretrained") is None:
        return None
    return NetTraining(**given, checkpoint_every=every)


def train_and_save(estimator, images, truths, out, *, void, half, summary, **how_to_save):
    """Fit an estimator to files and write it; what goes wrong is a message, not a traceback."""
    found, annotations = read_annotated(images, truths, void)
    training = estimator.training
    try:
        estimator.fit(found, annotations)
        estimator.save(out, half_precision=half, **how_to_save)
    except (ValueError, TypeError, OSError, ImportError, ArithmeticError) as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt as error:
        if training is None or training.checkpoint is None:
            stderr().print("stopped; without --checkpoint nothing was kept")
        else:
            command = shlex.join(["sklearn-spx", *sys.argv[1:]])
            stderr().print(f"{error or 'stopped'}:\n    {command}", markup=False)
        raise click.exceptions.Exit(130) from None
    stdout().print(f"{len(found)} images, {summary(estimator)}; written to {out}", markup=False)


def steps_and_loss(estimator):
    """How a net's training went, in words."""
    last = estimator.history_[-1]
    score = f", score {last['score']:.4f} on images held out" if "score" in last else ""
    minutes = last["seconds"] / 60
    return f"{last['step']} steps in {minutes:.1f} minutes, loss {last['loss']:.4f}{score}"


def read_annotated(images, truths, void=None):
    """Return images and their annotations; complain of the first that cannot be read and exit."""
    from ..io import read_image

    found, annotations = [], []
    for stem, (path, truth_paths) in _pairs(images, truths).items():
        try:
            if not truth_paths:
                raise ValueError(f"there is no ground truth {stem}.* or {stem}_*.*")
            found.append(read_image(path))
            annotations.append([a for t in truth_paths for a in _files.read_label_images(t, void)])
        except Exception as error:
            complain(stderr(), path, error)
            raise click.exceptions.Exit(1) from None
    return found, annotations


def _pairs(images, truths):
    """{stem: (image file, its ground truth files)}, looked for in each directory of truths."""
    paths = _files.find(images, _files.IMAGES, "image")
    pairs = {}
    for folder in truths:
        for stem, (path, files) in _files.pair(paths, folder).items():
            if files or stem not in pairs:
                pairs[stem] = (path, files)
    return pairs
