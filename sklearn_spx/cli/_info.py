"""``sklearn-spx info``: versions, cores, GPUs, shipped weights, and what a saved model is."""

import json
import os
import platform
import re
from importlib import metadata
from pathlib import Path

import click

from .. import __version__
from ._console import printable, stdout

PACKAGES = (
    "numpy", "scipy", "scikit-learn", "scikit-image", "numba", "torch", "joblib", "pillow",
    "tifffile", "matplotlib",
)  # fmt: skip
# extra: (its packages, any of which will do; what for)
EXTRAS = {
    "opencv": (
        ("opencv-python-headless", "opencv-python", "opencv-contrib-python",
         "opencv-contrib-python-headless"),
        "PNG with 16-bit colours, Canny edges, SEAL's released net",
    ),
    "geo": (("rasterio",), "labels of GeoTIFF that keep their place on earth"),
    "hed": (("h5py",), "weights of HED"),
    "dask": (("dask",), "images larger than memory"),
    "napari": (("napari",), "the plugin of napari"),
    "bioimageio": (("bioimageio.spec",), "packages of BioImage.IO"),
    "cuda": (("numba-cuda",), "the kernels on an NVIDIA GPU"),
}  # fmt: skip
WEIGHTS = Path(__file__).parents[1] / "weights"


@click.command()
@click.argument("what", required=False, metavar="[WEIGHTS|FILE]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(what, as_json):
    """Print versions, cores, GPUs and the weights that are shipped.

    With WEIGHTS, such as SEALSuperpixels-bsds500, print their card; bsds500 alone is those of every
    estimator. With FILE, what the estimator in it is that save, or sklearn-spx train, wrote.
    """
    if what is None:
        found, show = _system(), _print_system
    elif os.path.isfile(what):  # that of Path may raise
        found, show = _model(what), _print_model
    else:
        found, show = _cards(what), _print_cards
    if as_json:
        click.echo(json.dumps(found, indent=2, default=repr))
    else:
        show(found)


# --- the system ----------------------------------------------------------------------------------


def _system():
    from ..kernels.checks import missing_gpu

    return {
        "versions": {
            "sklearn-spx": __version__,
            "Python": platform.python_version(),
            **{name: _version(name) for name in PACKAGES},
        },
        "platform": platform.platform(),
        "extras": {
            extra: {
                "version": next(filter(None, map(_version, names)), None),
                "package": names[0],
                "for": purpose,
                "install": f"pip install 'sklearn-spx[{extra}]'",
            }
            for extra, (names, purpose) in EXTRAS.items()
        },
        "cpu": _cpu(),
        "gpus": _gpus(),
        "kernels_on_gpu": missing_gpu() or "available",
        "numba_cache": _numba_cache(),
        "weights": {path.stem: _summary(path) for path in sorted(WEIGHTS.glob("*.safetensors"))},
    }


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cpu():
    import numba
    import torch
    from joblib import cpu_count

    return {
        "cores": os.cpu_count(),
        "usable": cpu_count(),  # what a container or an affinity leaves
        "threads_torch": torch.get_num_threads(),
        "threads_numba": numba.config.NUMBA_NUM_THREADS,
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
    }


def _gpus():
    import torch

    if not torch.cuda.is_available():
        return []
    about = [torch.cuda.get_device_properties(k) for k in range(torch.cuda.device_count())]
    return [{"name": gpu.name, "memory_gb": round(gpu.total_memory / 2**30, 1)} for gpu in about]


def _numba_cache():
    """Return the folder where compiled functions are kept, or None where they are not."""
    from ..kernels import color

    kernels = [f for f in vars(color).values() if hasattr(f, "stats")]
    path = next((f.stats.cache_path for f in kernels if f.stats.cache_path), None)
    if path is None:
        return None
    package = Path(__file__).parents[1]
    if package in Path(path).parents:  # beside each source
        return str(package / "**" / "__pycache__")
    return str(Path(path).parent)


def _summary(path):
    """Return what a card says, in short."""
    fields = _fields(path.with_suffix(".md").read_text(encoding="utf-8"))
    data = fields.get("Data") or fields.get("Source") or ""
    name, _, weights = path.stem.partition("-")
    return {
        "estimator": name if name[0].isupper() else None,  # else a trunk
        "pretrained": weights if name[0].isupper() else None,
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "trained_on": re.split(r" \(|;|\. |, itself", data)[0].rstrip("."),
        "licence": fields.get("Licence", "").rstrip("."),
    }


def _fields(card):
    """Return {name: text} of a card's list, ``- Name: text`` or ``- **Name**: text``."""
    items = re.split(r"\n- ", card.split("\n## ")[0])[1:]
    pairs = (re.match(r"\**([A-Za-z]+)\**: (.*?)(?:\n\n|\Z)", item, re.S) for item in items)
    return {found[1]: " ".join(found[2].split()) for found in pairs if found}


def _print_system(found):
    console = stdout()
    for title, rows in (
        ("Versions", [(n, v or "not installed") for n, v in found["versions"].items()]),
        ("Extras", [_extra_row(*item) for item in found["extras"].items()]),
        ("Machine", _machine_rows(found)),
    ):
        _print_rows(console, title, rows)
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title="Weights that are shipped", title_justify="left")
    for heading in ("name", "MB", "trained on", "licence"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("name", "MB"))
    for name, about in found["weights"].items():
        cells = (name, f"{about['megabytes']:.1f}", about["trained_on"], about["licence"])
        table.add_row(*map(Text, cells))
    console.print(table)
    console.print("sklearn-spx info NAME prints a card in full.", markup=False)


def _extra_row(extra, about):
    if about["version"]:
        return extra, f"{about['package']} {about['version']}"
    return extra, f"not installed: {about['install']}  ({about['for']})"


def _machine_rows(found):
    cpu = found["cpu"]
    threads = f"torch {cpu['threads_torch']}, numba {cpu['threads_numba']}"
    if cpu["OMP_NUM_THREADS"]:
        threads += f", OMP_NUM_THREADS={cpu['OMP_NUM_THREADS']}"
    gpus = [f"{gpu['name']}, {gpu['memory_gb']} GB" for gpu in found["gpus"]]
    nowhere = "nowhere: set NUMBA_CACHE_DIR to a folder that can be written to"
    return [
        ("platform", found["platform"]),
        ("cores", f"{cpu['cores']}, of which usable {cpu['usable']}"),
        ("threads", threads),
        ("GPUs", "; ".join(gpus) or "torch finds none"),
        ("kernels on a GPU", found["kernels_on_gpu"]),
        ("numba's cache", found["numba_cache"] or nowhere),
    ]


def _print_rows(console, title, rows):
    width = max(len(name) for name, _ in rows) + 2
    console.print(title, style="bold")
    for name, value in rows:
        console.print(f"  {name:<{width}}{printable(value)}", markup=False, soft_wrap=True)
    console.print()


# --- cards and models ----------------------------------------------------------------------------


def _cards(what):
    stems = [path.stem for path in sorted(WEIGHTS.glob("*.safetensors"))]
    chosen = [stem for stem in stems if what == stem or stem.partition("-")[2] == what]
    if not chosen:
        raise click.UsageError(
            f"{what!r} is neither a file nor weights that are shipped: {', '.join(stems)}"
        )
    return {stem: (WEIGHTS / f"{stem}.md").read_text(encoding="utf-8") for stem in chosen}


def _print_cards(cards):
    stdout().print(
        "\n\n".join(card.strip() for card in cards.values()), markup=False, soft_wrap=True
    )


def _model(path):
    """Return what a file says of itself; no net is built."""
    from ..model_file import is_model, read_model
    from ..utils.tensor_file import read_metadata, read_tensors

    try:
        if not is_model(path):
            arrays, header = read_tensors(path)
            return {
                "file": path,
                "estimator": None,
                "weights": int(sum(array.size for array in arrays.values())),
                "tensors": {name: list(array.shape) for name, array in arrays.items()},
                "metadata": header,
            }
        model, header = read_model(path), read_metadata(path)
    except (OSError, ValueError) as error:
        raise click.ClickException(printable(str(error).splitlines()[0])) from None
    history = model.values.get("history") or []
    return {
        "file": path,
        "estimator": model.name,
        "written_by": f"sklearn-spx {header['version']}" if "version" in header else None,
        "channels": model.values.get("n_channels_in"),
        "weights": int(sum(array.size for array in model.arrays.values())),
        "megabytes": round(os.path.getsize(path) / 1e6, 2),
        "params": {name: _plain(value) for name, value in model.params.items()},
        "history": history[-1] if history else None,
    }


def _plain(value):
    """Return a parameter as JSON has it: estimators in it as they are printed."""
    try:
        json.dumps(value)
    except TypeError:
        return " ".join(repr(value).split())
    return value


def _print_model(found):
    console = stdout()
    params, history = found.get("params") or {}, found.get("history") or {}
    rows = [
        (k, v) for k, v in found.items() if k not in ("params", "history", "tensors", "metadata")
    ]
    rows = [(k.replace("_", " "), "not known" if v is None else v) for k, v in rows]
    _print_rows(console, "Model", rows)
    if params:
        _print_rows(console, "Parameters", [(k, repr(v)) for k, v in params.items()])
    if history:
        _print_rows(console, "The last of its training", list(history.items()))
    if found["estimator"] is None:
        names = list(found["tensors"].items())
        _print_rows(console, "Tensors, of no estimator of this package", names)
