"""The command that says what is installed, what is shipped, and what a file holds."""

import json
import os
from importlib import metadata

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from sklearn_spx import SEALSuperpixels, __version__
from sklearn_spx.cli import _info
from sklearn_spx.model_file import find_model

from .test_cli import flat, run


def test_versions_machine_and_weights():
    result = run("info", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["versions"]["sklearn-spx"] == __version__
    for name in ("numpy", "numba", "torch", "scikit-learn", "scikit-image"):
        assert found["versions"][name] == metadata.version(name)
    assert found["cpu"]["cores"] == os.cpu_count()
    assert found["cpu"]["threads_torch"] == torch.get_num_threads()
    assert found["numba_cache"]
    weights = found["weights"]["SEALSuperpixels-bsds500"]
    assert weights["estimator"] == "SEALSuperpixels"
    assert weights["pretrained"] == "bsds500"
    assert weights["megabytes"] == pytest.approx(2.9, abs=0.1)
    assert weights["trained_on"].startswith("the 200 training and 100 validation images")
    assert weights["licence"].startswith("BSD-3-Clause")
    assert all(about["trained_on"] and about["licence"] for about in found["weights"].values())
    text = flat(run("info").stdout)
    for words in (
        f"torch {metadata.version('torch')}",
        "DELSegmenter-bsds500-vgg16",
        "BSD-3-Clause",
    ):
        assert words in text


def test_an_extra_that_is_not_installed_says_how(monkeypatch):
    monkeypatch.setattr(_info, "EXTRAS", {"geo": (("no-such-package",), "places")})
    assert "not installed: pip install 'sklearn-spx[geo]' (places)" in flat(run("info").stdout)
    found = json.loads(run("info", "--json").stdout)["extras"]["geo"]
    assert found["version"] is None
    assert found["install"] == "pip install 'sklearn-spx[geo]'"


def test_gpus_as_torch_sees_them(monkeypatch):
    class About:
        name, total_memory = "A GPU", 8 * 2**30

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda k: About)
    assert "GPUs A GPU, 8.0 GB; A GPU, 8.0 GB" in flat(run("info").stdout)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "torch finds none" in flat(run("info").stdout)


def test_whether_the_kernels_have_a_gpu(monkeypatch):
    monkeypatch.setattr("sklearn_spx.kernels.checks.missing_gpu", lambda: "no driver")
    assert json.loads(run("info", "--json").stdout)["kernels_on_gpu"] == "no driver"
    assert "kernels on a GPU no driver" in flat(run("info").stdout)
    monkeypatch.setattr("sklearn_spx.kernels.checks.missing_gpu", lambda: None)
    assert "kernels on a GPU available" in flat(run("info").stdout)


def test_cards_in_full():
    card = find_model("bsds500", "SEALSuperpixels").with_suffix(".md").read_text()
    result = run("info", "SEALSuperpixels-bsds500")
    assert result.stdout.strip() == card.strip()
    several = json.loads(run("info", "bsds500", "--json").stdout)
    assert list(several) == [
        f"{n}-bsds500" for n in ("DELSegmenter", "SEALSuperpixels", "TrainableSLIC")
    ]
    assert several["SEALSuperpixels-bsds500"] == card
    result = run("info", "nothing")
    assert result.exit_code == 2
    assert "neither a file nor weights that are shipped: DELSegmenter" in flat(result.stderr)


def test_what_a_saved_model_is(tmp_path, monkeypatch):
    path = tmp_path / "[bold]own.safetensors"
    SEALSuperpixels.from_pretrained("bsds500", n_segments=77).save(path)
    monkeypatch.setattr(SEALSuperpixels, "_set_state", None)  # no net is built
    found = json.loads(run("info", path, "--json").stdout)
    assert found["estimator"] == "SEALSuperpixels"
    assert found["written_by"] == f"sklearn-spx {__version__}"
    assert found["channels"] == 3
    assert found["params"]["n_segments"] == 77
    assert found["history"]["step"] == 6000
    assert found["weights"] > 1e6
    result = run("info", path)
    assert result.exit_code == 0, result.output
    text = flat(result.stdout)
    for words in (str(path), "n_segments 77", "step 6000", "channels 3"):
        assert words in text


def test_tensors_of_others_and_files_of_none(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": np.zeros((2, 3), np.float32)}, path)
    found = json.loads(run("info", path, "--json").stdout)
    assert found["estimator"] is None
    assert found["tensors"] == {"a": [2, 3]}
    assert "a [2, 3]" in flat(run("info", path).stdout)
    (tmp_path / "text").write_text("text")
    result = run("info", tmp_path / "text")
    assert result.exit_code == 1
    assert "text: it is no safetensors file" in flat(result.stderr)
