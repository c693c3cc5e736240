"""``sklearn-spx train``: estimators trained on one's own images and annotations."""

from pathlib import Path

import click

from . import _files
from ._console import complain, stderr


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
)
_RUN = (
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option(
        "--checkpoint",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File that keeps the state of training; the same command goes on from it.",
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
    ),
    click.option("--half", is_flag=True, help="Write half precision: half the file."),
)

steps_option = click.option("--steps", type=click.IntRange(1), help="Optimiser steps.")
held_out_option = click.option(
    "--validation-fraction",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="Share of the images held out, to keep the best state.",
)
jobs_option = click.option(
    "--jobs", default=1, show_default=True, help="Images or crops worked on at once."
)


def training_command(name, *options):
    """A command of ``train``: what all have, with options of its own in the middle."""

    def decorate(function):
        for option in reversed((*_COMMON, *options, *_RUN)):
            function = option(function)
        return click.command(name)(function)

    return decorate


def read_annotated(images, truths):
    """Return images and their annotations; complain of the first that cannot be read and exit."""
    found, annotations = [], []
    for stem, (path, truth_paths) in _pairs(images, truths).items():
        try:
            if not truth_paths:
                raise ValueError(f"there is no ground truth {stem}.* or {stem}_*.*")
            found.append(_files.read_image(path))
            annotations.append([a for t in truth_paths for a in _files.read_label_images(t)])
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
