"""An image larger than memory, segmented block by block: seconds, memory, bytes moved.

    python benchmarks/large.py [--side 20000] [--n-segments 400000] [--block-size 1024]
        [--workers 2] [--folder FOLDER] [--check] [--method "TrainableSLIC embedding"]

Photographs of scikit-image, resized and repeated with changing light, make an image of that side in
RGB on disk (a memmap). It is segmented by ``large.segment_array`` with SLIC, or by the method, on
as many threads, in a process of its own, whose peak memory is printed beside what it takes before
it starts. Moved are the arrays that go to the tasks and come back, features too. DELSegmenter
chooses the number of superpixels, and of segments.
``--check`` also segments it whole, and compares.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def write_image(path, side):
    """Fill a memmap with photographs, 512 rows and columns each."""
    from skimage import data
    from skimage.transform import resize

    pieces = [
        resize(getattr(data, name)(), (512, 512), anti_aliasing=True)
        for name in ("astronaut", "coffee", "chelsea", "rocket")
    ]
    image = np.lib.format.open_memmap(path, "w+", np.uint8, (side, side, 3))
    for i in range(0, side, 512):
        for j in range(0, side, 512):
            rng = np.random.default_rng((i, j))
            piece = np.rot90(pieces[rng.integers(4)], rng.integers(4)) * rng.uniform(0.6, 1, 3)
            part = image[i : i + 512, j : j + 512]
            part[:] = (255 * piece[: part.shape[0], : part.shape[1]]).astype(np.uint8)
    image.flush()


def peak():
    """Peak resident memory of this process, in GB, mapped files included; on Linux."""
    status = Path("/proc/self/status").read_text()  # ru_maxrss would start at the parent's
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024 / 1e9


class Merging:
    """DEL's merging, and what it takes: seconds, and memory beside the graph and with it."""

    def __init__(self, merge):
        self.merge, self.peak = merge, 0.0

    def __call__(self, graph, *how):
        self.peak = peak()
        Path("/proc/self/clear_refs").write_text("5")  # the peak is that of now, then
        before, started = peak(), time.perf_counter()
        found = self.merge(graph, *how)
        self.seconds, self.n = time.perf_counter() - started, len(graph.sizes)
        self.bytes = 1e9 * (peak() - before) + sum(array.nbytes for array in graph)
        return found


class Moved:
    """Counts the bytes of arrays that tasks get and give."""

    def __init__(self):
        self.n = 0

    def add(self, thing):
        if isinstance(thing, np.ndarray) and not isinstance(thing, np.memmap):
            self.n += thing.nbytes
        elif isinstance(thing, (tuple, list)):
            for part in thing:
                self.add(part)


def linear():
    """Trained on synthetic images."""
    from sklearn_spx import TrainableSLIC
    from sklearn_spx.datasets import make_dead_leaves

    leaves = make_dead_leaves(4, random_state=0)
    return TrainableSLIC().fit(leaves.images, leaves.ground_truths)


def shipped():
    from sklearn_spx import TrainableSLIC

    return TrainableSLIC.from_pretrained("bsds500")


def plain():
    from sklearn_spx import SLICSuperpixels

    return SLICSuperpixels().fit([np.zeros((64, 64, 3), np.uint8)])


def ers():
    from sklearn_spx import ERSSuperpixels

    return ERSSuperpixels().fit([np.zeros((64, 64, 3), np.uint8)])


def seal():
    from sklearn_spx import SEALSuperpixels

    return SEALSuperpixels.from_pretrained("bsds500")


def segmenter():
    from sklearn_spx import DELSegmenter

    return DELSegmenter.from_pretrained("bsds500")


METHODS = {
    "SLIC": plain,
    "TrainableSLIC linear": linear,
    "TrainableSLIC embedding": shipped,
    "ERS": ers,
    "SEAL": seal,
    "DELSegmenter": segmenter,
}


def segment(folder, options):
    """The work, in a process of its own."""
    import dask

    from sklearn_spx import metrics
    from sklearn_spx.large import _deep_embedding, _engine, segment_array

    image = np.load(folder / "image.npy", mmap_mode="r")
    labels = np.lib.format.open_memmap(folder / "labels.npy", "w+", np.int32, image.shape[:2])
    estimator = METHODS[options.method]()
    few = {} if options.method == "DELSegmenter" else {"n_segments": 9}
    segment_array(estimator.set_params(**few), np.array(image[:64, :64]))  # compiles
    if few:
        estimator.set_params(n_segments=options.n_segments)
    moved, each = Moved(), _engine.Engine.each

    def counted(engine, phase, function, arguments, blocks=None, **more):
        def seen(k):
            given = arguments(k)
            moved.add(given[1:])  # but the pixels, which a task reads itself
            return given

        for k, result in each(engine, phase, function, seen, blocks, **more):
            if phase != "labels":
                moved.add(result)
            yield k, result

    _engine.Engine.each = counted
    merging = _deep_embedding.merging.segment = Merging(_deep_embedding.merging.segment)
    before, started = peak(), time.perf_counter()
    with dask.config.set(num_workers=options.workers):
        segment_array(estimator, image, labels, block_size=options.block_size, verbose=1)
    seconds = time.perf_counter() - started
    digest = hashlib.sha256()
    for first in range(0, len(labels), 1024):
        digest.update(np.ascontiguousarray(labels[first : first + 1024]))
    n_pixels, n_found = labels.size, 1 + max(int(row.max()) for row in labels)
    most = max(peak(), merging.peak)
    regions = "segments" if options.method == "DELSegmenter" else "superpixels"
    print(
        f"{options.method}, {image.shape[0]} x {image.shape[1]} pixels in RGB, {n_found:,} "
        f"{regions}, blocks of {options.block_size}, {options.workers} threads\n"
        f"seconds {seconds:.0f}, {1e9 * seconds / n_pixels:.0f} ns a pixel\n"
        f"peak memory {most:.2f} GB, of which {before:.2f} GB before it started\n"
        f"moved between tasks {moved.n / 1e9:.2f} GB, {moved.n / n_pixels:.2f} bytes a pixel\n"
        f"sha256 of the labels {digest.hexdigest()[:16]}",
        flush=True,
    )
    if options.method == "DELSegmenter":
        print(
            f"of which merging {merging.seconds:.0f} seconds; {merging.n:,} superpixels, "
            f"{merging.bytes / merging.n:,.0f} bytes each then"
        )
    if options.check:
        whole, found = estimator.transform([np.array(image)])[0], np.array(labels)
        print("the labels of the whole image:", bool((whole == found).all()))
        share, region = metrics.achievable_segmentation_accuracy(found, whole), regions[:-1]
        print(f"pixels in the {region} of the whole image that theirs overlaps most: {share:.5f}")
        if options.method == "DELSegmenter":
            print(
                f"covering {metrics.segmentation_covering(found, whole):.5f}, variation of "
                f"information {metrics.variation_of_information(found, whole):.5f}; "
                f"{1 + whole.max():,} segments of the whole image"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--n-segments", type=int, default=400_000)
    parser.add_argument("--block-size", type=int, default=1024)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the image and the labels are written")
    parser.add_argument("--method", choices=METHODS, default="SLIC")
    parser.add_argument("--check", action="store_true", help="also segment it whole")
    parser.add_argument("--inner", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inner:
        return segment(options.folder, options)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        write_image(Path(folder) / "image.npy", options.side)
        command = [sys.executable, os.path.abspath(__file__), "--inner", "--folder", folder]
        command += [f"--side={options.side}", f"--n-segments={options.n_segments}"]
        command += [f"--block-size={options.block_size}", f"--workers={options.workers}"]
        command += [f"--method={options.method}"]
        subprocess.run(command + ["--check"] * options.check, check=True)


if __name__ == "__main__":
    main()
