"""An embedding of pixels in which SLIC finds what people annotate, trained through SLIC itself.

How it is trained stands in ``_embedding_training.py``.
"""

import os
from collections.abc import Sequence
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, Self

import joblib
import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..kernels.checks import as_image, full_scale
from ..learned import TrainedNet, torch_device
from ..training import NetTraining
from ..training.recipe import as_validation, fit_net, resolve, seed_of
from ..utils.images import (
    check_boundaries,
    check_magnitude,
)
from ..utils.threads import one_torch_thread
from ..utils.types import Images
from ..utils.undo import all_or_nothing
from ._base import ImageTransformer
from ._embedding_training import RECIPE, EmbeddingTask, make_net
from .lab import LabFeatures, weights_to_lab


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

    training : NetTraining or None, default=None
        How the net is trained. What it leaves None, and None itself, is: 3,000 steps of 4 crops of
        144 pixels, Adam at 1e-3, a third of it for what ``initial`` brought, falling along a
        cosine, no image held out, patience 3, mixed precision. Of the states of the net the one
        of the least loss on images held out is kept.

    warm_start : bool, default=False
        ``fit`` goes on with the net trained before, and with the loss that its training ended in.

    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where the net runs.

    random_state : int, RandomState instance or None, default=0
        Initial weights, crops, and which images are held out. None: other ones in every ``fit``.

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

    colour_scales_ : ndarray of shape (``n_channels_in_``,), float32
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
    >>> from sklearn_spx.training import NetTraining
    >>> few = NetTraining(max_steps=2, batch_size=1, crop_size=48)
    >>> embedding = EmbeddingFeatures(training=few)
    >>> embedding = embedding.fit(leaves.images, leaves.ground_truths)
    >>> embedding.transform(leaves.images)[0].shape
    (48, 64, 11)
    """

    _parameter_constraints = {  # noqa: RUF012
        **ImageTransformer._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "size": [Interval(Integral, 2, None, closed="left")],
        "initial": [str, Path, None],
        "training": [NetTraining, None],
        "warm_start": ["boolean"],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        n_components: int = 8,
        size: int = 16,
        initial: str | os.PathLike[str] | None = None,
        training: NetTraining | None = None,
        warm_start: bool = False,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.size = size
        self.initial = initial
        self.training = training
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

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
            Each (height, width) or (height, width, channels), of one number of channels. White is
            65535 in uint16, 255 in other integers; floats are taken as they are. They are held in
            memory while fitting.

        y : sequence of n_images ground truths
            Each a label image (height, width) or a list of them, one an annotator, of which each
            is learned from. Pixels below 0 are left out.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image counts; nothing is learned from other pixels.

        validation : tuple (X, y) or (X, y, masks), or None, default=None
            Images to hold out, and their ground truths: the best state on them is kept, and
            training stops early by them, instead of a ``validation_fraction`` of ``X``.

        Returns
        -------
        self : EmbeddingFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If there are no ground truths, none of them shows a boundary, there are too few images
            to hold some out, or ``initial`` holds another net.

        FileNotFoundError
            If there is no file ``initial``.
        """
        if y is None:
            raise ValueError("y is None; EmbeddingFeatures learns from ground truths")
        self._validate_params()
        X, masks = self._check_collections(X, masks)
        images = self._check_images(X, masks)
        annotations = self._check_annotations(y, images, masks)
        held_out: tuple[list[Any], list[Any]] = ([], [])
        if validation is not None:
            try:
                held_out = self._held_out(*as_validation(validation))
            except (ValueError, TypeError) as error:
                raise type(error)(f"validation: {error}") from error
        self._learn(images, annotations, *held_out)
        return self

    def _held_out(self, X, y, masks):
        X, masks = self._check_collections(X, masks)
        images = [self._check(X[i], i, masks[i]) for i in range(len(X))]
        for i, image in enumerate(images):
            self._check_channels(image, i)
        return images, self._check_annotations(y, images, masks)

    def _check(self, image, i, mask=None):
        image = super()._check(image, i, mask)
        check_magnitude(image, f"X[{i}]")
        return image

    def _learn(self, images, annotations, images_held_out, annotations_held_out):
        check_boundaries(annotations)
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
        n_validation = len(images_held_out)
        recipe = resolve(self.training, RECIPE, len(images), n_validation=n_validation)
        images, annotations = images + images_held_out, annotations + annotations_held_out
        about = {
            "seed": seed_of(self.random_state),
            "size": self.size,
            "n_components": self.n_components,
            "goes on": known is not None,
        }
        initial = None if known is not None else self.initial
        n_jobs = joblib.effective_n_jobs(self.n_jobs)
        start = {"arrays": known, "initial": initial}
        task = EmbeddingTask(
            images,
            annotations,
            self._inputs,
            recipe,
            about,
            start,
            torch_device(self.device),
            n_jobs,
        )
        self.weights_, self.history_ = fit_net(
            lambda: task,
            recipe,
            about=about,
            data={
                "images": images,
                "ground truths": annotations,
                "initial weights": known if initial is None else task.brought(),
            },
            verbose=self.verbose,
        )
        self.__dict__.pop("_net", None)

    @property
    def _reach(self):
        return self._trained_net().on("cpu").unet.reach

    def _features(self, image):
        return self._features_on(image, self.device).cpu().numpy()

    def _features_along(self, image, axes):
        return self._features_on(image, self.device, axes).cpu().numpy()

    def _add_along(self, image, axes, add):
        self._each_strip(image, self.device, axes, lambda strip: add(strip.cpu().numpy()))

    def _features_on(self, image, device, axes=None):
        import torch

        device = next(self._trained_net().on(device).parameters()).device
        n_out = self.n_features_out_ if axes is None else axes.shape[1]
        out, first = torch.empty((*image.shape[:2], n_out), device=device), 0

        def add(strip):
            nonlocal first
            out[first : first + len(strip)] = strip
            first += len(strip)

        self._each_strip(image, device, axes, add)
        return out

    def _each_strip(self, image, device, axes, add):
        """Call ``add`` of each strip of features (n_rows, width, n), a tensor where the net is."""
        import torch

        net = self._trained_net().on(device)
        device = next(net.parameters()).device

        def pixels(rows):
            return torch.from_numpy(_planes(self._pixels(image[rows.numpy()]))[None]).to(device)

        def colours(rows):
            part = image[int(rows[0]) : int(rows[-1]) + 1]
            return torch.from_numpy(_planes(self._colours(part, self._pixels(part)))[None]).to(
                device
            )

        shape = image.shape[:2]
        axes = None if axes is None else torch.as_tensor(axes, device=device)
        with torch.inference_mode(), one_torch_thread():
            for strip in net.strips(pixels, colours, shape):
                features = strip[0].permute(1, 2, 0)
                add(features if axes is None else features @ axes)

    def _inputs(self, image, dtype=None):
        """Image and colours for the net, (C, H, W) float32."""
        pixels = self._pixels(image, dtype)
        return [_planes(pixels), _planes(self._colours(image, pixels))]

    def _pixels(self, image, dtype=None):
        pixels = as_image(image) / np.float32(full_scale(image.dtype if dtype is None else dtype))
        if dtype is not None and self.colours_.converts_:  # turned pixels may pass white a little
            pixels = np.clip(pixels, 0, 1)
        return pixels

    def _colours(self, image, pixels):
        source = pixels if self.colours_.converts_ else image
        return self.colours_.transform([source])[0] * self.colour_scales_

    def _trained_net(self):
        if "_net" not in self.__dict__:
            make = partial(
                make_net, self.n_channels_in_, self.n_features_out_ - self.n_channels_in_
            )
            self._net = TrainedNet(make, self.weights_)
        return self._net

    def _check_loaded(self):
        """Raise ValueError unless the weights of a file are those of the net."""
        self._trained_net()

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("_net", None)  # built again from weights_, wherever the pickle is opened
        return state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _planes(values):
    """(H, W, C) as (C, H, W)."""
    return np.ascontiguousarray(values.transpose(2, 0, 1))
