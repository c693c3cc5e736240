"""``sklearn-spx train seal``: SEALSuperpixels trained on one's own images and annotations."""

import click

from ._train import (
    steps_and_loss,
    take_common,
    take_training,
    train_and_save,
    training_command,
)


def _weight(context, parameter, value):
    """A positive number, or the word; None stays."""
    if value is None:
        return None
    try:
        weight = value if value == "balanced" else float(value)
    except ValueError:
        weight = 0.0
    if weight != "balanced" and not weight > 0:
        raise click.BadParameter(f"{value} is neither balanced nor a number above 0")
    return weight


@training_command(
    "seal",
    click.option(
        "--net",
        type=click.Choice(
            ["compact", "pan", "pan-two-way", "pan-square", "pan-no-canny", "pan-baseline"]
        ),
        help="The net: small and fast, or the paper's and its ablations.  [default: compact]",
    ),
    click.option(
        "--loss",
        type=click.Choice(["cross_entropy", "seal"]),
        default="cross_entropy",
        show_default=True,
        help="seal: with superpixels in the loop.",
    ),
    click.option(
        "--boundary-weight",
        callback=_weight,
        help="What a missed boundary costs, a false one being 1; or balanced.  [default: 20, 1 for "
        "seal]",
    ),
    click.option(
        "--augmentation",
        type=click.Choice(["turn", "wear"]),
        default="turn",
        show_default=True,
        help="What is made of crops; wear: also zoomed, darker, blurred, noisy, worn by JPEG.",
    ),
)
def train_seal(seed, jobs, **options):
    """Train SEALSuperpixels on IMAGES: files, directories or globs.

    BSDS500, as it is distributed: sklearn-spx train seal BSDS500/images/train --truths
    BSDS500/groundTruth/train --out my.safetensors
    """
    from .. import SEALSuperpixels

    common, training = take_common(options), take_training(options)
    estimator = SEALSuperpixels(training=training, random_state=seed, n_jobs=jobs, **options)
    train_and_save(estimator, training, common, steps_and_loss)
