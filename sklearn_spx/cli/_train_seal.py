"""``sklearn-spx train seal``: SEALSuperpixels trained on one's own images and annotations."""

import click

from ._console import stdout
from ._train import held_out_option, jobs_option, read_annotated, steps_option, training_command


def _weight(context, parameter, value):
    """A positive number, or the word."""
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
        type=click.Choice(["compact", "pan", "pan-two-way", "pan-square", "pan-no-canny"]),
        default="compact",
        show_default=True,
        help="The net: small and fast, or the paper's and its ablations.",
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
        default="20",
        show_default=True,
        callback=_weight,
        help="What a missed boundary costs, a false one being 1; or balanced.",
    ),
    steps_option,
    held_out_option,
    jobs_option,
)
def train_seal(images, truths, out, steps, seed, checkpoint, jobs, half, **options):
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
