"""What a first call costs: seconds of CPU of a process whose cache of compiled functions is empty.

    python benchmarks/cold_start.py [--only slic] [--repeats 3]

Each kernel runs in processes of its own: one that imports the package and calls it once, on a small
image with default parameters, and a second one, that finds the cache which the first has left. The
seconds are all that a process spends, user and system, from the start of Python on; of several
repeats the least. Signatures are what numba has compiled, its own helpers too.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile

KERNELS = {
    "slic": "slic(image)",
    "slic, of float32": "slic((image / 255).astype(np.float32))",
    "slic, under a mask": "slic(image, mask=image[:, :, 0] > 40)",
    "slic, SLICO": "slic(image, slic_zero=True)",
    "slic, of 8 channels": "slic(np.tile(image, 3)[:, :, :8])",
    "enforce_connectivity": "enforce_connectivity(image[:, :, 0] // 32, 20)",
    "graph_segmentation": "graph_segmentation(image, scale=100, min_size=20)",
    "entropy_rate_superpixels": "entropy_rate_superpixels(image, 100)",
    "region_adjacency": "region_adjacency(image[:, :, 0] // 32)",
}
CALL = """
import json
import numpy as np
from sklearn_spx.kernels import *
from numba.core import event

class Count(event.Listener):
    n = 0
    def on_start(self, event):
        self.n += 1
    def on_end(self, event):
        pass

count = Count()
event.register("numba:compile", count)
rng = np.random.default_rng(0)
blocks = rng.integers(0, 224, (6, 8, 3), np.uint8)
image = blocks.repeat(25, axis=0).repeat(25, axis=1) + rng.integers(0, 32, (150, 200, 3), np.uint8)
{call}
print(json.dumps(count.n))
"""


def run(call, cache):
    """CPU seconds of a process, and how much it compiled."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", CALL.format(call=call)],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=KERNELS)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print(f"{'kernel':26} {'signatures':>10} {'first, s':>9} {'again, s':>9}")
    for name in [args.only] if args.only else KERNELS:
        first, again, counts = [], [], set()
        for _ in range(args.repeats):
            with tempfile.TemporaryDirectory() as cache:
                seconds, n = run(KERNELS[name], cache)
                first.append(seconds)
                counts.add(n)
                seconds, left = run(KERNELS[name], cache)
                again.append(seconds)
                if left:
                    raise SystemExit(f"{name}: the second process compiled {left} signatures again")
        (n,) = counts
        print(f"{name:26} {n:10} {min(first):9.1f} {min(again):9.1f}", flush=True)


if __name__ == "__main__":
    main()
