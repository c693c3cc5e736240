"""What the kernels should take on a GPU, on paper: bytes, operations and launches of two cards.

    python benchmarks/gpu_model.py [--stages] [--csv]
    NUMBA_ENABLE_CUDASIM=1 python benchmarks/gpu_model.py --count

Each stage of a function moves so many bytes and does so many operations a pixel, counted in its
source; its time is the greater of what the two take. Launches and reads by the host come on top:
--count counts them in numba's simulator, at 72 x 48 pixels, and they are taken to be the same at
any size, but for ERS and graph segmentation, whose number of rounds depends on the image and is an
assumption. Images are assumed to have a superpixel for 256 pixels. The table of doc/guide/gpu.rst
is printed by --csv. `gpu.py` prints these figures beside those that it measures.
"""

import argparse
import csv
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

SIZES = ((481, 321), (1280, 720), (3840, 2160))
# What a well-behaved kernel reaches of the figures on a data sheet.
REACHED_BANDWIDTH, REACHED_RATE = 0.6, 0.25
GAP = 2.5e-6  # seconds between two kernels in a row
LAUNCH = 10e-6  # seconds of Python and numba for each launch, which hides behind longer kernels
ALONE = 1.5e-6  # seconds of a step that one thread makes, which waits for memory
READ = 15e-6  # seconds that the host waits to read an integer


class Card(NamedTuple):
    """A GPU's data sheet."""

    bandwidth: float  # bytes a second
    rate: float  # operations a second, float32
    rate64: float  # the same, float64
    multiprocessors: int


CARDS = {
    "T4": Card(320e9, 8.1e12, 0.25e12, 40),
    "H100": Card(3350e9, 67e12, 34e12, 132),
}


class Stage(NamedTuple):
    """Part of a function; bytes and operations are those a pixel."""

    name: str
    bytes: float
    operations: float
    operations64: float = 0
    times: int = 1


class Function(NamedTuple):
    """Its stages, and how often it launches kernels and the host reads."""

    launches: int
    reads: int
    stages: tuple[Stage, ...]
    alone: float = 0  # steps a pixel that one thread makes


def _sort(bits, of_pixels, key=4):
    """A sort by radix of so many entries a pixel: 4 bits a pass, read twice and written once."""
    return Stage(
        f"sort by {bits} bits", of_pixels * (3 * key + 8), of_pixels * 40, 0, -(-bits // 4)
    )


def _scan(of_bytes):
    """A prefix sum: what is counted is read twice, and sums of 4 bytes are written."""
    return Stage("prefix sum", 2 * of_bytes + 4, 8)


_CANDIDATES = 9  # clusters whose windows meet a tile of 16 x 16 pixels, at a step of 16
_LISTED = _CANDIDATES / 256  # entries of the lists of candidates, a pixel
_QUARTER = 0.25  # of the pixels are looked at by an iteration that is not the last
_CROSSINGS = 0.25  # steps over a boundary, a pixel: 2 of 16 in each direction
_RUNS = 1 / 8  # stretches of a row of one label, a pixel
_CONNECT = (
    Stage("settle pixels", 8, 30),
    Stage("components", 4 + 4 + 4 + 4 + 4, 60),
    Stage("roots", 4 + 4 + 1, 10),
    _scan(1),
    Stage("number and measure", 16, 20),
    Stage("count borders", 4 + 1, 60),
    _scan(1),
    Stage("list borders", 4 + 4 + 16 * _CROSSINGS, 60),
    Stage("write labels", 8, 10),
)

FUNCTIONS = {
    "rgb_to_lab": Function(1, 1, (Stage("Lab", 3 + 12, 160),)),
    "slic": Function(
        184,
        18,
        (
            Stage("cut to tiles, Lab", 3 + 12 + 1, 180),
            Stage("lists of candidates", 40 * _LISTED, 30 * _LISTED, 0, 10),
            Stage(
                "assign and sum up",
                13 * _QUARTER + 24 * _LISTED,
                23 * _CANDIDATES * _QUARTER,
                0,
                9,
            ),
            Stage("move centres", 24 * _LISTED, 5 * 20 * _LISTED, 0, 9),
            Stage("assign", 13 + 4, 15 * _CANDIDATES),
            *_CONNECT,
        ),
    ),
    "enforce_connectivity": Function(91, 12, _CONNECT),
    "region_adjacency": Function(
        19,
        3,
        (
            Stage("labels", 4 + 4 + 4, 10),
            Stage("count and list crossings", 4 + 1 + 4 + 4 + 8 * _CROSSINGS, 30),
            _scan(1),
            _sort(26, _CROSSINGS, 8),
            Stage("edges", 12 * _CROSSINGS, 10 * _CROSSINGS),
        ),
    ),
    "region_means": Function(
        18,
        4,
        (
            Stage("labels and image", 4 + 4 + 4 + 3 + 12, 20),
            Stage("stretches", 4 + 1 + 4 + 8 * _RUNS, 20),
            _scan(1),
            _sort(13, _RUNS),
            Stage("sums", 12 + 4, 0, 3),
        ),
    ),
    "merge_heights": Function(
        85,
        5,
        (
            _sort(64, 3 / 256, 8),
            Stage("rounds", 40 * 3 / 256, 60 * 3 / 256, 0, 8),
        ),
    ),
    # assumed, at scale 100: 150 rounds that visit each edge 25 times in all, and leave 0.3 a pixel
    "graph_segmentation": Function(
        900,
        60,
        (
            Stage("smooth", 2 * (12 + 12), 2 * 7 * 3 * 2),
            Stage("weights", 12 + 16, 60),
            _sort(32, 4, 4),
            Stage("rounds", 80, 80, 0, 25),
        ),
        0.3,
    ),
    # assumed: 200 rounds that visit each edge 55 times in all
    "entropy_rate_superpixels": Function(
        900,
        30,
        (
            Stage("weights", 12 + 32, 0, 4 * 40),
            Stage("loops and gains", 32 + 16 + 64, 0, 4 * 150),
            Stage("rounds", 4 * 80, 4 * 20, 4 * 15, 55),
        ),
    ),
}


def seconds(name, width, height, card):
    """Predicted time on the GPU, and from call to return.

    Parameters
    ----------
    name : str, of FUNCTIONS
    width, height : int
    card : str, of CARDS
    """
    function, card, n = FUNCTIONS[name], CARDS[card], width * height
    busy = sum(n * stage.times * _a_pixel(stage, card) for stage in function.stages)
    on_gpu = busy + GAP * function.launches + ALONE * function.alone * n
    return on_gpu, max(on_gpu, LAUNCH * function.launches) + READ * function.reads


def _a_pixel(stage, card):
    return max(
        stage.bytes / (REACHED_BANDWIDTH * card.bandwidth),
        stage.operations / (REACHED_RATE * card.rate)
        + stage.operations64 / (REACHED_RATE * card.rate64),
    )


def milliseconds(name, width, height, card):
    """Predicted time from call to return."""
    return 1e3 * seconds(name, width, height, card)[1]


def nearest_card(multiprocessors):
    """The card of the model with about as many multiprocessors."""
    if multiprocessors is None:
        return next(iter(CARDS))
    return min(CARDS, key=lambda name: abs(CARDS[name].multiprocessors - multiprocessors))


def table():
    """Rows of the table: a function, what it costs, and its predicted milliseconds."""
    head = ["function", "bytes a pixel", "operations", "launches", "reads"]
    head += [f"{card} {w}x{h}" for card in CARDS for w, h in SIZES]
    rows = [head]
    for name, function in FUNCTIONS.items():
        moved = sum(s.bytes * s.times for s in function.stages)
        done = sum((s.operations + s.operations64) * s.times for s in function.stages)
        row = [name, f"{moved:.0f}", f"{done:.0f}", str(function.launches), str(function.reads)]
        for card in CARDS:
            for width, height in SIZES:
                on_gpu, whole = seconds(name, width, height, card)
                row.append(f"{1e3 * on_gpu:.2f} / {1e3 * whole:.2f}")
        rows.append(row)
    return rows


def stages():
    """Rows of every stage: bytes and operations a pixel, how often, and what limits it."""
    rows = [["function", "stage", "bytes", "operations", "float64", "times", *CARDS]]
    for name, function in FUNCTIONS.items():
        for s in function.stages:
            limits = [
                "bandwidth"
                if _a_pixel(s, card) == s.bytes / (REACHED_BANDWIDTH * card.bandwidth)
                else "operations"
                for card in CARDS.values()
            ]
            numbers = (f"{v:.3g}" for v in (s.bytes, s.operations, s.operations64, s.times))
            rows.append([name, s.name, *numbers, *limits])
    return rows


def count():
    """Print how often each function launches a kernel, and the host reads, beside the model's."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "kernels"))
    from gpu import cases, photograph
    from numba import cuda
    from simulator import permuted

    from sklearn_spx.kernels import _device

    counts = Counter()

    def counted(name):
        method = getattr(_device.Session, name)

        def call(*arguments):
            counts[name] += 1
            return method(*arguments)

        return call

    for name in ("launch", "copy_out"):
        setattr(_device.Session, name, counted(name))
    with permuted():
        for name, (function, arrays) in cases(photograph(72, 48)).items():
            there = [cuda.to_device(array) for array in arrays]
            counts.clear()
            function(*there)
            model = FUNCTIONS[name]
            print(f"{name:<26} {counts['launch']:>5} launches, of the model {model.launches:>4};"
                  f" {counts['copy_out']:>3} reads, of the model {model.reads:>3}")  # fmt: skip


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stages", action="store_true", help="every stage, and what limits it")
    parser.add_argument("--csv", action="store_true", help="the table as the documentation has it")
    parser.add_argument("--count", action="store_true", help="launches and reads, as simulated")
    arguments = parser.parse_args()
    if arguments.count:
        count()
        return
    rows = stages() if arguments.stages else table()
    if arguments.csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()
