"""How SEAL's nets learn: crops, target affinities, superpixels in the loop, the loss."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...kernels import entropy_rate_superpixels
from ...kernels.checks import full_scale
from ...metrics import achievable_segmentation_accuracy
from ...training.augment import random_crop
from ...training.recipe import Task, split
from ...training.wear import random_zoom, wear
from .growth import Beside, grow, own_reading
from .model import as_tensor, for_net, make_net, net_inputs, predict_affinities

# one recipe for all nets; the paper's 100,000 steps are days of a CPU
RECIPE = {
    "max_steps": 3000,
    "batch_size": 8,
    "crop_size": 112,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "warm_up": 200,
    "weight_decay": 1e-4,
    "validation_fraction": 0.0,
    "patience": 3,
    "mixed_precision": True,
}
# what a missed boundary costs, by loss: the paper's own weighs the leaked pixels instead
BOUNDARY_WEIGHT = {"cross_entropy": 20.0, "seal": 1.0}
# superpixels in the loop are as large as 300 in an image of BSDS500, the paper's number
_LOOP_PIXELS = 481 * 321 // 300


def sample(n_channels, image, mask, annotations):
    """Image as a net of ``n_channels`` takes it, and label images, -1 where unknown, small."""
    labels = np.stack([np.where(a < 0, -1, a - max(a.min(), 0)) for a in annotations])
    if mask is not None:
        labels[:, ~mask] = -1
    dtype = np.int16 if labels.max() <= np.iinfo(np.int16).max else np.int32
    return for_net(image, n_channels), labels.astype(dtype)


class SEALTask(Task):
    """Affinities of neighbouring pixels, learned from human segmentations.

    Parameters
    ----------
    items : list of (image, labels)
        As of ``sample``.

    recipe : Recipe
        The training's recipe.

    about : dict
        ``net``, ``loss``, ``boundary_weight``, ``augmentation``, ``seed``, ``start`` (arrays of a
        net, or None).

    device : str
        Where the net is trained.

    n_jobs : int
        Threads that prepare crops and grow superpixels.
    """

    def __init__(self, items, recipe, about, device, n_jobs):
        self.values, self.about, self.device, self.n_jobs = recipe.values, about, device, n_jobs
        self.n_workers = n_jobs if n_jobs > 1 else 0
        held, learned = split(len(items), recipe, about["seed"])
        self.held = [items[i] for i in held]
        self.items = [items[i] for i in np.sort(learned)]
        shares = np.cumsum([len(labels) for _, labels in self.items], dtype=float)
        self.shares = shares / shares[-1]

    def net(self):
        import torch

        from ...training.state import load_arrays

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.about["seed"])
            net = make_net(self.about["net"], self.items[0][0].shape[2])
        if self.about["start"] is not None:
            load_arrays(net, self.about["start"])
        self.canny = getattr(net, "canny", False)
        return net.to(self.device)

    def draw(self, step):
        import torch

        crops, worn = [], self.about["augmentation"] == "wear"
        for k in range(self.values["batch_size"]):
            rng = np.random.default_rng((self.about["seed"], step, k))
            # as likely as it has annotations: each is a sample
            i = np.searchsorted(self.shares, rng.random(), side="right")
            image, labels = self.items[i]
            zoom, white = random_zoom(rng) if worn else 1.0, full_scale(image.dtype)
            crop, labels = random_crop(image, labels, self.values["crop_size"], rng, zoom=zoom)
            crop = wear(crop / np.float32(white), rng) * np.float32(white) if worn else crop
            inputs = net_inputs(crop, white, self.canny)
            crops.append((inputs, _targets(labels), labels))
        inputs, targets, labels = zip(*crops)
        inputs = [as_tensor(np.concatenate(arrays)) for arrays in zip(*inputs)]
        return inputs, torch.from_numpy(np.stack(targets)), list(labels)

    def loss(self, net, batch):
        """Binary cross-entropy, weighted by 1 + the segmentation error for "seal" (eq. 3)."""
        import torch

        from ...nets.seal_loss import affinity_cross_entropy

        inputs, targets, labels = batch
        logits = net.logits(*inputs).float()
        errors = None
        # of a training that has diverged there is nothing to segment: its loss tells
        if self.about["loss"] == "seal" and logits.isfinite().all():
            affinities = torch.sigmoid(logits.detach()).cpu().numpy()
            errors = np.stack(self._in_threads(_segmentation_errors, affinities, labels))
            errors = torch.from_numpy(errors).to(logits.device)
        return affinity_cross_entropy(logits, targets, errors, self.about["boundary_weight"])

    def validate(self, net):
        reading = own_reading(self.about["net"], self.about["loss"], "ers")
        return np.mean(self._in_threads(lambda item: _accuracy(net, reading, *item), self.held))

    def _in_threads(self, function, *arguments):
        with ThreadPoolExecutor(self.n_jobs) as pool:
            return list(pool.map(function, *arguments))


def _targets(labels):
    """The share of annotators who join each pair, of those who know both; NaN where none does."""
    from ...nets.seal_loss import transition_targets

    targets = np.stack([transition_targets(a) for a in labels])
    unknown = np.stack(labels) < 0
    if not unknown.any():
        return targets.mean(axis=0)
    for each, where in zip(targets, unknown):
        each[:, where] = np.nan
        each[0, :, :-1][where[:, 1:]] = np.nan
        each[1, :-1][where[1:]] = np.nan
    with warnings.catch_warnings():  # of pairs that nobody knows: they stay NaN
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(targets, axis=0)


def _segmentation_errors(affinities, labels):
    """The paper's weights of boundary pixels (eq. 2), of superpixels grown on the affinities."""
    from ...nets.seal_loss import segmentation_error_weights

    superpixels = entropy_rate_superpixels(
        n_segments=_loop_count(affinities.shape[1:]), affinities=affinities, connectivity=4
    )
    return np.mean([segmentation_error_weights(superpixels, a) for a in labels], axis=0)


def _accuracy(net, reading, image, labels):
    """Mean achievable segmentation accuracy over the annotations of an image held out."""
    inside = (labels >= 0).any(axis=0)
    mask = None if inside.all() else inside
    alone = Beside(image, mask, reading._replace(regularity=0.0, colour=0.0), "cpu")
    affinities = [predict_affinities(image, net)]
    if not np.isfinite(affinities[0]).all():
        return np.nan  # the training has diverged
    superpixels = grow(affinities, _loop_count(inside.shape), alone, mask=mask)
    return achievable_segmentation_accuracy(superpixels, list(labels.astype(np.int32)))


def _loop_count(shape):
    return max(1, round(shape[0] * shape[1] / _LOOP_PIXELS))
