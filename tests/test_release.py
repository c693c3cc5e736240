"""Files around the package agree: versions, bounds of requirements, what is tested and cited."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import sklearn_spx
from sklearn_spx.cli._info import EXTRAS

ROOT = Path(__file__).parents[1]


def _setup():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return setup


def _required():
    setup = _setup()
    lines = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    return [Requirement(line) for text in lines for line in text.split("\n") if line]


def _pins(path):
    """Versions by name; a line that is no ``name==version`` fails."""
    pins = {}
    for line in (ROOT / path).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, version = re.fullmatch(r"([a-z0-9-]+)==([\w.]+)(; .+)?", line).group(1, 2)
            assert name not in pins
            pins[name] = Version(version)
    return pins


def test_bounds_are_lower_ones():
    """An upper bound breaks what users install beside it: none without a reason, so far none."""
    operators = {s.operator for requirement in _required() for s in requirement.specifier}
    assert operators == {">="}


def test_the_lowest_versions_are_the_bounds():
    lowest = _pins(".ci/lowest.txt")
    bounds = {
        canonicalize_name(requirement.name): Version(bound.version)
        for requirement in _required()
        for bound in requirement.specifier
    }
    # needs a newer numba than the lowest; its kernels are compiled with what is pinned
    assert bounds.pop("numba-cuda") == _pins("constraints.txt")["numba-cuda"]
    # needs a newer scipy than the lowest; its widgets are tested with what is pinned
    assert bounds.pop("napari") == _pins("constraints.txt")["napari"]
    # the first that writes packages beside the pydantic of today; its checker runs with that
    assert bounds.pop("bioimageio-spec") == _pins("constraints.txt")["bioimageio-spec"]
    assert {name: lowest.get(name) for name in bounds} == bounds


def test_continuous_integration_pins_what_is_required():
    names = {canonicalize_name(requirement.name) for requirement in _required()}
    assert names <= set(_pins("constraints.txt"))


def test_info_knows_the_extras():
    others = {"test", "dev", "doc", "cuda12"}  # cuda12 has what cuda has, for older drivers
    assert set(EXTRAS) == set(_setup()["options.extras_require"]) - others


def test_hooks_and_continuous_integration_run_one_ruff():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    pinned = re.findall(r"ruff==([\w.]+)", hooks)
    assert set(map(Version, pinned)) == {_pins("constraints.txt")["ruff"]}


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("CHANGELOG.md", r"^## (\S+)"),
        ("CITATION.cff", r"^version: (\S+)"),
    ],
)
def test_the_version_is_the_same_everywhere(path, pattern):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(pattern, text, re.M).group(1) == sklearn_spx.__version__
    assert _setup()["metadata"]["version"] == "attr: sklearn_spx.__version__"


def test_the_citation_names_the_papers():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for title in (
        "DEL: Deep Embedding Learning for Efficient Image Segmentation",
        "Learning Superpixels with Segmentation-Aware Affinity Loss",
        "Generating superpixels using deep image representations",
    ):
        assert f'title: "{title}"' in text
    assert f"license: {_setup()['metadata']['license']}" in text


def test_the_cost_model_of_the_documentation_is_the_commands():
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu_model.py"), "--csv"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "doc" / "guide" / "gpu_model.csv").read_text(encoding="utf-8") == printed
