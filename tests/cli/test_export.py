"""``sklearn-spx export``: shipped weights by name, files with who made them, and what cannot be."""

import warnings
import zipfile

import pytest

from sklearn_spx import TrainableSLIC
from sklearn_spx.model_file import find_model

from .test_cli import flat, run


@pytest.fixture
def spec():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it uses of pydantic is deprecated
        return pytest.importorskip("bioimageio.spec")


def test_shipped_weights(spec, tmp_path):
    result = run("export", "TrainableSLIC-bsds500", "--out", str(tmp_path / "a.zip"))
    assert result.exit_code == 0, result.output
    assert flat(result.stdout).startswith("wrote ")
    assert b"sklearn_spx developers" in zipfile.ZipFile(tmp_path / "a.zip").read("rdf.yaml")


def test_a_file_with_who_made_it(spec, tmp_path):
    file, out = tmp_path / "own.safetensors", str(tmp_path / "a.zip")
    TrainableSLIC.from_pretrained("bsds500").save(file)
    result = run("export", str(file), "--out", out)
    assert result.exit_code == 1
    assert "give --author and --license, as --author 'A. Author'" in flat(result.stderr)
    result = run("export", str(file), "--out", out, "--author", "A", "--license", "mine")
    assert result.exit_code == 1
    assert "BioImage.IO does not take the package: ModelDescr license: " in flat(result.stderr)
    about = (
        "--author",
        "A. Author",
        "--author",
        "B. Author",
        "--license",
        "MIT",
        "--name",
        "My net",
    )
    result = run("export", str(file), "--out", out, *about)
    assert result.exit_code == 0, result.output
    text = zipfile.ZipFile(out).read("rdf.yaml").decode()
    for words in ("name: A. Author", "name: B. Author", "license: MIT", "name: My net"):
        assert words in text


def test_what_cannot_be_is_named(tmp_path):
    out = ("--out", str(tmp_path / "a.zip"))
    result = run("export", "none", *out)
    assert result.exit_code == 2
    assert "'none' is neither a file nor weights" in flat(result.stderr)
    assert "SEALSuperpixels-bsds500" in flat(result.stderr)
    trunk = str(find_model("bsds500", "SEALSuperpixels").parent / "efficientnet-lite0.safetensors")
    assert run("export", trunk, *out).exit_code == 1
    (tmp_path / "a.zip").touch()
    result = run("export", "SEALSuperpixels-bsds500", *out)
    assert result.exit_code == 1
    assert "is there already" in flat(result.stderr)
