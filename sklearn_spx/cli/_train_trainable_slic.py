"""``sklearn-spx train trainable-slic``: TrainableSLIC fitted to one's own images."""

import time
from pathlib import Path

import click

from ._console import stdout
from ._train import jobs_option, read_annotated, training_command


@training_command(
    "trainable-slic",
    click.option(
        "--distance",
        type=click.Choice(["linear", "mlp", "classifier", "embedding"]),
        default="linear",
        show_default=True,
        help="What is learned: weights of ready features, nets beside them, or the features.",
    ),
    click.option(
        "--initial",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File that an embedding starts from: what train seal wrote, or this command, whose "
        "training then goes on.",
    ),
    click.option("--steps", type=click.IntRange(1), help="Optimiser steps of an embedding."),
    click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Of a net."),
    jobs_option,
)
def train_trainable_slic(
    images,
    truths,
    out,
    distance,
    initial,
    steps,
    learning_rate,
    seed,
    checkpoint,
    half,
    device,
    jobs,
):
    """Train TrainableSLIC on IMAGES: files, directories or globs.

    BSDS500, as it is distributed: sklearn-spx train trainable-slic BSDS500/images/train --truths
    BSDS500/groundTruth/train --out my.safetensors
    """
    if distance != "embedding" and (initial is not None or steps is not None):
        raise click.UsageError("--initial and --steps are of --distance embedding")
    if distance == "linear" and learning_rate is not None:
        raise click.UsageError("--learning-rate means nothing to --distance linear")
    found, annotations = read_annotated(images, truths)

    from .. import TrainableSLIC
    from ..features import EmbeddingFeatures

    how = {"checkpoint": checkpoint, "device": device, "n_jobs": jobs, "verbose": 1}
    how["random_state"] = seed
    rate = {} if learning_rate is None else {"learning_rate": learning_rate}
    estimator = TrainableSLIC(distance=distance, **rate, **how)
    features = None
    if distance == "embedding":
        if steps is not None:
            rate["max_steps"] = steps
        known = _trained_before(initial)
        if known is None:
            features = EmbeddingFeatures(initial=initial, **rate, **how)
        else:
            estimator, features = known, known.features
            features.set_params(**rate, **how)
            estimator.set_params(warm_start=True, **how)
        estimator.set_params(features=features)
    started = time.perf_counter()
    try:
        estimator.fit(found, annotations)
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from None
    # what says where and how the training ran is nothing of the trained estimator
    how = {"checkpoint": None, "device": "cpu", "n_jobs": None, "verbose": 0}
    estimator.set_params(warm_start=False, **how)
    if features is not None:
        for embedding in (estimator.features, estimator.features_):
            embedding.set_params(initial=None, **how)
    estimator.save(out, half_precision=half)
    stdout().print(
        f"{len(found)} images in {(time.perf_counter() - started) / 60:.1f} minutes, "
        f"loss {estimator.loss_:.4f}; written to {out}",
        soft_wrap=True,
    )


def _trained_before(path):
    """The embedding that a file holds, as this command writes it, or None."""
    from .. import TrainableSLIC

    if path is None:
        return None
    try:
        known = TrainableSLIC.from_pretrained(path)
    except ValueError:  # another estimator's
        return None
    if known.distance != "embedding":
        raise click.UsageError(f"--initial: {path} holds the distance {known.distance!r}")
    return known
