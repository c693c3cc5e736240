"""Packages that BioImage.IO's own checker accepts, with what is known of the net and no more."""

import re
import sys
import warnings
import zipfile

import numpy as np
import pytest
from PIL import Image
from sklearn.exceptions import NotFittedError

from sklearn_spx import DELSegmenter, SEALSuperpixels, SLICSuperpixels, TrainableSLIC
from sklearn_spx.bioimageio import export_bioimageio
from sklearn_spx.bioimageio._export import _check_path
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.training import NetTraining

SHIPPED = [
    (SEALSuperpixels, "bsds500"),
    (TrainableSLIC, "bsds500"),
    (DELSegmenter, "bsds500"),
    pytest.param(SEALSuperpixels, "bsds500-train", marks=pytest.mark.slow),
    pytest.param(DELSegmenter, "bsds500-train", marks=pytest.mark.slow),
]


def imported(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it uses of pydantic is deprecated
        return pytest.importorskip(name)


@pytest.fixture(scope="module")
def spec():
    return imported("bioimageio.spec")


@pytest.fixture(scope="module")
def seal(spec, tmp_path_factory):
    path = tmp_path_factory.mktemp("seal") / "seal.zip"
    export_bioimageio(SEALSuperpixels(pretrained="bsds500"), path)
    return path


@pytest.fixture(scope="module")
def own():
    """A net that is not shipped."""
    leaves = make_dead_leaves(2, shape=(40, 56), random_state=0)
    few = NetTraining(max_steps=1, batch_size=1, crop_size=32)
    return SEALSuperpixels(training=few).fit(leaves.images, leaves.ground_truths)


def read(path, name):
    with zipfile.ZipFile(path) as file:
        return file.read(name)


def described(spec, path):
    """The description of a package, of a format that the checker knows and finds no fault with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with spec.ValidationContext(perform_io_checks=True, log_warnings=False):
            found = spec.load_description(path)
    assert found.validation_summary.status == "valid-format", found.validation_summary.format()
    return found


@pytest.mark.parametrize(("cls", "name"), SHIPPED)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_checker_runs_the_weights_and_finds_what_is_said(spec, tmp_path, cls, name):
    core = imported("bioimageio.core")
    import torch

    path = tmp_path / "a.zip"
    export_bioimageio(cls(pretrained=name), path)
    with torch.jit.optimized_execution(False):  # else each of its seven sizes is compiled anew
        summary = core.test_model(path)
    assert summary.status == "passed", summary.format()


def test_a_package_says_whose_net_it_is_and_of_what(spec, seal):
    found = described(spec, seal)
    assert found.name == "SEAL affinities of neighbouring pixels (bsds500)"
    assert [author.name for author in found.authors] == ["The sklearn_spx developers"]
    assert found.license == "BSD-3-Clause"
    assert [str(cited.doi) for cited in found.cite] == [
        "10.1109/CVPR.2018.00066",
        "10.1109/TPAMI.2010.161",
    ]
    channels = found.inputs[0].axes[1].channel_names, found.outputs[0].axes[1].channel_names
    assert list(map(list, channels)) == [["red", "green", "blue"], ["right", "lower"]]
    readme = read(seal, "README.md").decode()
    assert "the 200 training and 100 validation images of the Berkeley" in readme
    assert re.findall("^## (.*)$", readme, re.M) == [
        "Input", "Output", "Training", "Validation", "Licence", "References",
    ]  # fmt: skip


def test_the_cover_is_a_photograph_beside_what_the_net_makes_of_it(seal, tmp_path):
    with zipfile.ZipFile(seal) as file:
        assert file.getinfo("cover.png").file_size < 500_000  # as bioimage.io asks for
        cover = np.asarray(Image.open(file.extract("cover.png", tmp_path)))
    assert cover.shape == (256, 512, 3)
    assert cover[:, :256].std() > 20
    made = cover[:, 256:]
    assert made.max() == 255
    assert made.min() == 0


def test_a_trunk_of_others_brings_its_licence(spec, tmp_path):
    export_bioimageio(DELSegmenter.from_pretrained("bsds500"), tmp_path / "del.zip")
    assert b"Apache License" in read(tmp_path / "del.zip", "efficientnet-lite0-LICENSE.md")
    assert b"`efficientnet-lite0-LICENSE.md`" in read(tmp_path / "del.zip", "README.md")
    names = [file.source.path.name for file in described(spec, tmp_path / "del.zip").attachments]
    assert names == ["efficientnet-lite0-LICENSE.md", "efficientnet-lite0.md"]


def test_of_a_net_of_ones_own_the_caller_says_who_made_it(spec, own, tmp_path):
    path = tmp_path / "own.zip"
    export_bioimageio(own, path, name="My net (2)", authors=["A. Author"], license="CC-BY-4.0")
    found = described(spec, path)
    assert (found.name, found.license) == ("My net (2)", "CC-BY-4.0")
    assert [author.name for author in found.authors] == ["A. Author"]
    readme = read(path, "README.md").decode()
    assert "By A. Author, on images of their own." in readme
    assert "Berkeley" not in readme
    assert "Arbelaez" not in str(found.cite)


@pytest.mark.parametrize("given", [{}, {"authors": ["A"]}, {"license": "MIT"}])
def test_nothing_is_said_of_a_net_of_ones_own(spec, own, tmp_path, given):
    missing = " and ".join(name for name in ("authors", "license") if name not in given)
    with pytest.raises(ValueError, match=f"none that is shipped with sklearn_spx: give {missing},"):
        export_bioimageio(own, tmp_path / "own.zip", **given)
    assert not any(tmp_path.iterdir())


def test_shipped_weights_that_were_trained_on_are_ones_own(spec, tmp_path):
    estimator = SEALSuperpixels.from_pretrained("bsds500")
    estimator.net_.head.bias += 1
    with pytest.raises(ValueError, match="none that is shipped"):
        export_bioimageio(estimator, tmp_path / "a.zip")


def test_names_and_licences_that_are_none_are_named(spec, own, tmp_path):
    about = {"authors": ["A. Author"], "license": "MIT"}
    for name, value, message in (
        ("license", "none such", "not take the package: ModelDescr license: Input should be"),
        ("name", "a/b", "not take the package: ModelDescr name: .* 'a/b' is not restricted"),
        ("authors", ["A/B"], "not take the package: Author name: "),
        ("authors", "A. Author", "authors is 'A. Author'; accepted is a list of names"),
    ):
        with pytest.raises(ValueError, match=message):
            export_bioimageio(own, tmp_path / "own.zip", **{**about, name: value})
    assert not any(tmp_path.iterdir())


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"a\.zip is there already"):
        export_bioimageio(SEALSuperpixels(pretrained="bsds500"), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("a.tif", ValueError, "accepted is a name that ends in .zip"),
        ("a", ValueError, "accepted is a name that ends in .zip"),
        ("none/a.zip", FileNotFoundError, "there is no folder .*none"),
    ],
)
def test_a_path_that_cannot_be_is_named(tmp_path, name, kind, message):
    with pytest.raises(kind, match=message):
        _check_path(tmp_path / name)


def test_estimators_that_cannot_be(spec, tmp_path):
    with pytest.raises(NotFittedError):
        export_bioimageio(TrainableSLIC(), tmp_path / "a.zip")
    with pytest.raises(TypeError, match="estimator is a SLICSuperpixels"):
        export_bioimageio(SLICSuperpixels(), tmp_path / "a.zip")


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "bioimageio.spec", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-spx\[bioimageio\]'"):
        export_bioimageio(SEALSuperpixels(pretrained="bsds500"), tmp_path / "a.zip")
