"""Simple linear iterative clustering: k-means on colour and place, within a window.

Centres start on a regular grid of step S. ``max_iter`` times, each pixel joins the nearest
centre among those close by, in d^2 = d_colour^2 + (compactness / S)^2 d_place^2 (Achanta et
al., eq. 3), and each centre moves to the mean of its pixels. What is not connected at the end
is split off, and pieces too small to be superpixels join a neighbour. In a volume a place has
three coordinates.
"""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, StrOptions

from ..base import StartingSegmenter, UntrainedSegmenter
from ..kernels.slic import region_seeds, slic, slic_quiet
from ..utils.images import n_channels
from ..utils.scale import as_bands, as_colour
from ..utils.threads import own_threads
from ..value_range import ValueRange


class SLICSuperpixels(ValueRange, StartingSegmenter, UntrainedSegmenter):
    """SLIC superpixels, nothing learned.

    Parameters
    ----------
    n_segments : int, default=100
        Number of superpixels, met exactly; where that cannot be, as near to it as can be: no more
        than one a pixel, no fewer than one a connected part of the mask.

    compactness : float, default=10.0
        Weight of place against colour, in units of colour (Lab: 0 to 100): the greater, the
        squarer the superpixels. With ``slic_zero`` only where the search for it starts.

    max_iter : int, default=10
        Clustering iterations.

    slic_zero : bool, default=False
        Adapt the compactness of each superpixel to its own contrast (SLICO).

    weights : array-like of shape (n_channels,) or None, default=None
        Weight of each channel's squared difference, 0 or more; None is 1 for all. Of the Lab
        channels where the image is converted; a single one is for all.

    convert2lab : bool or None, default=None
        Convert to CIE Lab first. None: gray images and those of three channels are; n other
        channels go from 0 to 100 / sqrt(n) each. False: nothing is, and without a ``value_range``
        values count as they are, as those of features should.

    spacing : tuple of two or three numbers or None, default=None
        Distances of neighbouring samples. (z, y, x): images are volumes, (depth, height, width),
        with channels or without, and superpixels 6-connected; (y, x): pixels are no squares; None:
        images of square pixels. Only ratios count: superpixels are as near to cubes, or squares,
        in space as `compactness` says.

    value_range : tuple of two floats or None, default=None
        The values of black and white. None: what the dtype says for 8-bit images and for floats in
        [0, 1], whole numbers within 0 to 255 count as 8-bit in any dtype, and so do 16 bits that
        are in use; of all else ``fit`` learns the range from all of its images, but for a
        thousandth of the values at either end. What lies beyond counts as black or white.

    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where to work, with the same labels: "cuda" is an NVIDIA GPU, with the extra ``cuda``
        installed, "auto" a GPU if there is one. With ``spacing`` the CPU works.

    n_threads : int or None, default=None
        Threads that share the work on each image on the CPU, with the same labels; None is 1.
        Where several images are worked on at once, each has one;
        :func:`~sklearn_spx.large.segment_array` works on blocks at once in its place.

    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise. None is 1, -1 all cores.

    verbose : int, default=0
        A progress bar when 1 or more.

    on_error : {"raise", "warn"}, default="raise"
        What a bad image does. With "warn" the others go on: it gets None in a list and a label
        image of -1 in a stacked array.

    Attributes
    ----------
    n_channels_in_ : int
        Channels of the images seen in ``fit``; gray among colours counts as colour.

    value_range_ : tuple of two floats
        Black and white: given, or of the images seen in ``fit``.

    n_iter_ : int
        Clustering iterations that ``transform`` runs.

    See Also
    --------
    sklearn_spx.TrainableSLIC : SLIC with learned distances.
    sklearn_spx.kernels.slic : The same on one array.

    References
    ----------
    .. [1] R. Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel
           methods", IEEE TPAMI 34(11), 2012.

    Examples
    --------
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> images = make_dead_leaves(2, random_state=0).images
    >>> labels = SLICSuperpixels(n_segments=50).fit_transform(images)
    >>> labels[0].shape, labels[0].dtype
    ((128, 192), dtype('int32'))
    """

    _parameter_constraints = {  # noqa: RUF012
        **ValueRange._parameter_constraints,
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "compactness": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "slic_zero": ["boolean"],
        "weights": ["array-like", None],
        "convert2lab": ["boolean", None],
        "spacing": ["array-like", None],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        n_segments: int = 100,
        *,
        compactness: float = 10.0,
        max_iter: int = 10,
        slic_zero: bool = False,
        weights: ArrayLike | None = None,
        convert2lab: bool | None = None,
        spacing: Sequence[float] | None = None,
        value_range: tuple[float, float] | None = None,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        n_threads: int | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        on_error: Literal["raise", "warn"] = "raise",
    ) -> None:
        self.n_segments = n_segments
        self.compactness = compactness
        self.max_iter = max_iter
        self.slic_zero = slic_zero
        self.weights = weights
        self.convert2lab = convert2lab
        self.spacing = spacing
        self.value_range = value_range
        self.device = device
        self.n_threads = n_threads
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.on_error = on_error

    @property
    def n_iter_(self):
        return self.max_iter

    def _look_at(self, image, mask, name):
        return image if self._takes_as_given() else super()._look_at(image, mask, name)

    def _takes_as_given(self):
        """Whether values count as they are."""
        asked_not_to = self.convert2lab is not None and not self.convert2lab
        return asked_not_to and self.value_range is None

    def _conversion(self, channels):
        """Whether images are RGB to be converted, and the weights as the kernel takes them."""
        converts = self.convert2lab in (None, True) and channels in (1, 3)
        if self.convert2lab and not converts:
            raise ValueError(f"convert2lab=True needs one or three channels, found {channels}")
        weights = None if self.weights is None else np.asarray(self.weights, dtype=float)
        if converts and weights is not None and weights.shape == (1,):
            weights = np.repeat(weights, 3)
        return converts, weights

    def _segment(self, image, mask, start=None):
        run = slic_quiet
        converts, weights = self._conversion(n_channels(image))
        if self._takes_as_given():
            run = slic  # which warns where values cannot matter
        else:
            image = as_colour(image) if converts else as_bands(image)
        return run(
            image,
            self.n_segments,
            compactness=self.compactness,
            max_iter=self.max_iter,
            slic_zero=self.slic_zero,
            weights=weights,
            mask=mask,
            spacing=self.spacing,
            seeds=None if start is None else region_seeds(start),
            device=self.device,
            convert2lab=converts,
            n_threads=own_threads(self.n_threads),
        )
