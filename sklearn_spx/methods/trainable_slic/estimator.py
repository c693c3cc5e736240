"""Superpixels like SLIC's whose distance is learned: colour and texture, as humans segment.

Features of each pixel (colour, scattering coefficients, ...) replace colour in SLIC, and the
distance of a pixel and a cluster becomes (Verelst et al., eq. 1)

    d^2 = sum_c w_c (f_c(pixel) - f_c(cluster))^2 + (compactness / S)^2 |place - place|^2

To learn w, a plain SLIC is run on training images. Each pixel then has to choose among its Q
spatially nearest clusters (Algorithm 1, bottom-up), and the right answer is the one that SLIC would
give if it might only choose clusters of the pixel's own ground-truth segment (section V-A; `labels`
names the other answers of section V). Pixels around which at least X segments meet are learned
from. With -d^2 as the logit of a cluster this is
multinomial logistic regression with weights >= 0: convex, one optimum.

From there a net may learn on: a 3-layer distance, or a classifier of pixels into their Q clusters
(section IV). Superpixels then grow by Algorithm 1, every pixel asking the net.

At last the features' part is scaled, all by one factor, so that `compactness` gives superpixels of
the same shape as it gives in plain SLIC.
"""

import os
import warnings
from collections.abc import Sequence
from functools import partial
from inspect import signature
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from joblib import Memory
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_memory

from ...base import StartingSegmenter
from ...features import ChannelUnion, EmbeddingFeatures, LabFeatures, ScatteringFeatures
from ...kernels.checks import check_spacing
from ...kernels.slic import region_seeds
from ...learned import Pretrained, TrainedNet, placed, to_host, torch_device
from ...model_file import decode_fitted, encode_fitted
from ...training import NetTraining
from ...training.recipe import resolve, seed_of
from ...training.state import net_arrays
from ...utils.scale import as_colour
from ...utils.types import Images
from ...utils.undo import all_or_nothing
from ...value_range import ValueRange
from .model import features_along_axes, make_net, parts_along_axes, segment
from .samples import Reference
from .training import LINEAR_RECIPE, RECIPE, learn

# what keeps `partial_fit` going, arrays and numbers
_PAST_ARRAYS = ("unit", "curvature", "slope", "weights", "moments")
_PAST_NUMBERS = ("n", "n_images", "log_scale")


_NETS = ("mlp", "classifier", "classifier-paper")
# of samples of pixels, which an embedding does not learn from
_OF_SAMPLES = ("n_neighbors", "labels", "hard_examples", "n_samples", "class_weight")


class TrainableSLIC(Pretrained, ValueRange, StartingSegmenter):
    """SLIC superpixels with a distance learned from images and ground truths.

    Parameters
    ----------
    n_segments : int, default=100
        Number of superpixels, met exactly; where that cannot be, as near to it as can be: no more
        than one a pixel, no fewer than one a connected part of the mask.

    distance : {"linear", "mlp", "classifier", "classifier-paper", "embedding"} or None, \
            default=None
        What is learned. None: that of ``pretrained``, else "linear".

        - "linear": a weight a feature, 0 or more (eq. 1 of [1]_, there "1-layer"). Superpixels are
          grown by the plain SLIC kernel;
        - "mlp": a distance by three layers ("3-layer") on the squared differences of a pixel and a
          cluster along ``axes_``;
        - "classifier": the classification net of section IV on ``axes_``: batch normalisation,
          DRP for the pixel, DRC for each cluster, fully connected layers of 120, 105 and 15 units,
          ``n_neighbors`` outputs;
        - "classifier-paper": the same net as published: it starts from nothing and stands alone,
          sees differences of pixel and clusters, the nearest first, and learns the one right
          cluster. ``compactness`` is then its input's sigma, 10 being 1;
        - "embedding": the features themselves, of which each weighs 1. With ``features=None`` they
          are :class:`~sklearn_spx.features.EmbeddingFeatures`, a net trained through SLIC; it takes
          the longest. Not of the paper. It learns from whole crops: ``n_neighbors``, ``labels``,
          ``hard_examples``, ``n_samples`` and ``class_weight`` choose nothing and stay as they are.

        "mlp" and "classifier" add to the linear distance, which is always learned first, and start
        from adding nothing. With a net superpixels grow by Algorithm 1.

    pretrained : str, path-like or None, default=None
        A distance that is trained: a shipped name, see ``list_pretrained``, or a file that ``save``
        wrote. No ``fit`` is needed then, and ``fit`` trains only where ``training`` is given: on
        from this distance.

    features : transformer of images or None, default=None
        Turns an image into an image of features, such as those of :mod:`sklearn_spx.features`. It
        gets uint8 of 8-bit pictures and float32 with white at 1 of all others, gray ones in three
        channels.
        None: those of ``pretrained``, else :class:`~sklearn_spx.features.LabFeatures` and
        :class:`~sklearn_spx.features.ScatteringFeatures`, or, for "embedding",
        :class:`~sklearn_spx.features.EmbeddingFeatures` with the ``size``, ``training``,
        ``device``, ``random_state``, ``n_jobs`` and ``verbose`` given here.

    compactness : float, default=10.0
        Weight of place against features: the greater, the squarer the superpixels. The weights are
        scaled so that 10 gives the shape that it gives in plain SLIC on Lab, whatever the
        features are. No part of the training.

    max_iter : int, default=10
        Clustering iterations of ``transform``.

    n_neighbors : int, default=7
        Clusters that a pixel chooses among: Q of the paper. "linear" needs them in training alone.

    labels : {"corrected", "corrected_only", "replication", "weak", "edges"}, default="corrected"
        Which of its ``n_neighbors`` clusters is right for a pixel (section V of [1]_).

        - "corrected": the one that plain SLIC would choose among those that lie mainly in the
          pixel's own ground-truth segment (V-A). Inside a segment that is SLIC's choice, noise
          followed and all: where channels are noisy, "weak" learns better;
        - "corrected_only": the same, from those pixels alone where SLIC errs (V-A);
        - "replication": the one that plain SLIC chooses, ground truth or not;
        - "weak": the spatially nearest of those in the pixel's own segment (weak supervision);
        - "edges": the one with the fewest borders on the straight way to it, those of all
          annotators counted, of equals the spatially nearest (V-C).

        With the first two, nets learn to give a pixel's own segment all of the probability, shared
        among its clusters as the linear distance would: which of them SLIC chooses teaches nothing.

    hard_examples : int or None, default=None
        Learn from pixels whose ``n_neighbors`` clusters lie in at least this many ground-truth
        segments (X of section V-A; with "edges" segments that no annotator cuts), or, in an image
        that has none, in as many as there are, but never one. 1: from all pixels. "replication"
        takes all pixels whatever it says. None: 3 for the linear distance, as the paper, and 2
        for what a net adds to it, which needs easier pixels beside the hard ones.

    size : int, default=16
        Side of the superpixels learned with, in pixels. ``n_segments`` is free of it.

    n_samples : int, default=100_000
        Pixels to learn from, spread over the images.

    class_weight : {"balanced"} or None, default=None
        Weight of a pixel in the loss. "balanced": pixels whose right cluster is their nearest,
        their second, ... n-th nearest weigh the same in all; None: each pixel weighs the same.

    training : NetTraining or None, default=None
        How a net is trained. What it leaves None, and None itself, is, for "mlp" and "classifier":
        10 epochs, 512 pixels a step, AdamW at 1e-3, falling along a cosine, weight decay 1e-2, a
        tenth of the images held out, patience 3; of the states of a net, the linear distance among
        them, the best on those is kept. For "embedding" see
        :class:`~sklearn_spx.features.EmbeddingFeatures`. "linear" is solved to its optimum:
        ``validation_fraction``, by default 0, adds a loss to ``history_``, nothing else applies.

    warm_start : bool, default=False
        ``fit`` starts from the weights learned before, or a net's state, if ``distance`` is the
        same.

    spacing : tuple of two or three numbers or None, default=None
        Distances of neighbouring samples. (z, y, x): images are volumes, (depth, height, width),
        with channels or without; (y, x): pixels are no squares; None: images of square pixels.
        Features are those of the slices, distances in space, and ``size`` is in units of the
        smallest spacing. For "linear", on any ``labels`` but "edges", and for features that were
        learned on images, as those of ``pretrained="bsds500"``; "mlp" and the classifiers are of
        images.

    value_range : tuple of two floats or None, default=None
        The values of black and white. None: what the dtype says for 8-bit images and for floats in
        [0, 1], whole numbers within 0 to 255 count as 8-bit in any dtype, and so do 16 bits that
        are in use; of all else ``fit`` learns the range from all of its images, but for a
        thousandth of the values at either end, also where a trained net is kept. What lies beyond
        counts as black or white.

    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where a net trains and runs, and superpixels grow; "auto" is a GPU if there is one. What is
        learned without a net is learned on the CPU. On that GPU also run
        :class:`~sklearn_spx.features.EmbeddingFeatures`; other features are made as they say by
        themselves, and copied there. With ``spacing`` the CPU works.

    random_state : int, RandomState instance or None, default=0
        Which pixels are learned from, which images are held out, a net's initial state and the
        order of its samples. None: other ones in every ``fit``.

    memory : str, joblib.Memory or None, default=None
        Cache of what is learned, so that a search over parameters that training does not depend on
        (``n_segments``, ``compactness``, ``max_iter``) trains once a fold.

    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise. None is 1, -1 all cores.

    verbose : int, default=0
        A progress bar when 1 or more.

    on_error : {"raise", "warn"}, default="raise"
        What a bad image does. With "warn" the others go on: it gets None in a list and a label
        image of -1 in a stacked array, and ``fit`` leaves it out.

    Attributes
    ----------
    weights_ : ndarray of shape (n_features,)
        Weight of each feature's squared difference, a and b of eq. 1: what ``weights`` of
        :func:`sklearn_spx.kernels.slic` takes.

    features_ : transformer of images
        The fitted features.

    axes_ : ndarray of shape (n_features, n_axes), float32
        Principal axes of the weighted features: the distance between ``f @ axes_`` is that of
        eq. 1 but for a thousandth of the variance, at a fraction of the cost.

    net_ : torch.nn.Module or None
        The net, of ``sklearn_spx.nets.trainable_slic_choice``; None for "linear".

    scale_ : float
        What the net's cost is multiplied by before the places' ``compactness**2 * d_s^2 / S^2`` is
        added, so that shapes are those of plain SLIC; the weights hold it for "linear".

    loss_ : float
        Mean loss of the samples learned from: the cross-entropy of the choice among ``n_neighbors``
        clusters for "linear", at the optimum; for a net the Kullback-Leibler divergence of that
        choice from the right one, in the last epoch.

    history_ : list of dict
        An entry an iteration of the convex solver, or an epoch of a net: ``step``, ``loss``,
        ``seconds`` and, with images held out, ``validation_loss``. A net's first, step 0, is the
        linear distance, and its last also has the ``validation_cross_entropy`` of the net kept, of
        the right clusters, which compares with the loss of "linear". For "embedding" that of the
        features, see there.

    n_images_ : int
        Images learned from, by ``fit`` and every ``partial_fit`` since.

    n_channels_in_ : int
        Channels of the images seen in ``fit``. Gray images are taken for the same gray in three
        channels, beside colours and by a net that was trained on colours, too.

    value_range_ : tuple of two floats
        Black and white: given, or of the images seen in ``fit``.

    n_iter_ : int
        Clustering iterations that ``transform`` runs.

    See Also
    --------
    sklearn_spx.SLICSuperpixels : Plain SLIC.

    Notes
    -----
    Differences from the paper: weights are solved to the optimum of a convex problem, not trained;
    "mlp" and "classifier" add to them, where the paper's nets start from nothing, as does
    "classifier-paper"; the paper's falls behind plain SLIC in boundary recall and distance to edges
    (Table I). "classifier" also sees the linear distances, meets clusters in random order in
    training, and adds half of what it has learned. Scattering is of intensity, 81 maps;
    ``ScatteringFeatures(channels="all")`` has the paper's 243. Shapes are scaled to those of plain
    SLIC. "embedding" is not of the paper.

    References
    ----------
    .. [1] T. Verelst, M. Blaschko, M. Berman, "Generating superpixels using deep image
           representations", arXiv:1903.04586.

    Examples
    --------
    >>> from sklearn_spx import TrainableSLIC
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> leaves = make_dead_leaves(3, random_state=0)
    >>> slic = TrainableSLIC(n_segments=60, n_samples=2000)
    >>> slic = slic.fit(leaves.images[:2], leaves.ground_truths[:2])
    >>> slic.transform(leaves.images[2:])[0].shape
    (128, 192)
    """

    _parameter_constraints = {  # noqa: RUF012
        **ValueRange._parameter_constraints,
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "distance": [StrOptions({"linear", *_NETS, "embedding"}), None],
        "pretrained": [str, os.PathLike, None],
        "features": [HasMethods(["fit", "transform"]), None],
        "compactness": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 2, None, closed="left")],
        "labels": [StrOptions({"corrected", "corrected_only", "replication", "weak", "edges"})],
        "hard_examples": [Interval(Integral, 1, None, closed="left"), None],
        "size": [Interval(Integral, 2, None, closed="left")],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "class_weight": [StrOptions({"balanced"}), None],
        "spacing": ["array-like", None],
        "training": [NetTraining, None],
        "warm_start": ["boolean"],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "random_state": ["random_state"],
        "memory": [str, HasMethods(["cache"]), None],
    }

    _of_the_net = ("distance",)

    def __init__(
        self,
        n_segments: int = 100,
        *,
        distance: Literal["linear", "mlp", "classifier", "classifier-paper", "embedding"]
        | None = None,
        pretrained: str | os.PathLike[str] | None = None,
        features: Any = None,
        compactness: float = 10.0,
        max_iter: int = 10,
        n_neighbors: int = 7,
        labels: Literal[
            "corrected", "corrected_only", "replication", "weak", "edges"
        ] = "corrected",
        hard_examples: int | None = None,
        size: int = 16,
        n_samples: int = 100_000,
        class_weight: Literal["balanced"] | None = None,
        training: NetTraining | None = None,
        warm_start: bool = False,
        spacing: Sequence[float] | None = None,
        value_range: tuple[float, float] | None = None,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        random_state: int | np.random.RandomState | None = 0,
        memory: str | Memory | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        on_error: Literal["raise", "warn"] = "raise",
    ) -> None:
        self.n_segments = n_segments
        self.distance = distance
        self.pretrained = pretrained
        self.features = features
        self.compactness = compactness
        self.max_iter = max_iter
        self.n_neighbors = n_neighbors
        self.labels = labels
        self.hard_examples = hard_examples
        self.size = size
        self.n_samples = n_samples
        self.class_weight = class_weight
        self.training = training
        self.warm_start = warm_start
        self.spacing = spacing
        self.value_range = value_range
        self.device = device
        self.random_state = random_state
        self.memory = memory
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.on_error = on_error

    def fit(
        self,
        X: Images,
        y: Images | None = None,
        *,
        masks: Images | None = None,
        validation: Sequence[Any] | None = None,
    ) -> Self:
        """Learn the distance.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), of one number of channels. They are
            held in memory while fitting.

        y : sequence of n_images ground truths
            Each a label image (height, width) or a list of them, one an annotator.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented; nothing is learned from other pixels.

        validation : tuple (X, y) or (X, y, masks), or None, default=None
            Images to hold out, and their ground truths: the best state on them is kept, and
            training stops early by them, instead of a ``validation_fraction`` of ``X``. For
            "linear" they add a loss to ``history_``.

        Returns
        -------
        self : TrainableSLIC
            The fitted estimator.

        Raises
        ------
        ValueError
            If there are no ground truths, none of them shows a boundary, or too few images are
            left to hold some out.

        Warns
        -----
        UserWarning
            If the learned superpixels are the initial grid.
        """
        if self.pretrained is not None and self.training is None:
            return self._keep_pretrained(X, masks, validation)
        self._load()
        known = None
        if "weights_" in vars(self) and (self.warm_start or self.pretrained is not None):
            known = self._known()
        return self._learn(X, y, masks, known, online=False, validation=validation)

    def partial_fit(
        self, X: Images, y: Images | None = None, *, masks: Images | None = None
    ) -> Self:
        """Learn on with more images; those seen before need not be kept.

        The first call is ``fit``. After that "linear" adds the loss of the new samples to that of
        all earlier ones, of which it keeps the quadratic that it is near its optimum (Laplace's
        approximation); a net goes on training, on the new images alone, from where it is.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``fit``.

        y : sequence of n_images ground truths
            See ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``fit``.

        Returns
        -------
        self : TrainableSLIC
            The fitted estimator.

        Raises
        ------
        ValueError
            See ``fit``; also if images have other channels than those before, or ``distance`` has
            changed to or from "embedding".
        """
        self._load()
        if "weights_" not in vars(self):
            return self.fit(X, y, masks=masks)
        distance, before = self._distance(), self._kind["distance"]
        if distance != before and "embedding" in (distance, before):
            raise ValueError(
                f"distance is {distance!r}, but the fit before was {before!r}; fit anew"
            )
        return self._learn(X, y, masks, self._known(), online=True)

    @all_or_nothing
    def _learn(self, X, y, masks, known, online, validation=None):
        if y is None:
            raise ValueError("y is None; TrainableSLIC learns from ground truths")
        distance, before = self._distance(), getattr(self, "n_channels_in_", None)
        going_on = online or self.pretrained is not None
        items = list(
            self._checked(X, masks, y, before if going_on else None, learn_range=not online)
        )
        n_images = len(items)
        items += self._checked_validation(validation)
        if not (going_on and self._sees_gray()):
            items = [(as_colour(image), *rest) for image, *rest in items]
        recipe, about = self._recipe(distance, n_images, len(items) - n_images, online)
        if known and known["net"] is not None and known["distance"] == distance:
            n_neighbors = known["n_neighbors"]
            if n_neighbors != self.n_neighbors:
                raise ValueError(
                    f"n_neighbors is {self.n_neighbors}, but the net to go on from chooses among "
                    f"{n_neighbors}"
                )
            if not going_on and before != self.n_channels_in_:
                known = None
        cached = check_memory(self.memory).cache(
            learn, ignore=["recipe", "run", "device", "verbose"]
        )
        learned = cached(
            items,
            clone(self._new_features(distance, about["seed"])),
            about,
            known,
            recipe=recipe,
            run=self._map,
            device=torch_device(self.device) if distance in _NETS else "cpu",
            verbose=self.verbose,
        )
        self._set_learned(learned)
        if learned["is_grid"]:
            warnings.warn(
                "the learned superpixels are the initial grid: no feature tells segments apart. "
                "Other features, ground truths with segments larger than size, more images, a "
                "lower hard_examples, or class_weight='balanced' may help",
                UserWarning,
                stacklevel=4,  # of the call of fit
            )
        return self

    def _distance(self):
        if self.distance is None:
            return self._kind["distance"] if self.pretrained is not None else "linear"
        return self.distance

    def _new_features(self, distance, seed):
        if self.features is not None:
            if distance != "embedding" or self.training is None:
                return self.features
            if self.pretrained is None:
                raise ValueError(
                    "training is given beside features, whose training it would be: give it to them"
                )
            return clone(self.features).set_params(training=self.training)
        if distance != "embedding":
            return ChannelUnion([("lab", LabFeatures()), ("scattering", ScatteringFeatures())])
        return EmbeddingFeatures(
            size=self.size,
            training=None if self.training is None else clone(self.training),
            device=self.device,
            random_state=seed,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )

    def _recipe(self, distance, n_images, n_validation, online):
        """The recipe of a net's training, and what learning depends on besides images."""
        about = {"distance": distance, "size": self.size, "seed": seed_of(self.random_state)}
        if self.spacing is not None:  # else it is what it was before there was spacing
            about["spacing"] = self._checked_spacing(distance)
        about |= {"online": online, "n_validation": n_validation}
        if distance == "embedding":
            own = signature(type(self)).parameters
            idle = [name for name in _OF_SAMPLES if getattr(self, name) != own[name].default]
            if idle:
                raise ValueError(
                    f"distance='embedding' learns from whole crops: {', '.join(idle)} would change "
                    "nothing; leave at the default"
                )
            return None, about
        net = distance != "linear"
        own = RECIPE if net else LINEAR_RECIPE
        recipe = resolve(self.training, own, n_images, None, n_validation)
        if net and recipe.values["batch_size"] < 2:
            raise ValueError("training: batch_size must be at least 2: nets normalise batches")
        about |= {name: getattr(self, name) for name in _OF_SAMPLES}
        about |= {"n_held_out": recipe.n_held_out, **recipe.values}
        if self.hard_examples is None:
            about["hard_examples"] = 3
        if net:
            own = 3 if distance == "classifier-paper" else 2
            about["net_hard_examples"] = self.hard_examples or own
        return recipe, about

    def _checked_spacing(self, distance):
        """The spacing to learn with."""
        if distance != "linear":
            raise ValueError(
                f"distance={distance!r} is learned on images of square pixels, and spacing is "
                f"{self.spacing!r}: give distance='linear', or spacing=None"
            )
        if self.labels == "edges":
            raise ValueError(
                "labels='edges' walks through images of square pixels, and spacing is "
                f"{self.spacing!r}: give other labels"
            )
        return check_spacing(self.spacing)

    def _prepare(self):
        super()._prepare()
        if self.spacing is not None and self._net is not None:
            raise ValueError(
                f"the net of distance={self._kind['distance']!r} is of images of square pixels, "
                f"and spacing is {self.spacing!r}: fit distance='linear', or give spacing=None"
            )

    @property
    def n_iter_(self):
        return self.max_iter

    def _sees_gray(self):
        """Whether features are of one channel, as those of gray images once were."""
        return self._reference.lab.n_channels_in_ == 1

    def _segment(self, image, mask, start=None):
        device = "cpu" if self.spacing is not None else torch_device(self.device)
        if self._net is None and device == "cpu" and image.ndim < 4:
            image = image if self._sees_gray() else as_colour(image)
            values = parts_along_axes(self.features_, image, self.axes_, mask)
        else:
            values = self._values(image, device)
            if self.spacing is None:
                values, mask = placed(self.device, values, mask)
        labels = segment(
            values,
            self.n_segments,
            compactness=self.compactness,
            max_iter=self.max_iter,
            mask=mask,
            net=self.net_,
            scale=self.scale_,
            seeds=None if start is None else region_seeds(start),
            spacing=self.spacing,
        )
        return to_host(labels)

    def _values(self, image, device):
        """The features of an image along ``axes_``."""
        image = image if self._sees_gray() else as_colour(image)
        return features_along_axes(self.features_, image, self.axes_, device)

    # --- state ---

    def _known(self):
        """What ``learn`` goes on from: the inverse of ``_set_learned``."""
        return {
            "distance": self._kind["distance"],
            "features": self.features_,
            "reference": self._reference,
            "weights": self.weights_,
            "axes": self.axes_,
            "scale": self.scale_,
            "past": self._past,
            "net": None if self._net is None else net_arrays(self.net_),
            "n_neighbors": self._kind["n_neighbors"],
            "n_images": self.n_images_,
        }

    def _set_learned(self, learned):
        self.features_, self._reference = learned["features"], learned["reference"]
        self.weights_, self.axes_ = learned["weights"], learned["axes"]
        self.scale_, self._past = learned["scale"], learned["past"]
        self.loss_, self.history_ = learned["loss"], learned["history"]
        self.n_images_ = learned["n_images"]
        self._set_net(learned["distance"], learned["net"], self.n_neighbors)

    @property
    def net_(self):
        return None if self._net is None else self._net.on(self.device)

    def _set_net(self, distance, arrays, n_neighbors):
        # of what is learned, whatever the parameters are set to later
        self._kind = {"distance": distance, "n_neighbors": n_neighbors if arrays else None}
        self._net = None
        if arrays:
            n_axes = self.axes_.shape[1]
            self._net = TrainedNet(partial(make_net, distance, n_axes, n_neighbors), arrays)
        self._trained()

    def _state(self):
        known = self._known()
        values = {name: known[name] for name in ("distance", "scale", "n_images", "n_neighbors")}
        arrays = {"weights": self.weights_, "axes": self.axes_}
        values |= {
            "features": encode_fitted(self.features_, arrays, "features"),
            "reference": self._reference.encoded(arrays),
            "past": self._past and {name: self._past[name] for name in _PAST_NUMBERS},
            "loss": self.loss_,
            "history": self.history_,
            "n_channels_in": self.n_channels_in_,
            **self._range_state(),
        }
        arrays |= {f"past.{name}": self._past[name] for name in _PAST_ARRAYS if self._past}
        arrays |= {f"net.{name}": array for name, array in (known["net"] or {}).items()}
        return arrays, values

    def _set_state(self, arrays, values):
        net = {n.removeprefix("net."): a for n, a in arrays.items() if n.startswith("net.")}
        self.features_ = decode_fitted(values["features"], arrays)
        self._reference = Reference.decoded(values["reference"], arrays)
        self.weights_, self.axes_ = arrays["weights"], arrays["axes"]
        self._past = values["past"] and {
            **{name: arrays[f"past.{name}"] for name in _PAST_ARRAYS},
            **values["past"],
        }
        self.scale_, self.n_images_ = values["scale"], values["n_images"]
        self.loss_, self.history_ = values["loss"], values["history"]
        self.n_channels_in_ = values["n_channels_in"]
        self._set_range_state(values)
        self._set_net(values["distance"], net, values["n_neighbors"])
        if self.features is not None and type(self.features) is not type(self.features_):
            raise ValueError(
                f"features is {self.features!r}, but the distance was learned on "
                f"{self.features_!r}; leave features at None"
            )
