"""The leaderboard of the documentation: every method that can be run here, by every protocol.

    python benchmarks/leaderboard.py scores BSDS500 --data-set bsds500
    python benchmarks/leaderboard.py scores CamVid --data-set camvid
    python benchmarks/leaderboard.py speed                    # on an idle machine
    python benchmarks/leaderboard.py scores BSDS500 --images 8    # all methods on the same few

``scores`` has two tables. Superpixels: each method is asked for what gives the number of the
column, eight requests at most; scores are means over annotators, then images, and stand beside the
number produced, with 95 % intervals of the mean over the images. Segments: each method at the best
of its settings over the data set (ODS) and over each image (OIS), with 95 % intervals of a
bootstrap over the images, at each of whose samples the best setting is chosen anew. Methods that
take too long are run on few images, evenly over the split (``images`` in ``peers.py``); the column
of images says on how many.

``speed`` has seconds and memory of the same methods on photographs of scikit-image's, one thread
each, in turns, medians; of methods of segments at one setting, the middle one. The memory is how
much a process of its own grows in one call. scikit-image's slic, to which times are compared, is
always run along; what takes more than five seconds is run once on each photograph.

The tables are CSV files in the folder ``--out``, which the documentation reads; with ``--images``
their names end in that number. Rows of methods that are not run stay. What was scored is kept in
``leaderboard.jsonl``, and is not scored again: Ctrl-C and the same command go on. Delete that file
when a method has changed.
"""

# ruff: noqa: E402
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before anything reads them

import argparse
import csv
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from kernels import SIZES, photographs
from memory import growth
from peers import SEGMENTS, SUPERPIXELS, available, evenly, nearest, without_gaps
from scipy.stats import t as students_t
from tqdm import tqdm

from sklearn_spx import metrics
from sklearn_spx.datasets import class_segments, load_bsds500, load_camvid
from sklearn_spx.metrics.f_measure import f_of_counts, harmonic_mean

COUNTS = (100, 300, 600, 1000)
SCORES = {
    "ASA": metrics.achievable_segmentation_accuracy,
    "recall": partial(metrics.boundary_recall, protocol="seal"),
    "recall, .0025 diagonals": partial(metrics.boundary_recall, protocol="stutz"),
    "precision": metrics.boundary_precision,
    "UE": partial(metrics.undersegmentation_error, variant="np"),
    "UE, corrected": partial(metrics.undersegmentation_error, variant="corrected"),
    "UE, Levinshtein": partial(metrics.undersegmentation_error, variant="levinshtein"),
    "UE, Achanta": partial(metrics.undersegmentation_error, variant="achanta"),
    "MDE": metrics.mean_distance_to_edge,
    "IoU": metrics.achievable_iou,
    "CO": lambda labels, truths: metrics.compactness(labels),
    "GR": lambda labels, truths: metrics.global_regularity(labels),
}
REFERENCE, SLOW = "SLIC, scikit-image", 5.0  # of times: whom to compare with; seconds
WIDER = {"camvid": 3}  # pixels of tolerance for recall and precision on street scenes
FAMILIES = {
    "Fb": "boundary_f",
    "Fop": "object_part_f",
    "covering": "covering",
    "PRI": "probabilistic_rand_index",
    "VI": "variation_of_information",
}


class Kept:
    """What was scored before, a line of JSON each, in a file that only grows."""

    def __init__(self, path):
        self.path, self.found = path, {}
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if text and not text.endswith("\n"):  # cut off by an interruption
            text = text[: text.rfind("\n") + 1]
            path.write_text(text, encoding="utf-8")
        for line in text.splitlines():
            key, value = json.loads(line)
            self.found[tuple(key)] = value

    def of(self, key, compute):
        """The value of a key; computed and kept if it is not there."""
        if key not in self.found:
            self.found[key] = compute()
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps([key, self.found[key]]) + "\n")
        return self.found[key]


def pairs(data_set, root, split, n_images):
    """Names, images and lists of annotations, this many of them, evenly over the split."""
    if data_set == "bsds500":
        data = load_bsds500(root, split)
        names, images, truths = data.names, data.images, data.ground_truths
    else:
        data = load_camvid(root, split)
        names, images = data.names, data.images
        truths = [[class_segments(classes)] for classes in data.classes]
    return [(names[i], images[i], truths[i]) for i in evenly(range(len(names)), n_images)]


# --- superpixels ----------------------------------------------------------------------------------


def superpixel_scores(labels, truths, data_set):
    values = {}
    for name, score in SCORES.items():
        wide = data_set in WIDER and name in ("recall", "precision")
        options = {"tolerance": WIDER[data_set]} if wide else {}
        values[name] = float(score(labels, truths, **options))
    return {"superpixels": int(labels.max()) + 1, **values}


def superpixel_table(data_set, split, data, wanted, kept):
    rows, requests = [], {}
    for name, method in available(SUPERPIXELS, wanted).items():
        for count in COUNTS:
            found = []
            few = evenly(data, method.images)
            for image_name, image, truths in tqdm(few, f"{name}, {count}", disable=None):

                def compute(image=image, truths=truths, name=name, method=method, count=count):
                    at = (name, count, image.shape)
                    labels, requests[at] = nearest(
                        method.run, image, count, requests.get(at), method.count
                    )
                    return superpixel_scores(labels, truths, data_set)

                key = (data_set, split, name, method.version, count, image_name)
                found.append(kept.of(key, compute))
            row = {"method": name, "version": method.version, "asked": count, "images": len(found)}
            row["superpixels"] = f"{np.mean([one['superpixels'] for one in found]):.1f}"
            for score in SCORES:
                values = np.array([one[score] for one in found])
                row[score] = f"{values.mean():.4f}"
                row[f"{score} ±"] = f"{half_interval(values):.4f}"
            rows.append(row)
    return rows


def half_interval(values):
    """Half of Student's 95 % interval of the mean."""
    return students_t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5


# --- segments -------------------------------------------------------------------------------------


def segment_scores(labels, truths):
    result = metrics.evaluate_segmentations([labels], [truths])
    annotated = len(truths) * int(np.sum(truths[0] >= 0))
    figures = {"regions": [int(one.max()) + 1 for one in labels], "annotated": annotated}
    for name, family in FAMILIES.items():
        values = result[family]
        figures[name] = np.asarray(values.get("counts", values.get("per_image")))[0].tolist()
    return figures


def best_settings(name, values, weights):
    """Score at the best setting of all images, at the best of each, and the number of the first.

    ``values`` are of shape (images, settings), with the counts of "Fb" and the precision and recall
    of "Fop" on an axis more; a covering is weighed by annotated pixels.
    """
    each = np.arange(len(values))
    if name in ("Fb", "Fop"):
        f = f_of_shares if name == "Fb" else f_of_pair
        of_all, of_each = f(values.mean(axis=0)), f(values)
        return of_all.max(), f(values[each, of_each.argmax(axis=1)].mean(axis=0)), of_all.argmax()
    sign = -1 if name == "VI" else 1
    weights = weights if name == "covering" else None
    of_all = np.average(values, axis=0, weights=weights)
    best = (sign * of_all).argmax()
    return of_all[best], sign * np.average((sign * values).max(axis=1), weights=weights), best


def f_of_shares(counts):
    return f_of_counts(counts)[0]


def f_of_pair(values):
    return harmonic_mean(values[..., 0], values[..., 1])


def segment_table(data_set, split, data, wanted, kept):
    rows = []
    for name, method in available(SEGMENTS, wanted).items():
        found = []
        few = evenly(data, method.images)
        samples = np.random.default_rng(0).integers(0, len(few), (1000, len(few)))
        for image_name, image, truths in tqdm(few, name, disable=None):
            key = (data_set, split, name, method.version, "segments", image_name)

            def compute(image=image, truths=truths, method=method):
                labels = method.run(image, method.settings)
                return segment_scores([without_gaps(one) for one in labels], truths)

            found.append(kept.of(key, compute))
        row = {"method": name, "version": method.version, "images": len(found)}
        weights = np.array([one["annotated"] for one in found], float)
        for score in FAMILIES:
            values = np.array([one[score] for one in found], float)
            ods, ois, best = best_settings(score, values, weights)
            drawn = [best_settings(score, values[s], weights[s])[0] for s in samples]
            low, high = np.percentile(drawn, (2.5, 97.5))
            row |= {f"{score} ODS": f"{ods:.4f}", f"{score} OIS": f"{ois:.4f}"}
            row[f"{score} ±"] = f"{(high - low) / 2:.4f}"
            if score == "covering":
                regions = np.mean([one["regions"][best] for one in found])
                row["regions"] = f"{regions:.1f}"
        rows.append(row)
    return rows


# --- speed ----------------------------------------------------------------------------------------


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def once(name, image, number):
    """One label image of a method: a number of superpixels, or segments at the middle setting."""
    if name in SUPERPIXELS:
        return SUPERPIXELS[name].run(image, number)
    settings = SEGMENTS[name].settings
    return SEGMENTS[name].run(image, settings[len(settings) // 2 :][:1])


def speed_table(methods, repeats, sizes=SIZES):
    """Median seconds an image of each method, all in turns; the ratio to scikit-image's slic."""
    rows = []
    for size, (height, width, number) in sizes.items():
        images = list(photographs(height, width))
        taken = {name: [] for name in {REFERENCE: None, **methods}}
        for name in taken:
            once(name, images[0][:96, :96], 20)  # compiles
        slow = set()
        for _ in tqdm(range(repeats), size, disable=None):
            left = [name for name in taken if name not in slow]
            for image in images:
                for name in left:
                    taken[name].append(seconds(partial(once, name, image, number)))
                    if taken[name][-1] > SLOW:
                        slow.add(name)
        for name, method in methods.items():
            middle = float(np.median(taken[name]))
            row = {"method": name, "version": method.version, "note": method.note, "size": size}
            if name in SUPERPIXELS:
                row["superpixels asked"] = number
            row["ms"] = f"{1e3 * middle:.1f}"
            row["time / scikit-image's slic"] = f"{middle / np.median(taken[REFERENCE]):.3f}"
            row["bytes a pixel"] = memory(name, size)
            rows.append(row)
    return rows


def memory(name, size):
    """Bytes a pixel by which a process of its own grows in one call, the result included."""
    command = [sys.executable, __file__, "grow", name, size]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def grow(name, size):
    height, width, number = SIZES[size]
    image = next(photographs(height, width))
    once(name, image[:96, :96], 20)  # compiles
    n_bytes, _ = growth(lambda: once(name, image, number))
    print(f"{n_bytes / (height * width):.0f}")


# --- command --------------------------------------------------------------------------------------


def by_method(rows):
    found = {}
    for row in rows:
        found.setdefault(row["method"], []).append(row)
    return found


def write(path, rows):
    """Rows as a CSV file; of an earlier file of these columns the rows of other methods stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new, earlier = by_method(rows), {}
    if path.exists():
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames == list(rows[0]):
                earlier = by_method(reader)
    rows = [row for own in (earlier | new).values() for row in own]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"wrote {path}: {len(rows)} rows")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = "scores or speed; grow, which speed starts, prints the memory of one method"
    parser.add_argument("what", choices=("scores", "speed", "grow"), help=what)
    parser.add_argument("root", nargs="*", help="the folder of the data set, for scores")
    parser.add_argument("--data-set", default="bsds500", choices=("bsds500", "camvid"))
    parser.add_argument("--split", default="val", help="of the data set; val")
    parser.add_argument("--images", type=int, help="this many, evenly over the split; all")
    parser.add_argument("--methods", nargs="+", help="those whose names hold one of these words")
    tables = ("superpixels", "segments")
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables, help="both")
    parser.add_argument("--repeats", type=int, default=5, help="of speed; 5")
    out, kept = Path("doc/leaderboard"), Path("leaderboard.jsonl")
    parser.add_argument("--out", type=Path, default=out, help=f"folder of the tables; {out}")
    parser.add_argument("--kept", type=Path, default=kept, help=f"what was scored; {kept}")
    options = parser.parse_args()
    if options.what == "grow":  # of a process of its own
        return grow(*options.root)
    if options.what == "speed":
        for name, methods, file in (
            ("superpixels", SUPERPIXELS, "speed.csv"),
            ("segments", SEGMENTS, "speed_segments.csv"),
        ):
            found = available(methods, options.methods) if name in options.tables else {}
            if found:
                write(options.out / file, speed_table(found, options.repeats))
        return None
    if len(options.root) != 1:
        parser.error("scores needs the folder of the data set")
    if options.images is not None and options.images < 2:
        parser.error("--images: an interval needs two images or more")
    data = pairs(options.data_set, options.root[0], options.split, options.images)
    tables = {"superpixels": superpixel_table, "segments": segment_table}
    for name in options.tables:
        rows = tables[name](
            options.data_set, options.split, data, options.methods, Kept(options.kept)
        )
        if rows:
            few = f"_{options.images}" if options.images else ""
            write(options.out / f"{name}_{options.data_set}_{options.split}{few}.csv", rows)


if __name__ == "__main__":
    main()
