"""Texture by scattering: wavelet, modulus, average; twice.

A coefficient of order 1 is the mean strength of one orientation and scale around a pixel, one of
order 2 the mean strength of that strength's own variation; order 0 is the local mean. Each stands
for about 2^J pixels and is sampled every 2^J, then laid out on the image again.

Filters cost seconds to build and fit one size only. So every image is cut into tiles of a few
fixed sizes, which overlap by more than the filters reach.
"""

import threading
from functools import lru_cache
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, StrOptions

from ..kernels.checks import as_image
from ..utils.threads import one_torch_thread
from ._base import ImageTransformer
from ._upsample import upsample, upsampled_strips
from .lab import LabFeatures

_MARGIN = 4  # beyond the reach of the filters, in which so many scales add up
_BATCH = 16  # tiles worked on at once: bounds the memory
_lock = threading.Lock()


class ScatteringFeatures(ImageTransformer):
    """Scattering coefficients of each pixel's surroundings, by kymatio.

    Parameters
    ----------
    J : int, default=2
        Scale: coefficients average over about 2^J pixels. 1 to 4.

    L : int, default=8
        Orientations.

    channels : {"intensity", "all"} or array-like of int, default="intensity"
        Of what. Colour images are converted to Lab first; "intensity" is then L. Of gray images it
        is the image; of others, the principal axis of the channels, learned in ``fit``.
        Integers choose channels (of Lab, where converted).

    max_order : {1, 2}, default=2
        Greatest order of the coefficients.

    convert2lab : bool or None, default=None
        Whether three channels are RGB, see :class:`LabFeatures`.

    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise. None is 1, -1 all cores.

    Attributes
    ----------
    lab_ : LabFeatures
        The colour conversion.

    mixing_ : ndarray of shape (``n_channels_in_``, n_channels), float32
        What is scattered: the (converted) channels times this matrix.

    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    n_features_out_ : int
        Channels of what ``transform`` returns: 1 + J L (+ J (J - 1) / 2 L^2 with order 2) for
        each scattered channel.

    References
    ----------
    .. [1] J. Bruna, S. Mallat, "Invariant scattering convolution networks", IEEE TPAMI 35(8),
           2013.
    .. [2] T. Verelst, M. Blaschko, M. Berman, "Generating superpixels using deep image
           representations", arXiv:1903.04586.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.features import ScatteringFeatures
    >>> image = np.random.default_rng(0).random((20, 30))
    >>> ScatteringFeatures().fit_transform([image])[0].shape
    (20, 30, 81)
    """

    _parameter_constraints = {  # noqa: RUF012
        **ImageTransformer._parameter_constraints,
        "J": [Interval(Integral, 1, 4, closed="both")],
        "L": [Interval(Integral, 1, None, closed="left")],
        "channels": [StrOptions({"intensity", "all"}), "array-like"],
        "max_order": [Interval(Integral, 1, 2, closed="both")],
        "convert2lab": ["boolean", None],
    }

    def __init__(
        self,
        *,
        J: int = 2,
        L: int = 8,
        channels: Literal["intensity", "all"] | ArrayLike = "intensity",
        max_order: int = 2,
        convert2lab: bool | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.J = J
        self.L = L
        self.channels = channels
        self.max_order = max_order
        self.convert2lab = convert2lab
        self.n_jobs = n_jobs

    def _fit(self, images, y):
        self.lab_ = LabFeatures(convert2lab=self.convert2lab).fit(images)
        self.mixing_ = self._mixing(images)
        per_channel = 1 + self.J * self.L
        if self.max_order == 2:
            per_channel += self.J * (self.J - 1) // 2 * self.L**2
        self.n_features_out_ = per_channel * self.mixing_.shape[1]

    def _mixing(self, images):
        n_channels = self.n_channels_in_
        identity = np.eye(n_channels, dtype=np.float32)
        if not isinstance(self.channels, str):
            chosen = np.asarray(self.channels)
            if chosen.ndim != 1 or chosen.dtype.kind not in "ui" or chosen.size == 0:
                raise ValueError(f"channels must be integers, got {self.channels!r}")
            if chosen.min() < 0 or chosen.max() >= n_channels:
                raise ValueError(
                    f"channels names {chosen.max()}; X has channels 0 to {n_channels - 1}"
                )
            return identity[:, chosen]
        if self.channels == "all" or n_channels == 1:
            return identity
        if self.lab_.converts_:
            return identity[:, :1]
        return principal_axis(images)

    @property
    def _reach(self):
        return (_MARGIN + 1) * 2**self.J  # and a cell on the way to the next coefficient

    def _features(self, image):
        return upsample(self._coefficients(image), 2**self.J, image.shape[:2])

    def _features_along(self, image, axes):
        return upsample(self._coefficients(image, axes), 2**self.J, image.shape[:2])

    def _add_along(self, image, axes, add):
        for strip in upsampled_strips(self._coefficients(image, axes), 2**self.J, image.shape[:2]):
            add(strip)

    def _coefficients(self, image, axes=None):
        """Coefficients (n_features_out_, rows, columns) at pixels 0, 2^J, 2 2^J, ...

        With axes (n_features_out_, n) what they are along these, (n, rows, columns).
        """
        planes = self.lab_.transform([image])[0] @ self.mixing_
        return scatter(planes.transpose(2, 0, 1), self.J, self.L, self.max_order, axes)


def principal_axis(images):
    """First principal axis of the standardised channels, (channels, 1)."""
    total, square, n = 0.0, 0.0, 0
    for image in images:
        flat = as_image(image).reshape(-1, image.shape[-1]).astype(float)
        total, square, n = total + flat.sum(axis=0), square + flat.T @ flat, n + len(flat)
    covariance = square / n - np.outer(total / n, total / n)
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    scale[scale == 0] = 1.0
    axis = np.linalg.eigh(covariance / np.outer(scale, scale))[1][:, -1]
    axis *= 1.0 if axis.sum() >= 0 else -1.0  # eigenvectors have no sign of their own
    return (axis / scale)[:, None].astype(np.float32)


def scatter(planes, J, L, max_order, axes=None):
    """Coefficients (planes * maps, rows, columns) of planes (planes, H, W), one every 2^J pixels.

    With axes (planes * maps, n), (n, rows, columns): tile by tile, so that no more is kept.
    """
    import torch

    step = 2**J
    margin = _MARGIN * step
    height, width = planes.shape[1:]
    side = _tile_side(height, width, step, margin)
    inner = side - 2 * margin
    rows, columns = -(-height // inner), -(-width // inner)
    padded = np.pad(
        planes,
        (
            (0, 0),
            (margin, margin + rows * inner - height),
            (margin, margin + columns * inner - width),
        ),
        mode="reflect",
    )
    tiles = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    tiles = tiles[:, ::inner, ::inner]
    transform = _transform(J, L, max_order, side)
    cells = inner // step
    kept = slice(margin // step - 1, margin // step - 1 + cells)  # kymatio drops one
    places = list(np.ndindex(tiles.shape[:3]))
    out = None
    with torch.inference_mode(), one_torch_thread():
        for first in range(0, len(places), _BATCH):
            batch = places[first : first + _BATCH]
            maps = transform(torch.from_numpy(tiles[tuple(zip(*batch))]))[:, :, kept, kept].numpy()
            n = maps.shape[1]
            if out is None:
                n_out = n * len(planes) if axes is None else axes.shape[1]
                out = np.zeros((n_out, rows * cells, columns * cells), np.float32)
            for (plane, row, column), tile in zip(batch, maps):
                own = slice(plane * n, (plane + 1) * n)
                there = out[:, row * cells : (row + 1) * cells, column * cells :][:, :, :cells]
                if axes is None:
                    there[own] = tile
                else:
                    there += np.tensordot(axes[own].T, tile, 1)
    return out[:, : -(-height // step), : -(-width // step)]


def _tile_side(height, width, step, margin):
    """The side, of three, that covers the image with the fewest pixels."""

    def area(side):
        inner = side - 2 * margin
        return -(-height // inner) * -(-width // inner) * side**2

    return min((16 * step, 32 * step, 48 * step), key=area)


def _transform(J, L, max_order, side):
    with _lock:  # built once, whichever thread asks first
        return _build_transform(J, L, max_order, side)


@lru_cache(maxsize=8)
def _build_transform(J, L, max_order, side):
    from kymatio.scattering2d.frontend.torch_frontend import ScatteringTorch2D

    size = side - 2 ** (J + 1)  # kymatio would pad by 2^J on each side; the tiles are padded
    return ScatteringTorch2D(J, (size, size), L=L, max_order=max_order, pre_pad=True)
