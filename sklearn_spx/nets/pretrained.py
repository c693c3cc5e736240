"""Weights that nets start from: the EfficientNet-Lite0 shipped here, the VGG16 that users have."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from .superpixel_embedding import VGG_MEAN_BGR

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
    """
    trunk.load_state_dict({name: value.float() for name, value in load_file(_LITE0).items()})


def load_vgg16(net, path):
    """Fill the trunk of a PaperNet.

    Parameters
    ----------
    net : PaperNet
        Changed in place.

    path : path-like
        A .safetensors file of "conv1_1.weight" ... "conv5_3.bias" for BGR images from 0 to 255,
        less the mean; or the state of torchvision's VGG16, whose other scaling of the input is
        folded into the first layer.

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    ValueError
        If weights are missing or of other shapes.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} with weights of VGG16")
    if path.suffix == ".safetensors":
        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    names = list(net.trunk)
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


def _take_bgr(state):
    """Let a first layer for (RGB / 255 - mean) / std take BGR from 0 to 255, less another mean."""
    weight = state["conv1_1.weight"].double()
    scale = 255 * torch.tensor(_TORCHVISION_STD, dtype=torch.double)
    weight = weight / scale[:, None, None]
    shift = torch.tensor(VGG_MEAN_BGR[::-1]).double()
    shift = shift - 255 * torch.tensor(_TORCHVISION_MEAN, dtype=torch.double)
    bias = state["conv1_1.bias"].double() + (weight * shift[:, None, None]).sum((1, 2, 3))
    state["conv1_1.weight"], state["conv1_1.bias"] = weight.flip(1).float(), bias.float()
