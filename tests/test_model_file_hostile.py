"""Damaged and hostile model files: a ValueError that names the file, and nothing else happens."""

import io
import json
import os
import pickle
import re
import socket
import struct
import zipfile

import joblib
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sklearn_spx import DELSegmenter, SEALSuperpixels, TrainableSLIC
from sklearn_spx.cli import main
from sklearn_spx.model_file import REGISTRY, estimator_class

from .model_files import NAMES_1, Parts, class_of, format_1, joined, watched


@pytest.fixture(scope="session")
def slic(tmp_path_factory):
    """Parts of a small file of today: linear weights on two kinds of features."""
    return _as_today("TrainableSLIC-linear", tmp_path_factory.mktemp("today"))


@pytest.fixture(scope="session")
def nets(tmp_path_factory):
    """Parts of files of today that hold nets of torch."""
    folder = tmp_path_factory.mktemp("nets")
    names = ("SEALSuperpixels-pan", "TrainableSLIC-mlp", "DELSegmenter-over-seal")
    return {name: _as_today(name, folder) for name in (*names, "TrainableSLIC-embedding")}


def _as_today(name, folder):
    """A file of format 1 loaded and saved again."""
    path = folder / name
    path.write_bytes(format_1(name))
    class_of(name).from_pretrained(path).save(path, half_precision=True)
    return Parts.of(path.read_bytes())


@pytest.fixture(scope="session", autouse=True)
def _all_is_imported():
    """Modules of the package are imported when a file first names what is in them."""
    for name in REGISTRY:
        estimator_class(name)


def refused(content, folder, cls=TrainableSLIC):
    """Assert that a file is refused by its name, and that nothing but the file is touched."""
    path = folder / "hostile.safetensors"
    path.write_bytes(content)
    with watched() as events, pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        cls.from_pretrained(path)
    assert type(caught.value) is ValueError
    assert len(str(caught.value)) < 2000
    assert str(caught.value).isprintable()
    assert set(events) == {("open", str(path))}


# --- bytes ---------------------------------------------------------------------------------------


def _zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(print))
    return buffer.getvalue()


def _numpy():
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(9))
    return buffer.getvalue()


BYTES = {
    "empty": lambda valid: b"",
    "one byte": lambda valid: b"{",
    "seven bytes": lambda valid: valid[:7],
    "a length and no header": lambda valid: valid[:8],
    "length 0": lambda valid: bytes(8) + valid[8:],
    "length 1": lambda valid: struct.pack("<Q", 1) + valid[8:],
    "length one less": lambda valid: struct.pack("<Q", _length(valid) - 1) + valid[8:],
    "length one more": lambda valid: struct.pack("<Q", _length(valid) + 1) + valid[8:],
    "length into the data": lambda valid: struct.pack("<Q", _length(valid) + 99) + valid[8:],
    "length of the file": lambda valid: struct.pack("<Q", len(valid)) + valid[8:],
    "length 2^63": lambda valid: struct.pack("<Q", 2**63) + valid[8:],
    "length 2^64 - 1": lambda valid: struct.pack("<Q", 2**64 - 1) + valid[8:],
    "length big-endian": lambda valid: struct.pack(">Q", _length(valid)) + valid[8:],
    "a header of 9 MB": lambda valid: joined(b"{}" + b" " * 9_000_000),
    "cut within the header": lambda valid: valid[:100],
    "cut behind the header": lambda valid: valid[: 8 + _length(valid)],
    "cut by a byte": lambda valid: valid[:-1],
    "a byte more": lambda valid: valid + b"\0",
    "a zip archive behind": lambda valid: valid + _zip(),
    "another model behind": lambda valid: valid + valid,
    "a zip archive": lambda valid: _zip(),
    "a zip archive before": lambda valid: _zip() + valid,
    "a pickle": lambda valid: pickle.dumps(print),
    "a pickle before": lambda valid: pickle.dumps(print) + valid,
    "an array of numpy": lambda valid: _numpy(),
    "gzip": lambda valid: b"\x1f\x8b\x08\0" + valid,
    "HDF5": lambda valid: b"\x89HDF\r\n\x1a\n" + valid,
    "a web page": lambda valid: b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "a pointer of Git LFS": lambda valid: b"version https://git-lfs.github.com/spec/v1\n",
    "JSON without a length": lambda valid: valid[8:],
    "a mark of UTF-16": lambda valid: joined(valid[8:900].decode("latin-1").encode("utf-16")),
    "a mark of UTF-8": lambda valid: joined(b"\xef\xbb\xbf" + valid[8 : 8 + _length(valid)]),
    "broken UTF-8": lambda valid: valid[:12] + b"\xff\xfe" + valid[14:],
    "a surrogate in UTF-8": lambda valid: joined(b'{"\xed\xa0\x80":1}'),
    "zero bytes": lambda valid: bytes(4096),
    "no JSON": lambda valid: joined("import os"),
    "JSON and more": lambda valid: joined("{} {}"),
    "JSON that ends early": lambda valid: joined(valid[8 : _length(valid)]),
    "single quotes": lambda valid: joined("{'a': 1}"),
    "a comment": lambda valid: joined("{} // harmless"),
    "a list": lambda valid: joined("[]"),
    "a string": lambda valid: joined('"sklearn_spx 2"'),
    "a number": lambda valid: joined("17"),
    "null": lambda valid: joined("null"),
    "no entries": lambda valid: joined("{}"),
    "100,000 levels": lambda valid: joined("[" * 100_000),
    "50 levels": lambda valid: joined('{"a":' * 50 + "1" + "}" * 50),
    "two million items": lambda valid: joined("[" + "0," * 2_000_000 + "0]"),
    "an integer of 10,000 digits": lambda valid: joined('{"a": ' + "9" * 10_000 + "}"),
    "a float beyond floats": lambda valid: joined('{"a": 1e999}'),
    "NaN": lambda valid: joined('{"a": NaN}'),
    "Infinity": lambda valid: joined('{"a": -Infinity}'),
    "a name twice": lambda valid: joined(
        valid[8 : 8 + _length(valid)].decode().replace('"past.unit"', '"axes"'),
        valid[8 + _length(valid) :],
    ),
    "the strings twice": lambda valid: joined('{"__metadata__": {}, "__metadata__": {}}'),
}


def _length(content):
    return struct.unpack("<Q", content[:8])[0]


@pytest.mark.parametrize("name", BYTES)
def test_bytes(name, slic, tmp_path):
    refused(BYTES[name](slic.join()), tmp_path)


def test_cut_anywhere(slic, tmp_path):
    content = slic.join()
    edges = {8, 8 + _length(content)}
    edges |= {8 + _length(content) + at for e in slic.table.values() for at in e["data_offsets"]}
    for end in sorted({max(0, edge + by) for edge in edges for by in (-1, 0, 1)} - {len(content)}):
        if end < len(content):
            refused(content[:end], tmp_path)


# --- the table of tensors ------------------------------------------------------------------------


def _entry(**changes):
    def change(parts):
        parts.table["axes"].update(changes)

    return change


def _tensor(change):
    """A change of the numbers of a tensor."""

    def changed(parts):
        begin, end = parts.table["axes"]["data_offsets"]
        numbers = np.frombuffer(parts.data[begin:end], np.float32).copy()
        numbers[:1] = change
        parts.data = parts.data[:begin] + numbers.tobytes() + parts.data[end:]

    return changed


def _swap_offsets(parts):
    a, b = parts.table["axes"], parts.table["past.unit"]
    a["data_offsets"], b["data_offsets"] = b["data_offsets"], a["data_offsets"]


def _overlap(parts):
    begin, end = parts.table["past.unit"]["data_offsets"]
    parts.table["past.slope"]["data_offsets"] = [begin, end]


def _gap(parts):
    parts.data += bytes(16)
    parts.add("late", np.zeros(2, np.float32))


def _many(parts):
    parts.table |= {f"t{i}": {**_NOTHING, "data_offsets": [0, 0]} for i in range(6000)}


_NOTHING = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}

TABLE = {
    "no dtype": lambda parts: parts.table["axes"].pop("dtype"),
    "no shape": lambda parts: parts.table["axes"].pop("shape"),
    "no offsets": lambda parts: parts.table["axes"].pop("data_offsets"),
    "one key more": _entry(strides=[1, 1]),
    "an entry that is a list": lambda parts: parts.table.update(axes=["F32", [4, 4], [0, 64]]),
    "an entry that is null": lambda parts: parts.table.update(axes=None),
    "an unknown dtype": _entry(dtype="F128"),
    "a dtype of objects": _entry(dtype="O"),
    "a dtype in small letters": _entry(dtype="f32"),
    "a dtype of 8 bits": _entry(dtype="F8_E4M3"),
    "a dtype that is a list": _entry(dtype=["F32"]),
    "a dtype that is null": _entry(dtype=None),
    "a negative size": _entry(shape=[-4, -4]),
    "a size that is a float": _entry(shape=[4.0, 4.0]),
    "a size that is true": _entry(shape=[True, 16]),
    "a size that is a string": _entry(shape=["4", "4"]),
    "a shape that is a number": _entry(shape=16),
    "nine axes": _entry(shape=[4, 4, 1, 1, 1, 1, 1, 1, 1]),
    "a shape too great": _entry(shape=[2**31, 2**31]),
    "a shape that overflows": _entry(shape=[2**62, 4]),
    "a shape that overflows to fit": _entry(shape=[2**62 + 4, 4]),
    "no numbers on a long axis": _entry(shape=[0, 2**62]),
    "another size": _entry(shape=[4, 5]),
    "offsets reversed": lambda parts: parts.table["axes"]["data_offsets"].reverse(),
    "offsets that are strings": _entry(data_offsets=["0", "64"]),
    "offsets below zero": _entry(data_offsets=[-64, 0]),
    "offsets behind the end": _entry(data_offsets=[10**9, 10**9 + 64]),
    "offsets beyond 64 bits": _entry(data_offsets=[10**30, 10**30 + 64]),
    "one offset": _entry(data_offsets=[64]),
    "three offsets": _entry(data_offsets=[0, 64, 128]),
    "two tensors' places exchanged": _swap_offsets,
    "two tensors in one place": _overlap,
    "a gap between tensors": _gap,
    "bytes of no tensor": lambda parts: setattr(parts, "data", parts.data + bytes(8)),
    "6,000 tensors": _many,
    "NaN": _tensor(np.nan),
    "infinity": _tensor(-np.inf),
    "a tensor missing": lambda parts: parts.remove("axes"),
    "a tensor of the features missing": lambda parts: parts.remove(
        "features.transformers_.1.1.mixing_"
    ),
    "a tensor too many": lambda parts: parts.add("more", np.zeros(3, np.float32)),
    "a net where there is none": lambda parts: parts.add("net.a", np.zeros(3, np.float32)),
    "a tensor renamed": lambda parts: parts.table.update(Axes=parts.table.pop("axes")),
    "a tensor whose name is a path": lambda parts: parts.add("../axes", np.zeros(1, np.float32)),
    "a tensor whose name obeys terminals": lambda parts: parts.add(
        "\x1b[2J\x07", np.zeros(1, np.float32)
    ),
    "a name of 100,000 letters": lambda parts: parts.add("a" * 10**5, np.zeros(1, np.float32)),
    "one axis more": _entry(shape=[4, 4, 1]),
    "axes exchanged": _entry(shape=[16, 1]),
    "integers for floats": lambda parts: parts.table["axes"].update(dtype="I32"),
    "float64 for float32": lambda parts: parts.table["axes"].update(dtype="F64", shape=[4, 2]),
    "float32 for float64": lambda parts: parts.table["weights"].update(dtype="F32", shape=[8]),
    "booleans": lambda parts: parts.add("more", np.zeros(3, bool)),
}


@pytest.mark.parametrize("name", TABLE)
def test_table(name, slic, tmp_path):
    parts = slic.copy()
    TABLE[name](parts)
    assert parts.join() != slic.join()
    refused(parts.join(), tmp_path)


# --- the strings of the header -------------------------------------------------------------------


def _strings(**changes):
    def change(header):
        header["__metadata__"].update(changes)

    return change


STRINGS = {
    "none": lambda header: header.pop("__metadata__"),
    "a list": lambda header: header.update(__metadata__=[]),
    "null": lambda header: header.update(__metadata__=None),
    "numbers": _strings(version=2),
    "an object": _strings(estimator={"name": "TrainableSLIC", "params": {}}),
    "no format": lambda header: header["__metadata__"].pop("format"),
    "no version": lambda header: header["__metadata__"].pop("version"),
    "no estimator": lambda header: header["__metadata__"].pop("estimator"),
    "no state": lambda header: header["__metadata__"].pop("state"),
    "one more": _strings(code="import os"),
    "a later format": _strings(format="sklearn_spx 3"),
    "another format": _strings(format="pt"),
    "format 1 with a version": _strings(format="sklearn_spx 1"),
    "an empty estimator": _strings(estimator=""),
    "an estimator that is no JSON": _strings(estimator="TrainableSLIC()"),
    "an estimator that is null": _strings(estimator="null"),
    "an estimator that is a string": _strings(estimator='"TrainableSLIC"'),
    "an estimator that is a list": _strings(estimator='["TrainableSLIC", {}]'),
    "an estimator 100,000 levels deep": _strings(estimator='{"a":' * 100_000),
    "an estimator named twice": _strings(
        estimator='{"name": "TrainableSLIC", "name": "DELSegmenter", "params": {}}'
    ),
    "a parameter given twice": _strings(
        estimator='{"name": "TrainableSLIC", "params": {"size": 8, "size": 9}}'
    ),
    "a parameter that is NaN": _strings(
        estimator='{"name": "TrainableSLIC", "params": {"compactness": NaN}}'
    ),
    "a state that is null": _strings(state="null"),
    "a state that is a list": _strings(state="[]"),
    "a state that is a number": _strings(state="1"),
    "a state with NaN": _strings(state='{"loss": NaN}'),
    "a state 1,000 levels deep": _strings(state='{"list":[' * 500 + "]}" * 500),
    "a state of a million lists": _strings(state="[" + "[]," * 1_100_000 + "[]]"),
}


@pytest.mark.parametrize("name", STRINGS)
def test_strings(name, slic, tmp_path):
    header = slic.copy().header()
    STRINGS[name](header)
    refused(joined(json.dumps(header), slic.data), tmp_path)


# --- estimators and parameters -------------------------------------------------------------------


def _named(name, /, **params):
    return {"name": name, "params": params}


ESTIMATORS = {
    # what reads pickles, imports and starts programs
    "joblib.load": _named("sklearn_spx.utils.estimator_checks.load", filename="victim"),
    "import_module": _named("sklearn_spx._seal_affinities.import_module", name="antigravity"),
    "a program": _named("subprocess.Popen", args="true"),
    "eval": _named("builtins.eval", source="1"),
    "a public name with its module": _named("sklearn_spx:TrainableSLIC"),
    "a class with its module": _named("sklearn_spx.TrainableSLIC"),
    "a class that is not registered": _named("features.ConvFeatures"),
    "a base class": _named("ImageSegmenter"),
    "scikit-learn's": _named("sklearn.decomposition.PCA"),
    "a dunder": _named("__class__"),
    "an empty name": _named(""),
    "a name that is null": _named(None),
    "a name that is a list": _named(["TrainableSLIC"]),
    "a name that is an object": _named({"name": "TrainableSLIC"}),
    "a name in another case": _named("trainableslic"),
    "another estimator": _named("SLICSuperpixels"),
    "a transformer": _named("features.LabFeatures"),
    "a transformer without what it needs": _named("features.ChannelUnion"),
    "a class of format 1": {"class": "sklearn_spx._trainable_slic.TrainableSLIC", "params": {}},
    "no name": {"params": {}},
    "no parameters": {"name": "TrainableSLIC"},
    "a fitted one": {**_named("TrainableSLIC"), "fitted": {"net_": None}},
    "a state for pickle": {**_named("TrainableSLIC"), "__setstate__": {}},
    "parameters that are null": {"name": "TrainableSLIC", "params": None},
    "parameters that are a list": {"name": "TrainableSLIC", "params": [["size", 8]]},
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators(name, slic, tmp_path):
    parts = slic.copy()
    parts.estimator = ESTIMATORS[name]
    refused(parts.join(), tmp_path)


@pytest.mark.parametrize(
    "name", ["joblib.load", "import_module", "a program", "eval", "scikit-learn's"]
)
@pytest.mark.parametrize("where", ["estimator", "features", "fitted", "reference", "deep"])
def test_classes_of_format_1(name, where, tmp_path):
    """A path of modules is looked up in a table, wherever it stands, and never imported."""
    parts = Parts.of(format_1("TrainableSLIC-linear"))
    hostile = {"class": ESTIMATORS[name]["name"], "params": ESTIMATORS[name]["params"]}
    if where == "estimator":
        parts.estimator = hostile
    elif where == "features":
        parts.estimator["params"]["features"] = hostile
    elif where == "fitted":
        parts.state["features"] = {**hostile, "fitted": {}}
    elif where == "reference":
        parts.state["reference"]["lab"] = {**hostile, "fitted": {}}
    else:
        parts.state["features"]["fitted"]["transformers_"]["list"][0]["tuple"][1] = hostile
    refused(parts.join(), tmp_path)


@pytest.mark.parametrize("estimator", [{"name": "SEALSuperpixels"}, {"name": "DELSegmenter"}, 3])
def test_estimators_of_format_1_without_a_class(estimator, tmp_path):
    parts = Parts.of(format_1("SEALSuperpixels-pan"))
    parts.estimator = estimator
    refused(parts.join(), tmp_path, SEALSuperpixels)


def test_the_command_line_says_what_is_wrong(tmp_path):
    """``segment --model`` used to run what the file names."""
    victim = tmp_path / "victim.pkl"
    joblib.dump(_Victim(tmp_path / "harm"), victim)
    parts = Parts.of(format_1("SEALSuperpixels-pan"))
    load = "sklearn_spx.utils.estimator_checks.load"
    parts.estimator = {"class": load, "params": {"filename": str(victim)}}
    model = tmp_path / "model.safetensors"
    model.write_bytes(parts.join())
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "a.png")
    given = ["segment", str(tmp_path / "a.png"), "--method", "seal", "--model", str(model)]
    result = CliRunner().invoke(main, [*given, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "model.safetensors" in result.output
    assert not (tmp_path / "harm").exists()


class _Victim:
    """A pickle of it makes a folder when it is opened."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


PARAMETERS = {
    "unknown": ("learn_rate", 0.1),
    "empty": ("", 1),
    "private": ("_learned_distance", "linear"),
    "an attribute": ("net_", None),
    "a method": ("transform", None),
    "a dunder": ("__class__", "TrainableSLIC"),
    "a nested one": ("features__select", None),
    "self": ("self", None),
    "a name of 100,000 letters": ("a" * 100_000, 1),
    "a string for a number": ("n_segments", "100"),
    "a float for an integer": ("n_segments", 10.5),
    "true for an integer": ("n_segments", True),
    "null for an integer": ("n_segments", None),
    "zero": ("n_segments", 0),
    "negative": ("n_segments", -5),
    "more than there are labels": ("n_segments", 2**31),
    "more than 64 bits": ("n_segments", 10**30),
    "a number for a word": ("distance", 1),
    "an unknown word": ("distance", "quadratic"),
    "a word in another case": ("labels", "Corrected"),
    "a list for a word": ("distance", {"list": ["linear"]}),
    "a list without its kind": ("distance", ["linear"]),
    "a tuple for a number": ("size", {"tuple": [8, 8]}),
    "a list of nothing": ("size", {"list": None}),
    "two kinds": ("size", {"list": [1], "tuple": [1]}),
    "an unknown kind": ("size", {"set": [8]}),
    "an empty object": ("size", {}),
    "an array for a number": ("size", {"array": [8], "dtype": "int64"}),
    "a negative float": ("compactness", -1.0),
    "zero for a rate": ("learning_rate", 0.0),
    "a word for a float": ("compactness", "10"),
    "a fraction of one": ("validation_fraction", 1.0),
    "a number for a flag": ("early_stopping", 1),
    "a seed below zero": ("random_state", -1),
    "a seed of 33 bits": ("random_state", 2**33),
    "a seed that is a state": ("random_state", {"dict": {"MT19937": 0}}),
    "a side without end": ("size", 10**9),
    "neighbours without end": ("n_neighbors", 10**6),
    "iterations without end": ("max_iter", 10**9),
    "a batch without end": ("batch_size", 2**30),
    "features that are a word": ("features", "lab"),
    "features that are superpixels": ("features", _named("SLICSuperpixels")),
    "features that are this estimator": ("features", _named("TrainableSLIC")),
    "features of nobody": ("features", _named("os.system", command="true")),
    "features without end": ("features", _named("features.EmbeddingFeatures", n_components=10**7)),
    "features with crops without end": (
        "features",
        _named("features.EmbeddingFeatures", crop_size=2**20),
    ),
    "features of unknown parameters": ("features", _named("features.LabFeatures", color=True)),
    "features with a wrong parameter": ("features", _named("features.LabFeatures", convert2lab=3)),
    "features of too many scales": ("features", _named("features.ScatteringFeatures", J=9)),
    "features of a million directions": (
        "features",
        _named("features.ScatteringFeatures", L=10**6),
    ),
    "no transformers": ("features", _named("features.ChannelUnion", transformers={"list": []})),
    "transformers that are none": (
        "features",
        _named("features.ChannelUnion", transformers={"list": [{"tuple": ["a", "b"]}]}),
    ),
    "transformers without names": (
        "features",
        _named("features.ChannelUnion", transformers={"list": [_named("features.LabFeatures")]}),
    ),
    "transformers named by numbers": (
        "features",
        _named(
            "features.ChannelUnion",
            transformers={"list": [{"tuple": [1, _named("features.LabFeatures")]}]},
        ),
    ),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name, slic, tmp_path):
    parts = slic.copy()
    key, value = PARAMETERS[name]
    parts.estimator["params"][key] = value
    refused(parts.join(), tmp_path)


ARRAYS = {
    "of objects": {"array": [None], "dtype": "object"},
    "of objects by letter": {"array": ["1"], "dtype": "O"},
    "of strings": {"array": ["1"], "dtype": "<U1"},
    "of bytes": {"array": [1], "dtype": "S9"},
    "of a structure": {"array": [1], "dtype": [["a", "int64"]]},
    "of a shape in its dtype": {"array": [1], "dtype": "(1000000,1000)float64"},
    "of dates": {"array": [1], "dtype": "datetime64[s]"},
    "of words that read as numbers": {"array": ["1"], "dtype": "int64"},
    "of fractions as integers": {"array": [0.5], "dtype": "int64"},
    "of true as integers": {"array": [True], "dtype": "int64"},
    "of integers too great": {"array": [2**40], "dtype": "int32"},
    "ragged": {"array": [[1], [1, 2]], "dtype": "int64"},
    "of two axes": {"array": [[1, 2], [1, 2]], "dtype": "int64"},
    "of nothing": {"array": [], "dtype": "int64"},
    "a number": {"array": 1, "dtype": "int64"},
    "an object": {"array": {"0": 1}, "dtype": "int64"},
    "without a dtype": {"array": [1]},
    "with an order": {"array": [1], "dtype": "int64", "order": "F"},
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_parameters(name, slic, tmp_path):
    parts = slic.copy()
    parts.estimator["params"]["features"]["params"]["select"] = ARRAYS[name]
    refused(parts.join(), tmp_path)


def test_estimators_within_estimators(tmp_path, nets):
    parts = nets["DELSegmenter-over-seal"].copy()
    inner = parts.estimator
    for _ in range(40):
        inner = {"name": "DELSegmenter", "params": {"superpixels": inner}}
    parts.estimator = inner
    refused(parts.join(), tmp_path, DELSegmenter)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("net", "resnet"),
        ("net", 7),
        ("net", "pan"),
        ("net", {"list": ["compact"]}),
        ("net", _named("DELSegmenter")),
        ("sides", {"tuple": [0, 6]}),
        ("sides", {"tuple": []}),
        ("sides", {"tuple": [1] * 100}),
        ("sides", {"tuple": ["1"]}),
        ("sides", "12345"),
        ("scales", {"tuple": [1e9]}),
        ("scales", {"tuple": [1.0] * 1000}),
        ("scales", {"tuple": [-1.0]}),
        ("scales", {"tuple": [True]}),
        ("superpixels", _named("features.LabFeatures")),
        ("superpixels", _named("ERSSuperpixels", balance=-1)),
        ("superpixels", _named("SLICSuperpixels", weights={"array": [-1.0], "dtype": "float64"})),
        ("superpixels", "slic"),
        ("initial_weights", 3),
        ("initial_weights", {"list": ["trunk"]}),
        ("initial_weights", None),
        ("crop_size", 31),
        ("n_segments", 0),
    ],
)
def test_parameters_of_deep_embedding(key, value, nets, tmp_path):
    parts = nets["DELSegmenter-over-seal"].copy()
    parts.estimator["params"][key] = value
    refused(parts.join(), tmp_path, DELSegmenter)


# --- what was learned ----------------------------------------------------------------------------


def _state(*place, value):
    def change(parts):
        *outer, last = place
        at = parts.state
        for key in outer:
            at = at[key]
        at[last] = value

    return change


def _without(*place):
    def change(parts):
        *outer, last = place
        at = parts.state
        for key in outer:
            at = at[key]
        del at[last]

    return change


_UNION = ("features", "fitted")
_LAB = ("features", "fitted", "transformers_", "list", 0, "tuple", 1)
_TEXTURE = ("features", "fitted", "transformers_", "list", 1, "tuple", 1)
_KEYS = ("distance", "scale", "n_images", "n_neighbors", "features", "reference", "past", "loss")

STATES = {
    **{f"no {key}": _without(key) for key in (*_KEYS, "history", "n_channels_in")},
    "one more": _state("net_", value=None),
    "a dunder": _state("__dict__", value={}),
    "no channels": _state("n_channels_in", value=0),
    "channels below zero": _state("n_channels_in", value=-3),
    "channels without end": _state("n_channels_in", value=10**9),
    "channels in part": _state("n_channels_in", value=3.0),
    "channels that are true": _state("n_channels_in", value=True),
    "channels that are a word": _state("n_channels_in", value="3"),
    "other channels": _state("n_channels_in", value=2),
    "an unknown distance": _state("distance", value="quadratic"),
    "a distance that is a list": _state("distance", value=["linear"]),
    "a net that is not there": _state("distance", value="mlp"),
    "neighbours of no net": _state("n_neighbors", value=7),
    "a scale of zero": _state("scale", value=0.0),
    "a scale that is a word": _state("scale", value="1"),
    "a scale that is NaN": _state("scale", value={"float": "NaN"}),
    "a float that is none": _state("loss", value={"float": "eval"}),
    "a float that is a list": _state("loss", value={"float": ["NaN"]}),
    "images below zero": _state("n_images", value=-1),
    "a history that is an object": _state("history", value={}),
    "a history of lists": _state("history", value=[[1, 2]]),
    "a history of words": _state("history", value=[{"loss": "0.1"}]),
    "a history without end": _state("history", value=[{"loss": 0.1}] * 20_001),
    "a history of objects": _state("history", value=[{"loss": {"a": 1}}]),
    "features that are null": _state("features", value=None),
    "features that are a name": _state("features", value="features.LabFeatures"),
    "features not fitted": _without("features", "fitted"),
    "fitted superpixels": _state("features", "name", value="SEALSuperpixels"),
    "other features": _state("features", "name", value="features.LabFeatures"),
    "fitted attributes that are a list": _state(*_UNION, value=[]),
    "a fitted method": _state(*_UNION, "transform", value=None),
    "a fitted private method": _state(*_UNION, "_features", value=None),
    "a fitted get_params": _state(*_UNION, "get_params", value={"tensor": "axes"}),
    "a fitted parameter": _state(*_UNION, "n_jobs", value=64),
    "a fitted class": _state(*_UNION, "__class__", value="features.LabFeatures"),
    "a fitted dict": _state(*_UNION, "__dict__", value={"dict": {}}),
    "a fitted __init__": _state(*_LAB, "fitted", "__init__", value=None),
    "an attribute missing": _without(*_LAB, "fitted", "converts_"),
    "an attribute of another type": _state(*_LAB, "fitted", "converts_", value="yes"),
    "an attribute that is a number": _state(*_LAB, "fitted", "converts_", value=1),
    "channels of a part": _state(*_LAB, "fitted", "n_channels_in_", value=1),
    "features out of nothing": _state(*_LAB, "fitted", "n_features_out_", value=7),
    "features out without end": _state(*_TEXTURE, "fitted", "n_features_out_", value=10**9),
    "a part that is a tensor": _state(*_TEXTURE, "fitted", "lab_", value={"tensor": "axes"}),
    "a tensor that is a part": _state(*_TEXTURE, "fitted", "mixing_", value=3),
    "a tensor that is not there": _state(*_TEXTURE, "fitted", "mixing_", value={"tensor": "x"}),
    "a tensor of the estimator": _state(*_TEXTURE, "fitted", "mixing_", value={"tensor": "axes"}),
    "a tensor that is a number": _state(*_TEXTURE, "fitted", "mixing_", value={"tensor": 0}),
    "a tensor and more": _state(
        *_TEXTURE, "fitted", "mixing_", value={"tensor": "axes", "dtype": "O"}
    ),
    "parts that are no pairs": _state(*_UNION, "transformers_", "list", 0, "tuple", value=["lab"]),
    "parts of other names": _state(*_UNION, "transformers_", "list", 0, "tuple", 0, value="x"),
    "a part missing": _without(*_UNION, "transformers_", "list", 0),
    "a part not fitted": _without(*_LAB, "fitted"),
    "another selection": _state(
        "features", "params", "select", value={"array": [0, 1, 2, 999], "dtype": "int64"}
    ),
    "a selection of fewer": _state(
        "features", "params", "select", value={"array": [0, 1], "dtype": "int64"}
    ),
    "a reference that is null": _state("reference", value=None),
    "a reference without colours": _without("reference", "lab"),
    "a reference of other features": _state(
        "reference", "lab", "name", value="features.ScatteringFeatures"
    ),
    "weights of fewer channels": _state("reference", "weights", value=[1.0]),
    "weights below zero": _state("reference", "weights", value=[1.0, -1.0, 1.0]),
    "weights that are words": _state("reference", "weights", value=["1", "1", "1"]),
    "a past that is true": _state("past", value=True),
    "a past without its count": _without("past", "n"),
    "a past of more": _state("past", "future", value=1),
    "a past forgotten": _state("past", value=None),
}


@pytest.mark.parametrize("name", STATES)
def test_states(name, slic, tmp_path):
    parts = slic.copy()
    STATES[name](parts)
    assert parts.join() != slic.join()
    refused(parts.join(), tmp_path)


# --- nets ----------------------------------------------------------------------------------------

NETS = {
    "SEALSuperpixels-pan": "score.convolution.weight",
    "TrainableSLIC-mlp": "net.layers.0.weight",
    "DELSegmenter-over-seal": "net.wide.weight",
    "TrainableSLIC-embedding": "features.weights_.unet.stem.0.weight",
}


def _misshapen(parts, name):
    shape = parts.table[name]["shape"]
    shape[:2] = [shape[0] * shape[1], 1]


def _nan(parts, name):
    entry = parts.table[name]
    begin = entry["data_offsets"][0]
    bad = np.array([np.nan], {"F16": np.float16, "F32": np.float32}[entry["dtype"]]).tobytes()
    parts.data = parts.data[:begin] + bad + parts.data[begin + len(bad) :]


def _double(parts, name):
    shape = parts.table[name]["shape"]
    parts.remove(name)
    parts.add(name, np.zeros(shape))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(
    "change",
    [
        lambda parts, name: parts.remove(name),
        lambda parts, name: parts.add(f"{name}.more", np.zeros(2, np.float32)),
        _misshapen,
        _nan,
        _double,
    ],
    ids=["missing", "too many", "misshapen", "NaN", "dtype"],
)
def test_nets(name, change, nets, tmp_path):
    parts = nets[name].copy()
    change(parts, NETS[name])
    path = tmp_path / "net.safetensors"
    path.write_bytes(parts.join())
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        class_of(name).from_pretrained(path)
    # embeddings are named by what they are in: the tensor's own name, or the net's
    assert NETS[name].split(".")[-2] in str(caught.value)


def test_superpixels_that_were_not_saved(nets, tmp_path):
    parts = nets["DELSegmenter-over-seal"].copy()
    parts.state["superpixels"]["net_channels"] = 4096  # the net was for three
    refused_net = tmp_path / "other.safetensors"
    refused_net.write_bytes(parts.join())
    with pytest.raises(ValueError, match=r"other\.safetensors.*normalize"):
        DELSegmenter.from_pretrained(refused_net)
    del parts.state["superpixels"]
    refused(parts.join(), tmp_path, DELSegmenter)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("net", "resnet"),
        ("net", None),
        ("pooling", "median"),
        ("sides", [1.5]),
        ("sides", [6]),
        ("sides", []),
        ("sides", "12345"),
        ("n_channels_in", 0),
        ("history", None),
        ("trunk", ["1"]),
        ("trunk_file", "x" * 300),
        ("superpixels", {}),
    ],
)
def test_states_of_deep_embedding(key, value, nets, tmp_path):
    parts = nets["DELSegmenter-over-seal"].copy()
    if key == "trunk_file":
        parts.state["trunk"] = [1.0]
    parts.state[key] = value
    refused(parts.join(), tmp_path, DELSegmenter)


@pytest.mark.parametrize("cls", [DELSegmenter, SEALSuperpixels])
def test_another_estimator_is_named(cls, slic, tmp_path):
    path = tmp_path / "slic.safetensors"
    path.write_bytes(slic.join())
    with pytest.raises(ValueError, match=f"holds a TrainableSLIC, not a {cls.__name__}"):
        cls.from_pretrained(path)


# --- what is no file -----------------------------------------------------------------------------


def _readers():
    import torch

    from sklearn_spx.features import EmbeddingFeatures
    from sklearn_spx.nets.checkpoint import read_checkpoint, read_tensors_of_torch
    from sklearn_spx.nets.enet import ENetInitialBlock
    from sklearn_spx.nets.holistic_edges import HolisticEdgeNet
    from sklearn_spx.nets.weights import read_state
    from sklearn_spx.training import NetTraining
    from sklearn_spx.training.loop import train

    def resume(path):
        net = torch.nn.Linear(1, 1)
        optimizer = torch.optim.SGD(net.parameters())
        train(net, None, None, optimizer=optimizer, max_steps=1, checkpoint=path)

    def initial(path):
        images = np.zeros((1, 40, 40, 3), np.uint8)
        few = NetTraining(max_steps=1, crop_size=32)
        halves = np.arange(40) // 20 * np.ones((1, 40, 1), int)
        EmbeddingFeatures(initial=path, training=few).fit(images, halves)

    return {
        "from_pretrained": TrainableSLIC.from_pretrained,
        "released": SEALSuperpixels.from_pretrained,
        "checkpoint": read_checkpoint,
        "resume": resume,
        "torch": read_tensors_of_torch,
        "safetensors": read_state,
        "enet": ENetInitialBlock.from_file,
        "keras": HolisticEdgeNet.from_file,
        "initial": initial,
    }


_ENDINGS = {"released": ".pkl", "safetensors": ".safetensors", "keras": ".h5"}


def _folder(path):
    path.mkdir()


def _fifo(path):
    os.mkfifo(path)


def _device(path):
    path.symlink_to("/dev/zero")


def _socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.skipif(os.name == "nt", reason="FIFOs and devices are of POSIX")
@pytest.mark.parametrize("make", [_folder, _fifo, _device, _socket])
@pytest.mark.parametrize("reader", sorted(_readers()))
def test_what_is_no_regular_file(reader, make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    path = tmp_path / f"it{_ENDINGS.get(reader, '')}"
    make(path if make is not _socket else type(path)(path.name))
    with pytest.raises(ValueError, match=rf"{re.escape(str(path))} is a .*regular file"):
        _readers()[reader](path)


@pytest.mark.parametrize("reader", sorted(set(_readers()) - {"resume"}))
def test_no_file(reader, tmp_path):
    path = tmp_path / f"nothing{_ENDINGS.get(reader, '')}"
    with pytest.raises(FileNotFoundError, match="nothing"):
        _readers()[reader](path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read anything")
@pytest.mark.parametrize("reader", sorted(_readers()))
def test_no_permission(reader, tmp_path):
    path = tmp_path / f"secret{_ENDINGS.get(reader, '')}"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(PermissionError, match="secret"):
        _readers()[reader](path)


@pytest.mark.parametrize("name", ["a\0b", "\udcff", "x" * 5000, "", "../.."])
def test_names_that_are_none(name):
    with pytest.raises((FileNotFoundError, ValueError)):
        TrainableSLIC.from_pretrained(name)


# --- mutations -----------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["features.LabFeatures", "tensor", "os.system", "NaN", "mlp", "egb", "net."]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["list", "tuple", "array", "dtype", "name", "params", "fitted", "float"]
            )
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def _places(value, place=()):
    yield place
    if not isinstance(value, (dict, list)):
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, (dict, list)):
            yield from _places(item, (*place, key))
        else:
            yield (*place, key)


def _mutate_json(draw, value):
    """Change something somewhere: another value, another key, a key less, two exchanged."""
    place = draw(st.sampled_from(list(_places(value))))
    if not place:
        return draw(JSON)
    *outer, last = place
    at = value
    for key in outer:
        at = at[key]
    kind = draw(st.sampled_from(["value", "value", "remove", "key", "copy"]))
    if kind == "remove":
        del at[last]
    elif kind == "key" and isinstance(at, dict):
        key = draw(st.text(max_size=6) | st.sampled_from(sorted(at)))
        at[key] = at.pop(last)
    elif kind == "copy":
        other = value
        for key in draw(st.sampled_from(list(_places(value)))):
            other = other[key]
        at[last] = json.loads(json.dumps(other))
    else:
        at[last] = draw(JSON)
    return value


@st.composite
def mutated(draw, files):
    """A valid file with a few faults; of the large ones, in the header."""
    name = draw(st.sampled_from(sorted(files)))
    content = files[name]
    if draw(st.booleans()):
        parts = Parts.of(content)
        for _ in range(draw(st.integers(1, 3))):
            part = draw(st.sampled_from(["estimator", "state", "estimator", "state", "table"]))
            setattr(parts, part, _mutate_json(draw, getattr(parts, part)))
            if part == "table" and not isinstance(parts.table, dict):
                return name, joined(json.dumps(parts.table), parts.data)
        return name, parts.join()
    start = draw(st.sampled_from([0, 8]))  # with the length, or the header alone
    end = 8 + _length(content)
    content, rest = bytearray(content[start:end]), content[end:]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(["set", "insert", "remove", "cut"]))
        if kind == "set":
            content[at : at + 1] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "insert":
            content[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "remove":
            del content[at : at + draw(st.integers(1, 64))]
        else:
            del content[at:]
    return name, joined(bytes(content), rest) if start else bytes(content) + rest


def _load_or_refuse(files, n, folder):
    path = folder / "mutated.safetensors"
    for name, content in files.items():  # whatever is imported at first is imported now
        path.write_bytes(content)
        class_of(name).from_pretrained(path)

    @settings(max_examples=n, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(mutated(files))
    def check(case):
        name, content = case
        path.write_bytes(content)
        with watched() as events:
            try:
                class_of(name).from_pretrained(path)
                complaint = str(path)
            except ValueError as error:
                complaint = str(error)
        assert str(path) in complaint
        assert set(events) == {("open", str(path))}

    check()


def _files(slic, nets, names):
    files = {f"{name} 1": format_1(name) for name in names}
    files["TrainableSLIC-linear 2"] = slic.join()
    files |= {f"{name} 2": parts.join() for name, parts in nets.items() if name in names}
    return files


def test_mutations_load_or_are_refused(slic, nets, tmp_path):
    small = ("TrainableSLIC-linear", "TrainableSLIC-mlp")
    _load_or_refuse(_files(slic, nets, small), 300, tmp_path)


@pytest.mark.fuzz
def test_many_mutations_of_every_estimator(slic, nets, tmp_path):
    names = [name for name in NAMES_1 if name != "DELSegmenter-head"]
    _load_or_refuse(_files(slic, nets, names), 3000, tmp_path)


# --- weights in 8 bits ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def eight_bits(tmp_path_factory):
    path = tmp_path_factory.mktemp("eight") / "x.safetensors"
    SEALSuperpixels.from_pretrained("bsds500").save(path, eight_bits=True)
    return Parts.of(path.read_bytes())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n: np.ones(n + 1, np.float32), "is float32 of shape"),
        (lambda n: np.ones((n, 1), np.float32), "is float32 of shape"),
        (lambda n: np.ones((), np.float32), "is float32 of shape"),
        (lambda n: np.ones(n, np.float64), "is float64 of shape"),
        (lambda n: np.ones(n, np.int32), "is int32 of shape"),
        (lambda n: np.full(n, 3e38, np.float32), "numbers become infinite"),
        (lambda n: np.full(n, np.nan, np.float32), "holds NaN or infinity"),
    ],
)
def test_scales_that_do_not_fit(eight_bits, tmp_path, change, said):
    parts = eight_bits.copy()
    name = next(name for name in parts.table if name.endswith(":scale"))
    n = parts.table[name]["shape"][0]
    parts.remove(name)
    parts.add(name, change(n))
    refused(parts.join(), tmp_path, SEALSuperpixels)
    with pytest.raises(ValueError, match=said):
        SEALSuperpixels.from_pretrained(tmp_path / "hostile.safetensors")


def test_scales_of_nothing_and_weights_without_a_scale(eight_bits, nets, tmp_path):
    name = next(name for name in eight_bits.table if name.endswith(":scale"))
    alone = eight_bits.copy()
    alone.remove(name.removesuffix(":scale"))
    other = eight_bits.copy()  # beside a tensor that is not of 8 bits
    other.add("head.bias:scale", np.ones(8, np.float32))
    twice = eight_bits.copy()
    twice.add(f"{name}:scale", np.ones(3, np.float32))
    for parts in (alone, other, twice):
        refused(parts.join(), tmp_path, SEALSuperpixels)
        with pytest.raises(ValueError, match=r":scale' stands beside no tensor of int8"):
            SEALSuperpixels.from_pretrained(tmp_path / "hostile.safetensors")
    without = eight_bits.copy()
    without.remove(name)
    refused(without.join(), tmp_path, SEALSuperpixels)
