"""``sklearn-spx train del``: DELSegmenter trained on one's own images and annotations."""

import click

from ._console import stdout
from ._train import held_out_option, read_annotated, steps_option, training_command


@training_command(
    "del",
    click.option(
        "--net",
        type=click.Choice(["compact", "vgg16"]),
        default="compact",
        show_default=True,
        help="The net: light, or the paper's.",
    ),
    click.option(
        "--side",
        "sides",
        type=click.IntRange(1, 5),
        multiple=True,
        default=(1, 2, 3, 4, 5),
        help="With vgg16, a stage that has a side; all. 5 alone is DEL-conv5.",
    ),
    click.option(
        "--pooling",
        type=click.Choice(["mean", "max"]),
        default="mean",
        show_default=True,
        help="Over superpixels; max is DEL-Max.",
    ),
    click.option(
        "--initial-weights",
        default="trunk",
        show_default=True,
        help="trunk, random, or a file: what DELSegmenter.save wrote, or weights of VGG16.",
    ),
    click.option(
        "--train-trunk/--freeze-trunk",
        default=None,
        help="Train the net's trunk too, or what follows alone.  [default: vgg16's, not compact's]",
    ),
    click.option(
        "--augmentation",
        type=click.Choice(["none", "flip", "rotate"]),
        default="flip",
        show_default=True,
        help="Variants of each image.",
    ),
    click.option("--crop-size", type=click.IntRange(32), help="Side of random crops."),
    click.option(
        "--optimizer",
        type=click.Choice(["sgd", "adamw"]),
        help="How it learns.  [default: sgd for vgg16, adamw for compact]",
    ),
    click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Its rate."),
    steps_option,
    click.option("--batch-size", type=click.IntRange(1), help="Images a step."),
    held_out_option,
    click.option("--head-only", is_flag=True, help="Write the net without a trunk not trained."),
)
def train_del(images, truths, out, train_trunk, seed, checkpoint, half, head_only, **options):
    """Train DELSegmenter on IMAGES: files, directories or globs.

    BSDS500, as it is distributed: sklearn-spx train del BSDS500/images/train --truths
    BSDS500/groundTruth/train --out my.safetensors
    """
    found, annotations = read_annotated(images, truths)

    from .. import DELSegmenter

    estimator = DELSegmenter(
        freeze_trunk=None if train_trunk is None else not train_trunk,
        checkpoint=None if checkpoint is None else str(checkpoint),
        random_state=seed,
        verbose=1,
        max_steps=options.pop("steps"),
        **options,
    )
    try:
        estimator.fit(found, annotations)
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        raise click.UsageError(str(error)) from None
    # what says where and how the training ran is nothing of the trained estimator
    estimator.set_params(checkpoint=None, device="cpu", verbose=0)
    estimator.save(out, half_precision=half, trunk=not head_only)
    last = estimator.history_[-1]
    stdout().print(
        f"{len(found)} images, {last['step']} steps in {last['seconds'] / 60:.1f} minutes, "
        f"loss {last['loss']:.1f}; written to {out}",
        soft_wrap=True,
    )
