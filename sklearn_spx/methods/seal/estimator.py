"""SEAL superpixels: a net says which neighbouring pixels belong together, ERS grows the rest.

    image -> net -> affinities of each pixel to its right and lower neighbour
          -> entropy rate superpixels on the graph that they weigh

The net learns from human segmentations: where an annotated label changes, neighbours should
part. With the segmentation-aware loss, superpixels are grown on the net's own affinities while
it trains, and a boundary that they leak across weighs as many pixels as leaked (Tu et al., eq. 2
and 3).
"""

import math
import os
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, Self

import joblib
import numpy as np
from joblib import Memory
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.validation import check_memory

from ...base import StartingSegmenter, pack
from ...kernels.checks import check_count
from ...learned import Pretrained, TrainedNet, placed, to_host, torch_device
from ...training import NetTraining
from ...training.recipe import fit_net, resolve, seed_of
from ...training.state import net_arrays
from ...utils.images import check_boundaries
from ...utils.memory import give_back
from ...utils.threads import threads_after_net, torch_threads
from ...utils.types import Images, Labels
from ...utils.undo import all_or_nothing
from ...value_range import ValueRange
from .growth import Beside, grow, own_reading
from .model import NETS, affinities_of, for_net, make_net, predict_affinities
from .release import is_release, read_release
from .training import BOUNDARY_WEIGHT, RECIPE, SEALTask, sample


class SEALSuperpixels(Pretrained, ValueRange, StartingSegmenter):
    """Superpixels grown on affinities that a net has learned from human segmentations.

    Parameters
    ----------
    n_segments : int, default=100
        Number of superpixels, met exactly. ``transform`` also takes several counts at once.

    pretrained : str, path-like or None, default=None
        A net that is trained: a shipped name, see ``list_pretrained``, a file that ``save`` wrote,
        or the file that the authors of the paper released, which ends in .pkl. No ``fit`` is
        needed then, and ``fit`` trains only where ``training`` is given: on from this net.

    net : {"compact", "pan", "pan-two-way", "pan-square", "pan-no-canny", "pan-baseline"} or None, \
            default=None
        "compact": a small U-Net, sixty times fewer multiplications than the paper's net.
        "pan": the paper's pixel affinity net; it needs OpenCV and images of 1 or 3 channels, for
        their Canny edges. The others are its ablations: both directions at once, a 7x7 first
        convolution, no edges; "pan-baseline" is all three. None: that of ``pretrained``, else
        "compact".

    loss : {"cross_entropy", "seal"}, default="cross_entropy"
        What training minimises. "seal" adds the segmentation errors of superpixels in the loop
        (eq. 3).

    boundary_weight : float, "balanced" or None, default=None
        In training, what a missed boundary costs, a false one being 1. "balanced": as many times
        more as boundaries are rarer. None: 20 for "cross_entropy", 1 for "seal", as the paper.

    augmentation : {"turn", "wear"}, default="turn"
        What training makes of its crops. "turn": half are turned by any angle, the others by
        quarters, and half are reflected. "wear": besides, two in five are zoomed, from half to
        three times the size, and six in ten are darker or lighter, paler or tinted, blurred, noisy
        or worn by JPEG: for nets that will meet other images than they were trained on.

    training : NetTraining or None, default=None
        How the net is trained. What it leaves None, and None itself, is: 3,000 steps of 8 crops of
        112 pixels, AdamW at 2e-3, falling along a cosine, weight decay 1e-4, no image held out,
        patience 3, mixed precision.

    backend : {"ers", "egb"}, default="ers"
        What grows superpixels on the affinities: entropy rate superpixels, or the graph-based
        segmentation of Felzenszwalb and Huttenlocher, its scale searched for the count.

    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph; superpixels are connected in the same sense.

    balance : float or None, default=None
        How alike ERS makes the sizes; see :func:`~sklearn_spx.kernels.entropy_rate_superpixels`.
        None follows the net: 0.3 for "compact", 0.5, the paper's, for the others.

    sharpness : float or None, default=None
        The affinities are raised to this power before superpixels are grown. None follows net and
        loss: with "ers" 5 after "cross_entropy", 3.5 for "compact"; after "seal" 2 for "compact"
        and 1, as published, for the paper's nets; with "egb" 1.

    regularity : float or None, default=None
        With "ers", by what share affinities are less across the borders of as many SLIC
        superpixels, from 0 (not at all, as in the paper) to 1: where the net sees nothing
        superpixels are then round cells rather than strips. Of superpixels of fewer than 128 pixels
        in the mean it is in proportion to that. None: 0.25 for "compact", else 0.

    colour : float or None, default=None
        With "ers", how much colours weigh beside the net: affinities are multiplied by those of
        colours, as :class:`ERSSuperpixels` has them, to this power in images whose neighbouring
        pixels differ by 6 or less in the median, as the sum of three 8-bit channels; to less of it
        as they differ more, for among texture and noise colours say little of borders. 0 is the net
        alone, as in the paper. None: 0.4 for "compact", else 0.

    value_range : tuple of two floats or None, default=None
        The values of black and white. None: what the dtype says for 8-bit images and for floats in
        [0, 1], whole numbers within 0 to 255 count as 8-bit in any dtype, and so do 16 bits that
        are in use; of all else ``fit`` learns the range from all of its images, but for a
        thousandth of the values at either end, also where a trained net is kept. What lies beyond
        counts as black or white.

    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where the net runs.

    random_state : int, RandomState instance or None, default=0
        Initial weights, crops, and which images are held out. None: other ones in every ``fit``.

    memory : str, joblib.Memory or None, default=None
        Cache of the trained net and of each image's affinities, so that a search over parameters
        that neither depends on (``n_segments``, ``backend``, ``connectivity``, ``balance``,
        ``sharpness``, ``regularity``, ``colour``) trains once a fold.

    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise; in training, threads that prepare crops and grow superpixels. None is 1, -1 all
        cores.

    verbose : int, default=0
        A progress bar when 1 or more.

    on_error : {"raise", "warn"}, default="raise"
        What a bad image does. With "warn" the others go on: it gets None in a list and a label
        image of -1 in a stacked array, and ``fit`` leaves it out.

    Attributes
    ----------
    net_ : torch.nn.Module
        The trained net, of :mod:`sklearn_spx.nets`.

    history_ : list of dict
        Ten entries or so of the training: ``step``, ``loss``, ``seconds``, and ``score``, the
        achievable segmentation accuracy, of the images held out.

    n_channels_in_ : int
        Channels of the images seen in ``fit``. Gray images are taken for the same gray in three
        channels, beside colours and by a net that was trained on colours, too.

    value_range_ : tuple of two floats
        Black and white: given, or of the images seen in ``fit``.

    See Also
    --------
    sklearn_spx.ERSSuperpixels : The same on colour, nothing learned.
    sklearn_spx.features.affinities : Affinities from edges, features or annotations.

    Notes
    -----
    Differences from the paper: the compact net and its cross-entropy are ours; the paper's net is
    "pan", its loss "seal". ``regularity``, ``colour`` and powers of affinities are ours. Training
    is 3,000 steps, not 100,000; crops are turned by any angle; a boundary's neighbours weigh in by
    ``boundary_weight``. Affinities of annotators are averaged in a crop, where the paper draws one
    annotator. The grid of diagonal affinities is as in the authors' release.

    References
    ----------
    .. [1] W.-C. Tu, M.-Y. Liu, V. Jampani, D. Sun, S.-Y. Chien, M.-H. Yang, J. Kautz, "Learning
           superpixels with segmentation-aware affinity loss", CVPR 2018.

    Examples
    --------
    >>> from sklearn_spx import SEALSuperpixels
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> leaves = make_dead_leaves(3, shape=(48, 64), random_state=0)
    >>> from sklearn_spx.training import NetTraining
    >>> few = NetTraining(max_steps=3, batch_size=2, crop_size=32)
    >>> seal = SEALSuperpixels(n_segments=30, training=few)
    >>> seal = seal.fit(leaves.images[:2], leaves.ground_truths[:2])
    >>> labels = seal.transform(leaves.images[2:])
    >>> int(labels[0].max()) + 1
    30
    >>> [int(found.max()) + 1 for found in seal.transform(leaves.images[2:], n_segments=[9, 50])[0]]
    [9, 50]
    """

    _parameter_constraints = {  # noqa: RUF012
        **ValueRange._parameter_constraints,
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "pretrained": [str, Path, None],
        "net": [StrOptions(set(NETS)), None],
        "loss": [StrOptions({"cross_entropy", "seal"})],
        "boundary_weight": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"balanced"}),
            None,
        ],
        "augmentation": [StrOptions({"turn", "wear"})],
        "training": [NetTraining, None],
        "backend": [StrOptions({"ers", "egb"})],
        "connectivity": [Options(Integral, {4, 8})],
        "balance": [Interval(Real, 0, None, closed="left"), None],
        "sharpness": [Interval(Real, 0, None, closed="neither"), None],
        "regularity": [Interval(Real, 0, 1, closed="both"), None],
        "colour": [Interval(Real, 0, None, closed="left"), None],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "random_state": ["random_state"],
        "memory": [str, HasMethods(["cache"]), None],
    }

    _of_the_net = ("net",)

    def __init__(
        self,
        n_segments: int = 100,
        *,
        pretrained: str | os.PathLike[str] | None = None,
        net: Literal["compact", "pan", "pan-two-way", "pan-square", "pan-no-canny", "pan-baseline"]
        | None = None,
        loss: Literal["cross_entropy", "seal"] = "cross_entropy",
        boundary_weight: float | Literal["balanced"] | None = None,
        augmentation: Literal["turn", "wear"] = "turn",
        training: NetTraining | None = None,
        backend: Literal["ers", "egb"] = "ers",
        connectivity: int = 8,
        balance: float | None = None,
        sharpness: float | None = None,
        regularity: float | None = None,
        colour: float | None = None,
        value_range: tuple[float, float] | None = None,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        random_state: int | np.random.RandomState | None = 0,
        memory: str | Memory | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        on_error: Literal["raise", "warn"] = "raise",
    ) -> None:
        self.n_segments = n_segments
        self.pretrained = pretrained
        self.net = net
        self.loss = loss
        self.boundary_weight = boundary_weight
        self.augmentation = augmentation
        self.training = training
        self.backend = backend
        self.connectivity = connectivity
        self.balance = balance
        self.sharpness = sharpness
        self.regularity = regularity
        self.colour = colour
        self.value_range = value_range
        self.device = device
        self.random_state = random_state
        self.memory = memory
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.on_error = on_error

    @all_or_nothing
    def fit(
        self,
        X: Images,
        y: Images | None = None,
        *,
        masks: Images | None = None,
        validation: Sequence[Any] | None = None,
    ) -> Self:
        """Train the net.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), of one number of channels; gray
            images may stand among colours. They are held in memory while fitting.

        y : sequence of n_images ground truths
            Each a label image (height, width) or a list of them, one an annotator. Each
            annotation is a sample of its own.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented; nothing is learned from other pixels.

        validation : tuple (X, y) or (X, y, masks), or None, default=None
            Images to hold out, and their ground truths: the best state on them is kept, and
            training stops early by them, instead of a ``validation_fraction`` of ``X``.

        Returns
        -------
        self : SEALSuperpixels
            The fitted estimator.

        Raises
        ------
        ValueError
            If there are no ground truths, none of them shows a boundary, or there are too few
            images to hold some out.

        ImportError
            If the net needs OpenCV, which is not installed.
        """
        if self.pretrained is not None and self.training is None:
            return self._keep_pretrained(X, masks, validation)
        if y is None:
            raise ValueError("y is None; SEALSuperpixels learns from ground truths")
        start, channels, net_channels = None, None, None
        if self.pretrained is not None:
            self._load()
            start, channels = net_arrays(self.net_), self.n_channels_in_
            net_channels = self._net_channels
        items = [sample(net_channels, *item) for item in self._checked(X, masks, y, channels)]
        check_boundaries(labels for _, labels in items)
        annotations, n_images = np.mean([len(labels) for _, labels in items]), len(items)
        held_out = self._checked_validation(validation)
        items += [sample(net_channels, *item) for item in held_out]
        recipe = resolve(self.training, RECIPE, n_images, annotations, len(held_out))
        weight = self.boundary_weight
        about = {
            "net": self._kind["net"] if start else self.net or "compact",
            "loss": self.loss,
            "boundary_weight": BOUNDARY_WEIGHT[self.loss] if weight is None else weight,
            "augmentation": self.augmentation,
            "seed": seed_of(self.random_state),
        }
        state, self.history_ = fit_net(
            partial(
                SEALTask,
                items,
                recipe,
                {**about, "start": start},
                torch_device(self.device),
                joblib.effective_n_jobs(self.n_jobs),
            ),
            recipe,
            about=about,
            data={
                "images": [image for image, _ in items],
                "ground truths": [labels for _, labels in items],
                "initial weights": start,
            },
            memory=self.memory,
            verbose=self.verbose,
        )
        self._set_net({"net": about["net"], "loss": self.loss}, state, items[0][0].shape[2])
        return self

    def transform(
        self,
        X: Images,
        *,
        masks: Images | None = None,
        start: Images | None = None,
        n_segments: Sequence[int] | None = None,
    ) -> Labels:
        """Segment images.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), with the channels seen in ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented; a single mask may be None.

        start : sequence of n_images label images (height, width) or None, default=None
            Superpixels whose borders are favoured, by ``regularity``, in the place of those of SLIC
            superpixels, as those of the frame before; labels of any numbers, below 0 for none. A
            single one may be None.

        n_segments : list of int or None, default=None
            Several numbers of superpixels, for which the affinities are computed once. None is
            the parameter of this name.

        Returns
        -------
        labels : list of n_images int32 arrays (height, width), or a stacked array
            Labels 0 .. n_segments - 1, -1 outside the mask. With a list of counts, a list of
            label images for each image, or an array (n_images, n_counts, height, width).

        Raises
        ------
        ValueError, TypeError
            If an image, mask or start cannot be used; the message names it. See ``on_error``.

        sklearn.exceptions.NotFittedError
            If called before ``fit``.
        """
        if n_segments is None:
            return super().transform(X, masks=masks, start=start)
        counts = [check_count(n, f"n_segments[{i}]") for i, n in enumerate(n_segments)]
        if not counts:
            raise ValueError("n_segments is empty; accepted is at least one count")
        return pack(self._each(X, masks, partial(self._grow, counts), start), X, (len(counts),))

    def affinities(self, X: Images) -> list[Any]:
        """Predict the affinities of neighbouring pixels.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``transform``.

        Returns
        -------
        affinities : list of n_images float32 arrays (2, height, width)
            In (0, 1): [0] of each pixel to its right neighbour, [1] to the lower one. The last
            column of the one and the last row of the other mean nothing. The power ``sharpness``
            is not in them.
        """
        return self._each(X, None, self._affinities)

    @classmethod
    def _read(cls, name_or_path):
        if is_release(name_or_path):
            return read_release(name_or_path)
        return super()._read(name_or_path)

    # --- from image to superpixels -----------------------------------------------------------

    def _start_means_nothing(self):
        if self.backend == "egb":
            return 'backend is "egb"'
        return None if self._reading().regularity else "regularity is 0"

    def _segment(self, image, mask, start=None):
        return self._grow([self.n_segments], image, mask, start)[0]

    def _affinities(self, image, mask=None):
        return to_host(self._predicted(image))

    def _predicted(self, image):
        """Affinities where the net is; of a cache on the host."""
        net, image = self._net.on(self.device), for_net(image, self._net_channels)
        with torch_threads(self.n_jobs):
            if self.memory is not None:
                predict = check_memory(self.memory).cache(predict_affinities, ignore=["net"])
                return predict(image, net, self._net.digest)
            return affinities_of(image, net)

    def _grow(self, counts, image, mask, start=None):
        reading = self._reading()
        if self.backend == "egb":
            reading = reading._replace(regularity=0.0, colour=0.0)
        beside = Beside(image, mask, reading, self.device, start, threads_after_net(self.n_jobs))
        *held, mask = placed(self.device, self._predicted(image), mask)
        give_back(8 * math.prod(image.shape[:2]))
        labels = []
        for i, count in enumerate(counts, 1):
            given = held if i == len(counts) else held.copy()  # the last may have them
            found = grow(given, count, beside, self.backend, self.connectivity, mask)
            labels.append(to_host(found))
        return labels

    def _reading(self):
        """The parameters of these names, where they are not None."""
        own = own_reading(self._kind["net"], self._kind["loss"], self.backend)
        return own._replace(
            **{name: value for name in own._fields if (value := getattr(self, name)) is not None}
        )

    # --- state -------------------------------------------------------------------------------

    @property
    def net_(self):
        return self._net.on(self.device)

    def _set_net(self, kind, state, n_channels):
        self._kind = kind  # of the trained net, whatever the parameters are set to later
        self._net_channels = n_channels  # three where it learned from gray images
        self._net = TrainedNet(partial(make_net, kind["net"], n_channels), state)
        self._trained()

    def _state(self):
        values = {"history": self.history_, "n_channels_in": self.n_channels_in_, **self._kind}
        values |= {"net_channels": self._net_channels, **self._range_state()}
        return net_arrays(self.net_), values

    def _set_state(self, arrays, values):
        self.history_ = values["history"]
        self.n_channels_in_ = values["n_channels_in"]
        self._set_range_state(values)
        n_channels = values.get("net_channels", self.n_channels_in_)  # of an earlier version: none
        self._set_net({name: values[name] for name in ("net", "loss")}, arrays, n_channels)
