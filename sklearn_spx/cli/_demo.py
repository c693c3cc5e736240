"""``sklearn-spx demo``: train, segment, score and draw, on images that come with the package."""

import csv
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

import click

from . import _outputs
from ._console import stderr, stdout

N_TRAIN, N_TEST = 12, 12
N_SEGMENTS = 100  # of a synthetic image: 16 x 16 pixels each
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
PHOTOGRAPH_WIDTH, PHOTOGRAPH_SEGMENTS = 400, 200

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
    """Train on synthetic images, compare four methods, and draw photographs with those trained."""
    console, start = stdout(), time.perf_counter()
    _outputs.make_folder(out)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as beside, stderr().status("") as status:
        _run(out, console, status, beside.submit(_compile))
    console.print(f"Written to {out} in {time.perf_counter() - start:.0f} s:")
    for name, what in (
        ("photographs.png", "photographs with the borders that methods draw"),
        ("photographs_means.png", "the same, every region in its mean colour"),
        ("dead_leaves.png", "synthetic images, their ground truth, and each method"),
        ("scores.csv", "the table above"),
        ("trainable-slic.safetensors", "the learned distance"),
    ):
        console.print(f"  {name:<27}{what}", soft_wrap=True)
    console.print(
        "\nIn the photographs SEALSuperpixels is ERSSuperpixels on affinities that a net learned "
        "from human segmentations, and DELSegmenter merges superpixels by learned similarity: "
        "it is given a threshold, and no number of regions."
    )
    model = out / "trainable-slic.safetensors"
    console.print("\nNow on your own images:")
    for options in (f"--method trainable-slic --model {model}", "--method seal", "--method del"):
        console.print(
            f"  sklearn-spx segment YOUR_IMAGES {options} --out segmented", soft_wrap=True
        )


def _run(out, console, status, compiled):
    import torch

    from .. import datasets

    torch.set_num_threads(1)  # as the table says, and enough
    made = datasets.make_dead_leaves(N_TRAIN + N_TEST, random_state=0)
    train, y_train = made.images[:N_TRAIN], made.ground_truths[:N_TRAIN]
    test, y_test = made.images[N_TRAIN:], made.ground_truths[N_TRAIN:]
    status.update("compiling on first use, and learning a distance from synthetic images ...")
    methods, seconds = _methods(train, y_train)
    compiled.result()  # what is timed below runs alone
    console.print(
        f"Learned a distance from {N_TRAIN} synthetic images and their ground truth "
        f"in {seconds:.1f} s."
    )
    status.update("segmenting and scoring other synthetic images ...")
    rows, labels = _compare(methods, test, y_test)
    _print_table(console, rows)
    console.print(f"\n{_in_words(rows)}\n")
    status.update("drawing ...")
    _write_csv(out / "scores.csv", rows)
    methods["TrainableSLIC"].save(out / "trainable-slic.safetensors")
    _draw_leaves(out / "dead_leaves.png", test, y_test, labels)
    del methods["EGBSegmenter"]
    for method in methods.values():
        method.set_params(n_segments=PHOTOGRAPH_SEGMENTS)
    _draw_photographs(out, {**methods, **_pretrained()})


def _compile():
    """Compile, into numba's cache, what comes after the training; on another core beside it."""
    from .. import datasets, metrics

    made = datasets.make_dead_leaves(1, shape=(40, 60), random_state=0)
    for method in _untrained().values():
        labels = method.fit_transform(made.images)
    metrics.evaluate_superpixels(labels, made.ground_truths)
    for method in _pretrained().values():
        method.transform(made.images)


def _untrained():
    from .. import EGBSegmenter, ERSSuperpixels, SLICSuperpixels

    methods = (ERSSuperpixels(N_SEGMENTS), EGBSegmenter(), SLICSuperpixels(N_SEGMENTS))
    return {type(method).__name__: method for method in methods}


def _pretrained():
    from .. import DELSegmenter, SEALSuperpixels

    seal = SEALSuperpixels.from_pretrained("bsds500", n_segments=PHOTOGRAPH_SEGMENTS)
    return {"SEALSuperpixels": seal, "DELSegmenter": DELSegmenter.from_pretrained("bsds500")}


def _methods(images, ground_truths):
    """Return {name: fitted estimator} and how long the one that learns took."""
    from .. import TrainableSLIC

    start = time.perf_counter()
    learned = TrainableSLIC(N_SEGMENTS, distance="linear").fit(images, ground_truths)
    seconds = time.perf_counter() - start
    methods = {name: method.fit(images) for name, method in _untrained().items()}
    names = ("SLICSuperpixels", "TrainableSLIC", "ERSSuperpixels", "EGBSegmenter")
    methods["TrainableSLIC"] = learned
    return {name: methods[name] for name in names}, seconds


def _segment(estimator, images, n_segments):
    """Return label images of about ``n_segments`` regions, and the milliseconds an image took."""
    if "n_segments" in estimator.get_params():
        estimators = [estimator.set_params(n_segments=n_segments)] * len(images)
    else:
        estimators = [_scaled(estimator, image, n_segments) for image in images]
    labels, seconds = [], []
    for one, image in zip(estimators, images):
        start = time.perf_counter()
        labels.extend(one.transform([image]))
        seconds.append(time.perf_counter() - start)
    return labels, 1000 * median(seconds)


def _scaled(estimator, image, n_segments):
    """Return an EGBSegmenter like ``estimator`` whose scale gives about ``n_segments`` regions."""
    from sklearn.base import clone

    low, high, tried = 1.0, 1e5, {}
    min_size = image.shape[0] * image.shape[1] // (8 * n_segments)
    for _ in range(10):  # bisection: the greater the scale, the fewer the regions
        scale = (low * high) ** 0.5
        found = clone(estimator).set_params(scale=scale, min_size=min_size).fit([image])
        n_found = int(found.transform([image])[0].max()) + 1
        tried[abs(n_found - n_segments)] = found
        low, high = (scale, high) if n_found > n_segments else (low, scale)
    return tried[min(tried)]


def _compare(methods, images, ground_truths):
    """Return a row of scores for each method, and {name: label images}."""
    from .. import metrics

    rows, labels = [], {}
    for name, estimator in methods.items():
        estimator.transform(images[:1])  # compiled now, timed below
        labels[name], milliseconds = _segment(estimator, images, N_SEGMENTS)
        result = metrics.evaluate_superpixels(labels[name], ground_truths)
        scores = {score: float(result.mean[score]) for _, score, _ in SCORES}
        rows.append(
            {"method": name, "regions": float(result.n_segments), **scores, "ms": milliseconds}
        )
    return rows, labels


def _print_table(console, rows):
    from rich.table import Table

    table = Table(
        title=f"{N_TEST} synthetic images that were not trained on, {N_SEGMENTS} regions asked for",
        title_justify="left",
        caption="ASA achievable segmentation accuracy; BR boundary recall within 1 pixel; UE "
        "undersegmentation error; CO compactness; ms: an image of 128 x 192 pixels, one thread. "
        "EGBSegmenter has no number of regions to set, its scale was searched for.",
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
    before, after = (row["achievable_segmentation_accuracy"] for row in (plain, learned))
    finder = max(rows, key=lambda row: row["boundary_recall"])
    verb = "lifts" if after > before else "does not lift"
    return (
        "Neighbours in these images often share a colour and differ in texture. A learned distance "
        f"{verb} the ASA of SLIC: {before:.3f} without, {after:.3f} with it. "
        f"{finder['method']} finds most of the borders ({finder['boundary_recall']:.3f}), with "
        f"regions of compactness {finder['compactness']:.2f} where SLIC has "
        f"{plain['compactness']:.2f}."
    )


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
        labels = estimator.transform(images)
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
    figure = Figure(figsize=(12.4, height * n_rows), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, len(images), width_ratios=ratios, squeeze=False)
    return figure, np.asarray(axes)
