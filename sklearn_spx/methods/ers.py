"""Entropy rate superpixels: the graph of pixels is joined edge by edge until K clusters remain.

Each join takes the edge that adds most to the entropy rate of a random walk on the chosen
edges (compact, homogeneous clusters) plus ``balance`` times a term that favours clusters of
like size (Liu et al., eq. 4 to 8). The count is met exactly.
"""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal

from sklearn.utils._param_validation import Interval, Options, StrOptions

from ..base import StartingSegmenter, UntrainedSegmenter
from ..kernels import entropy_rate_superpixels
from ..kernels.checks import check_connectivity
from ..kernels.slic import slic_quiet
from ..utils.scale import eight_bit_units, for_slic
from ..utils.threads import own_threads
from ..value_range import ValueRange


class ERSSuperpixels(ValueRange, StartingSegmenter, UntrainedSegmenter):
    """Entropy rate superpixels on colour, nothing learned.

    Parameters
    ----------
    n_segments : int, default=100
        Number of superpixels, met exactly.

    balance : float, default=0.5
        Weight of the balancing term, lambda' of the paper: the greater, the more alike the
        sizes.

    sigma : float, default=5.0
        Contrast at which pixels stop being alike, in the units of 8-bit RGB whatever the images
        are: the sum of the differences in three channels, of n channels three times their mean.

    connectivity : {4, 8, 6, 26}, default=8
        Neighbours of a pixel in the graph; superpixels are connected in the same sense. Of volumes
        6, by faces, or 26, by edges and corners too; 4 and 8 mean the same there.

    regularity : float, default=0.1
        By what share affinities are less across the borders of as many SLIC superpixels, from 0
        (not at all, as in the paper) to 1: in flat parts superpixels are then round cells rather
        than strips and staircases.

    spacing : tuple of two or three numbers or None, default=None
        Distances of neighbouring samples. (z, y, x): images are volumes, (depth, height, width),
        with channels or without; (y, x): pixels are no squares; None: images of square pixels.
        Only ratios count: differences of colours are multiplied by the distance of the two pixels,
        where the smallest spacing is 1.

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

    See Also
    --------
    sklearn_spx.kernels.entropy_rate_superpixels : The same on one array, or on affinities.

    References
    ----------
    .. [1] M.-Y. Liu, O. Tuzel, S. Ramalingam, R. Chellappa, "Entropy rate superpixel
           segmentation", CVPR 2011.

    Examples
    --------
    >>> from sklearn_spx import ERSSuperpixels
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> images = make_dead_leaves(2, random_state=0).images
    >>> labels = ERSSuperpixels(n_segments=50).fit_transform(images)
    >>> [int(found.max()) + 1 for found in labels]
    [50, 50]
    """

    _parameter_constraints = {  # noqa: RUF012
        **ValueRange._parameter_constraints,
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "balance": [Interval(Real, 0, None, closed="left")],
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "connectivity": [Options(Integral, {4, 6, 8, 26})],
        "spacing": ["array-like", None],
        "regularity": [Interval(Real, 0, 1, closed="both")],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        n_segments: int = 100,
        *,
        balance: float = 0.5,
        sigma: float = 5.0,
        connectivity: int = 8,
        regularity: float = 0.1,
        spacing: Sequence[float] | None = None,
        value_range: tuple[float, float] | None = None,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        n_threads: int | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        on_error: Literal["raise", "warn"] = "raise",
    ) -> None:
        self.n_segments = n_segments
        self.balance = balance
        self.sigma = sigma
        self.connectivity = connectivity
        self.regularity = regularity
        self.spacing = spacing
        self.value_range = value_range
        self.device = device
        self.n_threads = n_threads
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.on_error = on_error

    def _start_means_nothing(self):
        return "regularity is 0" if self.regularity == 0 else None

    def _validate_params(self):
        super()._validate_params()
        check_connectivity(self.connectivity, self._n_axes)

    def _segment(self, image, mask, start=None):
        return entropy_rate_superpixels(
            eight_bit_units(image),
            self.n_segments,
            balance=self.balance,
            sigma=self.sigma,
            connectivity=self.connectivity,
            cells=self._cells(image, mask) if start is None else start,
            regularity=self.regularity,
            spacing=self.spacing,
            mask=mask,
            device=self.device,
            n_threads=own_threads(self.n_threads),
        )

    def _cells(self, image, mask):
        """SLIC superpixels; None without regularity."""
        if self.regularity == 0:
            return None
        pixels, converts = for_slic(image)
        return slic_quiet(
            pixels,
            self.n_segments,
            mask=mask,
            spacing=self.spacing,
            convert2lab=converts,
            device=self.device,
            n_threads=own_threads(self.n_threads),
        )
