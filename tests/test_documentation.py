"""The documentation is tested: names, parameters, returns, attributes, examples, the README."""

import ast
import doctest
import functools
import importlib
import inspect
import io
import pkgutil
import re
import textwrap
import tomllib
import warnings
from itertools import chain
from pathlib import Path

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc

import sklearn_spx

ROOT = Path(sklearn_spx.__file__).parent
REPOSITORY = Path(__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def _modules():
    names = [module.name for module in pkgutil.walk_packages([str(ROOT)], "sklearn_spx.")]
    return ["sklearn_spx", *(name for name in names if "._cuda" not in name)]


# rooms that only the package itself imports from; their public names come out by other modules
INSIDE = (
    "datasets.bsds500",
    "datasets.lazy",
    "features.lab",
    "inspection.draw",
    "interactive",
    "io.geotiff",
    "kernels.affinities",
    "kernels.checks",
    "kernels.color",
    "kernels.compilation",
    "kernels.connectivity.blocks",
    "kernels.entropy_rate.blocks",
    "kernels.entropy_rate.rest",
    "kernels.flow",
    "kernels.slic.blocks",
    "kernels.slic.parts",
    "learned",
    "methods",
    "metrics.f_measure",
    "model_file",
    "napari",
    "nets.checkpoint",
    "nets.from_rgb",
    "nets.pointwise",
    "nets.reach",
    "nets.strips",
    "training.augment",
    "training.wear",
    "training.loop",
    "training.progress",
    "training.recipe",
    "training.state",
    "utils.eight_bits",
    "utils.each",
    "utils.files",
    "utils.images",
    "utils.memory",
    "utils.progress",
    "utils.scale",
    "utils.tensor_file",
    "utils.threads",
    "utils.types",
    "utils.undo",
    "value_range",
    "view",
)


def _is_inside(name):
    return any(f"{name}.".startswith(f"sklearn_spx.{room}.") for room in INSIDE)


def _without_underscore(name):
    return not any(part.startswith("_") for part in name.split("."))


PUBLIC_MODULES = [n for n in _modules() if _without_underscore(n) and not _is_inside(n)]


def _methods(cls):
    """Public methods of a class by name, those of its bases in this package included."""
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("sklearn_spx"):
            for name, member in vars(base).items():
                member = getattr(member, "__func__", member)  # of class and static methods
                if not name.startswith("_") and inspect.isfunction(member):
                    found[name] = member
    return found


def _public():
    """Public classes, and public functions and methods, by where they are defined."""
    classes, functions = {}, {}
    for module in map(importlib.import_module, PUBLIC_MODULES):
        for thing in (getattr(module, name) for name in module.__all__):
            where = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"
            if isinstance(thing, type):
                classes[where] = thing
                for method in _methods(thing).values():
                    functions[f"{method.__module__}.{method.__qualname__}"] = method
            elif inspect.isfunction(thing):
                functions[where] = thing
    return classes, functions


CLASSES, FUNCTIONS = _public()
DOCUMENTED = CLASSES | FUNCTIONS


def _source(name):
    path = ROOT.joinpath(*name.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path.read_text(encoding="utf-8")


def _run_examples(example):
    """Run the examples of one docstring; what they print instead of the expected is the error."""
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    runner.run(example, out=report.write)
    assert runner.failures == 0, report.getvalue()


def _is_method(function):
    return "." in function.__qualname__


def _documented(doc):
    names = [name for parameter in doc["Parameters"] for name in parameter.name.split(",")]
    return [name.strip().lstrip("*") for name in names]


def _accepted(thing):
    names = inspect.signature(thing).parameters
    return [name for name in names if name not in ("self", "cls")]


def _own_nodes(function):
    """Nodes of a function's code, functions inside it left out."""
    todo = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0].body
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_a_public_module_lists_its_names(name):
    module = importlib.import_module(name)
    assert all(hasattr(module, listed) for listed in module.__all__)
    defined = {
        n
        for n, thing in vars(module).items()
        if not n.startswith("_")
        and (inspect.isfunction(thing) or isinstance(thing, type))
        and thing.__module__ == name
    }
    if name == "sklearn_spx.utils.estimator_checks":
        defined = {n for n in defined if not n.startswith("check_")}  # check_estimator runs them
    assert defined <= set(module.__all__), "public by name, but not in __all__"


@pytest.mark.parametrize("name", [n for n in _modules() if _is_inside(n)])
def test_what_only_the_package_imports_says_what_it_does(name):
    with warnings.catch_warnings():
        if name.startswith("sklearn_spx.napari."):
            warnings.simplefilter("ignore")  # what napari uses of pydantic is deprecated
            pytest.importorskip("napari.layers")
            pytest.importorskip("PyQt6")
            try:
                importlib.import_module("PyQt6.QtWidgets")
            except ImportError as error:
                pytest.skip(f"a library of the system that Qt loads is not there: {error}")
        module = importlib.import_module(name)
    own = [
        thing
        for n, thing in vars(module).items()
        if not n.startswith("_") and getattr(thing, "__module__", "") == name and callable(thing)
    ]
    assert [thing.__name__ for thing in own if not thing.__doc__] == []
    for function in filter(inspect.isfunction, own):
        assert _documented(FunctionDoc(function)) in ([], _accepted(function)), function


def test_the_api_page_has_everything_public():
    page, listed = (REPOSITORY / "doc" / "api.rst").read_text(encoding="utf-8"), []
    for section in re.split(r"\n-+\n", page)[1:]:
        module = re.search(r"automodule:: (\S+)", section)
        names = re.findall(r"^    ([\w.]+)$", section, re.M)
        listed += [f"{module.group(1)}.{name}" if module else name for name in names]
    places = [name.rpartition(".") for name in listed]
    things = {getattr(importlib.import_module(module), name) for module, _, name in places}
    assert len(things) == len(listed), "a name stands twice on the page"
    public = {t for t in DOCUMENTED.values() if isinstance(t, type) or not _is_method(t)}
    assert things == public


def test_each_parameter_of_a_large_class_stands_in_one_group_of_its_page():
    groups = tomllib.loads((REPOSITORY / "doc" / "parameters.toml").read_text(encoding="utf-8"))
    accepted = {cls.__name__: _accepted(cls) for cls in CLASSES.values()}
    grouped = {name: sorted(chain(*groups[name].values())) for name in groups}
    large = {name for name, names in accepted.items() if len(names) > 8}
    assert grouped == {name: sorted(accepted[name]) for name in large}


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_parameters_are_documented_in_signature_order(name):
    thing = DOCUMENTED[name]
    doc = (ClassDoc if isinstance(thing, type) else FunctionDoc)(thing)
    assert doc["Summary"], "no summary"
    assert _documented(doc) == _accepted(thing)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_what_a_function_returns_and_raises_is_documented(name):
    function = FUNCTIONS[name]
    doc, nodes = FunctionDoc(function), list(_own_nodes(function))
    returns = any(isinstance(node, ast.Return) and node.value is not None for node in nodes)
    yields = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes)
    assert bool(doc["Returns"]) == (returns and not yields)
    assert bool(doc["Yields"]) == yields
    raised = {
        node.exc.func.id
        for node in nodes
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
    }
    documented = {kind.strip() for error in doc["Raises"] for kind in error.type.split(",")}
    assert raised <= documented


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_types_are_given(name):
    signature = inspect.signature(DOCUMENTED[name])
    types = {p: signature.parameters[p].annotation for p in _accepted(DOCUMENTED[name])}
    if name in FUNCTIONS:
        types["return"] = signature.return_annotation
    assert [p for p, kind in types.items() if kind is inspect.Parameter.empty] == []


@pytest.mark.parametrize("name", [n for n in sorted(DOCUMENTED) if not _is_method(DOCUMENTED[n])])
def test_functions_and_classes_have_an_example(name):
    doc = (ClassDoc if name in CLASSES else FunctionDoc)(DOCUMENTED[name])
    assert any(line.startswith(">>>") for line in doc["Examples"])


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_documented_attributes_are_those_of_an_object(name, monkeypatch):
    """The example of a class makes an object: it has what is documented, and no ``x_`` beside."""
    cls = CLASSES[name]
    made, initialise = [], cls.__init__

    @functools.wraps(initialise)
    def remember(self, *args, **kwargs):
        made.append(self)
        initialise(self, *args, **kwargs)

    monkeypatch.setattr(cls, "__init__", remember)
    (example,) = doctest.DocTestFinder(recurse=False).find(cls, name)
    _run_examples(example)
    documented = {
        attribute.strip()
        for documented in ClassDoc(cls)["Attributes"]
        for attribute in documented.name.split(",")
    }
    assert made, "the example makes no object"
    assert any(all(hasattr(thing, a) for a in documented) for thing in made), documented
    state = {a for thing in made for a in vars(thing) if a.endswith("_") and not a.startswith("_")}
    assert state <= documented


WANTS = {  # packages that are extras
    "sklearn_spx.bioimageio._export": "bioimageio.spec",
    "sklearn_spx.large.segment_array": "dask",
}


@pytest.mark.parametrize("name", [n for n in _modules() if ">>>" in _source(n)])
def test_examples_run(name):
    if name in WANTS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what some use of pydantic is deprecated
            pytest.importorskip(WANTS[name])
    for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name)):
        _run_examples(example)


MADE = {"generated", "auto_examples", "_build"}  # by Sphinx
PAGES = [p for p in sorted((REPOSITORY / "doc").rglob("*.rst")) if not MADE & {*p.parts}]


@pytest.mark.parametrize(
    "page", [p for p in PAGES if ">>>" in p.read_text(encoding="utf-8")], ids=lambda p: p.name
)
def test_examples_of_a_page_run(page):
    text = page.read_text(encoding="utf-8")
    _run_examples(doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0))


def test_every_module_says_what_it_does():
    silent = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if not path.read_text(encoding="utf-8").startswith('"""')
    ]
    assert silent == []


def test_the_code_of_the_readme_runs(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.S)
    assert blocks
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
