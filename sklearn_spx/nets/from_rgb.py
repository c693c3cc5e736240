"""The compact nets as other programs are handed them: from RGB to maps, preparation and all.

Images (n, 3, height, width), 0 to 255, of any size; everything is torch, and nothing branches on
sizes, so that a trace of one image is right for all.
"""

import numpy as np
import torch
from torch import nn

from .del_heads import CompactNet
from .pixel_embedding import PixelEmbeddingNet
from .resampling import regrid
from .seal_compact import CompactAffinityNet

__all__ = ["AffinitiesFromRGB", "BoundariesFromRGB", "FeaturesFromRGB"]

# as of sklearn_spx.kernels.color, which nets do not import, to the last bit: a rounding more or
# less moves a by 3e-5
_N_STEPS = 4096
_XYZ = (
    np.array(
        [
            [0.412453, 0.357580, 0.180423],
            [0.212671, 0.715160, 0.072169],
            [0.019334, 0.119193, 0.950227],
        ]
    )
    / np.array([[0.95047], [1.0], [1.08883]])
).astype(np.float32)
_EPSILON, _SLOPE, _OFFSET = np.float32([0.008856, 7.787, 16 / 116]).tolist()
_THIRD, _START = np.float32([1 / 3, 709921077]).tolist()


class AffinitiesFromRGB(nn.Module):
    """SEAL: affinities (n, 2, height, width) of pixels to the right and to the lower neighbour."""

    def __init__(self, net: CompactAffinityNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the affinities; the net's channels need not be RGB."""
        return self.net(images / 255.0)


class BoundariesFromRGB(nn.Module):
    """DEL: the probability (n, 1, height, width) that a boundary passes a pixel."""

    def __init__(self, net: CompactNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the probabilities."""
        logits = self.net.sides(images)[-1]
        grid = self.net.strides[-1], self.net.origins[-1]
        return regrid(torch.sigmoid(logits), images.shape[-2:], *grid, 1, 0)


class FeaturesFromRGB(nn.Module):
    """TrainableSLIC: the features (n, 3 + n_components, height, width) that SLIC runs on.

    Parameters
    ----------
    net : PixelEmbeddingNet
        Of three channels.

    colour_scales : ndarray of shape (3,)
        What Lab is multiplied by before the net.

    scale : float
        What all features are multiplied by.
    """

    def __init__(self, net: PixelEmbeddingNet, colour_scales: np.ndarray, scale: float) -> None:
        super().__init__()
        self.net = net
        self.lab = _Lab()
        scales = torch.tensor(np.float32(colour_scales)).reshape(3, 1, 1)
        self.register_buffer("colour_scales", scales)
        self.register_buffer("feature_scale", torch.tensor(float(np.float32(scale))))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features."""
        pixels = images / 255.0
        return self.net(pixels, self.lab(pixels) * self.colour_scales) * self.feature_scale


class _Lab(nn.Module):
    """CIE Lab of sRGB in [0, 1], by the arithmetic of :func:`sklearn_spx.kernels.color.rgb_to_lab`.

    What is rounded once there, ``a * b + c``, is computed in float64 here and rounded then.
    """

    def __init__(self):
        super().__init__()
        value = np.arange(_N_STEPS + 1) / _N_STEPS
        light = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
        light = np.append(light.astype(np.float32), np.float32(1))  # so that 1.0 has a next node
        self.register_buffer("light", torch.from_numpy(light))

    def forward(self, rgb):
        place = rgb.clamp(0, 1) * float(_N_STEPS)
        node = place.long()
        low, high = self.light[node], self.light[node + 1]
        r, g, b = _fma(place - node, high - low, low).unbind(1)
        x, y, z = (
            _curve(_fma(b, float(kb), _fma(g, float(kg), r * float(kr)))) for kr, kg, kb in _XYZ
        )
        return torch.stack([_fma(y, 116.0, -16.0), 500.0 * (x - y), 200.0 * (y - z)], 1)


def _curve(x):
    """The cube root by two of Halley's steps from a third of the bits, or, near 0, a line."""
    # a trace cannot look at bits: of a float they are, as a number, where it lies in its octave
    fraction, exponent = torch.frexp(x.clamp_min(_EPSILON).double())
    bits = ((2 * fraction + exponent + 125) * 2.0**23).float()
    place = _fma(bits, _THIRD, _START).double() / 2.0**23
    octave = place.floor()
    y = ((1 + place - octave) * torch.exp2(octave - 127)).float()
    for _ in range(2):
        square = y * y
        more = _fma(square, y, x)
        y = y * (more + x) / _fma(square, y, more)
    return torch.where(x > _EPSILON, y, _fma(x, _SLOPE, _OFFSET))


def _fma(a, b, c):
    return (a.double() * b + c).float()
