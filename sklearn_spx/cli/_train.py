"""``sklearn-spx train``: estimators trained on one's own images and annotations."""

from pathlib import Path

import click

from . import _files
from ._console import complain, stderr, stdout


@click.group()
def train():
    """Train an estimator on images and ground truths."""


def _weight(context, parameter, value):
    """A positive number, or the word."""
    try:
        weight = value if value == "balanced" else float(value)
    except ValueError:
        weight = 0.0
    if weight != "balanced" and not weight > 0:
        raise click.BadParameter(f"{value} is neither balanced nor a number above 0")
    return weight


@train.command()
@click.argument("images", nargs=-1, required=True)
@click.option(
    "--truths",
    multiple=True,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory of ground truths, as sklearn-spx evaluate reads them; may be given again.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="File to write, .safetensors by custom.",
)
@click.option(
    "--net",
    type=click.Choice(["compact", "pan", "pan-two-way", "pan-square", "pan-no-canny"]),
    default="compact",
    show_default=True,
    help="The net: small and fast, or the paper's and its ablations.",
)
@click.option(
    "--loss",
    type=click.Choice(["cross_entropy", "seal"]),
    default="cross_entropy",
    show_default=True,
    help="seal: with superpixels in the loop.",
)
@click.option(
    "--boundary-weight",
    default="20",
    show_default=True,
    callback=_weight,
    help="What a missed boundary costs, a false one being 1; or balanced.",
)
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps.")
@click.option(
    "--validation-fraction",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="Share of the images held out, to keep the best state.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--checkpoint",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps the state of training; the same command goes on from it.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
)
@click.option("--jobs", default=1, show_default=True, help="Threads that prepare crops.")
@click.option("--half", is_flag=True, help="Write half precision: half the file.")
def seal(images, truths, out, steps, seed, checkpoint, jobs, half, **options):
    """Train SEALSuperpixels on IMAGES: files, directories or globs.

    BSDS500, as it is distributed: sklearn-spx train seal BSDS500/images/train --truths
    BSDS500/groundTruth/train --out my.safetensors
    """
    found, annotations = read_annotated(images, truths)

    from .. import SEALSuperpixels

    if steps is not None:
        options["max_steps"] = steps
    estimator = SEALSuperpixels(
        checkpoint=checkpoint,
        random_state=seed,
        n_jobs=jobs,
        verbose=1,
        **options,
    )
    try:
        estimator.fit(found, annotations)
    except (ValueError, TypeError, ImportError) as error:
        raise click.UsageError(str(error)) from None
    # what says where and how the training ran is nothing of the trained estimator
    estimator.set_params(checkpoint=None, device="cpu", n_jobs=None, verbose=0)
    estimator.save(out, half_precision=half)
    last = estimator.history_[-1]
    score = f", ASA {last['score']:.4f} on images held out" if "score" in last else ""
    stdout().print(
        f"{len(found)} images, {last['step']} steps in {last['seconds'] / 60:.1f} minutes, "
        f"loss {last['loss']:.4f}{score}; written to {out}",
        soft_wrap=True,
    )


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
