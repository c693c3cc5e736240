"""What trainable superpixels learn: weights, a net, and the scale that gives the shape.

images, ground truths -> samples -> linear weights, convex -> axes -> a net, if asked for -> scale
"""

import json

import numpy as np

from ...kernels import slic
from ...kernels.cluster_assign import bottom_up
from ...learned import load_arrays, net_arrays
from ...metrics import compactness as mean_compactness
from ...utils._threads import one_torch_thread
from .linear import (
    cross_entropy_of,
    linear_weights,
    principal_axes,
    sample_weights,
)
from .samples import COMPACTNESS, MAX_ITER, Reference, grid_count, sample_image

_N_CALIBRATION = 20  # images that the overall scale is measured on
_N_CALIBRATION_NET = 12
_MOST_OCTAVES = 6  # that the scale of a net may lie from where it starts
_NEAR = 0.003  # a difference of compactness that is none
_PATIENCE = 3
_WEIGHT_DECAY = 1e-2


def learn(items, features, recipe, known, *, run, checkpoint, device, verbose):
    """Everything that ``fit`` and ``partial_fit`` learn, a pure function of the first four.

    Parameters
    ----------
    items : list of (image, mask or None, annotations)
    features : transformer of images, fitted here unless something is known
    recipe : dict, the parameters that training depends on
    known : dict or None, what was learned before: its features, its net are kept
    run : callable, ``run(function, tasks, total)`` maps over images
    checkpoint, device, verbose : of the net's training

    Returns
    -------
    learned : dict
        What the estimator keeps.
    """
    online = known is not None and recipe["online"]
    distance = recipe["distance"]
    if distance == "embedding":
        return _learn_embedding(items, features, recipe, known, online, run)
    goes_on = known is not None and known["net"] is not None and known["distance"] == distance
    if online or goes_on:
        features = known["features"]
    else:
        features = _fit_features(features, items)
    reference = known["reference"] if online else Reference.of(items)
    size, seed = recipe["size"], recipe["seed"]
    quota = -(-recipe["n_samples"] // len(items))
    held_out = set(np.random.default_rng(seed).permutation(len(items))[: recipe["n_held"]])

    levels = [recipe["hard_examples"]]
    if recipe.get("net_hard_examples", levels[0]) != levels[0]:
        levels.append(recipe["net_hard_examples"])
    settings = features, reference, recipe, levels, quota
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
            f"y shows no boundary between superpixels of {size} x {size} pixels, so there is "
            "nothing to learn; are the ground truths label images, the segments larger than that?"
        )
    shapes = Shapes(items, features, reference, size, run)
    learned = {"features": features, "reference": reference, "distance": distance, "net": None}
    learned["n_images"] = len(items) + (known["n_images"] if online else 0)
    if goes_on:  # the net learns on, on the axes that it knows
        learned |= {name: known[name] for name in ("weights", "axes", "past")}
    else:
        learned |= _learn_linear(samples, held, recipe, known, online, shapes)
    if distance != "linear":
        samples, held = sampled(-1)
        settings = {"checkpoint": checkpoint, "device": device, "verbose": verbose}
        before = known if goes_on else None
        learned |= _learn_net(samples, held, recipe, before, learned, shapes, settings)
    learned["is_grid"] = shapes.is_grid
    return learned


def _learn_embedding(items, features, recipe, known, online, run):
    """Features that learn from the ground truths themselves, and weigh one each."""
    settings = features.get_params(deep=False)
    if known is not None and "warm_start" in settings:
        state = vars(known["features"])
        vars(features).update({n: v for n, v in state.items() if n.endswith("_")})
        features.set_params(warm_start=True)
    _fit_features(features, items)
    n_features = features.transform([items[0][0]])[0].shape[2]
    axes = np.eye(n_features, dtype=np.float32)
    reference = known["reference"] if online else Reference.of(items)
    shapes = Shapes(items, features, reference, recipe["size"], run)
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


def _fit_features(features, items):
    """Fit to images and, for those that learn from them, annotations within the masks."""
    return features.fit(
        [image for image, _, _ in items],
        [[a if mask is None else np.where(mask, a, -1) for a in y] for _, mask, y in items],
    )


def _with_validation_loss(entry):
    """An entry of a history, its score as the loss that it is the negative of."""
    entry = dict(entry)
    if "score" in entry:
        entry["validation_loss"] = -entry.pop("score")
    return entry


# --- linear ---------------------------------------------------------------------------------------


def _learn_linear(samples, held, recipe, known, online, shapes):
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
        class_weight=recipe["class_weight"],
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
    past = {**fit.past, "moments": moments, "n_images": n_images, "log_scale": log_scale}
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


def build_net(distance, n_features, n_neighbors, state=None, device="cpu"):
    """The net of a distance; with a state of ``net_arrays``, or untrained."""
    from ...nets.cluster_choice import ClassifierNet, DistanceNet

    net = (DistanceNet if distance == "mlp" else ClassifierNet)(n_features, n_neighbors)
    if state is not None:
        load_arrays(net, state)
    return net.to(device).eval()


def _learn_net(samples, held, recipe, known, learned, shapes, settings):
    """Train the net of the mlp or classifier form, from the linear one or from what is known."""
    import torch
    import torch.nn.functional as F

    from ...training.loop import train, warm_cosine

    axes, seed, n_neighbors = learned["axes"], recipe["seed"], recipe["n_neighbors"]
    distance, batch_size = recipe["distance"], recipe["batch_size"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = build_net(distance, axes.shape[1], n_neighbors)
    if known is not None:
        net = build_net(distance, axes.shape[1], n_neighbors, known["net"])
    else:
        net.unit.fill_(1 / learned["scale"])
        net.place_weight.fill_(learned["place"])
    net.to(settings["device"])
    units = float(net.unit), float(net.place_weight)
    table = _Table(samples, axes, units, recipe["class_weight"])
    held = _Table(held, axes, units, None) if held else None
    per_epoch = -(-len(table) // batch_size)
    max_steps = recipe["max_epochs"] * per_epoch

    def draw(step):
        epoch, batch = divmod(step, per_epoch)
        order = np.random.default_rng((seed, epoch)).permutation(len(table))
        # a distance knows no order; a classifier would learn the one by place by heart
        rng = None if distance == "mlp" else np.random.default_rng((seed, epoch, batch))
        return table.batch(order[batch * batch_size : (batch + 1) * batch_size], rng)

    def loss(net, batch):
        *inputs, targets, importance = batch
        logits = net.logits(*inputs)
        unlike = F.kl_div(F.log_softmax(logits.clamp(min=-1e4), 1), targets, reduction="none")
        return (unlike.sum(1) * importance).mean()

    def validate(net, table=held, loss=loss):
        total = 0.0
        for start in range(0, len(table), 4096):
            rows = np.arange(start, min(start + 4096, len(table)))
            batch = [tensor.to(settings["device"]) for tensor in table.batch(rows)]
            total += float(loss(net, batch)) * len(rows)
        return -total / len(table)

    net.eval()
    before = net_arrays(net)
    if held is not None:
        with torch.no_grad():
            loss_before = -validate(net)
    history = train(
        net,
        draw,
        loss,
        optimizer=torch.optim.AdamW(
            net.parameters(), lr=recipe["learning_rate"], weight_decay=_WEIGHT_DECAY
        ),
        max_steps=max_steps,
        schedule=lambda step: warm_cosine(step, max_steps),
        validate=None if held is None else validate,
        validate_every=per_epoch,
        patience=_PATIENCE if recipe["early_stopping"] else None,
        checkpoint=settings["checkpoint"],
        fingerprint=json.dumps({**recipe, "n": len(table), "axes": axes.shape}, sort_keys=True),
        verbose=settings["verbose"],
    )
    history = [_with_validation_loss(entry) for entry in history]
    if held is not None:
        history.insert(0, {"step": 0, "validation_loss": loss_before, "seconds": 0.0})
        if loss_before <= min(entry["validation_loss"] for entry in history[1:]):
            net = build_net(distance, axes.shape[1], n_neighbors, before, settings["device"])
        held.allow_answers_only()  # the divergence from one sure answer is the cross-entropy
        net.eval()
        with torch.no_grad():
            history[-1]["validation_cross_entropy"] = -validate(net, held)
    state = net_arrays(net)
    log_scale = np.log2(known["scale"] if known else learned["scale"])
    found = shapes.of_net(net, axes, log_scale)
    if known and recipe["online"]:  # the shape on all images seen
        share = known["n_images"] / learned["n_images"]
        found = share * log_scale + (1 - share) * found
    return {
        "net": state,
        "scale": float(2.0**found),
        "history": history,
        "loss": history[-1]["loss"],
    }


class _Table:
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

        The target is what the linear form thinks of those neighbours that may be right. With a
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


def chooser(net, scale, compactness):
    """The ``choose`` of :func:`~sklearn_spx.kernels.cluster_assign.bottom_up`, by a net."""
    import torch

    device = net.unit.device

    def choose(values, means, neighbors, differences):
        with torch.inference_mode():
            inputs = (values, means, neighbors.astype(np.int64), differences)
            cost = net(*(torch.from_numpy(array).to(device) for array in inputs))
            cost = cost.cpu().numpy()
        place = np.where(neighbors < 0, 0, differences[:, :, -1])
        return (np.float32(scale) * cost + np.float32(compactness**2) * place).argmin(axis=1)

    return choose


def segment_by_net(values, net, scale, n_segments, compactness, max_iter, mask):
    """Algorithm 1, with a net."""
    with one_torch_thread():
        return bottom_up(
            values,
            n_segments,
            chooser(net, scale, compactness),
            max_iter=max_iter,
            n_neighbors=net.n_neighbors,
            mask=mask,
        )


# --- shape ----------------------------------------------------------------------------------------


class Shapes:
    """Finds the factor of the features at which superpixels are as compact as plain SLIC's."""

    def __init__(self, items, features, reference, size, run):
        self.items, self.features, self.reference, self.size = items, features, reference, size
        self.run = run
        self.is_grid = False

    def of_linear(self, axes):
        """Log2 of the factor for the linear form."""
        chosen = self._chosen(_N_CALIBRATION)
        settings = self.features, axes, self.reference, self.size
        tasks = [(image, mask, *settings) for image, mask, _ in chosen]
        grid, wanted, *found = np.mean(list(self.run(_shapes, tasks, len(tasks))), axis=0)
        # compactness falls with the scale
        log_scale = float(np.interp(-wanted, -np.array(found), _LOG_SCALES))
        self._note(grid, wanted, np.interp(log_scale, _LOG_SCALES, found))
        return log_scale

    def of_net(self, net, axes, start):
        """Log2 of the factor for a net, by false position; a few images, as it takes longer."""
        items = []
        for image, mask, _ in self._chosen(_N_CALIBRATION_NET):
            values = self.features.transform([image])[0] @ axes
            n_segments = grid_count(image.shape, mask, self.size)
            plain = _plain(self.reference.colours(image), n_segments, mask)
            flat = _plain(np.zeros(image.shape[:2], np.float32), n_segments, mask)
            items.append((values, mask, n_segments, plain, flat))
        wanted, grid = (np.mean([item[i] for item in items]) for i in (3, 4))

        def excess(log_scale):
            tasks = [(*item[:3], net, 2.0**log_scale) for item in items]
            return float(np.mean(list(self.run(_shape_by_net, tasks, len(tasks))))) - wanted

        at = float(start)
        excesses = {at: excess(at)}
        outwards = 1.0 if excesses[at] > 0 else -1.0  # compactness falls with the scale
        while excesses[at] * outwards > 0 and abs(at - start) < _MOST_OCTAVES:
            at += outwards
            excesses[at] = excess(at)
        for _ in range(2):
            low = max((s for s in excesses if excesses[s] > 0), default=at)
            high = min((s for s in excesses if excesses[s] <= 0), default=at)
            if excesses[low] == excesses[high] or min(map(abs, excesses.values())) < _NEAR:
                break
            at = low + (high - low) * excesses[low] / (excesses[low] - excesses[high])
            excesses[at] = excess(at)
        best = min(excesses, key=lambda s: abs(excesses[s]))
        self._note(grid, wanted, wanted + excesses[best])
        return best

    def _chosen(self, most):
        return self.items[:: -(-len(self.items) // most)]

    def _note(self, grid, wanted, found):
        """Whether superpixels are nearer to squares than to the shape wanted."""
        self.is_grid = bool(found > (grid + min(wanted, grid - 0.04)) / 2)


_LOG_SCALES = np.arange(-6.0, 7.0)


def _plain(values, n_segments, mask):
    labels = slic(
        values,
        n_segments,
        compactness=COMPACTNESS,
        max_iter=MAX_ITER,
        mask=mask,
        convert2lab=False,
    )
    return mean_compactness(labels)


def _shapes(image, mask, features, axes, reference, size):
    """Mean compactness of the grid, by plain SLIC, and by the learned distance at each scale."""
    n_segments = grid_count(image.shape, mask, size)
    values = features.transform([image])[0] @ axes
    flat = np.zeros(image.shape[:2], np.float32)
    return [_plain(v, n_segments, mask) for v in (flat, reference.colours(image))] + [
        _plain(values * np.float32(2 ** (s / 2)), n_segments, mask) for s in _LOG_SCALES
    ]


def _shape_by_net(values, mask, n_segments, net, scale):
    labels = segment_by_net(values, net, scale, n_segments, COMPACTNESS, MAX_ITER, mask)
    return mean_compactness(labels)
