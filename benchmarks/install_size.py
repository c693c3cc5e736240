"""What an installation weighs, and what importing and a first call cost.

    python benchmarks/install_size.py

The package itself and, of its requirements, the largest, as the files of this environment; seconds
of processor time of new processes, the best of five.
"""

import os
import subprocess
import sys
from importlib.metadata import distribution, requires
from pathlib import Path

import sklearn_spx

STATEMENTS = (
    "import numpy",
    "import skimage.segmentation, skimage.color",
    "import sklearn_spx",
    "from sklearn_spx import SLICSuperpixels",
    "from sklearn_spx import DELSegmenter",
)


def size(folder):
    return sum(
        path.stat().st_size
        for path in Path(folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def of_distribution(name):
    files = distribution(name).files or ()
    return sum(Path(file.locate()).stat().st_size for file in files if file.locate().is_file())


def seconds(statement):
    """Processor time of a process with a statement, less that of one without."""

    def one(code):
        before = os.times()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        user, system = (getattr(after, n) - getattr(before, n) for n in KINDS)
        return user + system

    best, empty = (min(one(code) for _ in range(5)) for code in (statement, "pass"))
    return max(best - empty, 0)


KINDS = ("children_user", "children_system")


def main():
    root = Path(sklearn_spx.__file__).parent
    weights = size(root / "weights")
    print(f"sklearn_spx {sklearn_spx.__version__}")
    print(f"{'  code':<42}{(size(root) - weights) / 1e6:8.1f} MB")
    print(f"{'  trained nets':<42}{weights / 1e6:8.1f} MB")
    names = [line.split(";")[0].strip() for line in requires("sklearn-spx") if "extra" not in line]
    names = ["".join(c for c in name.split(">")[0] if c not in "= ") for name in names]
    sizes = sorted(((of_distribution(name), name) for name in names), reverse=True)
    for n_bytes, name in sizes[:5]:
        print(f"{'  requires ' + name:<42}{n_bytes / 1e6:8.1f} MB")
    print("processor time of")
    for statement in STATEMENTS:
        print(f"{'  ' + statement:<42}{seconds(statement):8.2f} s")


if __name__ == "__main__":
    main()
