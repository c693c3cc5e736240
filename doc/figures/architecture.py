"""The packages of sklearn_spx by what they import: who is above uses who is below.

``ROWS`` places each package; tests/test_architecture.py holds it against the code's imports. The
arrows are read off the code, less those that others imply.
"""

import ast
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(find_spec("sklearn_spx").origin).parent

# from above to below; each package with what it is
ROWS = (
    {"cli": "the command sklearn-spx"},
    {"view": "the page in the browser", "napari": "a plugin of napari"},
    {"interactive": "what people do by hand:\nsegment, merge, learn"},
    {
        "regions": "tables, graphs, files,\nclasses, video",
        "large": "larger than memory",
        "bioimageio": "nets for\nBioImage.IO",
    },
    {"methods": "SLIC, ERS, EGB, TrainableSLIC, SEAL, DEL"},
    {"features": "Lab, scattering,\nconvolutions, affinities"},
    {"learned": "a trained net as state"},
    {"training": "NetTraining, the loop,\ncheckpoints", "value_range": "black and white"},
    {
        "nets": "torch: nets and losses",
        "model_file": "the format of saved\nestimators",
        "base": "the contract",
        "io": "images, label images,\nGeoTIFF",
        "inspection": "pictures",
    },
    {
        "utils": "checks of images, files",
        "metrics": "scores",
        "datasets": "BSDS500, CamVid,\nsynthetic",
    },
    {"kernels": "numba, CPU and CUDA: SLIC, ERS, EGB, connectivity, region graphs, matching"},
)


def imports():
    """Which packages of sklearn_spx each imports."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        package = parts[0].removesuffix(".py")
        if package == "__init__":
            continue
        for name in _names(path, ("sklearn_spx", *parts[:-1])):
            if name != package:
                found.setdefault(package, set()).add(name)
        found.setdefault(package, set())
    return {name: {other for other in others if other in found} for name, others in found.items()}


def _names(path, package):
    """Packages or modules right below sklearn_spx that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            full = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            anchor = package[: len(package) - node.level + 1] if node.level else ()
            start = [*anchor, *(node.module or "").split(".")]
            full = [[part for part in (*start, alias.name) if part] for alias in node.names]
        else:
            continue
        for parts in full:
            if parts[0] == "sklearn_spx" and len(parts) > 1:
                # the six estimators are imported from the top and live in methods
                yield "methods" if parts[1][:1].isupper() else parts[1]


def reduced(graph):
    """The arrows less those that a longer way implies."""

    def reach(name, but):
        seen, left = set(), [other for other in graph[name] if other != but]
        while left:
            one = left.pop()
            if one not in seen:
                seen.add(one)
                left.extend(graph[one])
        return seen

    return {
        name: {other for other in others if other not in reach(name, other)}
        for name, others in graph.items()
    }


def draw(axis):
    places, width = {}, 12.6
    for depth, row in enumerate(ROWS):
        for k, name in enumerate(row):
            places[name] = (width * (k + 0.5) / len(row), -1.55 * depth)
    for name, others in reduced(imports()).items():
        for other in others:
            axis.annotate(
                "",
                xy=places[other],
                xytext=places[name],
                arrowprops=dict(arrowstyle="-|>", color="#8a94a6", lw=1.1, shrinkA=20, shrinkB=20),
                zorder=1,
            )
    for row in ROWS:
        for name, what in row.items():
            x, y = places[name]
            text = f"$\\bf{{{name.replace('_', chr(92) + '_')}}}$\n{what}"
            axis.text(
                x,
                y,
                text,
                ha="center",
                va="center",
                fontsize=8.5,
                linespacing=1.25,
                zorder=2,
                bbox=dict(boxstyle="round,pad=0.4", fc="#eef3fb", ec="#35609c", lw=1),
            )
    axis.set_xlim(0, width)
    axis.set_ylim(-1.55 * (len(ROWS) - 1) - 0.8, 0.8)
    axis.axis("off")


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 8.4), layout="constrained")
    draw(axis)
