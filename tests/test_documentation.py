"""The documentation is tested: parameters, attributes, examples, the README."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from numpydoc.docscrape import get_doc_object

import sklearn_spx

ROOT = Path(sklearn_spx.__file__).parent
REPOSITORY = Path(__file__).parents[1]


def _modules():
    for module in pkgutil.walk_packages([str(ROOT)], "sklearn_spx."):
        if "._cuda" not in module.name:
            yield module.name


def _public():
    """Public functions and classes: what a public module lists in ``__all__``."""
    found = {}
    for name in ("sklearn_spx", *_modules()):
        if any(part.startswith("_") for part in name.split(".")):
            continue
        module = importlib.import_module(name)
        for attribute in getattr(module, "__all__", ()):
            thing = getattr(module, attribute)
            if inspect.isfunction(thing) or isinstance(thing, type):
                found[f"{thing.__module__}.{attribute}"] = thing
    return found


PUBLIC = _public()


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_parameters_are_documented_in_signature_order(name):
    thing = PUBLIC[name]
    doc = get_doc_object(thing)
    assert doc["Summary"], f"{name} has no summary"
    wanted = [
        parameter.name.lstrip("*")
        for parameter in inspect.signature(thing).parameters.values()
        if parameter.name != "self"
    ]
    documented = [
        name.strip().lstrip("*")
        for parameter in doc["Parameters"]
        for name in parameter.name.split(",")
    ]
    assert documented == wanted
    if inspect.isfunction(thing):
        assert doc["Returns"] or doc["Raises"] or doc["Yields"], f"{name} returns something"
    assert doc["Examples"], f"{name} has no example"


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_methods_are_documented(name):
    thing = PUBLIC[name]
    if not isinstance(thing, type):
        return
    for attribute, method in vars(thing).items():
        if attribute.startswith("_") or not inspect.isfunction(method):
            continue
        doc = get_doc_object(method)
        wanted = [p for p in inspect.signature(method).parameters if p != "self"]
        documented = [p.name.lstrip("*") for p in doc["Parameters"]]
        assert doc["Summary"], f"{name}.{attribute} has no summary"
        assert documented == wanted, f"{name}.{attribute}"


@pytest.mark.parametrize("name", list(_modules()))
def test_examples_run(name):
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
    for test in finder.find(module):
        runner.run(test)
    assert runner.failures == 0


def test_every_module_says_what_it_does():
    silent = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if path.stat().st_size and not (path.read_text(encoding="utf-8").startswith('"""'))
    ]
    assert not silent


def test_the_code_of_the_readme_runs(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.S)
    assert blocks
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_the_changelog_speaks_of_this_version():
    assert f"## {sklearn_spx.__version__}" in (REPOSITORY / "CHANGELOG.md").read_text()
