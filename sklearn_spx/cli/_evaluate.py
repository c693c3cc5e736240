"""``sklearn-spx evaluate``: label images against ground truth."""

import csv
import io
import sys
from functools import partial
from pathlib import Path

import click

from ..utils.files import replacing
from . import _files, _outputs
from ._console import complain, printable, stderr, stdout

# heading (+: greater is better), name of the score, decimals
SCORES = {
    "superpixels": (
        ("ASA+", "achievable_segmentation_accuracy", 4),
        ("BR+", "boundary_recall", 4),
        ("BP+", "boundary_precision", 3),
        ("UE-", "undersegmentation_error", 4),
        ("MDE-", "mean_distance_to_edge", 3),
        ("IoU+", "achievable_iou", 4),
        ("CO+", "compactness", 3),
    ),
    "segments": (
        ("Fb+", "boundary_f", 4),
        ("Fop+", "object_part_f", 4),
        ("cover+", "covering", 4),
        ("PRI+", "probabilistic_rand_index", 4),
        ("VI-", "variation_of_information", 4),
    ),
}
LEGEND = {
    "superpixels": (
        "ASA achievable segmentation accuracy; BR boundary recall (protocol of SEAL, within 1 "
        "pixel); BP boundary precision; UE undersegmentation error (Neubert, Protzel); MDE mean "
        "distance to edge in pixels; IoU achievable intersection over union; CO compactness. All: "
        "the mean over pairs of image and annotator."
    ),
    "segments": (
        "Fb boundary F-measure; Fop objects and parts; cover segmentation covering; PRI "
        "probabilistic Rand index; VI variation of information in bits. All: Fb of the counts of "
        "all images, Fop of mean precision and recall, covering of all annotated pixels, as the "
        "benchmarks have it for one setting."
    ),
}
SHOWN = 20  # images listed in the table; the CSV file has all


@click.command()
@click.argument("labels", nargs=-1, required=True)
@click.argument("ground_truths", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--scores",
    type=click.Choice(list(SCORES)),
    default="superpixels",
    show_default=True,
    help="Which scores: those of superpixels, or those of whole segments.",
)
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the scores of each image to this file.",
)
@click.option("--void", type=int, help="Label of unknown pixels in the ground truths, such as 255.")
@_files.jobs_option
def evaluate(labels, ground_truths, scores, csv_path, void, jobs):
    """Score LABELS against GROUND_TRUTHS.

    LABELS are files, directories or globs of label images: .npz (the array `labels`), .npy, or PNG
    and TIFF of 8 or 16 bits, such as sklearn-spx segment writes. GROUND_TRUTHS is a directory (or
    one file) with, for each NAME, NAME.mat as BSDS500 has it, or NAME.npz, .npy, .png, .tif;
    several annotators are several arrays in NAME.npz, or files NAME_*.png.

    The label images of each directory are those of a method, and have a table of their own:
    sklearn-spx evaluate slic/ seal/ truths/ compares two.
    """
    errors = stderr()
    _check_csv(csv_path)
    paths = _files.find(labels, _files.LABELS, "label image")
    methods = {}
    for path in paths:
        methods.setdefault(path.parent, []).append(path)
    try:
        pairs = {folder: _files.pair(files, ground_truths) for folder, files in methods.items()}
    except OSError as error:
        raise click.UsageError(f"{ground_truths} cannot be looked at: {error.strerror}") from None
    for folder, found in pairs.items():
        if not found:
            raise click.UsageError(
                f"there are pictures among the LABELS in {folder}, but no label image"
            )
    with _files.quiet():
        n_good = _evaluate(pairs, ground_truths, scores, csv_path, void, jobs)
    n_all = sum(map(len, pairs.values()))
    if n_good < n_all:
        errors.print(f"{n_all - n_good} of {n_all} images have no scores")
        raise click.exceptions.Exit(1)


def _check_csv(path):
    if path is None:
        return
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"--csv: there is no directory {path.parent}")
    _outputs.check_writable(path.parent, "--csv")


def _evaluate(pairs, ground_truths, scores, csv_path, void, jobs):
    """Print and write the tables; return how many images have scores."""
    errors, good, rows = stderr(), {}, []
    for folder, found in pairs.items():
        for stem, (path, truth_paths) in found.items():
            try:
                annotators = _check(path, truth_paths, stem, ground_truths, void)
            except Exception as error:  # whatever it is, the other images go on
                complain(errors, path, error)
            else:
                good.setdefault(folder, {})[stem] = (path, truth_paths, annotators)
    for folder, files in good.items():
        scored, over_all = _score(files, scores, jobs, void)
        _print(scored, over_all, scores, str(folder) if len(pairs) > 1 else None)
        rows.extend({"method": str(folder), **row} for row in scored)
    if len({frozenset(files) for files in good.values()}) > 1:
        errors.print("[yellow]note[/] the tables are not of the same images")
    if csv_path is not None and rows:
        try:
            _write_csv(csv_path, rows)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"--csv: {printable(error)}") from None
        stdout().print(
            f"The scores of each image are in {printable(csv_path)}", soft_wrap=True, markup=False
        )
    return sum(map(len, good.values()))


def _write_csv(path, rows):
    with replacing(path) as binary:
        file = io.TextIOWrapper(
            binary, encoding="utf-8", errors="backslashreplace", newline="", write_through=True
        )
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        file.detach()


def _check(path, truth_paths, stem, root, void):
    """Read one image's files to see that they fit; return how many annotators there are."""
    if not truth_paths:
        raise ValueError(f"there is no ground truth {stem}.* or {stem}_*.* in {root}")
    labels, n_truths = _read_labels(path), 0
    for truth_path in truth_paths:
        truths = _read_truths([truth_path], void)
        n_truths += len(truths)
        for truth in truths:
            if truth.shape != labels.shape:
                raise ValueError(
                    f"has shape {labels.shape}, its ground truth {truth_path} {truth.shape}"
                )
            if (truth < 0).all():
                raise ValueError(f"its ground truth {truth_path} is unknown everywhere")
    return n_truths


def _read_labels(path):
    labels = _files.read_label_images(path)
    if len(labels) != 1:
        raise ValueError(f"holds {len(labels)} label images; accepted is one, called 'labels'")
    return labels[0]


def _read_truths(paths, void):
    truths = []
    for path in paths:
        try:
            truths.extend(_files.read_label_images(path, void))
        except Exception as error:
            raise ValueError(f"ground truth {error}") from error
    return truths


def _score(good, scores, jobs, void):
    """Return a row of scores for each image, and one of the data set."""
    from .. import metrics
    from ..datasets.lazy import LazyFiles

    paths, truth_paths, annotators = zip(*good.values())
    labels = LazyFiles(paths, _read_labels)
    truths = LazyFiles(truth_paths, partial(_read_truths, void=void))
    how = {"n_jobs": _files.n_threads(jobs, len(paths)), "verbose": int(sys.stderr.isatty())}
    names = [name for _, name, _ in SCORES[scores]]
    if scores == "superpixels":
        result = metrics.evaluate_superpixels(labels, truths, **how)
        regions = result.n_segments_per_image.tolist()
        each = {name: result.per_image[name] for name in names}
        over_all = {name: result.mean[name] for name in names}
    else:
        from ..metrics.f_measure import f_of_counts, harmonic_mean

        result = metrics.evaluate_segmentations(_OneSetting(labels), truths, **how)
        regions = [len(set(labels[i].ravel().tolist()) - {-1}) for i in range(len(labels))]
        each = {name: result[name].per_image[:, 0] for name in names[2:]}
        each["boundary_f"] = f_of_counts(result.boundary_f.counts[:, 0])[0]
        each["object_part_f"] = harmonic_mean(*result.object_part_f.per_image[:, 0].T)
        over_all = {name: result[name].ods for name in names}
    rows = [
        {"name": stem, "regions": regions[i], "annotators": annotators[i]}
        | {name: float(each[name][i]) for name in names}
        for i, stem in enumerate(good)
    ]
    return rows, {"regions": sum(regions) / len(regions), **over_all}


class _OneSetting:
    """Label images as segmentations at a single setting."""

    def __init__(self, labels):
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return [self.labels[i]]


def _print(rows, over_all, scores, title):
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    console = stdout()
    table = Table(
        box=SIMPLE_HEAD,
        title=None if title is None else Text(printable(title)),
        title_justify="left",
        caption=LEGEND[scores],
        caption_justify="left",
        caption_style="dim",
    )
    wide = console.width >= 100
    table.add_column("image", no_wrap=True, max_width=40 if wide else 14)
    table.add_column("regions", justify="right", no_wrap=True)
    for heading, _, _ in SCORES[scores]:
        arrow = {"+": " ↑", "-": " ↓"}[heading[-1]]
        table.add_column(heading[:-1] + arrow, justify="right", no_wrap=True)
    for row in rows[:SHOWN]:
        table.add_row(Text(printable(row["name"])), *_cells(row, scores, "d"))
    if len(rows) > SHOWN:
        table.add_row(f"... {len(rows) - SHOWN} more", *[""] * (1 + len(SCORES[scores])))
    table.add_section()
    table.add_row(f"all {len(rows)}", *_cells(over_all, scores, ".1f"), style="bold")
    console.print(table)


def _cells(row, scores, count_format):
    cells = [format(row["regions"], count_format)]
    return cells + [f"{row[name]:.{decimals}f}" for _, name, decimals in SCORES[scores]]
