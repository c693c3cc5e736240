"""``sklearn-spx train``: estimators trained on one's own images and annotations."""

import os
import shlex
import sys
import warnings
from pathlib import Path

import click

from . import _files
from ._console import stderr, stdout

EXIT_CODES = (
    "Exit codes: 0 all went well, 1 a file cannot be used (all such are named), 2 wrong usage, 130 "
    "stopped by Ctrl-C."
)


@click.group(epilog=EXIT_CODES)
def train():
    """Train an estimator on images and ground truths."""


_COMMON = (
    click.argument("images", nargs=-1, required=True),
    click.option(
        "--truths",
        multiple=True,
        required=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Directory of ground truths: NAME.* or NAME_*.* for an image NAME, in the same "
        "directory below as the image if there are several; may be given again.",
    ),
    click.option(
        "--validation",
        multiple=True,
        metavar="IMAGES",
        help="Images held out, to keep the best state: a file, directory or glob; may be given "
        "again.",
    ),
    click.option(
        "--validation-truths",
        multiple=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Directory of their ground truths; may be given again.  [default: --truths]",
    ),
    click.option("--recursive", is_flag=True, help="Look for images in directories inside, too."),
    click.option(
        "--out",
        type=click.Path(dir_okay=False, path_type=Path),
        required=True,
        help="File to write, .safetensors by custom; NAME.history.csv and NAME.curve.png, how the "
        "training went, are written beside it.",
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
    _files.jobs_option,
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
    click.option("--eight-bits", is_flag=True, help="Write weights in 8 bits: a quarter of it."),
)


def training_command(name, *options):
    """A command of ``train``: what all have, with options of its own in the middle."""

    def decorate(function):
        for option in reversed((*_COMMON, *options, *_TRAINING, *_RUN)):
            function = option(function)
        return click.command(name, epilog=EXIT_CODES)(function)

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


def take_common(options):
    """Take the options that are no parameters of an estimator out of all."""
    names = [
        "images",
        "truths",
        "validation",
        "validation_truths",
        "recursive",
        "out",
        "void",
        "half",
        "eight_bits",
    ]
    return {name: options.pop(name) for name in names}


def train_and_save(estimator, training, options, summary, **how_to_save):
    """Fit an estimator to files and write it; what goes wrong is a message, not a traceback.

    ``training`` is that of the estimator or of its features, ``options`` are of ``take_common``.
    """
    from ..training.progress import reported_to
    from ._train_files import annotated, complain_of_files, note, note_unused
    from ._train_progress import shown

    out, void, recursive = options["out"], options["void"], options["recursive"]
    _check_out(out, training)
    _check_held_out(options, training)
    learned = annotated(options["images"], options["truths"], recursive, void)
    truths, held_out = options["truths"], None
    if options["validation"]:
        own = options["validation_truths"] or truths
        held_out = annotated(options["validation"], own, recursive, void)
        _check_apart(learned, held_out)
        truths = dict.fromkeys((*truths, *own))
    note_unused(truths, learned, *([held_out] if held_out else []))

    estimator.set_params(verbose=int(stderr().is_terminal))
    line, history = shown(), []
    try:
        with reported_to(line), warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: note(str(message))
            validation = {"validation": (held_out.X, held_out.y)} if held_out else {}
            estimator.fit(learned.X, learned.y, **validation)
        out.parent.mkdir(parents=True, exist_ok=True)
        precision = {"half_precision": options["half"], "eight_bits": options["eight_bits"]}
        estimator.save(out, **precision, **how_to_save)
        history = estimator.history_
    except (ValueError, TypeError, OSError, ImportError, ArithmeticError) as error:
        history = line.history
        if isinstance(error, (ValueError, TypeError)) and complain_of_files(
            error, learned, held_out
        ):
            raise click.exceptions.Exit(1) from None
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt as error:
        history = line.history
        _say_how_to_go_on(error, training)
        raise click.exceptions.Exit(130) from None
    finally:
        if history:
            try:
                _write_history(out, history, estimator)
            except (OSError, ValueError) as error:
                note(f"how the training went is not written: {error}")
    images = f"{len(learned)} images" + (f" and {len(held_out)} held out" if held_out else "")
    words = f"{images}, {summary(estimator)}; written to {out}"
    stdout().print(words, markup=False, soft_wrap=True)


def _check_out(out, training):
    """Raise where the model could not be written."""
    from ..training.state import check_destination
    from ..utils.files import why_not_writable

    folder = next(p for p in (out.absolute().parent, *out.absolute().parents) if p.exists())
    if not folder.is_dir():
        raise click.UsageError(f"--out: {out.parent} cannot be made: {folder} is no directory")
    if (reason := why_not_writable(folder)) is not None:
        raise click.UsageError(f"--out: the directory {folder} cannot be written to: {reason}")
    if training is None or training.checkpoint is None:
        return
    try:
        check_destination(training.checkpoint)
    except ValueError as error:
        raise click.UsageError(f"--{error}") from None
    if os.path.realpath(training.checkpoint) == os.path.realpath(out):
        raise click.UsageError(f"--out and --checkpoint are one file, {out}; name two")


def _check_held_out(options, training):
    if options["validation_truths"] and not options["validation"]:
        raise click.UsageError("--validation-truths are of the images that --validation names")
    if options["validation"] and training is not None and training.validation_fraction:
        raise click.UsageError(
            "--validation and --validation-fraction both say what is held out; give one"
        )


def _check_apart(learned, held_out):
    own = {os.path.realpath(path) for path, _ in learned.pairs}
    for path, _ in held_out.pairs:
        if os.path.realpath(path) in own:
            raise click.UsageError(
                f"--validation: {path} is among the images to learn from, and cannot be held out"
            )


def _say_how_to_go_on(error, training):
    if training is None or training.checkpoint is None:
        stderr().print("stopped; without --checkpoint the net is not kept")
    else:
        command = shlex.join(["sklearn-spx", *sys.argv[1:]])
        stderr().print(f"{error or 'stopped'}:\n    {command}", markup=False)


def _write_history(out, history, estimator):
    """Write how the training went beside the model, as a table and drawn."""
    import csv
    import io

    from matplotlib.figure import Figure

    from ..inspection import LearningCurveDisplay
    from ..utils.files import replacing

    out.parent.mkdir(parents=True, exist_ok=True)
    base = out.name.removesuffix(".safetensors")
    figure = Figure(figsize=(7, 4), dpi=150, layout="constrained")
    if getattr(estimator, "history_", None) is history:
        LearningCurveDisplay.from_estimator(estimator, ax=figure.subplots())
    else:
        name = type(estimator).__name__
        LearningCurveDisplay.from_history(history, name=f"{name}, stopped", ax=figure.subplots())
    table = io.StringIO(newline="")
    columns = dict.fromkeys(name for entry in history for name in ("step", *entry))
    writer = csv.DictWriter(table, columns)
    writer.writeheader()
    writer.writerows(history)
    with replacing(out.with_name(f"{base}.history.csv")) as file:
        file.write(table.getvalue().encode())
    with replacing(out.with_name(f"{base}.curve.png")) as file:
        figure.savefig(file, format="png")


def steps_and_loss(estimator):
    """How a net's training went, in words."""
    last = estimator.history_[-1]
    score = f", score {last['score']:.4f} on images held out" if "score" in last else ""
    minutes = last["seconds"] / 60
    return f"{last['step']} steps in {minutes:.1f} minutes, loss {last['loss']:.4f}{score}"
