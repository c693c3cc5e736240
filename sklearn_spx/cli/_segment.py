"""``sklearn-spx segment``: label images of one's own images."""

import time
from pathlib import Path
from statistics import median

import click
import numpy as np
from rich.markup import escape

from . import _files
from ._console import complain, progress, stderr, stdout

# the estimator of each method, and the options that mean something to it
METHODS = {
    "slic": ("SLICSuperpixels", ("n_segments", "compactness")),
    "ers": ("ERSSuperpixels", ("n_segments",)),
    "egb": ("EGBSegmenter", ("scale", "min_size")),
    "trainable-slic": ("TrainableSLIC", ("n_segments", "compactness", "model")),
    "seal": ("SEALSuperpixels", ("n_segments", "model")),
    "del": ("DELSegmenter", ("threshold", "n_segments", "min_size", "model")),
}


@click.command()
@click.argument("images", nargs=-1, required=True)
@click.option(
    "--method",
    type=click.Choice(list(METHODS)),
    default="slic",
    show_default=True,
    help="Algorithm.",
)
@click.option("--n-segments", type=click.IntRange(1), help="Regions an image; not for egb.")
@click.option(
    "--compactness",
    type=click.FloatRange(0),
    help="Weight of place against colour; slic and trainable-slic.",
)
@click.option(
    "--scale", type=click.FloatRange(0), help="The greater, the larger the segments; egb."
)
@click.option(
    "--threshold", type=click.FloatRange(0), help="The greater, the larger the segments; del."
)
@click.option(
    "--min-size",
    type=click.IntRange(0),
    help="Smallest segment: in pixels for egb, in superpixels for del.",
)
@click.option(
    "--model",
    "--weights",
    "model",
    metavar="FILE",
    help="What the estimator's save wrote, or a name that is shipped, bsds500 unless given; "
    "trainable-slic, seal, del.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Directory to write to; made if missing.",
)
@click.option("--recursive", is_flag=True, help="Look for images in directories inside, too.")
@click.option(
    "--page",
    type=int,
    help="Page of TIFF files, or frame of animations, that have several; from 0.",
)
@click.option("--jobs", default=1, show_default=True, help="Images at once; -1: one a core.")
def segment(images, method, out, recursive, page, jobs, **options):
    """Segment IMAGES: files, directories or globs.

    For each image three files are written: NAME.npz (the array `labels`), NAME_labels.png (16 bit)
    and NAME_overlay.png (the borders drawn on the image). NAME is the image's, without its ending;
    where several have it, its ending (a_png, a_tif) or its directories (x_a, y_a) are added. A file
    that cannot be read does not stop the others. Images are never overwritten.
    """
    errors, console = stderr(), stdout()
    paths = _files.find(images, _files.IMAGES, "image", recursive, out)
    names = _files.output_names(paths)
    _files.check_outputs(paths, names, out)
    make = _estimator_factory(method, options)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise click.UsageError(f"--out: {out} cannot be made: {reason.strerror}") from None

    from joblib import Parallel, delayed

    tasks = (
        delayed(_segment_file)(path, page, make, out, name) for path, name in zip(paths, names)
    )
    done, failed, seconds = [], 0, []
    with progress() as bar:
        task = bar.add_task("segmenting", total=len(paths))
        results = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(tasks)
        for path, name, (count, took, fits, error) in zip(paths, names, results):
            if error is not None:
                failed += 1
                complain(errors, path, error)
            else:
                done.append(count)
                seconds.append(took)
                if not fits:
                    errors.print(
                        f"[yellow]note[/] {escape(name)}: {count} labels are more than a 16-bit "
                        f"PNG holds; they are in {escape(name)}.npz alone"
                    )
            bar.advance(task)
    if done:
        span = f"{min(done)}" if min(done) == max(done) else f"{min(done)} to {max(done)}"
        console.print(
            f"{len(done)} of {len(paths)} images, {span} regions each, "
            f"{1000 * median(seconds):.0f} ms each; written to {out}",
            soft_wrap=True,
        )
    if failed:
        raise click.exceptions.Exit(1)


def _estimator_factory(method, options):
    """Return a function that gives the estimator, new or fitted, for each image."""
    name, accepted = METHODS[method]
    given = {key: value for key, value in options.items() if value is not None}
    for key in given:
        if key not in accepted:
            flags = ", ".join("--" + other.replace("_", "-") for other in accepted)
            raise click.UsageError(
                f"--{key.replace('_', '-')} means nothing to --method {method}, which takes {flags}"
            )
    import sklearn_spx

    estimator_class = getattr(sklearn_spx, name)
    if "model" not in accepted:
        return lambda image: estimator_class(**given).fit([image])
    try:
        fitted = estimator_class.from_pretrained(given.pop("model", "bsds500"), **given)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--model: {error}") from None
    return lambda image: fitted


def _segment_file(path, page, make, out, name):
    """Return (regions, seconds, whether 16 bits held them, error), with files written."""
    from ..io import read_image

    try:
        image = read_image(path, page=page)
        estimator = make(image)
        trained_on_colours = estimator.n_channels_in_ == 3 and image.ndim == 2
        start = time.perf_counter()
        shown = np.repeat(image[:, :, None], 3, 2) if trained_on_colours else image
        labels = estimator.transform([shown])[0]
        seconds = time.perf_counter() - start
        fits = _files.write_segmentation(out, name, image, labels)
        return int(labels.max()) + 1, seconds, fits, None
    except Exception as error:  # whatever it is, the other images go on
        return 0, 0.0, True, error
