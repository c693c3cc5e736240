"""An embedding of pixels in which SLIC finds what people annotate, trained through SLIC itself.

Each step of the training clusters crops of annotated images by the features as they are, then
asks how well the annotation can be read off the clusters (``nets/reconstruction_loss.py``), and
moves features so that it can be read better. The same crops are clustered by colour, and all
features scaled so that both give superpixels as compact: what is learned is which way to lean, not
to give up compactness.
"""

import json
import math
from numbers import Integral, Real
from pathlib import Path

import joblib
import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from ..kernels import enforce_connectivity, slic
from ..kernels.checks import as_image, full_scale
from ..kernels.cluster_assign import cluster_means, nearest_clusters, squared_differences
from ..learned import load_arrays, net_arrays
from ..metrics import compactness as mean_compactness
from ..training.augment import random_crop
from ..utils._device import torch_device
from ..utils._images import check_same_length, check_sequence, check_target
from ..utils._threads import one_torch_thread
from ._base import ImageTransformer
from ._lab import LabFeatures, weights_to_lab

_COMPACTNESS = 10.0
_MAX_ITER = 4
_SHARPNESS = 0.1  # of soft clusters, in the unit of squared features
_N_NEIGHBORS = 9  # clusters that a pixel belongs to in part
_PATIENCE = 3
# parameters that a run may be resumed with others of; "seed" and "goes on" stand for two of them
_NOT_OF_THE_RESULT = ("checkpoint", "device", "n_jobs", "random_state", "verbose", "warm_start")


class EmbeddingFeatures(ImageTransformer):
    """Colour beside a learned embedding of each pixel, for SLIC with ``compactness`` about 10.

    Parameters
    ----------
    n_components : int, default=8
        Dimensions of the embedding.

    size : int, default=16
        Side of the superpixels trained with, in pixels. Others may be asked for afterwards.

    initial : str, path-like or None, default=None
        A safetensors file whose U-Net training starts from, such as
        :meth:`sklearn_spx.SEALSuperpixels.save` writes. A first layer for another number of
        channels is left out. None: random weights.

    max_steps : int, default=3000
        Optimiser steps.

    batch_size : int, default=4
        Crops a step.

    crop_size : int, default=144
        Side of the crops, in pixels.

    learning_rate : float, default=1e-3
        Initial rate of Adam, a third of it for what ``initial`` brought; it falls to 0 along a
        cosine.

    validation_fraction : float, default=0.0
        Share of the images held out of training, to keep the state of the least loss on them.

    early_stopping : bool, default=False
        Stop when three validations in a row brought nothing better; one is made each tenth of
        ``max_steps``. Needs a ``validation_fraction``.

    warm_start : bool, default=False
        ``fit`` goes on with the net trained before, and with the loss that its training ended in.

    checkpoint : str, path-like or None, default=None
        File that keeps the state of training once a minute. ``fit`` goes on from it.

    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where the net runs. On a GPU it trains in mixed precision.

    random_state : int, RandomState instance or None, default=None
        Initial weights, crops, and which images are held out.

    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise; in training, threads that prepare crops. None is 1, -1 all cores.

    verbose : int, default=0
        A progress bar of the training when 1 or more.

    Attributes
    ----------
    weights_ : dict of str to ndarray
        State of the trained net.

    colours_ : LabFeatures
        The colour conversion.

    colour_scales_ : ndarray of shape (n_channels_in_,), float32
        What (converted) channels are multiplied by, to vary as Lab of natural images does.

    history_ : list of dict
        Ten entries or so of the training: ``step``, ``loss``, which means less from entry to entry
        as cross-entropy gives way to the share of pixels misread, ``seconds``, and ``score``, the
        negative of that share in the images held out.

    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    n_features_out_ : int
        Channels of what ``transform`` returns, ``n_channels_in_ + n_components``.

    See Also
    --------
    sklearn_spx.nets.pixel_embedding.PixelEmbeddingNet : The net.
    sklearn_spx.nets.reconstruction_loss.reconstruction_loss : The loss.

    References
    ----------
    .. [1] V. Jampani, D. Sun, M.-Y. Liu, M.-H. Yang, J. Kautz, "Superpixel sampling networks",
           ECCV 2018.

    Examples
    --------
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> from sklearn_spx.features import EmbeddingFeatures
    >>> leaves = make_dead_leaves(2, shape=(48, 64), random_state=0)
    >>> embedding = EmbeddingFeatures(max_steps=2, batch_size=1, crop_size=48)
    >>> embedding = embedding.fit(leaves.images, leaves.ground_truths)
    >>> embedding.transform(leaves.images)[0].shape
    (48, 64, 11)
    """

    _parameter_constraints = {  # noqa: RUF012
        **ImageTransformer._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "size": [Interval(Integral, 2, None, closed="left")],
        "initial": [str, Path, None],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "crop_size": [Interval(Integral, 32, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "warm_start": ["boolean"],
        "checkpoint": [str, Path, None],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        n_components=8,
        size=16,
        initial=None,
        max_steps=3000,
        batch_size=4,
        crop_size=144,
        learning_rate=1e-3,
        validation_fraction=0.0,
        early_stopping=False,
        warm_start=False,
        checkpoint=None,
        device="cpu",
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.size = size
        self.initial = initial
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.crop_size = crop_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.device = device
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X, y=None):
        """Train the net.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), of one number of channels. White is
            65535 in uint16, 255 in other integers; floats are taken as they are. They are held in
            memory while fitting.

        y : sequence of n_images ground truths
            Each a label image (height, width) or a list of them, one an annotator, of which each
            is learned from. Pixels below 0 are left out.

        Returns
        -------
        self : EmbeddingFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If there are no ground truths, or too few images to hold some out, or ``initial`` holds
            another net.

        FileNotFoundError
            If there is no file ``initial``.
        """
        if y is None:
            raise ValueError("y is None; EmbeddingFeatures learns from ground truths")
        y = check_sequence(y, "y", "label image")
        check_same_length(check_sequence(X, "X", "image"), y, "y")
        if self.early_stopping and not self.validation_fraction:
            raise ValueError("early_stopping needs a validation_fraction above 0")
        return super().fit(X, y)

    def _fit(self, images, y):
        annotations = [
            check_target(y[i], f"y[{i}]", image.shape[:2]) for i, image in enumerate(images)
        ]
        known = getattr(self, "weights_", None) if self.warm_start else None
        if known is None:
            self.colours_ = LabFeatures().fit(images)
            masks = [a[0] >= 0 for a in annotations]
            weights = weights_to_lab(self.colours_, images, masks)
            self.colour_scales_ = np.sqrt(weights).astype(np.float32)
        elif len(self.colour_scales_) != self.n_channels_in_:
            raise ValueError(
                f"X has {self.n_channels_in_} channels; the net to go on from was trained on "
                f"{len(self.colour_scales_)}"
            )
        self.n_features_out_ = self.n_channels_in_ + self.n_components
        self.weights_, self.history_ = self._train(images, annotations, known)
        self.__dict__.pop("_net", None)

    def _features(self, image):
        import torch

        net = self._built()
        device = next(net.parameters()).device
        with torch.inference_mode(), one_torch_thread():
            inputs = [torch.from_numpy(a[None]).to(device) for a in self._inputs(image)]
            features = net(*inputs)[0].float().cpu().numpy()
        return np.ascontiguousarray(features.transpose(1, 2, 0))

    def _inputs(self, image, dtype=None):
        """Image and colours for the net, (C, H, W) float32."""
        scale = full_scale(image.dtype if dtype is None else dtype)
        pixels = as_image(image) / np.float32(scale)
        if dtype is not None and self.colours_.converts_:  # turned pixels may pass white a little
            pixels = np.clip(pixels, 0, 1)
        source = pixels if self.colours_.converts_ else image
        colours = self.colours_.transform([source])[0] * self.colour_scales_
        return [np.ascontiguousarray(a.transpose(2, 0, 1)) for a in (pixels, colours)]

    def _built(self):
        if "_net" not in self.__dict__:
            import torch

            net = self._new_net()
            load_arrays(net, self.weights_)
            self._net = net.to(torch_device(self.device), memory_format=torch.channels_last).eval()
        return self._net

    def _new_net(self):
        from ..nets.pixel_embedding import PixelEmbeddingNet

        return PixelEmbeddingNet(self.n_channels_in_, self.n_components)

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("_net", None)  # built again from weights_, wherever the pickle is opened
        return state

    # --- training ---

    def _train(self, images, annotations, known):
        """Return (state, history), starting from the state ``known`` or from ``initial``."""
        import torch

        from ..nets.reconstruction_loss import reconstruction_loss
        from ..training.loop import train, warm_cosine

        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        n_held = math.ceil(self.validation_fraction * len(images))
        if n_held >= len(images):
            raise ValueError(
                f"validation_fraction {self.validation_fraction} of {len(images)} images leaves "
                "none to learn from"
            )
        order = np.random.default_rng(seed).permutation(len(images))
        held, learned = order[:n_held], np.sort(order[n_held:])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = self._new_net()
        brought = ()
        if known is None:
            brought = _load_initial(net.unet, self.initial)
        else:
            load_arrays(net, known)
        net = net.to(torch_device(self.device), memory_format=torch.channels_last)

        def draw(step):
            inputs, targets = [], []
            for k in range(self.batch_size):
                rng = np.random.default_rng((seed, step, k))
                i = learned[rng.integers(len(learned))]
                annotation = annotations[i][rng.integers(len(annotations[i]))]
                pixels = images[i].reshape(*images[i].shape[:2], -1)
                crop, (target,) = random_crop(pixels, [annotation], self.crop_size, rng)
                inputs.append(self._inputs(crop, images[i].dtype))
                # half of the pixels tell as much; always the same ones would leave the others free
                targets.append((target, rng.random(target.shape) < 0.5))
            # from cross-entropy to the share misread, where a net that goes on has arrived
            q = max(step / self.max_steps, 0.01) if known is None else 1.0
            return [torch.from_numpy(np.stack(a)) for a in zip(*inputs)], targets, q

        def one_loss(features, annotation, read, q):
            clusters = _clusters(features, annotation, self.size)
            return clusters, reconstruction_loss(
                features,
                clusters,
                annotation,
                *_neighbours(clusters, annotation, read, self.size),
                sharpness=_SHARPNESS,
                q=q,
            )

        def loss(net, batch):
            inputs, targets, q = batch
            features = net(*inputs).float().permute(0, 2, 3, 1)
            total, excess = 0.0, 0.0
            for found, colours, (target, read) in zip(features, inputs[1], targets):
                clusters, value = one_loss(found, target, read, q)
                total = total + value
                plain = _clusters(colours.permute(1, 2, 0), target, self.size)
                excess += _shape(clusters, self.size) - _shape(plain, self.size)
            # more compact than by colour: features may weigh more; less compact, less
            step = min(max(0.3 * excess / len(targets), -0.05), 0.05)
            net.scale = net.scale * math.exp(step)  # no change in place: gradients need the old
            return total / len(targets)

        def validate(net):
            losses = []
            for i in held:
                inputs = [torch.from_numpy(a[None]) for a in self._inputs(images[i])]
                inputs = [a.to(net.scale.device) for a in inputs]
                features = net(*inputs)[0].float().permute(1, 2, 0)
                everywhere = np.ones(features.shape[:2], bool)
                losses += [float(one_loss(features, a, everywhere, 1.0)[1]) for a in annotations[i]]
            return -np.mean(losses)

        slow = [p for name, p in net.unet.named_parameters() if name in brought]
        fast = [p for p in net.parameters() if not any(p is other for other in slow)]
        groups = [{"params": fast}]
        if slow:
            groups.append({"params": slow, "lr": self.learning_rate / 3})
        recipe = {
            name: str(value)
            for name, value in self.get_params().items()
            if name not in _NOT_OF_THE_RESULT
        }
        recipe |= {"seed": seed, "images": len(images), "goes on": known is not None}
        n_jobs = joblib.effective_n_jobs(self.n_jobs)
        history = train(
            net,
            draw,
            loss,
            optimizer=torch.optim.Adam(groups, lr=self.learning_rate),
            max_steps=self.max_steps,
            schedule=lambda step: warm_cosine(step, self.max_steps),
            validate=validate if n_held else None,
            patience=_PATIENCE if self.early_stopping else None,
            checkpoint=self.checkpoint,
            fingerprint=json.dumps(recipe, sort_keys=True),
            n_workers=n_jobs if n_jobs > 1 else 0,
            mixed_precision=True,
            verbose=self.verbose,
        )
        state = net_arrays(net)
        return state, history

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _clusters(features, annotation, size):
    """Labels of plain SLIC on features (H, W, C), before small pieces are merged."""
    mask = annotation >= 0
    if not mask.any():
        return np.full(mask.shape, -1, np.int32)
    return slic(
        features.detach().contiguous().cpu().numpy(),
        max(1, round(mask.sum() / size**2)),
        compactness=_COMPACTNESS,
        max_iter=_MAX_ITER,
        mask=None if mask.all() else mask,
        convert2lab=False,
        enforce_connectivity=False,
    )


def _neighbours(clusters, annotation, read, size):
    """Annotated pixels to read, the clusters near each, and squared distances of their places."""
    pixels = np.flatnonzero(read & (clusters >= 0) & (annotation >= 0))
    if len(pixels) == 0:
        return pixels, np.zeros((0, _N_NEIGHBORS), np.int32), np.zeros((0, _N_NEIGHBORS))
    blank = np.zeros(clusters.shape, np.float32)
    means, centers, _ = cluster_means(blank, clusters)
    neighbors = nearest_clusters(pixels, clusters.shape, centers, _N_NEIGHBORS)
    # of a blank image: only the places differ
    squares = squared_differences(blank, pixels, means, centers, neighbors, size / _COMPACTNESS)
    return pixels, neighbors, squares[:, :, -1]


def _shape(clusters, size):
    """Mean compactness of the superpixels that clusters become."""
    if clusters.max() < 0:
        return 0.0
    return mean_compactness(enforce_connectivity(clusters, size**2 // 4))


def _load_initial(unet, path):
    """Fill ``unet`` with what fits it in a file; return the names of that."""
    if path is None:
        return ()
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise FileNotFoundError(f"initial: there is no file {path}")
    state, own = load_file(path), unet.state_dict()
    free = "head.", "stem.", "normalize."  # what depends on the channels, in and out
    brought = {
        k: state[k].float().reshape(v.shape)  # scalars are saved with one axis
        for k, v in own.items()
        if k in state and state[k].squeeze().shape == v.squeeze().shape
        if not k.startswith("head.")
    }
    missing = [k for k in own if k not in brought and not k.startswith(free)]
    if missing:
        raise ValueError(
            f"initial: {path} holds no U-Net of these widths: {', '.join(missing[:3])} are "
            "missing or misshapen"
        )
    if any(k.startswith(("stem.", "normalize.")) and k not in brought for k in own):
        brought = {k: v for k, v in brought.items() if not k.startswith(("stem.", "normalize."))}
    unet.load_state_dict(brought, strict=False)
    return set(brought)
