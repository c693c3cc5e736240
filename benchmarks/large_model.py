"""How long an image of any size would take on any number of workers, by a run that was measured.

    python benchmarks/large_model.py doc/guide/large.txt [--side 1000000] [--workers 100]
        [--bandwidth 1.25e9] [--latency 1e-3]

The file is what ``benchmarks/large.py`` printed: seconds and bytes moved for each pixel. A pass
over the blocks is simulated task by task: the process that hands them out sends each its centres,
and takes its sums, one message after the other, at ``bandwidth`` bytes a second and ``latency``
seconds a message; a worker is busy for as long as a block took one thread. Reading the image is
part of that, so the storage has to serve all workers as the disk served two threads. Passes wait
for each other, as iterations do. Larger blocks take fewer messages, and as many bytes.
"""

import argparse
import heapq
import re
from pathlib import Path

BYTES_OF_A_CENTRE = 4 * (2 + 3) + 4  # row, column, three planes, contrast; float32
BYTES_OF_A_SUM = 8 * (3 + 3)  # pixels, row, column, three planes; float64
N_PASSES = 12  # a look, nine iterations that move centres, components, labels


def read_run(path):
    """Measured: seconds of a thread and bytes moved, a pixel; superpixels a pixel."""
    text = Path(path).read_text(encoding="utf-8")

    def number(pattern):
        return float(re.search(pattern, text).group(1).replace(",", ""))

    side, threads = number(r"(\d+) x \d+ pixels"), number(r"(\d+) threads")
    seconds = number(r"seconds (\d+)")
    return {
        "seconds": seconds * threads / side**2,
        "moved": number(r"([\d.]+) bytes a pixel"),
        "superpixels": number(r"([\d,]+) superpixels") / side**2,
    }


def simulate(n_tasks, n_workers, busy, message):
    """Seconds of one pass, and the share of them in which the one who hands out is at work.

    Each task takes two messages of ``message`` seconds, there and back.
    """
    free_at, clock, at_work = [0.0] * n_workers, 0.0, 0.0
    done = []  # results on their way, by the time they are there
    for _ in range(n_tasks):
        worker = heapq.heappop(free_at)
        while done and done[0] <= max(clock, worker):
            clock = max(clock, heapq.heappop(done)) + message
            at_work += message
        clock = max(clock, worker) + message
        at_work += message
        heapq.heappush(free_at, clock + busy)
        heapq.heappush(done, clock + busy)
    while done:
        clock = max(clock, heapq.heappop(done)) + message
        at_work += message
    return clock, at_work / clock


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="what benchmarks/large.py printed")
    parser.add_argument("--side", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, nargs="+", default=(10, 100, 1000))
    parser.add_argument("--blocks", type=int, nargs="+", default=(1024, 4096))
    parser.add_argument("--bandwidth", type=float, default=1.25e9, help="bytes a second")
    parser.add_argument("--latency", type=float, default=1e-3, help="seconds a message")
    options = parser.parse_args()
    run = read_run(options.run)
    n_pixels = options.side**2
    n_centres = run["superpixels"] * n_pixels
    print(
        f"{options.side} x {options.side} pixels, {n_centres:.2g} superpixels, {N_PASSES} passes\n"
        f"centres and sums in the memory of the one who hands out: "
        f"{n_centres * BYTES_OF_A_CENTRE / 1e9:.1f} and {n_centres * BYTES_OF_A_SUM / 1e9:.1f} GB\n"
        f"moved in all: {run['moved'] * n_pixels / 1e12:.2f} TB"
    )
    for block in options.blocks:
        n_blocks = (-(-options.side // block)) ** 2
        busy = run["seconds"] * block**2 / N_PASSES
        message = options.latency + run["moved"] * block**2 / N_PASSES / 2 / options.bandwidth
        print(f"{n_blocks:,} blocks of {block}, each {busy:.2f} s of a worker a pass")
        for n_workers in options.workers:
            # a pass is long beside its start and end: a part of it stands for the whole
            n_tasks = min(n_blocks, 200 * n_workers)
            seconds, at_work = simulate(n_tasks, n_workers, busy, message)
            hours = seconds * n_blocks / n_tasks * N_PASSES / 3600
            print(
                f"{n_workers:6d} workers: {hours:6.2f} hours; "
                f"the one who hands out is busy {at_work:.0%} of them"
            )


if __name__ == "__main__":
    main()
