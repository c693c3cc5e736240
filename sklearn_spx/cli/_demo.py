"""``sklearn-spx demo``: segment, train, score and draw, on images that come with the package."""

import csv
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

import click
from rich.text import Text

from . import _outputs
from ._console import printable, stderr, stdout

N_TRAIN, N_TEST = 5, 5
N_MOSAIC = 120  # superpixels of a mosaic
N_PHOTOGRAPH = 150  # of a photograph
LONGER_SIDE = 360  # of a photograph, in pixels: so small that superpixels are seen
OUTPUTS = (
    ("photographs.png", "photographs, superpixels of SLIC and SEAL, segments of DEL"),
    ("photographs_means.png", "the same, every region in its mean colour"),
    ("mosaics.png", "textures that were not trained on, plain and learned superpixels"),
    ("scores.csv", "the table above"),
    ("my-distance.safetensors", "the distance that was learned just now"),
)

# heading, function of sklearn_spx.metrics, whether greater is better
SCORES = (
    ("ASA ↑", "achievable_segmentation_accuracy", True),
    ("BR ↑", "boundary_recall", True),
    ("UE ↓", "undersegmentation_error", False),
    ("CO ↑", "compactness", True),
)


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("spx-demo"),
    show_default=True,
    help="Directory to write pictures, scores and the trained model to.",
)
def demo(out):
    """Segment photographs with the nets that are shipped, then learn a distance for textures."""
    console, start = stdout(), time.perf_counter()
    _outputs.make_folder(out)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as beside, stderr().status("") as status:
        compiled = beside.submit(_compile)
        status.update("compiling, once and for all, and reading the nets ...")
        _segment_photographs(out, console, status)
        _learn_from_mosaics(out, console, status, compiled)
    console.print(
        Text(f"\nWritten to {printable(out)} in {time.perf_counter() - start:.0f} s:"),
        soft_wrap=True,
    )
    for name, what in OUTPUTS:
        console.print(f"  {name:<25}{what}", soft_wrap=True)
    console.print(
        "\nNext, your own images, here by the net that is shipped and by what was learned above:"
    )
    model = printable(out / "my-distance.safetensors")
    for line in (
        "sklearn-spx segment YOUR_IMAGES --method del --style means --out segments",
        f"sklearn-spx segment YOUR_IMAGES --method trainable-slic --model {model} --out learned",
        "sklearn-spx train trainable-slic YOUR_IMAGES --truths YOUR_LABELS --out yours.safetensors",
    ):
        console.print(Text(f"  {line}"), soft_wrap=True)


# --- photographs ----------------------------------------------------------------------------------


def _segment_photographs(out, console, status):
    """Segment and draw photographs by plain SLIC and by the nets that are shipped."""
    import torch

    torch.set_num_threads(1)  # as the lines below say, and enough
    images = _photographs()
    segmented = {}
    for name, method in _shipped().items():  # the last finds its kernel compiled beside
        status.update(f"segmenting photographs by {name} ...")
        labels, milliseconds = _timed(method.fit(list(images.values())), images.values())
        segmented[name] = labels
        counts = [int(found.max()) + 1 for found in labels]
        span = f"{counts[0]}" if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
        console.print(f"{name:<16}{span:>9} regions a photograph, {milliseconds:4.0f} ms")
    status.update("drawing photographs ...")
    for view, path in (("boundaries", "photographs.png"), ("means", "photographs_means.png")):
        _draw_photographs(out / path, images, segmented, view)


def _shipped():
    from .. import DELSegmenter, SEALSuperpixels, SLICSuperpixels

    return {
        "SLICSuperpixels": SLICSuperpixels(N_PHOTOGRAPH),
        "DELSegmenter": DELSegmenter(pretrained="bsds500"),
        "SEALSuperpixels": SEALSuperpixels(N_PHOTOGRAPH, pretrained="bsds500"),
    }


def _photographs():
    """Return {name: image} of a few pictures of scikit-image's, colour and gray, made small."""
    import numpy as np
    from PIL import Image
    from skimage import data

    found = {}
    for name in ("coffee", "chelsea", "coins", "cell"):
        image = Image.fromarray(getattr(data, name)())
        scale = LONGER_SIDE / max(image.size)
        size = [round(scale * n) for n in image.size]
        found[name] = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    return found


def _draw_photographs(path, images, segmented, view):
    from ..inspection import SegmentationDisplay

    figure, axes = _panels(len(segmented), list(images.values()))
    for row, name in zip(axes, ("SLICSuperpixels", "SEALSuperpixels", "DELSegmenter")):
        SegmentationDisplay.from_predictions(
            list(images.values()),
            segmented[name],
            names=list(images),
            estimator_name=name,
            views=view,
            ax=row,
        )
    figure.savefig(path)


# --- mosaics --------------------------------------------------------------------------------------


def _learn_from_mosaics(out, console, status, compiled):
    """Learn a distance from annotated textures, compare it with methods that learn nothing."""
    import numpy as np

    from .. import TrainableSLIC, datasets

    train, test = (
        datasets.make_texture_mosaics(n, half=half, random_state=0)
        for half, n in (("left", N_TRAIN), ("right", N_TEST))
    )
    for data in (train, test):  # as colours, so that what is learned takes photographs
        data.images = [np.repeat(image[:, :, None], 3, axis=2) for image in data.images]
    status.update("learning a distance from annotated textures ...")
    start = time.perf_counter()
    learned = TrainableSLIC(N_MOSAIC).fit(train.images, train.ground_truths)
    seconds = time.perf_counter() - start
    compiled.result()  # what is timed below runs alone
    console.print(
        f"\nLearned a distance from {N_TRAIN} mosaics of textures and their ground truths in "
        f"{seconds:.1f} s.",
        soft_wrap=True,
    )
    status.update("segmenting and scoring other mosaics ...")
    methods = {**_untrained(), "TrainableSLIC": learned}
    rows, labels = _compare(methods, test.images, test.ground_truths)
    _print_table(console, rows)
    console.print(f"\n{_in_words(rows)}")
    status.update("drawing mosaics ...")
    _write_csv(out / "scores.csv", rows)
    learned.save(out / "my-distance.safetensors")
    _draw_mosaics(out / "mosaics.png", test, labels)


def _untrained():
    from .. import ERSSuperpixels, SLICSuperpixels

    methods = (SLICSuperpixels(N_MOSAIC), ERSSuperpixels(N_MOSAIC))
    return {type(method).__name__: method for method in methods}


def _compile():
    """Compile, into numba's cache, all but plain SLIC; on another core, while that is compiled."""
    from .. import DELSegmenter, ERSSuperpixels, TrainableSLIC, datasets, metrics

    made = datasets.make_dead_leaves(1, (48, 64), random_state=0)
    segmenter = DELSegmenter(pretrained="bsds500", superpixels=ERSSuperpixels(40))
    labels = segmenter.fit_transform(made.images)
    metrics.evaluate_superpixels(labels, made.ground_truths)
    TrainableSLIC(20).fit(made.images, made.ground_truths).transform(made.images)


def _compare(methods, images, ground_truths):
    """Return a row of scores for each method, and {name: label images}."""
    from .. import metrics

    rows, labels = [], {}
    for name, method in methods.items():
        fitted = method if name == "TrainableSLIC" else method.fit(images)
        labels[name], milliseconds = _timed(fitted, images)
        result = metrics.evaluate_superpixels(labels[name], ground_truths)
        scores = {score: float(result.mean[score]) for _, score, _ in SCORES}
        rows.append(
            {"method": name, "regions": float(result.n_segments), **scores, "ms": milliseconds}
        )
    return rows, labels


def _timed(method, images):
    """Return label images, and the milliseconds that one took."""
    labels, seconds = [], []
    images = list(images)
    method.transform(images[:1])  # compiled now, timed below
    for image in images:
        start = time.perf_counter()
        labels.extend(method.transform([image]))
        seconds.append(time.perf_counter() - start)
    return labels, 1000 * median(seconds)


def _print_table(console, rows):
    from rich.table import Table

    table = Table(
        title=f"{N_TEST} mosaics that were not trained on, {N_MOSAIC} regions asked for",
        title_justify="left",
        caption="ASA achievable segmentation accuracy; BR boundary recall within 1 pixel; UE "
        "undersegmentation error; CO compactness; ms: an image of 192 x 256 pixels, one thread.",
        caption_justify="left",
    )
    table.add_column("method", no_wrap=True)
    table.add_column("regions", justify="right")
    for heading, _, _ in SCORES:
        table.add_column(heading, justify="right")
    table.add_column("ms", justify="right")
    best = {
        score: (max if greater else min)(row[score] for row in rows) for _, score, greater in SCORES
    }
    for row in rows:
        cells = [
            f"[bold]{row[score]:.3f}[/]" if row[score] == best[score] else f"{row[score]:.3f}"
            for _, score, _ in SCORES
        ]
        table.add_row(row["method"], f"{row['regions']:.0f}", *cells, f"{row['ms']:.1f}")
    console.print(table)


def _in_words(rows):
    """Say what the table shows."""
    by_name = {row["method"]: row for row in rows}
    plain, learned = by_name["SLICSuperpixels"], by_name["TrainableSLIC"]
    before, after = (row["undersegmentation_error"] for row in (plain, learned))
    verb = "lowers" if after < before else "does not lower"
    return (
        "Regions of these images differ in texture and not in gray. The learned distance "
        f"{verb} what superpixels leak across borders, UE, from {before:.3f} to {after:.3f}."
    )


def _write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _draw_mosaics(path, data, labels, n_shown=3):
    from ..inspection import SegmentationDisplay

    images, truths = data.images[:n_shown], data.ground_truths[:n_shown]
    shown = ("SLICSuperpixels", "TrainableSLIC")
    figure, axes = _panels(1 + len(shown), images)
    for row, (name, view) in zip(
        axes, [(shown[0], "ground_truth"), *((name, "boundaries") for name in shown)]
    ):
        SegmentationDisplay.from_predictions(
            images,
            labels[name][:n_shown],
            ground_truths=truths,
            estimator_name=name,
            views=view,
            ax=row,
        )
    figure.savefig(path)


def _panels(n_rows, images):
    """Return a figure and axes (n_rows, n_images), made without a window."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ratios = [image.shape[1] / image.shape[0] for image in images]
    height = 12 / sum(ratios)
    figure = Figure(figsize=(12.4, height * n_rows), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, len(images), width_ratios=ratios, squeeze=False)
    return figure, np.asarray(axes)
