"""What trainable superpixels learn: weights, a net, and the scale that gives the shape.

images, ground truths -> samples -> linear weights, convex -> axes -> a net, if asked for -> scale
"""

import numpy as np
from sklearn.utils.validation import has_fit_parameter

from ...training.recipe import Task, fit_net, split
from ...training.state import load_arrays, net_arrays
from .linear import cross_entropy_of, linear_weights, principal_axes, sample_weights
from .model import COMPACTNESS, make_net, slices_of
from .samples import Reference, sample_image
from .shape import Shapes

# of the nets; "linear" is solved to its optimum, and knows held-out images alone
RECIPE = {
    "max_epochs": 10,
    "max_steps": None,
    "batch_size": 512,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warm_up": 200,
    "weight_decay": 1e-2,
    "validation_fraction": 0.1,
    "patience": 3,
    "mixed_precision": False,
}
LINEAR_RECIPE = {"validation_fraction": 0.0}


def learn(items, features, about, known, *, recipe, run, device, verbose):
    """Everything that ``fit`` and ``partial_fit`` learn, a pure function of the first four.

    Parameters
    ----------
    items : list of (image, mask or None, annotations), at the end those given to hold out
    features : transformer of images, fitted here unless something is known
    about : dict, all else that the result depends on: parameters, the seed, the recipe's values
    known : dict or None, what was learned before: its features, its net are kept
    recipe : Recipe, of a net's training
    run : callable, ``run(function, tasks, total)`` maps over images
    device, verbose : of a net's training

    Returns
    -------
    learned : dict
        What the estimator keeps.
    """
    online = known is not None and about["online"]
    distance = about["distance"]
    own = items[: len(items) - about["n_validation"]]
    if distance == "embedding":
        return _learn_embedding(items, features, about, known, online, run)
    goes_on = known is not None and known["net"] is not None and known["distance"] == distance
    if online or goes_on:
        features = known["features"]
    else:
        features = _fit_features(features, own)
    reference = known["reference"] if online else Reference.of(own)
    size, seed, spacing = about["size"], about["seed"], about.get("spacing")
    sides = " x ".join([str(size)] * (2 if spacing is None else len(spacing)))
    quota = -(-about["n_samples"] // len(own))
    held_out = set(split(len(items), recipe, seed)[0])

    levels = [about["hard_examples"]]
    if about.get("net_hard_examples", levels[0]) != levels[0]:
        levels.append(about["net_hard_examples"])
    settings = features, reference, about, levels, quota
    tasks = [(*item, *settings, (seed, i)) for i, item in enumerate(items)]
    found = list(run(sample_image, tasks, len(tasks)))

    def sampled(level):
        """Samples to learn from, and those held out."""
        of_level = [(i, samples[level]) for i, samples in enumerate(found)]
        return (
            [s for i, s in of_level if s is not None and (i in held_out) == held]
            for held in (False, True)
        )

    samples, held = sampled(0)
    if not samples:
        raise ValueError(
            f"y shows no boundary between superpixels of {sides} pixels, so there is "
            "nothing to learn; are the ground truths label images, the segments larger than that?"
        )
    if about["n_validation"] and not held:
        raise ValueError(
            f"validation: the ground truths show no boundary between superpixels of {sides} "
            "pixels, so there is nothing to measure"
        )
    shapes = Shapes(own, features, reference, size, run, spacing)
    learned = {"features": features, "reference": reference, "distance": distance, "net": None}
    learned["n_images"] = len(own) + (known["n_images"] if online else 0)
    if goes_on:  # the net learns on, on the axes that it knows
        learned |= {name: known[name] for name in ("weights", "axes", "past")}
    else:
        learned |= _learn_linear(samples, held, about, known, online, shapes)
    if distance != "linear":
        samples, held = sampled(-1)
        before = known if goes_on else None
        learned |= _learn_net(
            items, samples, held, about, before, learned, shapes, recipe, device, verbose
        )
    learned["is_grid"] = shapes.is_grid
    return learned


def _learn_embedding(items, features, about, known, online, run):
    """Features that learn from the ground truths themselves, and weigh one each."""
    settings, n_validation = features.get_params(deep=False), about["n_validation"]
    if known is not None and "warm_start" in settings:
        state = vars(known["features"])
        vars(features).update({n: v for n, v in state.items() if n.endswith("_")})
        features.set_params(warm_start=True)
    items, held_out = items[: len(items) - n_validation], items[len(items) - n_validation :]
    if held_out and not has_fit_parameter(features, "validation"):
        raise ValueError(
            f"validation: features {type(features).__name__} holds no images out; accepted is "
            "EmbeddingFeatures"
        )
    _fit_features(features, items, held_out)
    n_features = features.transform([items[0][0]])[0].shape[2]
    axes = np.eye(n_features, dtype=np.float32)
    reference = known["reference"] if online else Reference.of(items)
    shapes = Shapes(items, features, reference, about["size"], run)
    scale = 2.0 ** shapes.of_linear(axes)
    history = [_with_validation_loss(entry) for entry in getattr(features, "history_", [])]
    if "warm_start" in settings:  # whatever it started from, it is what it is now
        features.set_params(warm_start=settings["warm_start"])
    return {
        "features": features,
        "reference": reference,
        "distance": "embedding",
        "net": None,
        "n_images": len(items) + (known["n_images"] if online else 0),
        "weights": np.full(n_features, scale),
        "axes": axes * np.float32(np.sqrt(scale)),
        "scale": scale,
        "past": None,
        "loss": history[-1]["loss"] if history else float("nan"),
        "history": history,
        "is_grid": shapes.is_grid,
    }


def _fit_features(features, items, held_out=()):
    """Fit to images and, for those that learn from them, annotations within the masks."""
    if held_out:
        return features.fit(*_within_masks(items), validation=_within_masks(held_out))
    return features.fit(*_within_masks(items))


def _within_masks(items):
    """Images and their annotations, unknown outside the masks; volumes slice by slice."""
    annotations = []
    for image, mask, y in items:
        y = [a if mask is None else np.where(mask, a, -1) for a in y]
        annotations += [y] if image.ndim < 4 else [list(of_slice) for of_slice in zip(*y)]
    return slices_of([image for image, _, _ in items]), annotations


def _with_validation_loss(entry):
    """An entry of a history, its score as the loss that it is the negative of."""
    entry = dict(entry)
    if "score" in entry:
        entry["validation_loss"] = -entry.pop("score")
    return entry


# --- linear ---------------------------------------------------------------------------------------


def _learn_linear(samples, held, about, known, online, shapes):
    """Weights of eq. 1, their principal axes, and what a later ``partial_fit`` needs."""
    differences = np.concatenate([s.differences() for s in samples])
    answers = np.concatenate([s.answers for s in samples])
    validate = None
    if held:
        validate = cross_entropy_of(
            np.concatenate([s.differences() for s in held]),
            np.concatenate([s.answers for s in held]),
        )
    n_channels = differences.shape[2]
    start = None
    if known is not None and known["past"] and len(known["weights"]) == n_channels - 1:
        start = known["past"]["weights"]
    fit = linear_weights(
        differences,
        answers,
        class_weight=about["class_weight"],
        start=start,
        past=known["past"] if online else None,
        validate=validate,
    )
    weights = fit.weights * (COMPACTNESS**2 / fit.place)
    moments, n_images = np.mean([s.moments for s in samples], axis=0), len(samples)
    if online:
        past = known["past"]
        moments = moments * n_images + past["moments"] * past["n_images"]
        n_images += past["n_images"]
        moments /= n_images
    axes = principal_axes(moments, weights)
    log_scale = shapes.of_linear(axes)
    if online:  # the shape on all images seen
        share = past["n_images"] / n_images
        log_scale = share * past["log_scale"] + (1 - share) * log_scale
    scale = 2.0**log_scale
    past = {
        **fit.past,
        "moments": moments.astype(float),
        "n_images": n_images,
        "log_scale": log_scale,
    }
    return {
        "weights": weights * scale,
        "axes": axes * np.float32(np.sqrt(scale)),
        "scale": scale * COMPACTNESS**2 / fit.place,  # of a net's cost, in logits
        "place": fit.place,
        "past": past,
        "loss": fit.loss,
        "history": fit.history,
    }


# --- nets -----------------------------------------------------------------------------------------


class ChoiceTask(Task):
    """Which of its nearest clusters a pixel belongs to, learned from samples of pixels.

    Parameters
    ----------
    table : Table
        Samples to learn from.

    held : Table or None
        Those of images held out.

    start : dict
        ``arrays`` of a net to go on from, or None; else ``unit`` and ``place_weight``, with which
        a net starts as the linear distance.

    about : dict
        ``distance``, ``n_neighbors``, ``seed``, ``batch_size``.

    device : str
        Where the net is trained.
    """

    def __init__(self, table, held, start, about, device):
        self.table, self.held, self.start = table, held, start
        self.about, self.device = about, device
        self.steps_per_epoch = -(-len(table) // about["batch_size"])

    def net(self):
        import torch

        n_axes = self.table.values.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.about["seed"])
            net = make_net(self.about["distance"], n_axes, self.about["n_neighbors"])
        if self.start["arrays"] is not None:
            load_arrays(net, self.start["arrays"])
        elif not net.stands_alone:
            net.unit.fill_(self.start["unit"])
            net.place_weight.fill_(self.start["place_weight"])
        return net.to(self.device).eval()

    def draw(self, step):
        epoch, batch = divmod(step, self.steps_per_epoch)
        seed, size = self.about["seed"], self.about["batch_size"]
        order = np.random.default_rng((seed, epoch)).permutation(len(self.table))
        # a distance knows no order; a classifier would learn the one by place by heart, as the
        # paper's does
        shuffled = self.about["distance"] == "classifier"
        rng = np.random.default_rng((seed, epoch, batch)) if shuffled else None
        return self.table.batch(order[batch * size : (batch + 1) * size], rng)

    def loss(self, net, batch):
        """Kullback-Leibler divergence of the net's choice from the right one."""
        import torch.nn.functional as F

        *inputs, targets, importance = batch
        logits = net.logits(*inputs)
        unlike = F.kl_div(F.log_softmax(logits.clamp(min=-1e4), 1), targets, reduction="none")
        return (unlike.sum(1) * importance).mean()

    def validate(self, net):
        total = 0.0
        for start in range(0, len(self.held), 4096):
            rows = np.arange(start, min(start + 4096, len(self.held)))
            batch = [tensor.to(self.device) for tensor in self.held.batch(rows)]
            total += float(self.loss(net, batch)) * len(rows)
        return -total / len(self.held)


def _learn_net(items, samples, held, about, known, learned, shapes, recipe, device, verbose):
    """Train the net of the mlp or classifier form, from the linear one or from what is known."""
    import torch

    if known is None:
        start = {"arrays": None, "unit": 1 / learned["scale"], "place_weight": learned["place"]}
    else:  # the net keeps what it counts in
        units = {name: known["net"][name].item() for name in ("unit", "place_weight")}
        start = {"arrays": known["net"], **units}
    axes = learned["axes"]
    units = np.float32(start["unit"]).item(), np.float32(start["place_weight"]).item()
    table = Table(samples, axes, units, about["class_weight"])
    held = Table(held, axes, units, None) if held else None
    if about["distance"] == "classifier-paper":  # one answer is right, and no linear form asked
        for part in (table, held):
            if part is not None:
                part.allow_answers_only()
    task = ChoiceTask(table, held, start, about, device)
    values = dict(recipe.values)
    if values["max_steps"] is None:
        values["max_steps"] = values["max_epochs"] * task.steps_per_epoch
        values["validate_every"] = task.steps_per_epoch

    before = task.net()
    if held is not None:
        with torch.no_grad():
            loss_before = -task.validate(before)
    state, history = fit_net(
        lambda: task,
        recipe._replace(values=values, n_held_out=recipe.n_held_out if held else 0),
        about=about,
        data={
            "images": [image for image, _, _ in items],
            "masks": [mask for _, mask, _ in items],
            "ground truths": [targets for _, _, targets in items],
            "initial weights": start["arrays"],
        },
        verbose=verbose,
    )
    net = task.net()
    load_arrays(net, state)
    history = [_with_validation_loss(entry) for entry in history]
    if held is not None:
        history.insert(0, {"step": 0, "validation_loss": loss_before, "seconds": 0.0})
        if loss_before <= min(entry["validation_loss"] for entry in history[1:]):
            net = before
        held.allow_answers_only()  # the divergence from one sure answer is the cross-entropy
        with torch.no_grad():
            history[-1]["validation_cross_entropy"] = -task.validate(net)
    if net.stands_alone:  # its outputs decide, at any scale
        shapes.note_net(net, axes)
        return {
            "net": net_arrays(net),
            "scale": 1.0,
            "history": history,
            "loss": history[-1]["loss"],
        }
    log_scale = np.log2(known["scale"] if known else learned["scale"])
    found = shapes.of_net(net, axes, log_scale)
    if known and about["online"]:  # the shape on all images seen
        share = known["n_images"] / learned["n_images"]
        found = share * log_scale + (1 - share) * found
    return {
        "net": net_arrays(net),
        "scale": float(2.0**found),
        "history": history,
        "loss": history[-1]["loss"],
    }


class Table:
    """Samples of all images, as tensors on the axes."""

    def __init__(self, samples, axes, units, class_weight):
        import torch

        self.units = units
        ends = np.cumsum([0] + [len(s.means) for s in samples])
        self.values = torch.from_numpy(np.concatenate([s.values @ axes for s in samples]))
        self.means = torch.from_numpy(np.concatenate([s.means @ axes for s in samples]))
        self.neighbors = torch.from_numpy(
            np.concatenate(
                [np.where(s.neighbors < 0, -1, s.neighbors + e) for s, e in zip(samples, ends)]
            ).astype(np.int64)
        )
        self.places = torch.from_numpy(np.concatenate([s.places for s in samples]))
        self.allowed = torch.from_numpy(np.concatenate([s.allowed for s in samples]))
        answers = np.concatenate([s.answers for s in samples])
        self.answers = torch.from_numpy(answers.astype(np.int64))
        importance = sample_weights(answers, class_weight)
        self.importance = torch.from_numpy(
            np.ones(len(answers), np.float32) if importance is None else importance
        )

    def __len__(self):
        return len(self.importance)

    def allow_answers_only(self):
        """Make the right cluster the target, and no other of its segment."""
        import torch

        self.allowed = self.answers[:, None] == torch.arange(self.allowed.shape[1])

    def batch(self, rows, rng=None):
        """Values, means, neighbours, differences as the nets take them; targets, importance.

        The target is the linear form's choice among those neighbours that may be right. With a
        generator the neighbours come in random order.
        """
        import torch

        rows = torch.from_numpy(rows)
        values, neighbors = self.values[rows], self.neighbors[rows]
        means = self.means[neighbors.clamp(min=0)]
        differences = torch.cat(
            [(values[:, None] - means) ** 2, self.places[rows][:, :, None]], dim=2
        )
        linear = self.units[0] * differences[:, :, :-1].sum(2) + self.units[1] * self.places[rows]
        targets = torch.softmax(-linear.masked_fill(~self.allowed[rows], float("inf")), 1)
        if rng is not None:
            order = torch.from_numpy(rng.random(neighbors.shape).argsort(axis=1))
            each = torch.arange(len(rows))[:, None]
            neighbors, targets = neighbors[each, order], targets[each, order]
            means, differences = means[each, order], differences[each, order]
        own = torch.arange(neighbors.numel()).view(neighbors.shape)
        neighbors = torch.where(neighbors < 0, -1, own)
        means = means.flatten(0, 1)
        return values, means, neighbors, differences, targets, self.importance[rows]
