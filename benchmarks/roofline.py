"""How far SLIC is from what the processor could do: its phases beside memory and arithmetic.

    python benchmarks/roofline.py [--repeats 15]

First the machine is measured, on one thread: bytes a nanosecond of a copy larger than the caches,
and operations a nanosecond of a compiled loop over float32 in the first cache, products and sums in
turn, not fused, as in the kernels. Then SLIC of photographs of scikit-image, ten iterations, phase
by phase: nanoseconds an image pixel; the bytes that a phase cannot do without, as each array is
read or written once; the operations that its candidates ask for; and how long the machine takes for
either at the least. The longer of these is given as a share of the time: at 100 % nothing is left
to win but by doing less. The numbers of candidates are those of the run.

Bytes: cutting reads uint8 RGB and writes three planes of float32; an iteration reads a quarter of
the planes; the last assignment reads all, and writes labels; connectivity reads the labels, and
writes them anew. Operations of a pixel and a candidate: 17 on float32 for the distance of equation
(1), 3 on integers for its key; of a pixel that is assigned, 6 more to look its centre up and add it
to sums. Lab is read from tables, and connectivity counts no operations: both are held against
memory alone.
"""

# ruff: noqa: E402
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before anything reads them

import argparse
import contextlib
from importlib import import_module
from time import perf_counter
from unittest import mock

import numpy as np
from kernels import SIZES, photographs
from numba import njit

from sklearn_spx.kernels import slic
from sklearn_spx.kernels.slic import _cpu, _tiles

CANDIDATE, PIXEL = 17 + 3, 6  # operations
LENGTH, STEPS = 256, 8  # of the loop that measures arithmetic


@njit
def _multiply_and_add(x, a, b, n):
    for _ in range(n):
        for i in range(x.shape[0]):
            y = x[i]
            for _ in range(STEPS):
                y = y * a + b
            x[i] = y


def machine(repeats):
    """Bytes and operations a nanosecond."""
    source = np.ones(1 << 26, np.uint8)
    target = np.empty_like(source)
    numbers = np.ones(LENGTH, np.float32), np.float32(0.5), np.float32(0.5)
    n = 20_000
    np.copyto(target, source)
    _multiply_and_add(*numbers, 1)
    copies, loops = [], []
    for _ in range(repeats):
        start = perf_counter()
        np.copyto(target, source)
        copies.append(perf_counter() - start)
        start = perf_counter()
        _multiply_and_add(*numbers, n)
        loops.append(perf_counter() - start)
    return 2e-9 * source.size / min(copies), 2e-9 * STEPS * LENGTH * n / min(loops)


class Phases:
    """Seconds of each phase of one call, and candidates of a set of pixels."""

    def __init__(self):
        self.seconds, self.candidates = {}, []

    def watched(self, name, function):
        def timed(*arguments, **options):
            start = perf_counter()
            found = function(*arguments, **options)
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start
            if name == "iterations":
                starts = arguments[3].candidates.starts
                self.candidates.append(starts[-1] / (len(starts) - 1))
            return found

        return timed

    def run(self, image, n_segments):
        places = {
            "cutting": (_tiles, "cut"),
            "iterations": (_cpu, "iterate"),
            "last assignment": (_cpu, "assign"),
            "connectivity": (
                import_module("sklearn_spx.kernels.slic"),
                "connect",
            ),  # not its function
        }
        with contextlib.ExitStack() as stack:
            for name, (where, what) in places.items():
                watched = self.watched(name, getattr(where, what))
                stack.enter_context(mock.patch.object(where, what, watched))
            start = perf_counter()
            slic(image, n_segments)
            self.seconds["all"] = perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    width, speed = machine(repeats)
    print(f"a copy: {width:.1f} bytes a nanosecond; float32: {speed:.1f} operations a nanosecond")
    for size, (height, across, n_segments) in SIZES.items():
        n_pixels, found = height * across, []
        for image in photographs(height, across):
            slic(image, n_segments)
            for _ in range(repeats):
                found.append(Phases())
                found[-1].run(image, n_segments)
        candidates = np.mean([each.candidates for each in found])
        n_iterations = len(found[0].candidates)
        needs = {  # bytes and operations a pixel
            "cutting": (3 + 12, 0),
            "iterations": (n_iterations * 3, n_iterations / 4 * (candidates * CANDIDATE + PIXEL)),
            "last assignment": (12 + 4, candidates * CANDIDATE + PIXEL),
            "connectivity": (4 + 4, 0),
        }
        print(f"\n{size}, {n_segments} superpixels, {candidates:.1f} candidates a pixel")
        print(f"{'':16} {'ns':>7} {'bytes':>7} {'least ns':>9} {'operations':>11} {'least ns':>9}")
        for name in (*needs, "all"):
            ns = 1e9 / n_pixels * np.median([each.seconds[name] for each in found])
            if name == "all":
                print(f"{name:16} {ns:7.2f}")
                continue
            of_bytes, operations = needs[name]
            least = of_bytes / width, operations / speed
            print(
                f"{name:16} {ns:7.2f} {of_bytes:7.0f} {least[0]:9.2f} {operations:11.0f} "
                f"{least[1]:9.2f}   {100 * max(least) / ns:3.0f} % of the least"
            )


if __name__ == "__main__":
    main()
