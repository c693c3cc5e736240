"""From images to affinities: the nets of SEAL by name, what they take, what they return."""

from importlib import import_module

import numpy as np

from ...features.affinities import canny_edges
from ...kernels.checks import full_scale
from ...learned import load_arrays

# name: module of sklearn_spx.nets, class, arguments
NETS = {
    "compact": ("compact_affinity", "CompactAffinityNet", {}),
    "pan": ("pixel_affinity", "PixelAffinityNet", {}),
    "pan-two-way": ("pixel_affinity", "PixelAffinityNet", {"two_way": True}),
    "pan-square": ("pixel_affinity", "PixelAffinityNet", {"square": True}),
    "pan-no-canny": ("pixel_affinity", "PixelAffinityNet", {"canny": False}),
}
# chosen on the val images of BSDS500: the power of affinities by backend, and the balance of ERS
SHARPNESS = {"ers": 5.0, "egb": 1.0}
BALANCE = 0.3
REGULARITY = 0.05


def as_channels(image):
    """(height, width, channels), dtype kept."""
    return image[:, :, None] if image.ndim == 2 else image


def net_inputs(pixels, scale, canny):
    """Arrays (1, C, H, W) for a net: the image and, if it weighs them in, its edges."""
    image = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32)
    image /= np.float32(scale)
    if not canny:
        return [image]
    if scale != 255 or pixels.shape[2] not in (1, 3):
        raise ValueError(
            "Canny edges are defined on 8-bit images of 1 or 3 channels; choose net='compact' "
            "or 'pan-no-canny'"
        )
    eight_bit = np.rint(pixels).astype(np.uint8)
    edges = canny_edges(eight_bit[:, :, 0] if eight_bit.shape[2] == 1 else eight_bit)
    return [image, edges[None, None]]


def predict(image, fingerprint, net):
    """Affinities of an image; a pure function of the image and of the net's fingerprint."""
    import torch

    first = next(net.parameters())
    arrays = net_inputs(image, full_scale(image.dtype), getattr(net, "canny", False))
    with torch.no_grad():
        inputs = [as_tensor(array, first.device) for array in arrays]
        return net(*inputs)[0].float().cpu().numpy()


def as_tensor(array, device="cpu"):
    """On the device, channels last: twice as fast on a CPU."""
    import torch

    return torch.from_numpy(array).to(device).contiguous(memory_format=torch.channels_last)


def build_net(name, n_channels, state, device):
    """The net of that name on the device; with the state of ``net_arrays``, or untrained."""
    import torch

    module, cls, arguments = NETS[name]
    net = getattr(import_module(f"sklearn_spx.nets.{module}"), cls)(n_channels, **arguments)
    if state is not None:
        load_arrays(net, state)
    return net.to(device, memory_format=torch.channels_last).eval()


def parted_by_grids(affinities, regularity, side):
    """Affinities that are a little less across the lines of grids of 2, 4, 8, ... pixels.

    Where a net sees nothing, all affinities are alike, and superpixels would be strips a pixel
    wide. So they are blocks within blocks, up to ``side`` pixels. Beside a boundary, where
    affinities fall far deeper, it matters little.

    Parameters
    ----------
    affinities : array (2, height, width)
        To the right and to the lower neighbour.

    regularity : float
        How much less they are across the lines of the coarsest grid, as a share.

    side : float
        Pixels along a side of a superpixel.

    Returns
    -------
    affinities : array (2, height, width)
        New ones.
    """
    grids = 2 ** np.arange(1, max(1, int(np.log2(max(side, 1)))) + 1)
    _, height, width = affinities.shape
    across, down = (
        1 - regularity * (np.arange(1, n + 1)[:, None] % grids == 0).mean(1)
        for n in (width, height)
    )
    factors = np.stack(np.broadcast_arrays(across, down[:, None]))
    return affinities * factors.astype(affinities.dtype)
