"""SEAL superpixels: a net says which neighbouring pixels belong together, ERS grows the rest.

    image -> net -> affinities of each pixel to its right and lower neighbour
          -> entropy rate superpixels on the graph that they weigh

The net learns from human segmentations: where an annotated label changes, neighbours should
part. With the segmentation-aware loss, superpixels are grown on the net's own affinities while
it trains, and a boundary that they leak across weighs as many pixels as leaked (Tu et al., eq. 2
and 3).
"""

import hashlib
from numbers import Integral, Real
from pathlib import Path

import joblib
import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted, check_memory

from ...base import ImageSegmenter
from ...kernels import entropy_rate_superpixels
from ...kernels.checks import check_count
from ...learned import net_arrays
from ...utils._device import torch_device
from ...utils._persistence import PretrainedMixin
from ...utils._threads import torch_threads
from .graph import graph_segments
from .model import (
    BALANCE,
    NETS,
    REGULARITY,
    SHARPNESS,
    as_channels,
    build_net,
    parted_by_grids,
    predict,
)
from .training import sample, train_net


class SEALSuperpixels(PretrainedMixin, ImageSegmenter):
    """Superpixels grown on affinities that a net has learned from human segmentations.

    Parameters
    ----------
    n_segments : int, default=100
        Number of superpixels, met exactly. ``transform`` also takes several counts at once.

    net : {"compact", "pan", "pan-two-way", "pan-square", "pan-no-canny"}, default="compact"
        "compact": a small U-Net, sixty times fewer multiplications than the paper's net.
        "pan": the paper's net; it needs OpenCV and 8-bit images of 1 or 3 channels, for their
        Canny edges. The others are its ablations: both directions at once, a 7x7 first
        convolution, no edges.

    loss : {"cross_entropy", "seal"}, default="cross_entropy"
        "seal" adds the segmentation errors of superpixels in the loop.

    boundary_weight : float or "balanced", default=20.0
        What a missed boundary costs, a false one being 1. "balanced": as many times more as
        boundaries are rarer.

    backend : {"ers", "egb"}, default="ers"
        What grows superpixels on the affinities: entropy rate superpixels, or the graph-based
        segmentation of Felzenszwalb and Huttenlocher, its scale searched for the count.

    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph; superpixels are connected in the same sense.

    balance : float, default=0.3
        How alike ERS makes the sizes; see :func:`~sklearn_spx.kernels.entropy_rate_superpixels`.
        The paper has 0.5.

    sharpness : float or None, default=None
        The affinities are raised to this power before superpixels are grown. None is 5 with
        "ers", 1 with "egb".

    regularity : float, default=0.05
        With "ers", how strongly superpixels of a region without boundaries are blocks rather than
        strips, from 0 (not at all, as in the paper) to 1.

    max_steps : int, default=3000
        Optimiser steps.

    batch_size : int, default=8
        Crops a step.

    crop_size : int, default=112
        Side of the crops, in pixels, at least 32.

    learning_rate : float, default=2e-3
        Initial rate of AdamW; it falls to 0 along a cosine.

    validation_fraction : float, default=0.0
        Share of the images held out of training, to keep the best state by their achievable
        segmentation accuracy.

    early_stopping : bool, default=False
        Stop when three validations in a row brought nothing better; one is made each tenth of
        ``max_steps``. Needs a ``validation_fraction``.

    checkpoint : str, path-like or None, default=None
        File that keeps the state of training once a minute. ``fit`` goes on from it.

    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where the net runs. On a GPU it trains in mixed precision.

    random_state : int, RandomState instance or None, default=None
        Initial weights, crops, and which images are held out.

    memory : str, joblib.Memory or None, default=None
        Cache of the trained net and of each image's affinities, so that a search over parameters
        that neither depends on (``n_segments``, ``backend``, ``connectivity``, ``balance``,
        ``sharpness``, ``regularity``) trains once a fold.

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
        Ten entries or so of the training: ``step``, ``loss``, ``seconds``, and ``score`` of the
        images held out.

    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    See Also
    --------
    sklearn_spx.ERSSuperpixels : The same on colour, nothing learned.
    sklearn_spx.features.affinities : Affinities from edges, features or annotations.

    References
    ----------
    .. [1] W.-C. Tu, M.-Y. Liu, V. Jampani, D. Sun, S.-Y. Chien, M.-H. Yang, J. Kautz, "Learning
           superpixels with segmentation-aware affinity loss", CVPR 2018.

    Examples
    --------
    >>> from sklearn_spx import SEALSuperpixels
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> leaves = make_dead_leaves(3, shape=(48, 64), random_state=0)
    >>> seal = SEALSuperpixels(n_segments=30, max_steps=3, batch_size=2, crop_size=32)
    >>> seal = seal.fit(leaves.images[:2], leaves.ground_truths[:2])
    >>> labels = seal.transform(leaves.images[2:])
    >>> int(labels[0].max()) + 1
    30
    >>> [int(found.max()) + 1 for found in seal.transform(leaves.images[2:], n_segments=[9, 50])[0]]
    [9, 50]
    """

    _parameter_constraints = {  # noqa: RUF012
        **ImageSegmenter._parameter_constraints,
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "net": [StrOptions(set(NETS))],
        "loss": [StrOptions({"cross_entropy", "seal"})],
        "boundary_weight": [Interval(Real, 0, None, closed="neither"), StrOptions({"balanced"})],
        "backend": [StrOptions({"ers", "egb"})],
        "connectivity": [Options(Integral, {4, 8})],
        "balance": [Interval(Real, 0, None, closed="left")],
        "sharpness": [Interval(Real, 0, None, closed="neither"), None],
        "regularity": [Interval(Real, 0, 1, closed="both")],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "crop_size": [Interval(Integral, 32, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "checkpoint": [str, Path, None],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "random_state": ["random_state"],
        "memory": [str, HasMethods(["cache"]), None],
    }

    def __init__(
        self,
        n_segments=100,
        *,
        net="compact",
        loss="cross_entropy",
        boundary_weight=20.0,
        backend="ers",
        connectivity=8,
        balance=BALANCE,
        sharpness=None,
        regularity=REGULARITY,
        max_steps=3000,
        batch_size=8,
        crop_size=112,
        learning_rate=2e-3,
        validation_fraction=0.0,
        early_stopping=False,
        checkpoint=None,
        device="cpu",
        random_state=None,
        memory=None,
        n_jobs=None,
        verbose=0,
        on_error="raise",
    ):
        self.n_segments = n_segments
        self.net = net
        self.loss = loss
        self.boundary_weight = boundary_weight
        self.backend = backend
        self.connectivity = connectivity
        self.balance = balance
        self.sharpness = sharpness
        self.regularity = regularity
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.crop_size = crop_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.checkpoint = checkpoint
        self.device = device
        self.random_state = random_state
        self.memory = memory
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.on_error = on_error

    def fit(self, X, y=None, *, masks=None):
        """Train the net.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), of one number of channels. White is
            65535 in uint16, 255 in other integers; floats are taken as they are. They are held in
            memory while fitting.

        y : sequence of n_images ground truths
            Each a label image (height, width) or a list of them, one an annotator. Each
            annotation is a sample of its own.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented; nothing is learned from other pixels.

        Returns
        -------
        self : SEALSuperpixels
            The fitted estimator.

        Raises
        ------
        ValueError
            If there are no ground truths, or too few images to hold some out.

        ImportError
            If the net needs OpenCV, which is not installed.
        """
        if y is None:
            raise ValueError("y is None; SEALSuperpixels learns from ground truths")
        items = [sample(*item) for item in self._checked(X, masks, y)]
        if self.early_stopping and not self.validation_fraction:
            raise ValueError("early_stopping needs a validation_fraction above 0")
        held_out = int(np.ceil(self.validation_fraction * len(items)))
        if held_out >= len(items):
            raise ValueError(
                f"validation_fraction {self.validation_fraction} of {len(items)} images leaves "
                "none to learn from"
            )
        recipe = {
            "net": self.net,
            "loss": self.loss,
            "boundary_weight": self.boundary_weight,
            "max_steps": self.max_steps,
            "batch_size": self.batch_size,
            "crop_size": self.crop_size,
            "learning_rate": self.learning_rate,
            "early_stopping": bool(self.early_stopping),
            "seed": int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max)),
        }
        train = check_memory(self.memory).cache(
            train_net, ignore=["checkpoint", "device", "n_jobs", "verbose"]
        )
        state, self.history_ = train(
            items,
            held_out,
            recipe,
            checkpoint=self.checkpoint,
            device=torch_device(self.device),
            n_jobs=joblib.effective_n_jobs(self.n_jobs),
            verbose=self.verbose,
        )
        self._set_net(state)
        return self

    def transform(self, X, *, masks=None, n_segments=None):
        """Segment images.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), with the channels seen in ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented; a single mask may be None.

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
            If an image or mask cannot be used; the message names it. See ``on_error``.

        sklearn.exceptions.NotFittedError
            If called before ``fit``.
        """
        if n_segments is None:
            return super().transform(X, masks=masks)
        counts = [check_count(n, f"n_segments[{i}]") for i, n in enumerate(n_segments)]
        if not counts:
            raise ValueError("n_segments is empty; accepted is at least one count")
        check_is_fitted(self)
        several = object.__new__(type(self))  # a copy that shares the net
        several.__dict__.update(self.__dict__)
        several._segment = lambda image, mask: self._grow_all(image, mask, counts)
        return ImageSegmenter.transform(several, X, masks=masks)

    def affinities(self, X):
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
        check_is_fitted(self)
        found = object.__new__(type(self))
        found.__dict__.update(self.__dict__)
        found._segment = lambda image, mask: self._affinities(image)
        return list(ImageSegmenter.transform(found, X))

    @classmethod
    def from_pretrained(cls, name_or_path="bsds500", **params):
        """Load a fitted estimator.

        Parameters
        ----------
        name_or_path : str or path-like, default="bsds500"
            A name shipped with the package, a file that ``save`` wrote, or the file that the
            authors of the paper released, which ends in .pkl.

        **params : dict
            Parameters set on the estimator. Those that training does not depend on need no fit.

        Returns
        -------
        estimator : SEALSuperpixels
            Fitted.

        Raises
        ------
        FileNotFoundError
            If there is neither such a name nor such a file.

        ValueError
            If the file is none of these.
        """
        if Path(name_or_path).suffix != ".pkl":
            return super().from_pretrained(name_or_path, **params)
        import torch

        from ...nets.pixel_affinity import released_state

        released = torch.load(name_or_path, map_location="cpu", weights_only=True)
        published = {"balance": 0.5, "sharpness": 1.0, "regularity": 0.0}
        seal = cls(net="pan", loss="seal", boundary_weight=1.0, **published)
        seal.n_channels_in_ = 3
        seal.history_ = []
        seal._set_net({k: v.numpy() for k, v in released_state(released).items()})
        return seal.set_params(**params)

    def _segment(self, image, mask):
        return self._grow_all(image, mask, [self.n_segments])[0]

    def _affinities(self, image):
        compute = check_memory(self.memory).cache(predict, ignore=["net"])
        with torch_threads(self.n_jobs):
            return compute(as_channels(image), self._fingerprint, net=self.net_)

    def _grow_all(self, image, mask, counts):
        sharpness = SHARPNESS[self.backend] if self.sharpness is None else self.sharpness
        affinities = self._affinities(image) ** sharpness
        if self.backend == "egb":
            return [graph_segments(affinities, n, self.connectivity, mask) for n in counts]
        n_pixels = affinities[0].size if mask is None else mask.sum()
        return [
            entropy_rate_superpixels(
                n_segments=count,
                affinities=parted_by_grids(affinities, self.regularity, (n_pixels / count) ** 0.5),
                balance=self.balance,
                connectivity=self.connectivity,
                mask=mask,
            )
            for count in counts
        ]

    # --- state ---

    def _set_net(self, state):
        self.net_ = build_net(self.net, self.n_channels_in_, state, torch_device(self.device))
        digest = hashlib.sha256(self.net.encode())
        for name in sorted(state):
            digest.update(name.encode() + np.ascontiguousarray(state[name]).tobytes())
        self._fingerprint = digest.hexdigest()

    def _state(self):
        values = {"history": self.history_, "n_channels_in": self.n_channels_in_}
        return net_arrays(self.net_), values

    def _set_state(self, arrays, values):
        self.history_ = values["history"]
        self.n_channels_in_ = values["n_channels_in"]
        self._set_net(arrays)

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "net_" in state:  # as arrays, so that a GPU's net opens anywhere
            state["net_"] = net_arrays(state["net_"])
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "net_" in state:
            self.net_ = build_net(self.net, self.n_channels_in_, state["net_"], "cpu")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
