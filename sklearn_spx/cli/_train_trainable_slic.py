"""``sklearn-spx train trainable-slic``: TrainableSLIC fitted to one's own images."""

import time
from pathlib import Path

import click

from ._train import take_common, take_training, train_and_save, training_command


@training_command(
    "trainable-slic",
    click.option(
        "--distance",
        type=click.Choice(["linear", "mlp", "classifier", "classifier-paper", "embedding"]),
        help="What is learned: weights of ready features, nets beside them, or the features.  "
        "[default: linear]",
    ),
    click.option(
        "--initial",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File whose U-Net an embedding starts from: what train seal wrote.",
    ),
)
def train_trainable_slic(distance, initial, seed, jobs, device, **options):
    """Train TrainableSLIC on IMAGES: files, directories or globs.

    BSDS500, as it is distributed: sklearn-spx train trainable-slic BSDS500/images/train --truths
    BSDS500/groundTruth/train --out my.safetensors
    """
    from .. import TrainableSLIC
    from ..features import EmbeddingFeatures

    common, training = take_common(options), take_training(options)
    how = {"device": device, "n_jobs": jobs, "random_state": seed}
    features = None
    if initial is not None:
        if distance != "embedding" or options["pretrained"] is not None:
            raise click.UsageError("--initial is what --distance embedding starts from")
        features = EmbeddingFeatures(initial=str(initial), training=training, **how)
    estimator = TrainableSLIC(
        distance=distance,
        pretrained=options["pretrained"],
        features=features,
        training=None if features is not None else training,
        **how,
    )
    started = time.perf_counter()

    def summary(estimator):
        minutes = (time.perf_counter() - started) / 60
        return f"{minutes:.1f} minutes, loss {estimator.loss_:.4f}"

    train_and_save(estimator, training, common, summary)
