"""How EmbeddingFeatures learns: through SLIC, from crops of annotated images.

Each step clusters crops by the features as they are, then asks how well the annotation can be read
off the clusters (``nets/reconstruction_loss.py``), and moves features so that it can be read
better. The same crops are clustered by colour, and all features scaled so that both give
superpixels as compact: what is learned is which way to lean, not to give up compactness.
"""

import math
from pathlib import Path

import numpy as np

from ..kernels import enforce_connectivity
from ..kernels.cluster_assign import cluster_means, nearest_clusters, squared_differences
from ..kernels.slic import slic_quiet
from ..metrics import compactness as mean_compactness
from ..training.augment import random_crop
from ..training.recipe import Task, split
from ..training.state import load_arrays
from ..utils.tensor_file import read_tensors

RECIPE = {
    "max_steps": 3000,
    "batch_size": 4,
    "crop_size": 144,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warm_up": 200,
    "weight_decay": 0.0,
    "validation_fraction": 0.0,
    "patience": 3,
    "mixed_precision": True,
}
_COMPACTNESS = 10.0
_MAX_ITER = 4
_SHARPNESS = 0.1  # of soft clusters, in the unit of squared features
_N_NEIGHBORS = 9  # clusters that a pixel belongs to in part


def make_net(n_channels, n_components):
    """The net, untrained."""
    import torch

    from ..nets.pixel_embedding import PixelEmbeddingNet

    return PixelEmbeddingNet(n_channels, n_components).to(memory_format=torch.channels_last)


class EmbeddingTask(Task):
    """Features of pixels in which SLIC follows annotations.

    Parameters
    ----------
    images : list of ndarray (height, width) or (height, width, channels)
        Images.

    annotations : list of lists of int32 ndarray (height, width)
        Ground truths of each image.

    inputs : callable
        ``inputs(image, dtype)``: an image, and its colours, as the net takes them.

    recipe : Recipe
        The training's recipe.

    about : dict
        ``seed``, ``size``, ``n_components``.

    start : dict
        ``arrays`` of a net to go on from, or None; ``initial``, a file of a U-Net, or None.

    device : str
        Where the net is trained.

    n_jobs : int
        Threads that prepare crops.
    """

    def __init__(self, images, annotations, inputs, recipe, about, start, device, n_jobs):
        self.images, self.annotations, self.inputs = images, annotations, inputs
        self.values, self.about, self.start, self.device = recipe.values, about, start, device
        self.n_workers = n_jobs if n_jobs > 1 else 0
        self.held, learned = split(len(images), recipe, about["seed"])
        self.learned = np.sort(learned)

    def net(self):
        net = self._untrained()
        self.from_file = ()
        if self.start["arrays"] is not None:
            load_arrays(net, self.start["arrays"])
        else:
            brought = _initial_state(net.unet, self.start["initial"])
            net.unet.load_state_dict(brought, strict=False)
            self.from_file = set(brought)
        return net.to(self.device)

    def brought(self):
        """What ``initial`` holds for the net, as arrays."""
        brought = _initial_state(self._untrained().unet, self.start["initial"])
        return {name: value.numpy() for name, value in brought.items()}

    def _untrained(self):
        import torch

        n_channels = 1 if self.images[0].ndim == 2 else self.images[0].shape[2]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.about["seed"])
            return make_net(n_channels, self.about["n_components"])

    def groups(self, net, values):
        slow = [p for name, p in net.unet.named_parameters() if name in self.from_file]
        fast = [p for p in net.parameters() if not any(p is other for other in slow)]
        if not slow:
            return [{"params": fast}]
        return [{"params": fast}, {"params": slow, "lr": values["learning_rate"] / 3}]

    def draw(self, step):
        import torch

        inputs, targets = [], []
        for k in range(self.values["batch_size"]):
            rng = np.random.default_rng((self.about["seed"], step, k))
            i = self.learned[rng.integers(len(self.learned))]
            annotation = self.annotations[i][rng.integers(len(self.annotations[i]))]
            image = self.images[i]
            pixels = image.reshape(*image.shape[:2], -1)
            crop, (target,) = random_crop(pixels, [annotation], self.values["crop_size"], rng)
            inputs.append(self.inputs(crop, image.dtype))
            # half of the pixels tell as much; always the same ones would leave the others free
            targets.append((target, rng.random(target.shape) < 0.5))
        # from cross-entropy to the share misread, where a net that goes on has arrived
        q = max(step / self.values["max_steps"], 0.01) if self.start["arrays"] is None else 1.0
        return [torch.from_numpy(np.stack(a)) for a in zip(*inputs)], targets, q

    def loss(self, net, batch):
        inputs, targets, q = batch
        features = net(*inputs).float().permute(0, 2, 3, 1)
        size = self.about["size"]
        total, excess = 0.0, 0.0
        for found, colours, (target, read) in zip(features, inputs[1], targets):
            clusters, value = self._reconstruction(found, target, read, q)
            total = total + value
            plain = _clusters(colours.permute(1, 2, 0), target, size)
            excess += _shape(clusters, size) - _shape(plain, size)
        # more compact than by colour: features may weigh more; less compact, less
        step = min(max(0.3 * excess / len(targets), -0.05), 0.05)
        net.scale = net.scale * math.exp(step)  # no change in place: gradients need the old
        return total / len(targets)

    def validate(self, net):
        import torch

        losses = []
        for i in self.held:
            inputs = [torch.from_numpy(a[None]) for a in self.inputs(self.images[i])]
            inputs = [a.to(net.scale.device) for a in inputs]
            features = net(*inputs)[0].float().permute(1, 2, 0)
            everywhere = np.ones(features.shape[:2], bool)
            losses += [
                float(self._reconstruction(features, a, everywhere, 1.0)[1])
                for a in self.annotations[i]
            ]
        return -np.mean(losses)

    def _reconstruction(self, features, annotation, read, q):
        """Clusters of features, and the loss of reading the annotation off them."""
        from ..nets.reconstruction_loss import reconstruction_loss

        size = self.about["size"]
        if not features.isfinite().all():  # the training has diverged, which a loss of NaN tells
            return np.full(annotation.shape, -1, np.int32), features.sum() * math.nan
        clusters = _clusters(features, annotation, size)
        return clusters, reconstruction_loss(
            features,
            clusters,
            annotation,
            *_neighbours(clusters, annotation, read, size),
            sharpness=_SHARPNESS,
            q=q,
        )


def _clusters(features, annotation, size):
    """Labels of plain SLIC on features (H, W, C), before small pieces are merged."""
    mask = annotation >= 0
    if not mask.any():
        return np.full(mask.shape, -1, np.int32)
    return slic_quiet(
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


def _initial_state(unet, path):
    """What fits ``unet`` in a file, {name: tensor}."""
    if path is None:
        return {}
    import torch

    if not Path(path).exists():
        raise FileNotFoundError(f"initial: there is no file {path}")
    state, own = read_tensors(path)[0], unet.state_dict()
    free = "head.", "stem.", "normalize."  # what depends on the channels, in and out
    brought = {
        k: torch.from_numpy(state[k].astype(np.float32).reshape(v.shape))
        for k, v in own.items()  # scalars are saved with one axis
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
    return brought
