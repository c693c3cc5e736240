"""SEAL from an image to affinities: the nets by name, and what they take.

image -> net_inputs -> net -> affinities
"""

from importlib import import_module

import numpy as np

from ...features.affinities import canny_edges
from ...kernels.checks import full_scale
from ...utils.scale import as_colour

# name: module of sklearn_spx.nets, class, arguments
NETS = {
    "compact": ("seal_compact", "CompactAffinityNet", {}),
    "pan": ("seal_pan", "PixelAffinityNet", {}),
    "pan-two-way": ("seal_pan", "PixelAffinityNet", {"two_way": True}),
    "pan-square": ("seal_pan", "PixelAffinityNet", {"square": True}),
    "pan-no-canny": ("seal_pan", "PixelAffinityNet", {"canny": False}),
    "pan-baseline": (
        "seal_pan",
        "PixelAffinityNet",
        {"two_way": True, "square": True, "canny": False},
    ),
}


def make_net(name, n_channels):
    """The net of that name, untrained."""
    import torch

    module, cls, arguments = NETS[name]
    net = getattr(import_module(f"sklearn_spx.nets.{module}"), cls)(n_channels, **arguments)
    return net.to(memory_format=torch.channels_last)


def for_net(image, n_channels):
    """(height, width, channels), dtype kept; gray as colour, unless the net knows gray alone."""
    return image.reshape(*image.shape[:2], 1) if n_channels == 1 else as_colour(image)


def net_inputs(pixels, scale, canny):
    """Arrays (1, C, H, W) for a net: the image and, if it weighs them in, its edges."""
    image = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32)
    image = image / np.float32(scale)  # a new array: X is not written to
    if not canny:
        return [image]
    if pixels.shape[2] not in (1, 3):
        raise ValueError(
            f"Canny edges are defined on gray and on colours, but there are {pixels.shape[2]} "
            "channels; choose net='compact' or 'pan-no-canny'"
        )
    eight_bit = np.rint(pixels * (255 / scale)).astype(np.uint8)
    edges = canny_edges(eight_bit[:, :, 0] if eight_bit.shape[2] == 1 else eight_bit)
    return [image, edges[None, None]]


def as_tensor(array, device="cpu"):
    """On the device, channels last: twice as fast on a CPU."""
    import torch

    return torch.from_numpy(array).to(device).contiguous(memory_format=torch.channels_last)


def predict_affinities(image, net, digest=None):
    """Affinities (2, H, W) of an image (H, W, C); ``digest`` stands for the net in a cache."""
    return affinities_of(image, net).cpu().numpy()


def affinities_of(image, net):
    """The same as a tensor, where the net is; by strips of the image, if the net can."""
    import torch

    first = next(net.parameters())
    scale = full_scale(image.dtype)
    if hasattr(net, "strips"):

        def take(rows):
            return as_tensor(net_inputs(image[rows.numpy()], scale, False)[0], first.device)

        out = torch.empty((2, *image.shape[:2]), device=first.device)
        row = 0
        with torch.no_grad():
            for strip in net.strips(take, image.shape[:2]):  # of logits
                there = out[:, row : row + strip.shape[2]]
                there[:] = torch.sigmoid(strip[0])
                row += strip.shape[2]
        return out
    arrays = net_inputs(image, scale, getattr(net, "canny", False))
    with torch.no_grad():
        inputs = [as_tensor(array, first.device) for array in arrays]
        return net(*inputs)[0].float().contiguous()
