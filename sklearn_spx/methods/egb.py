"""Efficient graph-based segmentation: pixels are joined across weak edges, weakest first.

Two regions join when the edge between them is no stronger than the strongest edge inside
either, plus ``scale`` over its size (Felzenszwalb and Huttenlocher, eq. 3 and 4).
"""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal

from sklearn.utils._param_validation import Interval, Options, StrOptions

from ..base import UntrainedSegmenter
from ..kernels import graph_segmentation
from ..kernels.checks import check_connectivity
from ..utils.images import n_channels
from ..utils.scale import as_colour, scaled
from ..value_range import ValueRange


class EGBSegmenter(ValueRange, UntrainedSegmenter):
    """Efficient graph-based segmentation (Felzenszwalb-Huttenlocher), nothing learned.

    Parameters
    ----------
    scale : float, default=1.0
        Preference for large segments, k of the paper for 8-bit RGB, whatever the images are: the
        greater, the larger. Of n channels differences count as those of three.

    sigma : float, default=0.8
        Standard deviation, in pixels, of the Gaussian that smooths the image first; 0 is none. With
        ``spacing``, in pixels along the axis where that is smallest.

    min_size : int, default=20
        Segments of fewer pixels join a neighbour; no smaller one is left.

    connectivity : {4, 8, 6, 26}, default=8
        Neighbours of a pixel in the graph; segments are connected in the same sense. Of volumes
        6, by faces, or 26, by edges and corners too; 4 and 8 mean the same there.

    spacing : tuple of two or three numbers or None, default=None
        Distances of neighbouring samples. (z, y, x): images are volumes, (depth, height, width),
        with channels or without; (y, x): pixels are no squares; None: images of square pixels.
        Only ratios count. The Gaussian is round in space, and a distance of colours is multiplied
        by how much longer its edge is than where all spacings were the smallest.

    value_range : tuple of two floats or None, default=None
        The values of black and white. None: what the dtype says for 8-bit images and for floats in
        [0, 1], whole numbers within 0 to 255 count as 8-bit in any dtype, and so do 16 bits that
        are in use; of all else ``fit`` learns the range from all of its images, but for a
        thousandth of the values at either end. What lies beyond counts as black or white.

    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where to work, with the same labels: "cuda" is an NVIDIA GPU, with the extra ``cuda``
        installed, "auto" a GPU if there is one. With ``spacing`` the CPU works.

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
    sklearn_spx.kernels.graph_segmentation : The same on one array, or on affinities.

    References
    ----------
    .. [1] P. Felzenszwalb, D. Huttenlocher, "Efficient graph-based image segmentation",
           IJCV 59(2), 2004.

    Examples
    --------
    >>> from sklearn_spx import EGBSegmenter
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> images = make_dead_leaves(2, random_state=0).images
    >>> labels = EGBSegmenter(min_size=50).fit_transform(images)
    >>> labels[0].shape, labels[0].dtype
    ((128, 192), dtype('int32'))
    """

    _score_metric = "segmentation_covering"

    _parameter_constraints = {  # noqa: RUF012
        **ValueRange._parameter_constraints,
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "scale": [Interval(Real, 0, None, closed="left")],
        "sigma": [Interval(Real, 0, None, closed="left")],
        "min_size": [Interval(Integral, 0, None, closed="left")],
        "connectivity": [Options(Integral, {4, 6, 8, 26})],
        "spacing": ["array-like", None],
    }

    def __init__(
        self,
        scale: float = 1.0,
        *,
        sigma: float = 0.8,
        min_size: int = 20,
        connectivity: int = 8,
        spacing: Sequence[float] | None = None,
        value_range: tuple[float, float] | None = None,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        n_jobs: int | None = None,
        verbose: int = 0,
        on_error: Literal["raise", "warn"] = "raise",
    ) -> None:
        self.scale = scale
        self.sigma = sigma
        self.min_size = min_size
        self.connectivity = connectivity
        self.spacing = spacing
        self.value_range = value_range
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.on_error = on_error

    def _validate_params(self):
        super()._validate_params()
        check_connectivity(self.connectivity, self._n_axes)

    def _segment(self, image, mask):
        image = as_colour(image)
        n = n_channels(image)
        if n != 3:  # differences as of three channels, root of the sum of squares
            image = scaled(image, (3 / n) ** 0.5)
        return graph_segmentation(
            image,
            scale=self.scale,
            sigma=self.sigma,
            min_size=self.min_size,
            connectivity=self.connectivity,
            spacing=self.spacing,
            mask=mask,
            device=self.device,
        )
