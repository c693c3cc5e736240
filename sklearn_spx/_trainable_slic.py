"""SLIC whose distance is learned: colour and texture, weighed as human segmentations ask.

Features of each pixel (colour, scattering coefficients, ...) replace colour in SLIC, and the
distance of a pixel and a cluster becomes (Verelst et al., eq. 1)

    d^2 = sum_c w_c (f_c(pixel) - f_c(cluster))^2 + (compactness / S)^2 |place - place|^2

To learn w, a plain SLIC is run on training images. Each pixel then has to choose among its Q
spatially nearest clusters (Algorithm 1, bottom-up), and the right answer is the one that SLIC would
give if it might only choose clusters of the pixel's own ground-truth segment (section V-A; `labels`
names the other answers of section V). Pixels around which at least X segments meet are learned
from. With -d^2 as the logit of a cluster this is
multinomial logistic regression with weights >= 0: convex, one optimum.

At last the weights are scaled, all by one factor, so that `compactness` gives superpixels of
the same shape as it gives in plain SLIC.
"""

from numbers import Integral, Real

import numpy as np
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_memory

from .base import ImageSegmenter
from .features import ChannelUnion, LabFeatures, ScatteringFeatures
from .kernels import slic
from .kernels._checks import as_image
from .kernels.cluster_assign import (
    border_crossings,
    cluster_means,
    nearest_clusters,
    squared_differences,
)
from .metrics import compactness as mean_compactness
from .utils._persistence import PretrainedMixin, decode_fitted, encode_fitted

# The plain SLIC that labels are made with, and whose shape `compactness` refers to.
_COMPACTNESS = 10.0
_MAX_ITER = 5
# Variance of Lab over natural images, L + a + b: what any other kind of channels is scaled to.
_LAB_VARIANCE = 900.0
_POOL = 20_000  # pixels of an image among which those to learn from are looked for
_N_CALIBRATION = 20  # images that the overall scale is measured on
_KEPT_VARIANCE = 0.999


class TrainableSLIC(PretrainedMixin, ImageSegmenter):
    """SLIC superpixels with a distance learned from images and ground truths.

    Parameters
    ----------
    n_segments : int, default=100
        Number of superpixels aimed at; the produced count, ``labels.max() + 1``, comes close.

    distance : {"linear"}, default="linear"
        What is learned. "linear": a weight a feature, 0 or more (eq. 1 of [1]_).

    features : transformer of images or None, default=None
        Turns an image into an image of features, such as those of :mod:`sklearn_spx.features`.
        None: :class:`~sklearn_spx.features.LabFeatures` and
        :class:`~sklearn_spx.features.ScatteringFeatures`.

    compactness : float, default=10.0
        Weight of place against features: the greater, the squarer the superpixels. The weights are
        scaled so that 10 gives the shape that it gives in plain SLIC on Lab, whatever the
        features are. No part of the training.

    max_iter : int, default=10
        Clustering iterations of ``transform``.

    n_neighbors : int, default=7
        Clusters that a pixel chooses among in training: Q of the paper.

    labels : {"corrected", "corrected_only", "replication", "weak", "edges"}, default="corrected"
        Which of its ``n_neighbors`` clusters is right for a pixel (section V of [1]_).

        - "corrected": the one that plain SLIC would choose among those that lie mainly in the
          pixel's own ground-truth segment (V-A);
        - "corrected_only": the same, from those pixels alone where SLIC errs (V-A);
        - "replication": the one that plain SLIC chooses, ground truth or not;
        - "weak": the spatially nearest of those in the pixel's own segment (weak supervision);
        - "edges": the one with the fewest borders on the straight way to it, those of all
          annotators counted, of equals the spatially nearest (V-C).

    hard_examples : int, default=3
        Learn from pixels whose ``n_neighbors`` clusters lie in at least this many ground-truth
        segments (X of section V-A; with "edges" segments that no annotator cuts), or, in an image
        that has none, in as many as there are, but never one. 1: from all pixels. "replication"
        takes all pixels whatever it says.

    size : int, default=16
        Side of the superpixels learned with, in pixels. ``n_segments`` is free of it.

    n_samples : int, default=100_000
        Pixels to learn from, spread over the images.

    random_state : int, RandomState instance or None, default=0
        Which pixels are learned from. None: other ones in every ``fit``.

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

    loss_ : float
        Mean cross-entropy of the choice among ``n_neighbors`` clusters, at the optimum.

    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    n_iter_ : int
        Clustering iterations that ``transform`` runs.

    See Also
    --------
    sklearn_spx.SLICSuperpixels : Plain SLIC.

    References
    ----------
    .. [1] T. Verelst, M. Blaschko, M. Berman, "Generating superpixels using deep image
           representations", arXiv:1903.04586.

    Examples
    --------
    >>> from sklearn_spx import TrainableSLIC
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> leaves = make_dead_leaves(3, random_state=0)
    >>> slic = TrainableSLIC(n_segments=60)
    >>> slic = slic.fit(leaves.images[:2], leaves.ground_truths[:2])
    >>> slic.transform(leaves.images[2:])[0].shape
    (128, 192)
    """

    _parameter_constraints = {  # noqa: RUF012
        **ImageSegmenter._parameter_constraints,
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "distance": [StrOptions({"linear"})],
        "features": [HasMethods(["fit", "transform"]), None],
        "compactness": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 2, None, closed="left")],
        "labels": [StrOptions({"corrected", "corrected_only", "replication", "weak", "edges"})],
        "hard_examples": [Interval(Integral, 1, None, closed="left")],
        "size": [Interval(Integral, 2, None, closed="left")],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "memory": [str, HasMethods(["cache"]), None],
    }

    def __init__(
        self,
        n_segments=100,
        *,
        distance="linear",
        features=None,
        compactness=10.0,
        max_iter=10,
        n_neighbors=7,
        labels="corrected",
        hard_examples=3,
        size=16,
        n_samples=100_000,
        random_state=0,
        memory=None,
        n_jobs=None,
        verbose=0,
        on_error="raise",
    ):
        self.n_segments = n_segments
        self.distance = distance
        self.features = features
        self.compactness = compactness
        self.max_iter = max_iter
        self.n_neighbors = n_neighbors
        self.labels = labels
        self.hard_examples = hard_examples
        self.size = size
        self.n_samples = n_samples
        self.random_state = random_state
        self.memory = memory
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.on_error = on_error

    def fit(self, X, y=None, *, masks=None):
        """Learn the weights of eq. 1.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), of one number of channels. They are
            held in memory while fitting.

        y : sequence of n_images ground truths
            Each a label image (height, width) or a list of them, one an annotator.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented; nothing is learned from other pixels.

        Returns
        -------
        self : TrainableSLIC
            The fitted estimator.

        Raises
        ------
        ValueError
            If there are no ground truths, or none of them shows a boundary.
        """
        if y is None:
            raise ValueError("y is None; TrainableSLIC learns from ground truths")
        items = list(self._checked(X, masks, y))
        features = self.features
        if features is None:
            features = ChannelUnion([("lab", LabFeatures()), ("scattering", ScatteringFeatures())])
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        train = check_memory(self.memory).cache(_train, ignore=["run"])
        self.features_, self.weights_, self.axes_, self.loss_ = train(
            items,
            clone(features),
            self.n_neighbors,
            self.labels,
            self.hard_examples,
            self.size,
            self.n_samples,
            seed,
            run=self._map,
        )
        return self

    @property
    def n_iter_(self):
        return self.max_iter

    def _segment(self, image, mask):
        features = self.features_.transform([image])[0]
        return slic(
            features @ self.axes_,
            self.n_segments,
            compactness=self.compactness,
            max_iter=self.max_iter,
            mask=mask,
            convert2lab=False,
        )

    def _state(self):
        arrays = {"weights": self.weights_, "axes": self.axes_}
        values = {
            "features": encode_fitted(self.features_, arrays, "features"),
            "loss": self.loss_,
            "n_channels_in": self.n_channels_in_,
        }
        return arrays, values

    def _set_state(self, arrays, values):
        self.features_ = decode_fitted(values["features"], arrays)
        self.weights_, self.axes_ = arrays["weights"], arrays["axes"]
        self.loss_, self.n_channels_in_ = values["loss"], values["n_channels_in"]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _train(items, features, n_neighbors, kind, hard_examples, size, n_samples, seed, run):
    """Everything that ``fit`` learns, as a pure function of what it depends on."""
    features = features.fit(
        [image for image, _, _ in items],
        [[a if mask is None else np.where(mask, a, -1) for a in y] for _, mask, y in items],
    )
    reference = _Reference(items, size)
    quota = -(-n_samples // len(items))
    settings = features, reference, n_neighbors, kind, hard_examples, quota
    tasks = [(*item, *settings, (seed, i)) for i, item in enumerate(items)]
    samples = [found for found in run(_samples, tasks, len(tasks)) if found is not None]
    if not samples:
        raise ValueError(
            f"y shows no boundary between superpixels of {size} x {size} pixels, so there is "
            "nothing to learn; are the ground truths label images, the segments larger than that?"
        )
    differences, answers, moments = (list(parts) for parts in zip(*samples))
    weights, place, loss = linear_weights(np.concatenate(differences), np.concatenate(answers))
    del differences, samples
    weights *= _COMPACTNESS**2 / place
    axes = principal_axes(np.mean(moments, axis=0), weights)
    scale = _scale_to_shape(items, features, axes, reference, run)
    return features, weights * scale, axes * np.float32(np.sqrt(scale)), loss


class _Reference:
    """Plain SLIC: of Lab for colour, of channels scaled to Lab's variance otherwise."""

    def __init__(self, items, size):
        self.size = size
        self.lab = LabFeatures().fit([image for image, _, _ in items])
        n_channels = self.lab.n_features_out_
        self.weights = np.ones(n_channels)
        if not self.lab.converts_:
            pixels = [
                as_image(image)[np.s_[:] if mask is None else mask].reshape(-1, n_channels)
                for image, mask, _ in items
            ]
            variance = np.concatenate(pixels).var(axis=0, dtype=float)
            self.weights = np.divide(
                _LAB_VARIANCE / n_channels, variance, out=np.zeros(n_channels), where=variance > 0
            )

    def n_segments(self, shape, mask):
        inside = shape[0] * shape[1] if mask is None else int(mask.sum())
        return max(1, round(inside / self.size**2))

    def colours(self, image):
        return self.lab.transform([image])[0] * np.sqrt(self.weights).astype(np.float32)


def _samples(
    image, mask, targets, features, reference, n_neighbors, kind, hard_examples, quota, seed
):
    """Squared differences (n, Q, features + 1), right answers (n,), second moments of features.

    None if there is nothing to learn from this image.
    """
    colours = reference.colours(image)
    labels = slic(
        colours,
        reference.n_segments(image.shape, mask),
        compactness=_COMPACTNESS,
        max_iter=_MAX_ITER,
        mask=mask,
        convert2lab=False,
        enforce_connectivity=False,
    )
    labels = _without_gaps(labels)
    colour_means, centers, _ = cluster_means(colours, labels)
    rng = np.random.default_rng(seed)
    pool = rng.permutation(np.flatnonzero(labels >= 0))[:_POOL]
    neighbors = nearest_clusters(pool, labels.shape, centers, n_neighbors)
    distances = squared_differences(colours, pool, colour_means, centers, neighbors, reference.size)
    distances[:, :, -1] *= _COMPACTNESS**2
    distances = distances.sum(axis=2)

    if kind == "edges":  # the annotators are merged into one
        borders = border_crossings(targets, pool, centers, neighbors)
        groups = [(_intersection(targets), borders)]
    elif kind == "weak":  # neighbours are ordered by place
        nearness = np.where(neighbors < 0, np.inf, np.arange(n_neighbors, dtype=float))
        groups = [(target, nearness) for target in targets]
    else:
        groups = [(target, distances) for target in targets]
    chosen, answers = [], []
    for target, cost in groups:
        met, near = _segments_met(target, labels, pool, neighbors)
        rows, right = _answers(kind, met, near, neighbors, cost, hard_examples)
        rows = rows[: -(-quota // len(groups))]
        chosen.append(rows)
        answers.append(right[rows])
    chosen, answers = np.concatenate(chosen), np.concatenate(answers)
    if len(chosen) == 0:
        return None
    values = features.transform([image])[0]
    means, _, _ = cluster_means(values, labels)
    differences = squared_differences(
        values, pool[chosen], means, centers, neighbors[chosen], reference.size
    )
    centred = values.reshape(-1, values.shape[2])[pool]
    centred = centred - centred.mean(axis=0)
    return differences, answers, centred.T @ centred / len(centred)


def _answers(kind, met, own, neighbors, cost, hard_examples):
    """Rows of the pool to learn from, and for every row which of its neighbours is right.

    Parameters
    ----------
    kind : str, the name of the label set
    met : ndarray of shape (n,), int
        Segments that the neighbours of each pixel lie mainly in.
    own : ndarray of shape (n, Q), bool
        Whether each neighbour lies mainly in the pixel's own segment.
    neighbors : ndarray of shape (n, Q), int
        Below 0: none.
    cost : ndarray of shape (n, Q)
        What the right neighbour has least of; of equals the first, which is the nearest.
    hard_examples : int
    """
    cost = np.where(neighbors >= 0, cost, np.inf)
    if kind == "replication":
        return np.arange(len(cost)), cost.argmin(axis=1)
    usable = np.ones(len(cost), bool)
    answers = cost.argmin(axis=1)
    if kind != "edges":
        usable = own.any(axis=1)
        before, answers = answers, np.where(own, cost, np.inf).argmin(axis=1)
        if kind == "corrected_only":
            usable &= answers != before
    met = np.where(usable, met, 0)
    least = min(hard_examples, max(int(met.max(initial=0)), 2)) if hard_examples > 1 else 1
    return np.flatnonzero(met >= least), answers


def _segments_met(target, labels, pool, neighbors):
    """How many segments the neighbours lie mainly in, and which lie in the pixel's own."""
    segments = _without_gaps(target)
    home = _majority(labels, segments)
    near = np.where(neighbors >= 0, home[neighbors], -1)
    ordered = np.sort(near, axis=1)
    steps = (ordered[:, 1:] != ordered[:, :-1]) & (ordered[:, :-1] >= 0)
    return 1 + steps.sum(axis=1), near == segments.ravel()[pool][:, None]


def _intersection(targets):
    """The segments that no annotator cuts."""
    merged = np.zeros(targets[0].shape, np.int64)
    for target in targets:
        segments = _without_gaps(target).astype(np.int64)
        segments -= segments.min()
        merged = merged * (int(segments.max()) + 1) + segments
        merged = np.unique(merged, return_inverse=True)[1].reshape(merged.shape)
    return merged


def _majority(labels, segments):
    """The segment that each cluster lies mainly in."""
    inside = labels >= 0
    n_segments = int(segments.max()) + 1
    pairs = labels[inside].astype(np.int64) * n_segments + segments[inside]
    counts = np.bincount(pairs, minlength=(int(labels.max()) + 1) * n_segments)
    return counts.reshape(-1, n_segments).argmax(axis=1)


def _without_gaps(labels):
    """Labels 0 .. n - 1 in the old order; what is below 0 is -1."""
    found, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape).astype(np.int32)
    return np.maximum(dense - np.int32((found < 0).sum()), -1)


def linear_weights(differences, answers):
    """Weights w >= 0 that make the right clusters nearest, by multinomial logistic regression.

    Parameters
    ----------
    differences : ndarray of shape (n, Q, C), float32
        Squared differences of pixels and clusters; inf for a cluster that is not there. The last
        channel is the place. Overwritten.

    answers : ndarray of shape (n,), int
        Which of the Q clusters is right.

    Returns
    -------
    weights : ndarray of shape (C - 1,)
        Of the features.

    place : float
        Weight of the place, above 0.

    loss : float
        Mean cross-entropy.
    """
    n, n_neighbors, n_channels = differences.shape
    absent = ~np.isfinite(differences[:, :, -1])
    differences[absent] = 0
    unit = differences.mean(axis=(0, 1), dtype=float)
    unit[unit < 1e-30] = np.inf  # a channel that never differs weighs nothing
    differences /= unit.astype(np.float32)
    right = np.take_along_axis(differences, answers[:, None, None], axis=1)
    margins = np.subtract(right, differences, out=differences).reshape(-1, n_channels)

    def loss_and_gradient(w):
        logits = (margins @ w.astype(np.float32)).reshape(n, n_neighbors)
        logits[absent] = -np.inf  # the right cluster's is 0
        highest = logits.max(axis=1, keepdims=True)
        share = np.exp(logits - highest)
        total = share.sum(axis=1, keepdims=True)
        loss = float((np.log(total) + highest).mean(dtype=float))
        gradient = margins.T @ (share / total).ravel() / n
        # the penalty only bounds the weights where samples are few and separable
        return loss + 0.5e-6 * w @ w, gradient.astype(float) + 1e-6 * w

    result = minimize(
        loss_and_gradient,
        np.full(n_channels, 1 / n_channels),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * (n_channels - 1) + [(1e-3, None)],
        options={"maxiter": 300},
    )
    weights = result.x / unit
    return weights[:-1], float(weights[-1]), float(result.fun)


def principal_axes(moments, weights):
    """Axes (C, r) of the weighted features that hold all but a thousandth of their variance."""
    root = np.sqrt(weights)
    values, vectors = np.linalg.eigh(moments * np.outer(root, root))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    held = np.cumsum(values) / max(values.sum(), np.finfo(float).tiny)
    n_axes = min(int(np.searchsorted(held, _KEPT_VARIANCE)) + 1, len(values))
    return np.ascontiguousarray(root[:, None] * vectors[:, :n_axes], dtype=np.float32)


def _scale_to_shape(items, features, axes, reference, run):
    """The factor of all weights at which superpixels are as compact as those of plain SLIC."""
    chosen = items[:: -(-len(items) // _N_CALIBRATION)]
    tasks = [(image, mask, features, axes, reference) for image, mask, _ in chosen]
    wanted, *found = np.mean(list(run(_shapes, tasks, len(tasks))), axis=0)
    # compactness falls with the scale
    return float(np.exp2(np.interp(-wanted, -np.array(found), _LOG_SCALES)))


_LOG_SCALES = np.arange(-6.0, 7.0)


def _shapes(image, mask, features, axes, reference):
    """Mean compactness by plain SLIC, and by the learned distance at each scale."""

    def shape(values):
        labels = slic(
            values,
            reference.n_segments(image.shape, mask),
            compactness=_COMPACTNESS,
            max_iter=_MAX_ITER,
            mask=mask,
            convert2lab=False,
        )
        return mean_compactness(labels)

    values = features.transform([image])[0] @ axes
    colours = reference.colours(image)
    return [shape(colours)] + [shape(values * np.float32(2 ** (s / 2))) for s in _LOG_SCALES]
