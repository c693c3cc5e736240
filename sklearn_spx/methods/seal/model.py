"""SEAL from an image to superpixels: net, affinities, entropy rate superpixels.

    image -> net_inputs -> net -> affinities ; affinities -> grow -> label image

The nets by name, what they take, and how their affinities are read.
"""

from importlib import import_module
from typing import NamedTuple

import numpy as np

from ...features.affinities import canny_edges
from ...kernels import entropy_rate_superpixels
from ...kernels.checks import full_scale
from ...utils.scale import as_colour
from .graph import graph_segments

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


class Reading(NamedTuple):
    """How superpixels are grown on affinities."""

    sharpness: float  # the power that affinities are raised to
    balance: float  # of ERS
    regularity: float  # see parted_by_grids


# chosen on the val images of BSDS500, where affinities that missed boundaries made dear are low and
# want a power; the paper's net and loss as published
_COMPACT = {"cross_entropy": Reading(5.0, 0.3, 0.05), "seal": Reading(2.0, 0.3, 0.05)}
_PAPER = {"cross_entropy": Reading(5.0, 0.5, 0.0), "seal": Reading(1.0, 0.5, 0.0)}


def own_reading(net, loss, backend):
    """The reading that suits a net trained by a loss."""
    reading = (_COMPACT if net == "compact" else _PAPER)[loss]
    return reading._replace(sharpness=1.0) if backend == "egb" else reading


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
    """The same as a tensor, where the net is."""
    import torch

    first = next(net.parameters())
    arrays = net_inputs(image, full_scale(image.dtype), getattr(net, "canny", False))
    with torch.no_grad():
        inputs = [as_tensor(array, first.device) for array in arrays]
        return net(*inputs)[0].float().contiguous()


def grow(affinities, n_segments, reading, backend="ers", connectivity=8, mask=None):
    """Superpixels on affinities, exactly ``n_segments``; arrays, or tensors on a GPU."""
    affinities = affinities ** min(reading.sharpness, 1e30)  # within float32
    if backend == "egb":
        return graph_segments(affinities, n_segments, connectivity, mask)
    n_pixels = affinities.shape[1] * affinities.shape[2] if mask is None else int(mask.sum())
    side = (n_pixels / n_segments) ** 0.5
    return entropy_rate_superpixels(
        n_segments=n_segments,
        affinities=parted_by_grids(affinities, reading.regularity, side),
        balance=reading.balance,
        connectivity=connectivity,
        mask=mask,
    )


def parted_by_grids(affinities, regularity, side):
    """Affinities that are a little less across the lines of grids of 2, 4, 8, ... pixels.

    Where a net sees nothing, all affinities are alike, and superpixels would be strips a pixel
    wide. So they are blocks within blocks, up to ``side`` pixels. Beside a boundary, where
    affinities fall far deeper, it matters little. Not of the paper.

    Parameters
    ----------
    affinities : array or tensor (2, height, width)
        To the right and to the lower neighbour.

    regularity : float
        How much less they are across the lines of the coarsest grid, as a share.

    side : float
        Pixels along a side of a superpixel.

    Returns
    -------
    affinities : array or tensor (2, height, width)
        New ones.
    """
    grids = 2 ** np.arange(1, max(1, int(np.log2(max(side, 1)))) + 1)
    _, height, width = affinities.shape
    across, down = (
        1 - regularity * (np.arange(1, n + 1)[:, None] % grids == 0).mean(1)
        for n in (width, height)
    )
    factors = np.stack(np.broadcast_arrays(across, down[:, None])).astype(np.float32)
    if isinstance(affinities, np.ndarray):
        return affinities * factors.astype(affinities.dtype)
    return affinities * affinities.new_tensor(factors)
