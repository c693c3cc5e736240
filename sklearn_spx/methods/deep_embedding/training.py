"""How DEL is trained: what is asked of an image's superpixels, and the optimiser's recipe.

Batches are a function of the step's number alone, so a resumed run sees the same ones. With a
frozen trunk its maps of each image and variant are computed once and kept in half precision;
what is left to train is small.
"""

import math

import numpy as np

from ...kernels import region_adjacency
from ...learned import load_arrays, net_arrays
from ...training.augment import crop, n_variants, vary
from .model import as_tensor, footprints, pooled_embedding

_MAJORITY = 0.7  # a superpixel belongs to a segment that holds more of it than this
_FAR = 6000  # pairs of superpixels that are no neighbours, an image
_TRUNK_RATE = 0.1  # of the learning rate: what the trunk already knows is to be kept


# --- what is asked ----------------------------------------------------------------------------


def chosen(annotations, which, rng):
    """The annotations that count: with most regions, all, or one at random."""
    if which == "all":
        return annotations
    if which == "random":
        return [annotations[int(rng.integers(len(annotations)))]]
    return [max(annotations, key=lambda a: np.unique(a[a >= 0]).size)]


def majorities(labels, n, annotations):
    """Segment of each superpixel, (n_annotations, n); -1 where none holds more than 70 %."""
    out = np.full((len(annotations), n), -1, np.int64)
    inside = labels >= 0
    sizes = np.bincount(labels[inside], minlength=n)
    for k, annotation in enumerate(annotations):
        known = inside & (annotation >= 0)
        segment = np.unique(annotation[known], return_inverse=True)[1].ravel()
        n_segments = int(segment.max(initial=-1)) + 1
        if not n_segments:
            continue
        index = labels[known].astype(np.int64) * n_segments + segment
        table = np.bincount(index, minlength=n * n_segments).reshape(n, n_segments)
        out[k] = np.where(table.max(1) > _MAJORITY * sizes, table.argmax(1), -1)
    return out


def majority_class(labels, n, classes):
    """Class of each superpixel, -1 where none holds more than 70 % of it."""
    inside = (labels >= 0) & (classes >= 0)
    n_classes = int(classes.max(initial=0)) + 1
    index = labels[inside].astype(np.int64) * n_classes + classes[inside]
    table = np.bincount(index, minlength=n * n_classes).reshape(n, n_classes)
    sizes = np.bincount(labels[labels >= 0], minlength=n)
    return np.where(table.max(1) > _MAJORITY * sizes, table.argmax(1), -1)


def agreement(segments, pairs):
    """Share of annotators who see each pair in one segment; NaN where none can say."""
    a, b = segments[:, pairs[:, 0]], segments[:, pairs[:, 1]]
    known = (a >= 0) & (b >= 0)
    n = known.sum(0)
    out = np.full(len(pairs), np.nan, np.float32)
    np.divide(((a == b) & known).sum(0), n, out=out, where=n > 0)
    return out


def far_pairs(labels, n, rng):
    """Pairs of superpixels up to a quarter of the diagonal apart, near ones more often."""
    inside = labels >= 0
    flat = labels[inside]
    sizes = np.bincount(flat, minlength=n)
    centres = np.stack([np.bincount(flat, w, n) / sizes for w in np.nonzero(inside)], 1)
    pairs = rng.integers(0, n, (4 * _FAR, 2))
    apart = np.hypot(*(centres[pairs[:, 0]] - centres[pairs[:, 1]]).T)
    diagonal = math.hypot(*labels.shape)
    near = rng.random(len(pairs)) * apart < 0.07 * diagonal
    return pairs[near & (apart > 0) & (apart < diagonal / 4)][:_FAR]


def boundary_share(annotations, shape, stride, origin):
    """Share of annotators with a boundary within a pixel of each cell of a map."""
    from scipy.ndimage import maximum_filter

    share = np.zeros(annotations[0].shape, np.float32)
    for a in annotations:
        marked = np.zeros(a.shape, bool)
        for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
            unlike = a[one] != a[other]
            marked[one] |= unlike
            marked[other] |= unlike
        share += marked
    share = maximum_filter(share / len(annotations), 3)
    rows, columns = (
        np.minimum(np.arange(n) * int(stride) + int(origin), length - 1)
        for n, length in zip(shape, share.shape)
    )
    return share[np.ix_(rows, columns)]


# --- training ---------------------------------------------------------------------------------


def train_net(key, data, start, recipe, build, loud):
    """Train a net; return its state as arrays, and the history.

    Parameters
    ----------
    key : str or None
        Digest of ``data``, ``start`` and ``recipe``, by which a result is found again.

    data : tuple of three lists
        Of each image: float32 RGB (height, width, 3), 0 to 255; int32 superpixels (height,
        width); a list of annotations like them.

    start : dict of ndarray
        State of the net at the start.

    recipe : dict
        All that the result depends on besides; see ``DELSegmenter._recipe``.

    build : callable
        Makes the net; that it is the same one is said by ``recipe`` and ``start``.

    loud : dict
        What the result does not depend on: ``verbose`` and ``checkpoint``.

    Returns
    -------
    state : dict of ndarray
        Of the trained net.

    history : list of dict
        See :func:`sklearn_spx.training.loop.train`.
    """
    import torch
    from joblib import hash as digest

    from ...training.loop import train

    images, labels, targets = data
    net = build()
    load_arrays(net, start)
    net.to(recipe["device"])
    rng = np.random.default_rng(recipe["seed"])
    order = rng.permutation(len(images))
    n_held = round(recipe["validation_fraction"] * len(images))
    if n_held and len(images) - n_held < 1:
        raise ValueError("validation_fraction leaves no image to train on")
    held, used = order[:n_held], order[n_held:]
    samples = _Samples(images, labels, targets, net, recipe)
    if hasattr(net, "calibrate"):
        net.calibrate([samples.stages(as_tensor(images[i])) for i in used[:20]])

    classes = recipe["n_classes"]
    if classes:  # pretraining: a linear classifier on the embedding
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe["seed"])
            net.classifier = torch.nn.Linear(64, classes).to(recipe["device"])
    frozen = recipe["freeze_trunk"]
    net.trunk.requires_grad_(not frozen)
    variants = n_variants(recipe["augmentation"])
    batch_size = recipe["batch_size"]

    def draw(step):
        rng = np.random.default_rng([recipe["seed"], step])
        which = [(int(rng.choice(used)), int(rng.integers(variants))) for _ in range(batch_size)]
        return [samples(i, variant, rng) for i, variant in which]

    def loss(net, batch):
        return _loss(net, batch, recipe)

    def validate(net):
        seed = [recipe["seed"], 2**31]
        batches = [[samples(i, 0, np.random.default_rng(seed))] for i in held]
        return -sum(float(_loss(net, batch, recipe)) for batch in batches) / n_held

    names, optimizer, schedule = recipe_optimizer(net, recipe)
    history = train(
        net,
        draw,
        loss,
        optimizer=optimizer,
        max_steps=recipe["max_steps"],
        schedule=schedule,
        validate=validate if n_held else None,
        patience=5 if recipe["early_stopping"] else None,
        fingerprint=digest([recipe, start, names, images, targets]),
        mixed_precision=recipe["mixed_precision"],
        **loud,
    )
    if classes:
        del net.classifier
    return net_arrays(net), history


def recipe_optimizer(net, recipe):
    """The optimiser, its parameters' names, and the multiplier of the rates at each step."""
    import torch

    rate, decay, steps = recipe["learning_rate"], recipe["weight_decay"], recipe["max_steps"]
    named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    names = [name for name, _ in named]
    if recipe["optimizer"] == "adamw":
        warm = max(1, min(100, steps // 10))
        slow = _TRUNK_RATE if recipe["trained_trunk"] else 1.0
        groups = [
            {"params": [p], "lr": rate * (slow if name.startswith("trunk.") else 1.0)}
            for name, p in named
        ]
        return (
            names,
            torch.optim.AdamW(groups, lr=rate, weight_decay=decay),
            lambda step: min(1, (step + 1) / warm) * (1 + math.cos(math.pi * step / steps)) / 2,
        )
    groups = [
        {
            "params": [p],
            # biases learn twice as fast, the last layer ten times
            "lr": rate * (2 if name.endswith("bias") else 1) * (10 if "embedding" in name else 1),
            "weight_decay": 0.0 if name.endswith("bias") else decay,
        }
        for name, p in named
    ]
    optimizer = torch.optim.SGD(groups, lr=rate, momentum=0.9)
    return names, optimizer, lambda step: 1.0 if step < 0.8 * steps else 0.1


class _Samples:
    """Training samples by image and variant; the maps of a frozen trunk are kept."""

    def __init__(self, images, labels, targets, net, recipe):
        self.images, self.labels, self.targets = images, labels, targets
        self.net, self.recipe = net, recipe
        self.kept = {}

    def __call__(self, i, variant, rng):
        import torch

        image, labels, annotations = vary(variant, self.images[i], self.labels[i], self.targets[i])
        size = self.recipe["crop_size"]
        if size is not None:
            image, labels, annotations = crop(size, image, labels, annotations, rng)
        n = int(labels.max(initial=-1)) + 1
        sample = {"labels": labels, "n": n, "image": as_tensor(image)}
        if self.recipe["freeze_trunk"] and size is not None:
            sample["stages"] = self.stages(sample["image"])
        elif self.recipe["freeze_trunk"]:
            if (i, variant) not in self.kept:
                self.kept[i, variant] = [m.half().cpu() for m in self.stages(sample["image"])]
            sample["stages"] = [m.float() for m in self.kept[i, variant]]
        if self.recipe["n_classes"]:
            sample["classes"] = torch.from_numpy(majority_class(labels, n, annotations[0]))
            return sample
        annotations = chosen(annotations, self.recipe["annotators"], rng)
        segments = majorities(labels, n, annotations)
        pairs = region_adjacency(labels)[0].astype(np.int64)
        sample["pairs"] = torch.from_numpy(pairs)
        sample["targets"] = torch.from_numpy(agreement(segments, pairs))
        if self.net.has_boundary:
            pairs = far_pairs(labels, n, rng)
            sample["far"] = torch.from_numpy(pairs)
            sample["far_targets"] = torch.from_numpy(agreement(segments, pairs))
            sample["annotations"] = annotations
        return sample

    def stages(self, image):
        import torch

        self.net.trunk.eval()  # statistics of a trunk with batch normalisation stay as they are
        with torch.no_grad():
            return self.net.stages(image.to(self.recipe["device"]))


def _loss(net, batch, recipe):
    """DEL eq. 4 over the neighbours in each image; for a compact net two terms more.

    These are eq. 4 over pairs further apart, so that embeddings agree beyond one boundary, and
    the cross-entropy of the map of boundaries, on which the finest side is trained.
    """
    import torch.nn.functional as F

    from ...nets.similarity_loss import similarity_loss

    sides = []
    for sample in batch:
        stages = sample["stages"] if recipe["freeze_trunk"] else net.stages(sample["image"])
        sides.append(net.sides_of(stages, sample["labels"].shape))
    device = sides[0][0].device
    feet = [
        [
            f.to(device)
            for f in footprints(net, [m.shape[-2:] for m in maps], sample["labels"], sample["n"])
        ]
        for maps, sample in zip(sides, batch)
    ]
    embeddings = pooled_embedding(net, sides, feet, recipe["pooling"])
    if recipe["n_classes"]:
        import torch

        classes = torch.cat([sample["classes"] for sample in batch])
        return F.cross_entropy(net.classifier(embeddings), classes, ignore_index=-1)
    total, first = 0.0, 0
    for maps, sample in zip(sides, batch):
        v = embeddings[first : first + sample["n"]].float()
        first += sample["n"]
        total = total + similarity_loss(v, sample["pairs"], sample["targets"])
        if net.has_boundary:
            total = total + similarity_loss(v, sample["far"], sample["far_targets"]) / 4
            total = total + 1000 * _boundary_loss(maps[-1], net, sample["annotations"])
    return total


def _boundary_loss(logits, net, annotations):
    import torch
    import torch.nn.functional as F

    grid = (net.strides[-1], net.origins[-1])
    share = torch.from_numpy(boundary_share(annotations, logits.shape[-2:], *grid))
    share = share.to(logits.device)
    each = F.binary_cross_entropy_with_logits(logits[0, 0].float(), share, reduction="none")
    return (each * (1 + 4 * share)).mean()
