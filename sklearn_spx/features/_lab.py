"""Colour as it is seen: CIE Lab of RGB images, other images as they are."""

import numpy as np

from ..kernels._checks import as_image
from ._base import ImageTransformer


class LabFeatures(ImageTransformer):
    """CIE Lab of colour images; the channels as they are of all others.

    Parameters
    ----------
    convert2lab : bool or None, default=None
        Whether three channels are RGB, to be converted. None: they are when the images seen in
        ``fit`` are integers, or floats in [0, 1]. Integers are read on the scale of their type
        (8 bits: 0 to 255), floats from 0 to 1.

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

    def __init__(self, *, convert2lab=None, n_jobs=None):
        self.convert2lab = convert2lab
        self.n_jobs = n_jobs

    def _fit(self, images):
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
        if not self.converts_:
            return as_image(image)
        from skimage.color import rgb2lab

        if image.dtype.kind in "iu":
            image = image / np.float32(np.iinfo(image.dtype).max)
        return np.ascontiguousarray(rgb2lab(image), dtype=np.float32)


def _reads_as_rgb(image):
    if image.dtype.kind in "bui":
        return image.dtype.kind != "b"
    return image.min() >= 0 and image.max() <= 1
