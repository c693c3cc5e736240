"""``sklearn-spx demo``: train, segment, score and draw, on images that come with the package."""

import csv
import time
from pathlib import Path

import click

from ._console import stderr, stdout

N_TRAIN, N_TEST = 12, 12
N_SEGMENTS = 100  # of a synthetic image: 16 x 16 pixels each
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
PHOTOGRAPH_WIDTH, PHOTOGRAPH_SEGMENTS = 400, 200

# heading, function of sklearn_spx.metrics, whether greater is better
SCORES = (
    ("ASA ↑", "achievable_segmentation_accuracy", True),
    ("boundary recall ↑", "boundary_recall", True),
    ("under-seg. error ↓", "undersegmentation_error", False),
    ("compact- ness ↑", "compactness", True),
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
    """Train on synthetic images, compare four methods, draw what they make of photographs."""
    from .. import datasets

    console, start = stdout(), time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    made = datasets.make_dead_leaves(N_TRAIN + N_TEST, random_state=0)
    train, y_train = made.images[:N_TRAIN], made.ground_truths[:N_TRAIN]
    test, y_test = made.images[N_TRAIN:], made.ground_truths[N_TRAIN:]

    with stderr().status("") as status:
        status.update("compiling on first use, and learning a distance from synthetic images ...")
        methods, seconds = _methods(train, y_train)
        console.print(
            f"Learned a distance from {N_TRAIN} synthetic images and their ground truth "
            f"in {seconds:.1f} s."
        )
        status.update("segmenting and scoring other synthetic images ...")
        rows, labels = _compare(methods, test, y_test)
        _print_table(console, rows)
        console.print(_in_words(rows), "\n")
        status.update("drawing ...")
        _write_csv(out / "scores.csv", rows)
        methods["TrainableSLIC"].save(out / "trainable-slic.safetensors")
        _draw_leaves(out / "dead_leaves.png", test, y_test, labels)
        _draw_photographs(out, methods)
    console.print(f"Written to {out} in {time.perf_counter() - start:.0f} s:")
    for name, what in (
        ("photographs.png", "photographs with the borders each method draws"),
        ("photographs_means.png", "the same, every superpixel in its mean colour"),
        ("dead_leaves.png", "synthetic images, their ground truth, and each method"),
        ("scores.csv", "the table above"),
        ("trainable-slic.safetensors", "the learned distance"),
    ):
        console.print(f"  {name:<27}{what}")
    console.print("\nNow on your own images:")
    console.print(
        f"  sklearn-spx segment YOUR_IMAGES --method trainable-slic "
        f"--model {out / 'trainable-slic.safetensors'} --out segmented",
        soft_wrap=True,
    )


def _methods(images, ground_truths):
    """Return {name: fitted estimator} and how long the one that learns took."""
    from .. import ERSSuperpixels, SLICSuperpixels, TrainableSLIC

    start = time.perf_counter()
    learned = TrainableSLIC(N_SEGMENTS, distance="linear").fit(images, ground_truths)
    seconds = time.perf_counter() - start
    return {
        "SLICSuperpixels": SLICSuperpixels(N_SEGMENTS).fit(images),
        "ERSSuperpixels": ERSSuperpixels(N_SEGMENTS).fit(images),
        "EGBSegmenter": _egb_of_count(images, N_SEGMENTS),
        "TrainableSLIC": learned,
    }, seconds


def _egb_of_count(images, n_segments):
    """Return an EGBSegmenter whose scale gives about ``n_segments`` regions an image."""
    import numpy as np

    from .. import EGBSegmenter

    low, high = 1e-3, 30.0
    for _ in range(9):
        middle = float(np.sqrt(low * high))
        estimator = EGBSegmenter(scale=middle, min_size=20).fit(images)
        count = np.mean([labels.max() + 1 for labels in estimator.transform(images)])
        low, high = (middle, high) if count > n_segments else (low, middle)
    return estimator


def _compare(methods, images, ground_truths):
    """Return a row of scores for each method, and {name: label images}."""
    import numpy as np

    from .. import metrics

    rows, labels = [], {}
    for name, estimator in methods.items():
        estimator.transform(images[:1])  # compiled now, timed below
        start = time.perf_counter()
        labels[name] = estimator.transform(images)
        row = {
            "method": name,
            "regions": np.mean([found.max() + 1 for found in labels[name]]),
            "ms": 1000 * (time.perf_counter() - start) / len(images),
        }
        for _, score, _ in SCORES:
            function = getattr(metrics, score)
            if score == "compactness":
                values = [function(found) for found in labels[name]]
            else:
                values = [function(found, y) for found, y in zip(labels[name], ground_truths)]
            row[score] = float(np.mean(values))
        rows.append(row)
    return rows, labels


def _print_table(console, rows):
    from rich.table import Table

    table = Table(
        title=f"{N_TEST} synthetic images that were not trained on, {N_SEGMENTS} regions asked for",
        title_justify="left",
        caption="ms: one image of 128 x 192 pixels, one thread. EGBSegmenter has no number of "
        "regions to set; its scale was searched for.",
        caption_justify="left",
    )
    table.add_column("method", no_wrap=True)
    table.add_column("regions", justify="right")
    for heading, _, _ in SCORES:
        table.add_column(heading, justify="right")
    table.add_column("ms an image", justify="right")
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
    return ""


def _write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _draw_leaves(path, images, ground_truths, labels, n_shown=4):
    from ..inspection import SegmentationDisplay

    figure, axes = _panels(len(labels) + 1, images[:n_shown])
    first = next(iter(labels))
    for row, (name, found) in zip(axes[1:], labels.items()):
        SegmentationDisplay.from_predictions(
            images[:n_shown],
            found[:n_shown],
            ground_truths=ground_truths[:n_shown],
            estimator_name=name,
            views="boundaries",
            ax=row,
        )
    SegmentationDisplay.from_predictions(
        images[:n_shown],
        labels[first][:n_shown],
        ground_truths=ground_truths[:n_shown],
        views="ground_truth",
        ax=axes[0],
    )
    figure.savefig(path)


def _draw_photographs(out, methods):
    from ..inspection import SegmentationDisplay

    images = _photographs()
    figures = {}
    for view, name in (("boundaries", "photographs.png"), ("means", "photographs_means.png")):
        figures[view] = (*_panels(len(methods), images), name)
    for k, (name, estimator) in enumerate(methods.items()):
        if "n_segments" in estimator.get_params():
            labels = estimator.set_params(n_segments=PHOTOGRAPH_SEGMENTS).transform(images)
        else:
            labels = [_egb_of_count([i], PHOTOGRAPH_SEGMENTS).transform([i])[0] for i in images]
        for view, (_, axes, _) in figures.items():
            SegmentationDisplay.from_predictions(
                images,
                labels,
                names=PHOTOGRAPHS,
                estimator_name=name,
                views=view,
                ax=axes[k],
            )
    for figure, _, name in figures.values():
        figure.savefig(out / name)


def _photographs():
    """Return a few photographs of scikit-image's, made small enough to see superpixels in."""
    import numpy as np
    from PIL import Image

    from .. import datasets

    data = datasets.load_sample_images()
    images = []
    for name in PHOTOGRAPHS:
        image = Image.fromarray(data.images[data.names.index(name)])
        height = round(image.height * PHOTOGRAPH_WIDTH / image.width)
        images.append(
            np.asarray(image.resize((PHOTOGRAPH_WIDTH, height), Image.Resampling.LANCZOS))
        )
    return images


def _panels(n_rows, images):
    """Return a figure and axes (n_rows, n_images), made without a window."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ratios = [image.shape[1] / image.shape[0] for image in images]
    height = 12 / sum(ratios)
    figure = Figure(figsize=(12.4, height * n_rows), dpi=180, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, len(images), width_ratios=ratios, squeeze=False)
    return figure, np.asarray(axes)
