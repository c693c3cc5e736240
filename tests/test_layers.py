"""Arrows point one way, and importing the package is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_spx

ROOT = Path(sklearn_spx.__file__).parent

# what a layer's modules may import of the package itself, and of torch and its kin
ALLOWED = {
    "kernels": {"kernels"},
    "metrics": {"metrics", "kernels"},
    "nets": {"nets", "utils"},
    "features": {"features", "kernels", "learned", "metrics", "nets", "training", "utils"},
    "datasets": {"datasets", "kernels"},
    "io": {"io", "utils", "datasets"},
    "inspection": {"inspection", "kernels", "metrics", "utils"},
    "utils": {"utils", "kernels"},
    "training": {"model_file", "nets", "training", "utils"},
    "model_file": {"model_file", "utils"},
    "learned": {"kernels", "model_file", "training"},
    "value_range": {"base", "utils"},
    "large": {"large", "kernels", "methods", "training", "utils"},
    "view": {
        "view",
        "inspection",
        "interactive",
        "io",
        "kernels",
        "methods",
        "regions",
        "utils",
    },
    "napari": {"napari", "interactive", "kernels", "methods"},
    "bioimageio": {"bioimageio", "features", "methods", "nets", "training", "utils"},
    "interactive": {"interactive", "inspection", "kernels", "methods", "regions"},
    "regions": {
        "regions",
        "base",
        "features",
        "io",
        "kernels",
        "learned",
        "methods",
        "metrics",
        "nets",
        "utils",
    },
    "methods": {
        "methods",
        "base",
        "value_range",
        "model_file",
        "learned",
        "training",
        "nets",
        "features",
        "kernels",
        "metrics",
        "utils",
    },
}
HEAVY = {"torch", "kymatio", "matplotlib", "numba.cuda", "dask", "distributed"}
KERNELS_MAY_IMPORT = {"numpy", "numba", "llvmlite"} | sys.stdlib_module_names  # llvmlite is numba's
# h5py, an extra, is imported by the one function that reads its files
NETS_MAY_IMPORT = {"torch", "numpy", "safetensors", "tqdm", "h5py"} | sys.stdlib_module_names


def _modules(layer=""):
    if (ROOT / f"{layer}.py").is_file():
        return [ROOT / f"{layer}.py"]
    return sorted((ROOT / layer).rglob("*.py"))


def _imports(path, top_level_only=False):
    """Absolute names of the modules that a file imports."""
    package = ("sklearn_spx", *path.relative_to(ROOT).parent.parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = package[: len(package) - node.level + 1]
                base = ".".join((*anchor, base)) if base else ".".join(anchor)
            if base in ("numba", "sklearn_spx") or base.endswith("."):
                yield from (f"{base}.{alias.name}" for alias in node.names)
            else:
                yield base


def _inside(name):
    parts = name.split(".")
    return parts[1] if parts[0] == "sklearn_spx" and len(parts) > 1 else None


@pytest.mark.parametrize("layer", sorted(ALLOWED))
def test_a_layer_imports_only_what_lies_below(layer):
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in _modules(layer)
        for name in _imports(path)
        if (inside := _inside(name)) and inside not in {*ALLOWED[layer], "__version__"}
    ]
    assert not wrong


def test_kernels_import_numpy_and_numba_alone():
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in _modules("kernels")
        for name in _imports(path)
        if not _inside(name) and name.split(".")[0] not in KERNELS_MAY_IMPORT
    ]
    assert not wrong


def test_numba_cuda_stays_in_the_cuda_twins():
    wrong = [
        str(path.relative_to(ROOT))
        for path in _modules()
        if not path.name.startswith("_cuda")
        and path.name != "_device.py"
        and any(n.startswith("numba.cuda") for n in _imports(path))
    ]
    assert not wrong


def test_napari_and_qt_stay_in_the_widgets_of_the_plugin():
    without = {
        ROOT / "napari" / name for name in ("__init__.py", "arrays.py", "task.py", "work.py")
    }
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in _modules()
        if path in without or path.relative_to(ROOT).parts[0] != "napari"
        for name in _imports(path)
        if name.split(".")[0] in {"magicgui", "napari", "qtpy"}
        or (name.startswith("sklearn_spx.napari") and path.parent.name != "napari")
    ]
    assert not wrong


def test_metrics_never_import_torch():
    wrong = [
        str(path.relative_to(ROOT))
        for path in _modules("metrics")
        if any(name.split(".")[0] == "torch" for name in _imports(path))
    ]
    assert not wrong


def test_nets_import_torch_alone():
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in _modules("nets")
        for name in _imports(path)
        if not _inside(name) and name.split(".")[0] not in NETS_MAY_IMPORT
    ]
    assert not wrong


def test_heavy_libraries_are_imported_where_used():
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in _modules()
        if path.relative_to(ROOT).parts[0] != "nets" and path.name != "loop.py"
        for name in _imports(path, top_level_only=True)
        if name.split(".")[0] in HEAVY
    ]
    assert not wrong


@pytest.mark.parametrize(
    "statement",
    [
        "import sklearn_spx",
        "from sklearn_spx import *",
    ],
)
def test_import_brings_no_heavy_library(statement):
    code = f"{statement}\nimport sys\nprint([m for m in {sorted(HEAVY)} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_import_of_the_package_loads_no_layer():
    code = "import sys, sklearn_spx; print([m for m in sys.modules if m.startswith('sklearn_spx')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['sklearn_spx']"


def test_the_stub_names_what_exists():
    for name in sklearn_spx.__all__:
        assert getattr(sklearn_spx, name) is not None
    assert set(sklearn_spx.__all__) <= set(dir(sklearn_spx))


def test_trained_weights_are_installed_with_their_cards():
    shipped = sorted((ROOT / "weights").glob("*.safetensors"))
    assert shipped
    assert all(path.with_suffix(".md").is_file() for path in shipped)
    sizes = [path.stat().st_size for path in shipped]
    assert max(sizes) < 10e6
    assert sum(sizes) < 25e6


def test_no_method_imports_another():
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in _modules("methods")
        for name in _imports(path)
        if name.startswith("sklearn_spx.methods")
        and name.split(".")[2:3]
        != [path.relative_to(ROOT / "methods").parts[0].removesuffix(".py")]
    ]
    assert not wrong


def test_what_begins_with_an_underscore_stays_in_its_package():
    """No module imports a private module, or a private name, of another package."""
    wrong = []
    for path in _modules():
        package = ("sklearn_spx", *path.relative_to(ROOT).parent.parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom):
                continue
            anchor = package[: len(package) - node.level + 1] if node.level else ()
            for alias in node.names:
                name = (*anchor, *(node.module or "").split("."), alias.name)
                name = tuple(part for part in name if part)
                for i, part in enumerate(name):
                    private = part.startswith("_") and not part.startswith("__")
                    if private and name[0] == "sklearn_spx" and name[:i] != package[:i]:
                        wrong.append((str(path.relative_to(ROOT)), ".".join(name)))
    assert not wrong
