"""``sklearn-spx evaluate``: label images against ground truth."""

import csv
from pathlib import Path

import click

from . import _files
from ._console import complain, progress, stderr, stdout

# heading (+: greater is better), function of sklearn_spx.metrics, decimals
SCORES = {
    "superpixels": (
        ("ASA+", "achievable_segmentation_accuracy", 4),
        ("BR+", "boundary_recall", 4),
        ("UE-", "undersegmentation_error", 4),
        ("MDE-", "mean_distance_to_edge", 3),
        ("IoU+", "achievable_iou", 4),
        ("CO+", "compactness", 3),
    ),
    "segments": (
        ("Fb+", "boundary_f_measure", 4),
        ("Fop+", "object_part_f_measure", 4),
        ("cover+", "segmentation_covering", 4),
        ("PRI+", "probabilistic_rand_index", 4),
        ("VI-", "variation_of_information", 4),
    ),
}
LEGEND = {
    "superpixels": (
        "ASA achievable segmentation accuracy; BR boundary recall within 1 pixel (as SEAL); "
        "UE undersegmentation error (Neubert, Protzel); MDE mean distance to edge in pixels; "
        "IoU achievable intersection over union; CO compactness."
    ),
    "segments": (
        "Fb boundary F-measure; Fop objects and parts; cover segmentation covering; PRI "
        "probabilistic Rand index; VI variation of information in bits."
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
def evaluate(labels, ground_truths, scores, csv_path):
    """Score LABELS against GROUND_TRUTHS.

    LABELS are files, directories or globs of label images: .npz (the array `labels`), .npy, or PNG
    and TIFF of 8 or 16 bits, such as sklearn-spx segment writes. GROUND_TRUTHS is a directory (or
    one file) with, for each NAME, NAME.mat as BSDS500 has it, or NAME.npz, .npy, .png, .tif;
    several annotators are several arrays in NAME.npz, or files NAME_*.png.
    """
    errors = stderr()
    paths = _files.find(labels, _files.LABELS, "label image")
    pairs = _files.pair(paths, ground_truths)
    if not pairs:
        raise click.UsageError("there are overlays among the LABELS, but no label image")
    rows, failed = [], 0
    with progress() as bar:
        task = bar.add_task("evaluating", total=len(pairs))
        for stem, (path, truth_paths) in pairs.items():
            try:
                rows.append(
                    {"name": stem, **_score(path, truth_paths, stem, ground_truths, scores)}
                )
            except Exception as error:  # whatever it is, the other images go on
                failed += 1
                complain(errors, path, error)
            bar.advance(task)
    if rows:
        _print(rows, scores)
    if csv_path is not None and rows:
        with open(csv_path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        stdout().print(f"The scores of each image are in {csv_path}", soft_wrap=True)
    if failed:
        errors.print(f"{failed} of {len(pairs)} images have no scores")
        raise click.exceptions.Exit(1)


def _score(path, truth_paths, stem, root, scores):
    """Return the scores of one image by the names of their functions."""
    from .. import metrics

    if not truth_paths:
        raise ValueError(f"there is no ground truth {stem}.* or {stem}_*.* in {root}")
    labels = _files.read_label_images(path)
    if len(labels) != 1:
        raise ValueError(f"holds {len(labels)} label images; accepted is one, called 'labels'")
    labels, truths = labels[0], []
    for truth_path in truth_paths:
        try:
            truths.extend(_files.read_label_images(truth_path))
        except Exception as error:
            raise ValueError(f"ground truth {truth_path}: {error}") from error
    for truth in truths:
        if truth.shape != labels.shape:
            raise ValueError(f"has shape {labels.shape}, its ground truth {truth.shape}")
    row = {"regions": len(set(labels[labels >= 0].tolist())), "annotators": len(truths)}
    for _, name, _ in SCORES[scores]:
        arguments = (labels,) if name == "compactness" else (labels, truths)
        row[name] = float(getattr(metrics, name)(*arguments))
    return row


def _print(rows, scores):
    from rich.table import Table

    table = Table(caption=LEGEND[scores], caption_justify="left", caption_style="dim")
    table.add_column("image", no_wrap=True, max_width=20)
    table.add_column("regions", justify="right")
    for heading, _, _ in SCORES[scores]:
        arrow = {"+": " ↑", "-": " ↓"}[heading[-1]]
        table.add_column(heading[:-1] + arrow, justify="right", no_wrap=True)
    for row in rows[:SHOWN]:
        table.add_row(row["name"], *_cells(row, scores, "d"))
    if len(rows) > SHOWN:
        table.add_row(f"... {len(rows) - SHOWN} more", *[""] * (1 + len(SCORES[scores])))
    table.add_section()
    mean = {key: sum(row[key] for row in rows) / len(rows) for key in rows[0] if key != "name"}
    table.add_row(f"mean of {len(rows)}", *_cells(mean, scores, ".1f"), style="bold")
    stdout().print(table)


def _cells(row, scores, count_format):
    cells = [format(row["regions"], count_format)]
    return cells + [f"{row[name]:.{decimals}f}" for _, name, decimals in SCORES[scores]]
