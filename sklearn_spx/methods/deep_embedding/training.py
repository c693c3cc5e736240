"""How DEL's nets learn: target similarities of an image's superpixels, the loss, the recipe.

With a frozen trunk its maps of each image and variant are computed once and kept in half
precision; what is left to train is small.
"""

import math

import numpy as np

from ...kernels import region_adjacency
from ...kernels.region_statistics import number_regions
from ...training.augment import crop_window, n_variants, vary, zoom_window
from ...training.recipe import Task, split
from ...training.state import load_arrays
from ...training.wear import wear
from .distillation import soften, soften_boundary
from .model import as_tensor, footprints, make_net, pooled_embedding

_MAJORITY = 0.7  # a superpixel belongs to a segment that holds more of it than this
_DISTANT_PAIRS = 6000  # pairs of superpixels that are no neighbours, an image
_WORN = 0.5  # share of images given to `wear` where that is asked for
_TRUNK_RATE = 0.1  # of the learning rate: what the trunk already knows is to be kept


def own_recipe(net, optimizer=None):
    """The recipe of a net by an optimiser: the paper's is "vgg16" by "sgd"."""
    paper = net == "vgg16"
    optimizer = optimizer or ("sgd" if paper else "adamw")
    sgd = optimizer == "sgd"
    return {
        "max_steps": 10_000 if sgd else 3000,
        "batch_size": 5 if sgd else 1,
        "crop_size": None,
        "optimizer": optimizer,
        "learning_rate": 1e-5 if sgd else 1e-4 if paper else 1e-3,
        "schedule": "step" if sgd else "cosine",
        "warm_up": 100,
        "weight_decay": 2e-4,
        "validation_fraction": 0.0,
        "patience": 5,
        "mixed_precision": False,
    }


# --- targets --------------------------------------------------------------------------------------


def annotators_that_count(annotations, which, rng):
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


def distant_pairs(labels, n, rng):
    """Pairs of superpixels up to a quarter of the diagonal apart, near ones more often."""
    inside = labels >= 0
    flat = labels[inside]
    sizes = np.bincount(flat, minlength=n)
    centres = np.stack([np.bincount(flat, w, n) / sizes for w in np.nonzero(inside)], 1)
    pairs = rng.integers(0, n, (4 * _DISTANT_PAIRS, 2))
    apart = np.hypot(*(centres[pairs[:, 0]] - centres[pairs[:, 1]]).T)
    diagonal = math.hypot(*labels.shape)
    near = rng.random(len(pairs)) * apart < 0.07 * diagonal
    return pairs[near & (apart > 0) & (apart < diagonal / 4)][:_DISTANT_PAIRS]


def boundary_share(annotations, shape, stride, origin):
    """Share of annotators with a boundary within a pixel of each cell of a map.

    Of those who know the pixel; NaN where none does.
    """
    from scipy.ndimage import maximum_filter

    share = np.zeros(annotations[0].shape, np.float32)
    n_known = np.sum([a >= 0 for a in annotations], axis=0, dtype=np.float32)
    for a in annotations:
        marked = np.zeros(a.shape, bool)
        for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
            unlike = (a[one] != a[other]) & (a[one] >= 0) & (a[other] >= 0)
            marked[one] |= unlike
            marked[other] |= unlike
        share += marked
    share = maximum_filter(share / np.maximum(n_known, 1), 3)
    share[n_known == 0] = np.nan
    return at_cells(share, shape, stride, origin)


def at_cells(values, shape, stride, origin):
    """Values of pixels at the cells of a map."""
    rows, columns = (
        np.minimum(np.arange(n) * int(stride) + int(origin), length - 1)
        for n, length in zip(shape, values.shape)
    )
    return values[np.ix_(rows, columns)]


# --- training ---------------------------------------------------------------------------------


class DELTask(Task):
    """Embeddings of superpixels, alike within a segment and unlike across boundaries.

    Parameters
    ----------
    data : tuple of three lists
        Of each image: float32 RGB (height, width, 3), 0 to 255; int32 superpixels (height,
        width); a list of annotations like them.

    recipe : Recipe
        The training's recipe.

    about : dict
        ``net``, ``sides``, ``pooling``, ``augmentation``, ``annotators``, ``freeze_trunk``,
        ``trained_net``, ``trained_trunk``, ``n_classes`` and ``seed``.

    start : dict of ndarray
        State of the net at the start.

    device : str
        Where the net is trained.

    teacher : Teacher or None
        Whose similarities and boundaries are half of the targets.
    """

    def __init__(self, data, recipe, about, start, device, teacher=None):
        self.images, self.labels, self.targets = data
        self.teacher = teacher
        self.values, self.about, self.start, self.device = recipe.values, about, start, device
        self.held, self.used = split(len(self.images), recipe, about["seed"])
        self.kept = {}  # maps of a frozen trunk by image and variant

    def net(self):
        import torch

        net = make_net(self.about["net"], self.about["sides"])
        load_arrays(net, self.start)
        net.to(self.device)
        self.trained = net
        if hasattr(net, "calibrate") and not self.about["trained_net"]:
            net.calibrate([self.stages(as_tensor(self.images[i])) for i in self.used[:20]])
        if self.about["n_classes"]:  # pretraining: a linear classifier on the embedding
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.about["seed"])
                net.classifier = torch.nn.Linear(64, self.about["n_classes"]).to(self.device)
        net.trunk.requires_grad_(not self.about["freeze_trunk"])
        return net

    def finish(self, net):
        if self.about["n_classes"]:
            del net.classifier

    def groups(self, net, values):
        named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
        rate, decay = values["learning_rate"], values["weight_decay"]
        if values["optimizer"] != "sgd":
            slow = _TRUNK_RATE if self.about["trained_trunk"] else 1.0
            return [
                {"params": [p], "lr": rate * (slow if name.startswith("trunk.") else 1.0)}
                for name, p in named
            ]

        def factor(name):  # biases learn twice as fast, the last layer ten times
            return (2 if name.endswith("bias") else 1) * (10 if "embedding" in name else 1)

        return [
            {
                "params": [p],
                "lr": rate * factor(name),
                "weight_decay": 0.0 if name.endswith("bias") else decay,
            }
            for name, p in named
        ]

    def draw(self, step):
        rng = np.random.default_rng([self.about["seed"], step])
        variants = n_variants(self.about["augmentation"])
        which = [
            (int(rng.choice(self.used)), int(rng.integers(variants)))
            for _ in range(self.values["batch_size"])
        ]
        return [self.sample(i, variant, rng) for i, variant in which]

    def validate(self, net):
        from ...training.loop import to_device

        total = 0.0
        for i in self.held:
            rng = np.random.default_rng([self.about["seed"], 2**31])
            sample = self.sample(i, 0, rng, worn=False)
            total += float(self.loss(net, to_device([sample], self.device)))
        return -total / len(self.held)

    def sample(self, i, variant, rng, worn=True):
        """The inputs and targets of a variant of an image."""
        import torch

        size, frozen = self.values["crop_size"], self.about["freeze_trunk"]
        worn = worn and self.about["augmentation"] == "wear"
        image, labels, annotations, taught = self.varied(i, variant, rng, worn)
        n = int(labels.max(initial=-1)) + 1
        sample = {"labels": labels, "n": n, "image": as_tensor(image)}
        if frozen and (size is not None or worn):
            sample["stages"] = self.stages(sample["image"])
        elif frozen:
            if (i, variant) not in self.kept:
                self.kept[i, variant] = [m.half().cpu() for m in self.stages(sample["image"])]
            sample["stages"] = [m.float() for m in self.kept[i, variant]]
        if self.about["n_classes"]:
            sample["classes"] = torch.from_numpy(majority_class(labels, n, annotations[0]))
            return sample
        annotations = annotators_that_count(annotations, self.about["annotators"], rng)
        segments = majorities(labels, n, annotations)

        def targets(pairs):
            found = agreement(segments, pairs)
            return torch.from_numpy(found if taught is None else soften(found, taught[0], pairs))

        pairs = region_adjacency(labels)[0].astype(np.int64)
        sample["pairs"], sample["targets"] = torch.from_numpy(pairs), targets(pairs)
        if self.trained.has_boundary:
            pairs = distant_pairs(labels, n, rng)
            sample["distant"], sample["distant_targets"] = torch.from_numpy(pairs), targets(pairs)
            sample["annotations"] = annotations
            sample["boundary"] = None if taught is None else taught[1]
        return sample

    def varied(self, i, variant, rng, worn):
        """Image i, its superpixels and annotations, varied; and what the teacher says, or None.

        That is the embeddings of the superpixels, and the map of boundaries.
        """
        image, labels, annotations = self.images[i], self.labels[i], self.targets[i]
        taught, beside = None, []
        if self.teacher is not None:
            taught, boundary = self.teacher.embeddings_and_boundary(i, image, labels)
            beside = [boundary]
        image, labels, annotations, beside = vary(variant, image, labels, annotations, beside)
        if worn:
            image, labels, annotations, beside = zoom_window(
                image, labels, annotations, rng, beside
            )
            if rng.random() < _WORN:
                image = wear(np.ascontiguousarray(image) / np.float32(255), rng) * np.float32(255)
        if (size := self.values["crop_size"]) is not None:
            image, labels, annotations, beside = crop_window(
                size, image, labels, annotations, rng, beside
            )
        labels, numbers = number_regions(labels)
        if taught is not None:
            taught = taught[numbers], np.ascontiguousarray(beside[0])
        image, *annotations = map(np.ascontiguousarray, (image, *annotations))
        return image, labels, annotations, taught

    def stages(self, image):
        """The trunk's maps, its own statistics of batches left as they are."""
        import torch

        self.trained.trunk.eval()
        with torch.no_grad():
            return self.trained.stages(image.to(self.device))

    def loss(self, net, batch):
        """DEL eq. 4 over the neighbours in each image; for a compact net two terms more.

        These are eq. 4 over pairs further apart, so that embeddings agree beyond one boundary,
        and the cross-entropy of the map of boundaries, on which the finest side is trained.
        """
        import torch
        import torch.nn.functional as F

        from ...nets.del_loss import similarity_loss

        frozen = self.about["freeze_trunk"]
        sides = [
            net.sides_of(s["stages"] if frozen else net.stages(s["image"]), s["labels"].shape)
            for s in batch
        ]
        where = []
        for maps, s in zip(sides, batch):
            shapes = [m.shape[-2:] for m in maps]
            where.append(
                [f.to(maps[0].device) for f in footprints(net, shapes, s["labels"], s["n"])]
            )
        embeddings = pooled_embedding(net, sides, where, self.about["pooling"])
        if self.about["n_classes"]:
            classes = torch.cat([sample["classes"] for sample in batch])
            return F.cross_entropy(net.classifier(embeddings), classes, ignore_index=-1)
        total, first = 0.0, 0
        for maps, sample in zip(sides, batch):
            v = embeddings[first : first + sample["n"]].float()
            first += sample["n"]
            total = total + similarity_loss(v, sample["pairs"], sample["targets"])
            if net.has_boundary:
                distant = similarity_loss(v, sample["distant"], sample["distant_targets"])
                total = total + distant / 4
                boundary = _boundary_loss(maps[-1], net, sample["annotations"], sample["boundary"])
                total = total + 1000 * boundary
        return total


def _boundary_loss(logits, net, annotations, taught=None):
    import torch
    import torch.nn.functional as F

    grid = (net.strides[-1], net.origins[-1])
    share = boundary_share(annotations, logits.shape[-2:], *grid)
    if taught is not None:
        share = soften_boundary(share, at_cells(taught, logits.shape[-2:], *grid))
    share = torch.from_numpy(share).to(logits.device)
    known = ~torch.isnan(share)
    share = share.nan_to_num(0.0)
    each = F.binary_cross_entropy_with_logits(logits[0, 0].float(), share, reduction="none")
    each = each * (1 + 4 * share)
    return each.mean() if known.all() else each[known].sum() / known.sum().clamp(min=1)
