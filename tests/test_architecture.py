"""The figure of the architecture has every package, and its arrows point down."""

import importlib.util
from pathlib import Path

import pytest

FIGURE = Path(__file__).parents[1] / "doc" / "figures" / "architecture.py"


@pytest.fixture(scope="module")
def figure():
    if not FIGURE.exists():
        pytest.skip("the documentation is not there, as where the package alone is tested")
    spec = importlib.util.spec_from_file_location("architecture", FIGURE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_package_has_its_place(figure):
    placed = [name for row in figure.ROWS for name in row]
    assert sorted(placed) == sorted(figure.imports())


def test_whoever_imports_stands_above(figure):
    depth = {name: k for k, row in enumerate(figure.ROWS) for name in row}
    wrong = [
        (name, other)
        for name, others in figure.imports().items()
        for other in others
        if depth[other] <= depth[name]
    ]
    assert not wrong


def test_arrows_that_others_imply_are_left_out_and_no_other(figure):
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert figure.reduced(graph) == {"a": {"b"}, "b": {"c"}, "c": set()}
    drawn, found = figure.reduced(figure.imports()), figure.imports()

    def reach(graph, name):
        return {name}.union(*(reach(graph, other) for other in graph[name]))

    assert all(reach(drawn, name) == reach(found, name) for name in found)
