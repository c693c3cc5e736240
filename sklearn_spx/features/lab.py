"""Colour as it is seen: CIE Lab of RGB images, other images as they are."""

import numpy as np

from ..kernels.checks import as_image, full_scale
from ..kernels.color import rgb_to_lab
from ._base import ImageTransformer

__all__ = ["LabFeatures", "weights_to_lab"]

# Variance of Lab over natural images, L + a + b: what any other kind of channels is scaled to.
_LAB_VARIANCE = 900.0


class LabFeatures(ImageTransformer):
    """CIE Lab of colour images; the channels as they are of all others.

    Parameters
    ----------
    convert2lab : bool or None, default=None
        Whether three channels are RGB, to be converted. None: they are when the images seen in
        ``fit`` are integers, or floats, within the scale of RGB: 0 to 1 for floats, to 65535 for
        uint16, to 255 for other integers.

    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise. None is 1, -1 all cores.

    Attributes
    ----------
    converts_ : bool
        Whether images are converted.

    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    n_features_out_ : int
        Channels of what ``transform`` returns.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.features import LabFeatures
    >>> image = np.full((4, 5, 3), 255, np.uint8)
    >>> lab = LabFeatures().fit_transform([image])[0]
    >>> lab.shape, lab.dtype, int(lab[0, 0, 0].round())
    ((4, 5, 3), dtype('float32'), 100)
    """

    _parameter_constraints = {  # noqa: RUF012
        **ImageTransformer._parameter_constraints,
        "convert2lab": ["boolean", None],
    }

    _reach = 0

    def __init__(self, *, convert2lab: bool | None = None, n_jobs: int | None = None) -> None:
        self.convert2lab = convert2lab
        self.n_jobs = n_jobs

    def _fit(self, images, y):
        if self.convert2lab and self.n_channels_in_ != 3:
            raise ValueError(
                f"convert2lab=True needs images of 3 channels, X has {self.n_channels_in_}"
            )
        convert = self.convert2lab
        if convert is None:  # one answer for all images, never one an image
            convert = self.n_channels_in_ == 3 and all(map(_reads_as_rgb, images))
        self.converts_ = bool(convert)
        self.n_features_out_ = self.n_channels_in_

    def _features(self, image):
        return rgb_to_lab(image) if self.converts_ else as_image(image)


def weights_to_lab(lab, images, masks):
    """Weights (C,) of squared differences at which channels vary as much as Lab of photographs.

    1 where ``lab`` converts, 0 for a channel that never varies. Of masked images the inside counts.
    """
    n_channels = lab.n_features_out_
    if lab.converts_:
        return np.ones(n_channels)
    pixels = [
        as_image(image)[np.s_[:] if mask is None else mask].reshape(-1, n_channels)
        for image, mask in zip(images, masks)
    ]
    variance = np.concatenate(pixels).var(axis=0, dtype=float)
    return np.divide(
        _LAB_VARIANCE / n_channels, variance, out=np.zeros(n_channels), where=variance > 0
    )


def _reads_as_rgb(image):
    return image.dtype.kind != "b" and image.min() >= 0 and image.max() <= full_scale(image.dtype)
