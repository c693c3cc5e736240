"""``sklearn-spx train trainable-slic``: TrainableSLIC fitted to one's own images."""

import time
from pathlib import Path

import click

from ._console import stdout
from ._train import read_annotated


@click.command("trainable-slic")
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
    "--distance",
    type=click.Choice(["linear", "mlp", "classifier", "embedding"]),
    default="linear",
    show_default=True,
    help="What is learned: weights of ready features, nets beside them, or the features.",
)
@click.option(
    "--initial",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File that an embedding starts from, such as train seal writes.",
)
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps of an embedding.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--checkpoint",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps the state of a net's training; the same command goes on from it.",
)
@click.option("--half", is_flag=True, help="Write half precision: half the size.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
)
@click.option("--jobs", default=1, show_default=True, help="Images worked on at once.")
def train_trainable_slic(
    images, truths, out, distance, initial, steps, seed, checkpoint, half, device, jobs
):
    """Train TrainableSLIC on IMAGES: files, directories or globs.

    BSDS500, as it is distributed: sklearn-spx train trainable-slic BSDS500/images/train --truths
    BSDS500/groundTruth/train --out my.safetensors
    """
    given = {"initial": initial, "max_steps": steps}
    given = {name: value for name, value in given.items() if value is not None}
    if given and distance != "embedding":
        raise click.UsageError("--initial and --steps are of --distance embedding")
    found, annotations = read_annotated(images, truths)

    from .. import TrainableSLIC
    from ..features import EmbeddingFeatures

    how = {"checkpoint": checkpoint, "device": device, "n_jobs": jobs, "verbose": 1}
    features = None
    if distance == "embedding":
        features = EmbeddingFeatures(random_state=seed, **given, **how)
    estimator = TrainableSLIC(distance=distance, features=features, random_state=seed, **how)
    started = time.perf_counter()
    try:
        estimator.fit(found, annotations)
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from None
    # what says where and how the training ran is nothing of the trained estimator
    how = {"checkpoint": None, "device": "cpu", "n_jobs": None, "verbose": 0}
    estimator.set_params(**how)
    if features is not None:
        for embedding in (estimator.features, estimator.features_):
            embedding.set_params(initial=None, **how)
    estimator.save(out, half_precision=half)
    stdout().print(
        f"{len(found)} images in {(time.perf_counter() - started) / 60:.1f} minutes, "
        f"loss {estimator.loss_:.4f}; written to {out}",
        soft_wrap=True,
    )
