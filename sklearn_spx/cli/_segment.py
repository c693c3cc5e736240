"""``sklearn-spx segment``: label images of one's own images."""

import copy
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from rich.text import Text

from . import _files, _outputs
from ._console import complain, printable, progress, reason_of, stderr, stdout

# the estimator of each method, and the options that mean something to it
METHODS = {
    "slic": ("SLICSuperpixels", ("n_segments", "compactness", "device")),
    "ers": ("ERSSuperpixels", ("n_segments", "device")),
    "egb": ("EGBSegmenter", ("scale", "min_size", "device")),
    "trainable-slic": ("TrainableSLIC", ("n_segments", "compactness", "model", "device")),
    "seal": ("SEALSuperpixels", ("n_segments", "model", "device")),
    "del": ("DELSegmenter", ("threshold", "n_segments", "min_size", "model", "device")),
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
    "--threshold",
    type=click.FloatRange(0),
    help="The greater, the larger the segments; del, without --n-segments.",
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
    "--value-range",
    type=float,
    nargs=2,
    metavar="LOW HIGH",
    help="The values of black and white. Unless given 8-bit images go from 0 to 255, and of images "
    "of more bits, or of floats, all of a run are looked at first.",
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
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda", "auto"]),
    help="Where to work, cpu unless given: cuda is an NVIDIA GPU, auto one if there is one.",
)
@click.option(
    "--style",
    "styles",
    type=click.Choice(list(_outputs.STYLES)),
    multiple=True,
    help="Pictures to draw, may be given again: borders on the image (NAME_overlay), mean colours "
    "(NAME_means), a colour laid over each region (NAME_fill). boundaries unless given.",
)
@click.option("--color", help="Colour of the borders: a CSS name, or #rrggbb.")
@click.option(
    "--line-width",
    type=click.IntRange(1, 1000),
    help="Width of the borders in pixels of the picture; one for every thousand unless given.",
)
@click.option(
    "--out-format",
    "formats",
    type=click.Choice(_outputs.FORMATS),
    multiple=True,
    help="Files of other tools beside those above, may be given again: geojson (NAME.geojson, "
    "polygons), coco (one coco.json, polygons), geotiff (NAME_labels.tif, or an error where the "
    "image has no place on earth).",
)
@click.option(
    "--simplify",
    type=click.FloatRange(0),
    help="How far, in pixels, borders of polygons may move to have fewer points; geojson and coco.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one line of JSON an image to stdout, all else to stderr.",
)
@_files.jobs_option
def segment(images, method, out, recursive, page, as_json, jobs, **options):
    """Segment IMAGES: files, directories or globs.

    For each image NAME.npz (the array `labels`) is written, NAME_labels.png (16 bit), and, to look
    at, NAME_colors.png and NAME_overlay.png: the borders drawn on the image, small ones at twice
    the size. Pictures of the image above 4 megapixels are JPEG, NAME_overlay.jpg. NAME_labels.tif
    (32 bit) takes the place of the PNG for a GeoTIFF, where it keeps transform and CRS, for more
    than 65536 regions, and where pixels have no data or are transparent: they are -1. --out-format
    adds polygons for maps (GeoJSON, in the CRS of a GeoTIFF) and annotators (COCO).

    NAME is the image's, without its ending; where several have it, its ending (a_png, a_tif) or its
    directories (x_a, y_a) are added. A file that cannot be read does not stop the others. Images
    are never overwritten.
    """
    errors, console = stderr(), stderr() if as_json else stdout()
    look = _look(*(options.pop(name) for name in ("styles", "color", "line_width")))
    files = _files_of(options.pop("formats"), options.pop("simplify"))
    paths = _files.find(images, _files.IMAGES, "image", recursive, out)
    names = _files.output_names(paths)
    _outputs.check_outputs(paths, names, out)
    value_range = _given_range(options.pop("value_range"))
    make = _estimator_factory(method, options)
    _outputs.make_folder(out)

    def work(path, name):
        return _segment_file(path, page, make, ranges, out, name, look, files)

    results, start, told = [], time.perf_counter(), set()
    try:
        with _files.quiet(), progress() as bar:
            ranges = _ranges(paths, page, value_range, bar)
            task = bar.add_task("segmenting", total=len(paths))
            for result in _each(work, paths, names, _files.n_threads(jobs, len(paths))):
                results.append(result)
                if result.error is not None:
                    complain(errors, result.path, result.error)
                if result.note is not None and result.note not in told:
                    told.add(result.note)
                    errors.print(Text.assemble(("note", "yellow"), f" {result.note}"))
                if as_json:
                    click.echo(json.dumps(_record(result)))
                bar.advance(task)
    except KeyboardInterrupt:
        _write_coco(results, out, files, errors)
        errors.print(
            f"stopped: {len(results)} of {len(paths)} images are done",
            markup=False,
        )
        raise click.exceptions.Exit(130) from None
    done = [result for result in results if result.error is None]
    coco, is_whole = _write_coco(results, out, files, errors)
    if as_json:
        summary = {"images": len(paths), "segmented": len(done), "failed": len(paths) - len(done)}
        if "coco" in files.formats:
            summary["coco"] = None if coco is None else str(coco)
        click.echo(json.dumps({**summary, "seconds": round(time.perf_counter() - start, 4)}))
    if done:
        counts = [result.regions for result in done]
        span = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
        console.print(
            f"{len(done)} of {len(paths)} images, {span} regions each, "
            f"{1000 * median(result.seconds for result in done):.0f} ms each; "
            f"written to {printable(out)}",
            soft_wrap=True,
            markup=False,
        )
    else:
        console.print(f"0 of {len(paths)} images")
    if len(done) < len(paths) or not is_whole:
        raise click.exceptions.Exit(1)


class Result(NamedTuple):
    """What became of one image."""

    path: Path
    outputs: tuple = ()
    regions: int | None = None
    seconds: float | None = None  # of the segmentation alone
    shape: tuple | None = None
    note: str | None = None
    error: Exception | None = None


def _record(result):
    return {
        "file": str(result.path),
        "outputs": [str(path) for path in result.outputs],
        "regions": result.regions,
        "seconds": None if result.seconds is None else round(result.seconds, 4),
        "shape": None if result.shape is None else list(result.shape),
        "error": None if result.error is None else reason_of(result.path, result.error),
    }


def _look(styles, color, line_width):
    """Return how the pictures look; what would do nothing is wrong usage."""
    from ..inspection.draw import rgb

    styles = tuple(dict.fromkeys(styles)) or ("boundaries",)
    for flag, value in (("--color", color), ("--line-width", line_width)):
        if value is not None and "boundaries" not in styles:
            raise click.UsageError(f"{flag} is for --style boundaries, which is not asked for")
    if color is not None:
        try:
            rgb(color)
        except ValueError as error:
            raise click.UsageError(f"--color: {error}") from None
    return _outputs.Look(styles, color, line_width)


def _files_of(formats, simplify):
    """Return which files of other tools are written; what would do nothing is wrong usage."""
    from ..io import geotiff

    formats = tuple(dict.fromkeys(formats))
    if simplify is not None and not {"geojson", "coco"} & set(formats):
        raise click.UsageError(
            "--simplify is for --out-format geojson or coco, which are not asked for"
        )
    if "geotiff" in formats and not geotiff.has_rasterio():
        raise click.UsageError(f"--out-format geotiff needs rasterio: {geotiff.HINT}")
    return _outputs.Files(formats, simplify or 0.0)


def _write_coco(results, out, files, errors):
    """Write coco.json if it is asked for; return (its path or None, whether all went well)."""
    done = [result for result in results if result.error is None]
    if "coco" not in files.formats or not done:
        return None, True
    paths, npz_files = [result.path for result in done], [result.outputs[0] for result in done]
    try:
        return _outputs.write_coco(out, paths, npz_files, files.simplify), True
    except (OSError, ValueError) as error:
        complain(errors, out / _outputs.COCO, error)
        return None, False


def _each(work, paths, names, n_threads):
    """Do the work on threads, in order; whatever ends it, images in progress are written whole."""
    if n_threads == 1:
        yield from map(work, paths, names)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        futures = [pool.submit(work, path, name) for path, name in zip(paths, names)]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


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
    if method == "del" and "n_segments" in given:
        for key in ("threshold", "min_size"):
            if key in given:
                raise click.UsageError(
                    f"--{key.replace('_', '-')} means nothing beside --n-segments: regions are "
                    "merged until that many are left"
                )
    import sklearn_spx

    if given.get("device") is not None:
        from ..kernels.checks import uses_gpu
        from ..learned import torch_device

        try:
            uses_gpu(given["device"])
            if "model" in accepted:
                torch_device(given["device"])
        except ValueError as error:
            raise click.UsageError(f"--device: {error}") from None
    estimator_class = getattr(sklearn_spx, name)
    if "model" not in accepted:
        return lambda image, both: estimator_class(**given, value_range=both).fit([image])
    try:
        fitted = estimator_class.from_pretrained(given.pop("model", "bsds500"), **given)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--model: {error}") from None
    # of another range, with the same net
    return lambda image, both: copy.copy(fitted).set_params(value_range=both)


def _given_range(value_range):
    from ..utils.scale import given_range

    try:
        return given_range(value_range)
    except ValueError:
        low, high = value_range
        raise click.UsageError(f"--value-range: {low:g} is not below {high:g}") from None


def _ranges(paths, page, value_range, bar):
    """Return black and white of each kind of image: given, or of all images of more than 8 bits."""
    from ..io import read_masked
    from ..utils.scale import KINDS, Survey

    if value_range is not None:
        return dict.fromkeys(KINDS, value_range)
    deep = [path for path in paths if not _files.has_8_bits(path)]
    if not deep:
        return {}
    task = bar.add_task("looking at values", total=len(deep))
    survey = Survey()
    for path in deep:
        try:
            image, mask = read_masked(path, page=page)
            survey.add(image, None if mask.all() else mask)
        except Exception:
            pass
        bar.advance(task)
    bar.remove_task(task)
    return survey.ranges()


def _segment_file(path, page, make, ranges, out, name, look, files):
    """Return the Result of one image, its files written."""
    from ..io import read_masked
    from ..utils.scale import kind_of

    try:
        image, mask = read_masked(path, page=page)
        masks = None if mask.all() else [mask]
        estimator = make(image, ranges.get(kind_of(image.dtype)))
        start = time.perf_counter()
        labels = estimator.transform([image], masks=masks)[0]
        seconds = time.perf_counter() - start
        like, note = _place_on_earth(path, page)
        if like is None and "geotiff" in files.formats:
            raise ValueError(f"--out-format geotiff: {note or 'the image is no GeoTIFF'}")
        written, lost = _outputs.write_segmentation(out, name, image, labels, look, like, files)
        if lost is not None:
            note = f"georeferencing is not kept: {printable(lost)}"
        return Result(path, written, int(labels.max()) + 1, seconds, image.shape, note)
    except Exception as error:  # whatever it is, the other images go on
        return Result(path, error=_with_options(error))


def _with_options(error):
    """An error of :mod:`sklearn_spx.io` whose way out is an argument: here it is an option."""
    found = re.sub(
        r'page=(\d+) to page=(\d+), or all of them by page="all"',
        r"--page \1 to --page \2",
        str(error),
    )
    return error if found == str(error) else ValueError(found)


def _place_on_earth(path, page):
    """Return (the file whose place on earth the labels get or None, what to tell or None)."""
    from ..io import geotiff

    if not geotiff.is_geotiff(path):
        return None, None
    if not geotiff.has_rasterio():
        return None, (
            "georeferencing of GeoTIFF is not kept, since rasterio is not installed: "
            f"{geotiff.HINT}"
        )
    if page not in (None, 0):
        return None, "georeferencing is kept of the first page alone"
    return path, None
