"""Compiled functions: one decorator, and no need of a folder that can be written to."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

import sklearn_spx
from sklearn_spx import kernels
from sklearn_spx.kernels.compilation import njit

ROOT = Path(sklearn_spx.__file__).parent
USE = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import sklearn_spx
    from sklearn_spx import features, kernels, metrics
print(sklearn_spx.__file__)
print(*[w.message for w in caught if "sklearn_spx" in str(w.message)], sep="\\n")
print(kernels.region_adjacency([[0, 0, 1]])[0].tolist())
"""

NAMES = """
from numba.core import event

class Names(event.Listener):
    def on_start(self, event):
        print(event.data["dispatcher"].py_func.__name__)
    def on_end(self, event):
        pass

event.register("numba:compile", Names())
"""
FIRST_SLIC = f"""{NAMES}
import numpy as np
from sklearn_spx.kernels import slic

rng = np.random.default_rng(0)
slic(rng.integers(0, 256, (60, 80, 3), np.uint8), 20)
"""


@pytest.fixture
def run_without_cache(tmp_path):
    """Run code in a process in which the package and the home have no room for a cache.

    Permissions would not bind root; a file in the place of each folder binds everyone.
    """
    package = shutil.copytree(
        ROOT, tmp_path / "sklearn_spx", ignore=shutil.ignore_patterns("__pycache__", "weights")
    )
    for folder in {path.parent for path in package.rglob("*.py")}:
        (folder / "__pycache__").touch()
    home = tmp_path / "home"
    home.touch()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "HOME": str(home)}
    environment["LOCALAPPDATA"] = str(home)  # the cache's place on Windows
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        environment.pop(name, None)

    def run(code, **more):
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            env={**environment, **more},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        file, *lines = done.stdout.splitlines()
        assert Path(file).parent == package
        return lines

    return run


@pytest.mark.slow
def test_all_works_without_a_folder_to_write_to(run_without_cache, tmp_path):
    warning, edges = run_without_cache(USE)  # one warning
    assert "Set the environment variable NUMBA_CACHE_DIR to a folder" in warning
    assert edges == "[[0, 1]]"
    cache = tmp_path / "cache"
    assert run_without_cache(USE, NUMBA_CACHE_DIR=str(cache)) == ["", "[[0, 1]]"]  # none
    assert any(cache.rglob("*count_crossings*.nbi"))


@pytest.mark.slow
def test_slic_compiles_what_a_photograph_needs_once(tmp_path):
    def names():
        done = subprocess.run(
            [sys.executable, "-P", "-c", FIRST_SLIC],
            env={**os.environ, "PYTHONPATH": str(ROOT.parent), "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            check=True,
            text=True,
        )
        return done.stdout.split()

    compiled = names()
    assert {"_choose_and", "_cut_lab_8bit", "merge_smallest"} <= set(compiled)
    # masks, other channels, SLICO and cuts are compiled where they are used
    assert not {"nearest", "_choose_by_many", "_farthest", "_cut_channels", "_cut"} & set(compiled)
    assert len(compiled) <= 40, compiled
    assert names() == []  # kept on disk


def test_every_compiled_function_has_the_one_decorator():
    wrong = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if path.name != "compilation.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "numba"
        if {alias.name for alias in node.names} & {"jit", "njit", "vectorize", "guvectorize"}
    ]
    assert not wrong


def _compiled_functions():
    """Module, tree of the function, and whether it is said to make arrays."""
    for path in ROOT.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for decorator in getattr(node, "decorator_list", []):
                said = ast.unparse(decorator)
                if re.match(r"(njit|inner|rule)\b", said):
                    yield path, node, "allocates=True" in said


def test_a_function_that_calls_one_that_makes_arrays_says_so():
    """Numba does not tell: the array that is returned would never go."""
    making = {node.name: path for path, node, allocates in _compiled_functions() if allocates}
    assert "edges_of" in making
    wrong = [
        f"{path.name}: {node.name} calls {call.func.id}"
        for path, node, allocates in _compiled_functions()
        if not allocates
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if _is_of(making.get(call.func.id), path, call.func.id)
    ]
    assert not wrong


def _is_of(source, path, name):
    """Whether a name means, in a file, the function of another one, or of its own."""
    if source is None or source == path:
        return source == path
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").split(".")[-1] in (source.stem, source.parent.name)
        and name in {alias.name for alias in node.names}
        for node in tree.body
    )


def test_no_function_without_counts_returns_an_array():
    """Its caller would give back a reference that was never counted."""
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    labels = kernels.slic(image, 20)
    kernels.entropy_rate_superpixels(image, 20)
    kernels.graph_segmentation(image, min_size=10)
    kernels.region_adjacency(labels)
    found = {
        function.py_func.__name__: signature.return_type
        for module in [m for name, m in sys.modules.items() if name.startswith("sklearn_spx.")]
        for function in vars(module).values()
        if isinstance(function, Dispatcher) and not function.targetoptions["_nrt"]
        for signature in function.nopython_signatures
    }
    assert "_choose_and" in found
    assert not {name for name, kind in found.items() if "array" in str(kind)}


def test_a_function_without_counts_can_make_no_array():
    with pytest.raises(numba.TypingError):
        njit(_make)(3)
    assert njit(_make, allocates=True)(3) == 0


def _make(n):
    return np.zeros(n)[0]


def test_a_function_without_a_file_is_compiled_without_a_warning(recwarn):
    scope = {"njit": njit}
    exec("@njit\ndef twice(x):\n    return 2 * x", scope)
    assert scope["twice"](21) == 42
    assert not recwarn


UPSAMPLED = f"""{NAMES}
import numpy as np
from sklearn_spx.features._upsample import upsample

upsample(np.zeros((1, 2, 2), np.float32), 2, (4, 4))
"""


def test_what_is_kept_is_of_all_files_of_the_kernels(tmp_path):
    package = shutil.copytree(
        ROOT, tmp_path / "sklearn_spx", ignore=shutil.ignore_patterns("__pycache__", "weights")
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }

    def compiled():
        command = [sys.executable, "-P", "-c", UPSAMPLED]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert "_bilinear" in compiled()
    assert compiled() == []
    with open(package / "kernels" / "_bits.py", "a") as file:
        file.write("# of another version\n")
    assert "_bilinear" in compiled()
    assert compiled() == []
