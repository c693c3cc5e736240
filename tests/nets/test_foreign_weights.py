"""Weights that others wrote: whatever is wrong with a file is a ValueError that names it."""

import re

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sklearn_spx import DELSegmenter, SEALSuperpixels
from sklearn_spx.features import EmbeddingFeatures
from sklearn_spx.nets.del_heads import PaperNet
from sklearn_spx.nets.enet import ENetInitialBlock
from sklearn_spx.nets.holistic_edges import HolisticEdgeNet
from sklearn_spx.nets.seal_pan import PixelAffinityNet
from sklearn_spx.nets.weights import load_vgg16, read_state
from sklearn_spx.training import NetTraining


def _initial(path):
    images = np.zeros((1, 40, 40, 3), np.uint8)
    halves = np.arange(40) // 20 * np.ones((1, 40, 1), int)
    few = NetTraining(max_steps=1, crop_size=32)
    EmbeddingFeatures(initial=path, training=few).fit(images, halves)


def _initial_weights(path):
    images = np.zeros((1, 40, 40, 3), np.uint8)
    DELSegmenter(net="vgg16", initial_weights=path, training=NetTraining(max_steps=1)).fit(
        images, images[..., 0]
    )


READERS = {
    "vgg16": lambda path: load_vgg16(PaperNet((5,)), path),
    "hed": HolisticEdgeNet.from_file,
    "enet": ENetInitialBlock.from_file,
    "seal": SEALSuperpixels.from_pretrained,
    "initial": _initial,
    "initial_weights": _initial_weights,
}
ENDINGS = {
    "vgg16": (".safetensors", ".pth", ".h5"),
    "hed": (".safetensors", ".pth", ".h5"),
    "enet": (".safetensors", ".pth"),
    "seal": (".pkl", ".safetensors"),
    "initial": (".safetensors",),
    "initial_weights": (".safetensors", ".pth", ".h5"),
}
CASES = [(reader, ending) for reader, endings in ENDINGS.items() for ending in endings]


def _write(tensors, path):
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, tensor in tensors.items():
                file[name.replace(".", "/vars/")] = tensor.numpy()
    else:
        torch.save(tensors, path)


def refused(reader, path, problem=""):
    with pytest.raises(ValueError, match=f"(?s){re.escape(str(path))}.*{problem}") as caught:
        READERS[reader](path)
    assert type(caught.value) is ValueError


@pytest.mark.slow
@pytest.mark.parametrize(("reader", "ending"), CASES)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"<html></html>",
        b"\x80\x04K\x03.",
        b"PK\x03\x04",
        b"\x89HDF\r\n\x1a\n",
        bytes(999),
    ],
    ids=["empty", "a byte", "a web page", "a pickle", "zip", "HDF5", "zeros"],
)
def test_other_files(reader, ending, content, tmp_path):
    (tmp_path / f"weights{ending}").write_bytes(content)
    refused(reader, tmp_path / f"weights{ending}")


@pytest.mark.parametrize(("reader", "ending"), CASES)
def test_other_weights(reader, ending, tmp_path):
    path = tmp_path / f"weights{ending}"
    _write({"conv.weight": torch.zeros(3, 3), "conv.bias": torch.zeros(3)}, path)
    refused(reader, path)


def _seal():
    """The names of the authors' file, and tensors that fit them."""
    net = PixelAffinityNet()
    steps = {"first": ("conv1", "in1"), "score": ("conv5", "in5")}
    steps |= {"mix": ("conv6", "in6"), "last": ("conv7", "in7")}
    for block in range(3):
        for i, name in ((1, "first"), (2, "second")):
            steps[f"blocks.{block}.{name}"] = (f"res{block + 2}.conv{i}", f"res{block + 2}.in{i}")
    state = {}
    for ours, (convolution, norm) in steps.items():
        for part in ("weight", "bias"):
            state[f"{convolution}.{part}"] = net.state_dict()[f"{ours}.convolution.{part}"]
        for part in ("running_mean", "running_var"):
            state[f"{norm}.{part}"] = net.state_dict()[f"{ours}.norm.{part}"]
    return {name: value.clone() for name, value in state.items()}


def _vgg16():
    return {n: v.clone() for n, v in PaperNet((5,)).trunk.state_dict().items()}


def _torchvision():
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    names = dict.fromkeys(name.partition(".")[0] for name in _vgg16())
    state = _vgg16()
    return {
        f"features.{place}.{part}": state[f"{name}.{part}"]
        for place, name in zip(places, names)
        for part in ("weight", "bias")
    }


def _enet():
    return {n: v.clone() for n, v in ENetInitialBlock().state_dict().items()}


def _unet():
    from sklearn_spx.nets.compact_unet import CompactUNet

    return {n: v.clone() for n, v in CompactUNet(3, 8).state_dict().items()}


WHOLE = {
    "seal": (_seal, ".pkl", "res3.conv1.weight"),
    "vgg16": (_vgg16, ".safetensors", "conv3_2.weight"),
    "vgg16 of torchvision": (_torchvision, ".pth", "features.0.weight"),
    "hed": (lambda: dict(HolisticEdgeNet().state_dict()), ".pth", "dsn3.weight"),
    "enet": (_enet, ".safetensors", "batch_norm.weight"),
    "initial": (_unet, ".safetensors", "down.1.0.0.weight"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("change", ["nothing", "missing", "misshapen", "scalar", "NaN"])
def test_one_tensor(name, change, tmp_path):
    make, ending, tensor = WHOLE[name]
    state, path = make(), tmp_path / f"weights{ending}"
    if change == "missing":
        del state[tensor]
    elif change == "misshapen":
        state[tensor] = state[tensor].repeat(2, *[1] * (state[tensor].ndim - 1))
    elif change == "scalar":
        state[tensor] = torch.tensor(1.0)
    elif change == "NaN":
        state[tensor].view(-1)[0] = torch.nan
    _write(state, path)
    reader = name.split()[0]
    if change == "nothing":
        if reader != "initial":  # which trains as well
            READERS[reader](path)
    else:
        refused(reader, path)


@pytest.mark.parametrize("shape", [(), (3,), (13, 3, 3), (0, 3, 3, 3), (13, 5000, 1, 1)])
def test_an_initial_block_of_odd_shape(shape, tmp_path):
    path = tmp_path / "enet.safetensors"
    save_file({**_enet(), "main_branch.weight": torch.zeros(shape)}, path)
    refused("enet", path, "main_branch.weight")


# --- HDF5, which can point at other files --------------------------------------------------------


def _keras(file):
    for name, value in HolisticEdgeNet().state_dict().items():
        layer, part = name.split(".")
        if layer.startswith("conv"):
            stage, number = layer.removeprefix("conv").split("_")
            suffix = "" if number == "1" else f"_{int(number) - 1}"
            layer = f"block{stage}/layers/conv2d{suffix}"
        value = value.numpy().transpose(2, 3, 1, 0) if part == "weight" else value.numpy()
        file[f"{layer}/vars/{0 if part == 'weight' else 1}"] = value


def _replace(file, value, place="fuse/vars/1"):
    del file[place]
    file[place] = value


def _external_storage(file):
    del file["fuse/vars/1"]
    other = file.filename.replace("hed.h5", "other")
    file.create_dataset("fuse/vars/1", (1,), "f4", external=[(other, 0, 4)])


def _virtual(file):
    layout = h5py.VirtualLayout((1,), "f4")
    layout[:] = h5py.VirtualSource(file.filename.replace("hed.h5", "other"), "x", (1,), "f4")
    del file["fuse/vars/1"]
    file.create_virtual_dataset("fuse/vars/1", layout)


def _huge(file):
    del file["fuse/vars/0"]
    shape = (2**10, 2**10, 2**10, 2**10)
    file.create_dataset("fuse/vars/0", shape, "f4", chunks=(64,) * 4, compression="gzip")


KERAS = {
    "a link to another file": lambda file: _replace(file, h5py.ExternalLink("other", "/x")),
    "a group in another file": lambda file: _replace(file, h5py.ExternalLink("other", "/"), "fuse"),
    "a soft link": lambda file: _replace(file, h5py.SoftLink("/dsn1/vars/1")),
    "an array in another file": _external_storage,
    "an array made of another file": _virtual,
    "an array without end": _huge,
    "integers": lambda file: _replace(file, np.zeros(1, int)),
    "strings": lambda file: _replace(file, "bias"),
    "NaN": lambda file: _replace(file, np.full(1, np.nan, np.float32)),
    "an axis more": lambda file: _replace(file, np.zeros((1, 1), np.float32)),
    "a group for an array": lambda file: _replace(file, h5py.SoftLink("/dsn1/vars")),
    "an array for a group": lambda file: _replace(file, np.zeros(1, np.float32), "block3/layers"),
    "no layers": lambda file: file.pop("block3/layers"),
    "no arrays": lambda file: file.pop("block3/layers/conv2d/vars"),
    "no bias": lambda file: file.pop("block3/layers/conv2d/vars/1"),
    "an array at the top": lambda file: _replace(file, np.zeros(3), "fuse"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", KERAS)
def test_keras(name, tmp_path):
    path, other = tmp_path / "hed.h5", tmp_path / "other"
    with h5py.File(other, "w") as file:
        file["x"] = np.zeros(1, np.float32)
    with h5py.File(path, "w") as file:
        _keras(file)
    HolisticEdgeNet.from_file(path)
    with h5py.File(path, "a") as file:
        KERAS[name](file)
    elsewhere = "link" in name or "another file" in name
    refused("hed", path, "lies (somewhere else|in another file)" if elsewhere else "")


def test_a_cut_file_of_keras(tmp_path):
    path = tmp_path / "hed.h5"
    with h5py.File(path, "w") as file:
        _keras(file)
    content = path.read_bytes()
    for end in (1000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:end])
        refused("hed", path)


def test_half_precision_of_either_kind(tmp_path):
    path = tmp_path / "x.safetensors"
    values = torch.tensor([1.5, -2.25, 1e-3])
    save_file({"half": values.half(), "brain": values.bfloat16()}, path)
    found = read_state(path)
    assert torch.equal(found["half"], values.half().float())
    assert torch.equal(found["brain"], values.bfloat16().float())
