"""Fitted estimators in a file, without pickle."""

import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from sklearn_spx import SLICSuperpixels
from sklearn_spx.utils._persistence import PretrainedMixin


class Thing(PretrainedMixin, BaseEstimator):
    def __init__(self, inner=None, sizes=(1, 2), table=None, name="a", rate=0.5):
        self.inner = inner
        self.sizes = sizes
        self.table = table
        self.name = name
        self.rate = rate

    def fit(self):
        self.weights_ = np.arange(6.0).reshape(2, 3).T
        self.count_ = 3
        return self

    def _state(self):
        return {"weights": self.weights_}, {"count": self.count_}

    def _set_state(self, arrays, values):
        self.weights_, self.count_ = arrays["weights"], values["count"]


@pytest.fixture(autouse=True)
def _thing_is_ours(monkeypatch):
    # only classes of the package are written and looked up
    monkeypatch.setattr(Thing, "__module__", "sklearn_spx.methods.slic")
    monkeypatch.setattr("sklearn_spx.methods.slic.Thing", Thing, raising=False)


def test_round_trip(tmp_path):
    inner = SLICSuperpixels(n_segments=7, weights=[1.0, 2.0])
    thing = Thing(inner, (3, 4), np.eye(2, dtype=np.float32), rate=np.float64(0.25)).fit()
    thing.save(tmp_path / "thing.safetensors")
    loaded = Thing.from_pretrained(tmp_path / "thing.safetensors", name="b")
    np.testing.assert_array_equal(loaded.weights_, thing.weights_)
    assert loaded.count_ == 3
    assert loaded.name == "b"
    assert loaded.sizes == (3, 4)
    assert loaded.rate == 0.25
    assert loaded.inner.get_params() == inner.get_params()
    np.testing.assert_array_equal(loaded.table, thing.table)
    assert loaded.table.dtype == np.float32


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_others_may_read_a_file_as_far_as_they_may_any(tmp_path):
    Thing().fit().save(tmp_path / "thing.safetensors")
    (tmp_path / "any").write_bytes(b"")
    assert (tmp_path / "thing.safetensors").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_unfitted():
    with pytest.raises(NotFittedError):
        Thing().save("nowhere")


def test_what_cannot_be_saved_is_named(tmp_path):
    with pytest.raises(TypeError, match="PCA cannot be saved"):
        Thing(PCA()).fit().save(tmp_path / "x")
    with pytest.raises(TypeError, match="of type set cannot be saved"):
        Thing(sizes={1}).fit().save(tmp_path / "x")


def test_unknown_name():
    with pytest.raises(FileNotFoundError, match="'nature' is neither a file nor shipped"):
        Thing.from_pretrained("nature")


def test_foreign_files(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"not at all")
    with pytest.raises(ValueError, match="no safetensors file"):
        Thing.from_pretrained(path)
    save_file({"a": np.zeros(2)}, path)
    with pytest.raises(ValueError, match="not written by save"):
        Thing.from_pretrained(path)


def test_a_file_cannot_name_foreign_classes(tmp_path):
    path = tmp_path / "x.safetensors"
    Thing().fit().save(path)
    header = {
        "format": "sklearn_spx 1",
        "state": "{}",
        "estimator": json.dumps({"class": "subprocess.Popen", "params": {"args": "true"}}),
    }
    save_file(load_file(path), path, metadata=header)
    with pytest.raises(ValueError, match="not of this package"):
        Thing.from_pretrained(path)


def test_another_class(tmp_path):
    Thing().fit().save(tmp_path / "x")

    class Other(Thing):
        pass

    with pytest.raises(ValueError, match="holds a Thing, not a Other"):
        Other.from_pretrained(tmp_path / "x")
