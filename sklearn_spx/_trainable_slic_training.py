"""What trainable superpixels learn: samples of pixels and their neighbours, fits, and the shape.

images, ground truths -> plain SLIC -> samples: a pixel, its Q nearest clusters, the right one
                      -> linear weights, convex -> axes -> a net, if asked for -> scale
"""

import json
import time
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from .features import LabFeatures
from .features._lab import weights_to_lab
from .kernels import slic
from .kernels.cluster_assign import (
    border_crossings,
    bottom_up,
    cluster_means,
    nearest_clusters,
    squared_differences,
)
from .metrics import compactness as mean_compactness
from .utils._persistence import decode_fitted, encode_fitted
from .utils._threads import one_torch_thread

# The plain SLIC that labels are made with, and whose shape `compactness` refers to.
_COMPACTNESS = 10.0
_MAX_ITER = 5
_POOL = 20_000  # pixels of an image among which those to learn from are looked for
_N_CALIBRATION = 20  # images that the overall scale is measured on
_N_CALIBRATION_NET = 12
_MOST_OCTAVES = 6  # that the scale of a net may lie from where it starts
_NEAR = 0.003  # a difference of compactness that is none
_KEPT_VARIANCE = 0.999
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

    def sample(hard_examples):
        """Samples to learn from, and those held out."""
        settings = features, reference, {**recipe, "hard_examples": hard_examples}, quota
        tasks = [(*item, *settings, (seed, i)) for i, item in enumerate(items)]
        found = list(enumerate(run(_samples, tasks, len(tasks))))
        return (
            [s for i, s in found if s is not None and (i in held_out) == held]
            for held in (False, True)
        )

    samples, held = sample(recipe["hard_examples"])
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
        if recipe["net_hard_examples"] != recipe["hard_examples"]:
            samples, held = sample(recipe["net_hard_examples"])
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


# --- samples ------------------------------------------------------------------------------------


class Reference:
    """Plain SLIC: of Lab for colour, of channels scaled to Lab's variance otherwise."""

    def __init__(self, lab, weights):
        self.lab, self.weights = lab, weights

    @classmethod
    def of(cls, items):
        images, masks, _ = zip(*items)
        lab = LabFeatures().fit(images)
        return cls(lab, weights_to_lab(lab, images, masks))

    def colours(self, image):
        return self.lab.transform([image])[0] * np.sqrt(self.weights).astype(np.float32)

    def encoded(self, arrays):
        lab = encode_fitted(self.lab, arrays, "reference")
        return {"lab": lab, "weights": self.weights.tolist()}

    @classmethod
    def decoded(cls, values, arrays):
        return cls(decode_fitted(values["lab"], arrays), np.array(values["weights"]))


def _n_segments(shape, mask, size):
    inside = shape[0] * shape[1] if mask is None else int(mask.sum())
    return max(1, round(inside / size**2))


class Samples(NamedTuple):
    """Pixels to learn from, of one image."""

    values: np.ndarray  # (n, C) float32, features
    means: np.ndarray  # (K, C) float32, features of the image's clusters
    neighbors: np.ndarray  # (n, Q) int32, rows of means; below 0: none
    places: np.ndarray  # (n, Q) float32, (distance / size)^2; inf: none
    answers: np.ndarray  # (n,) which of the Q is right
    allowed: np.ndarray  # (n, Q) bool, which may be right: the answer, or all of its segment
    moments: np.ndarray  # (C, C) second moments of the image's features

    def differences(self):
        """Squared differences (n, Q, C + 1), the place's last; inf: none."""
        n, centers = len(self.values), np.zeros((len(self.means), 2))
        image = self.values[None]
        found = squared_differences(image, np.arange(n), self.means, centers, self.neighbors, 1)
        found[:, :, -1] = self.places
        return found


def _samples(image, mask, targets, features, reference, recipe, quota, seed):
    """Samples of an image; None if there is nothing to learn from it."""
    kind, size, n_neighbors = recipe["labels"], recipe["size"], recipe["n_neighbors"]
    colours = reference.colours(image)
    labels = slic(
        colours,
        _n_segments(image.shape, mask, size),
        compactness=_COMPACTNESS,
        max_iter=_MAX_ITER,
        mask=mask,
        convert2lab=False,
        enforce_connectivity=False,
    )
    labels = _without_gaps(labels)
    colour_means, centers, _ = cluster_means(colours, labels)
    rng = np.random.default_rng(seed)
    pool = rng.permutation(np.flatnonzero(labels >= 0))[:_POOL]
    neighbors = nearest_clusters(pool, labels.shape, centers, n_neighbors)
    distances = squared_differences(colours, pool, colour_means, centers, neighbors, size)
    places = distances[:, :, -1].copy()
    distances[:, :, -1] *= _COMPACTNESS**2
    distances = distances.sum(axis=2)

    if kind == "edges":  # the annotators are merged into one
        borders = border_crossings(targets, pool, centers, neighbors)
        groups = [(_intersection(targets), borders)]
    elif kind == "weak":  # neighbours are ordered by place
        nearness = np.where(neighbors < 0, np.inf, np.arange(n_neighbors, dtype=float))
        groups = [(target, nearness) for target in targets]
    else:
        groups = [(target, distances) for target in targets]
    chosen, answers, allowed = [], [], []
    for target, cost in groups:
        met, near = _segments_met(target, labels, pool, neighbors)
        rows, right = _answers(kind, met, near, neighbors, cost, recipe["hard_examples"])
        rows = rows[: -(-quota // len(groups))]
        chosen.append(rows)
        answers.append(right[rows])
        if kind in ("corrected", "corrected_only"):
            allowed.append(near[rows])
        else:
            allowed.append(np.arange(n_neighbors) == right[rows][:, None])
    chosen, answers, allowed = map(np.concatenate, (chosen, answers, allowed))
    if len(chosen) == 0:
        return None
    values = features.transform([image])[0]
    means, _, _ = cluster_means(values, labels)
    flat = values.reshape(-1, values.shape[2])
    centred = flat[pool] - flat[pool].mean(axis=0)
    moments = centred.T @ centred / len(centred)
    chosen, *where = pool[chosen], neighbors[chosen], places[chosen]
    return Samples(flat[chosen], means, *where, answers, allowed, moments)


def _answers(kind, met, own, neighbors, cost, hard_examples):
    """Rows of the pool to learn from, and for every row which of its neighbours is right.

    Parameters
    ----------
    kind : str, the name of the label set
    met : ndarray of shape (n,), int
        Segments that the neighbours of each pixel lie mainly in.
    own : ndarray of shape (n, Q), bool
        Whether each neighbour lies mainly in the pixel's own segment.
    neighbors : ndarray of shape (n, Q), int
        Below 0: none.
    cost : ndarray of shape (n, Q)
        What the right neighbour has least of; of equals the first, which is the nearest.
    hard_examples : int
    """
    cost = np.where(neighbors >= 0, cost, np.inf)
    if kind == "replication":
        return np.arange(len(cost)), cost.argmin(axis=1)
    usable = np.ones(len(cost), bool)
    answers = cost.argmin(axis=1)
    if kind != "edges":
        usable = own.any(axis=1)
        before, answers = answers, np.where(own, cost, np.inf).argmin(axis=1)
        if kind == "corrected_only":
            usable &= answers != before
    met = np.where(usable, met, 0)
    least = min(hard_examples, max(int(met.max(initial=0)), 2)) if hard_examples > 1 else 1
    return np.flatnonzero(met >= least), answers


def _segments_met(target, labels, pool, neighbors):
    """How many segments the neighbours lie mainly in, and which lie in the pixel's own."""
    segments = _without_gaps(target)
    home = _majority(labels, segments)
    near = np.where(neighbors >= 0, home[neighbors], -1)
    ordered = np.sort(near, axis=1)
    steps = (ordered[:, 1:] != ordered[:, :-1]) & (ordered[:, :-1] >= 0)
    return 1 + steps.sum(axis=1), near == segments.ravel()[pool][:, None]


def _intersection(targets):
    """The segments that no annotator cuts."""
    merged = np.zeros(targets[0].shape, np.int64)
    for target in targets:
        segments = _without_gaps(target).astype(np.int64)
        segments -= segments.min()
        merged = merged * (int(segments.max()) + 1) + segments
        merged = np.unique(merged, return_inverse=True)[1].reshape(merged.shape)
    return merged


def _majority(labels, segments):
    """The segment that each cluster lies mainly in."""
    inside = labels >= 0
    n_segments = int(segments.max()) + 1
    pairs = labels[inside].astype(np.int64) * n_segments + segments[inside]
    counts = np.bincount(pairs, minlength=(int(labels.max()) + 1) * n_segments)
    return counts.reshape(-1, n_segments).argmax(axis=1)


def _without_gaps(labels):
    """Labels 0 .. n - 1 in the old order; what is below 0 is -1."""
    found, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape).astype(np.int32)
    return np.maximum(dense - np.int32((found < 0).sum()), -1)


# --- linear ---------------------------------------------------------------------------------------


def _learn_linear(samples, held, recipe, known, online, shapes):
    """Weights of eq. 1, their principal axes, and what a later ``partial_fit`` needs."""
    differences = np.concatenate([s.differences() for s in samples])
    answers = np.concatenate([s.answers for s in samples])
    validate = None
    if held:
        validate = _cross_entropy_of(
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
    weights = fit.weights * (_COMPACTNESS**2 / fit.place)
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
        "scale": scale * _COMPACTNESS**2 / fit.place,  # of a net's cost, in logits
        "place": fit.place,
        "past": past,
        "loss": fit.loss,
        "history": fit.history,
    }


class Linear(NamedTuple):
    """Result of :func:`linear_weights`."""

    weights: np.ndarray  # (C - 1,) of the features
    place: float  # weight of the place, above 0
    loss: float  # mean cross-entropy
    history: list  # of dict, one an iteration
    past: dict  # the loss of these samples, and those before, near the optimum


def linear_weights(
    differences, answers, *, class_weight=None, start=None, past=None, validate=None
):
    """Weights w >= 0 that make the right clusters nearest, by multinomial logistic regression.

    Parameters
    ----------
    differences : ndarray of shape (n, Q, C), float32
        Squared differences of pixels and clusters; inf for a cluster that is not there. The last
        channel is the place. Overwritten.

    answers : ndarray of shape (n,), int
        Which of the Q clusters is right.

    class_weight : {"balanced"} or None, default=None
        See :class:`~sklearn_spx.TrainableSLIC`.

    start : ndarray of shape (C,) or None, default=None
        Weights to start from.

    past : dict or None, default=None
        Of an earlier result: its loss is added, as the quadratic that it was near its optimum.

    validate : callable or None, default=None
        ``validate(w)``: a loss for the history.

    Returns
    -------
    fit : Linear
    """
    began = time.perf_counter()
    n, n_neighbors, n_channels = differences.shape
    absent = ~np.isfinite(differences[:, :, -1])
    differences[absent] = 0
    unit = differences.mean(axis=(0, 1), dtype=float)
    n_all = n
    if past is not None:
        n_all = n + past["n"]
        unit = (n * unit + past["n"] * past["unit"]) / n_all
    mean_difference = unit.copy()
    unit[unit < 1e-30] = np.inf  # a channel that never differs weighs nothing
    differences /= unit.astype(np.float32)
    right = np.take_along_axis(differences, answers[:, None, None], axis=1)
    margins = np.subtract(right, differences, out=differences).reshape(-1, n_channels)
    importance = sample_weights(answers, class_weight)
    curvature, slope = np.zeros((n_channels, n_channels)), np.zeros(n_channels)
    if past is not None:
        curvature = past["curvature"] / np.outer(unit, unit)
        slope = past["slope"] / unit

    def shares(w):
        logits = (margins @ w.astype(np.float32)).reshape(n, n_neighbors)
        logits[absent] = -np.inf  # the right cluster's is 0
        highest = logits.max(axis=1, keepdims=True)
        share = np.exp(logits - highest)
        total = share.sum(axis=1, keepdims=True)
        losses = np.log(total) + highest
        share /= total
        if importance is None:
            return float(losses.mean(dtype=float)), share
        return float((losses[:, 0] * importance).mean(dtype=float)), share * importance[:, None]

    def loss_and_gradient(w):
        loss, share = shares(w)
        gradient = (margins.T @ share.ravel()).astype(float)
        loss = (n * loss + 0.5 * w @ curvature @ w - slope @ w) / n_all
        gradient = (gradient + curvature @ w - slope) / n_all
        # the penalty only bounds the weights where samples are few and separable
        return loss + 0.5e-6 * w @ w, gradient + 1e-6 * w

    history = []

    def record(intermediate_result):
        entry = {"step": len(history) + 1, "loss": float(intermediate_result.fun)}
        if validate is not None:
            entry["validation_loss"] = validate(intermediate_result.x / unit)
        history.append({**entry, "seconds": time.perf_counter() - began})

    first = np.full(n_channels, 1 / n_channels)
    if start is not None:
        first = np.where(np.isfinite(unit), start * np.where(np.isfinite(unit), unit, 0), first)
        first[-1] = max(first[-1], 1e-3)
    result = minimize(
        loss_and_gradient,
        first,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * (n_channels - 1) + [(1e-3, None)],
        callback=record,
        options={"maxiter": 300},
    )
    w = result.x
    loss, share = shares(w)
    # the loss of these samples around w: its gradient, and the Fisher information
    gradient = (margins.T @ share.ravel()).astype(float)
    expected = np.einsum("nq,nqc->nc", share, margins.reshape(n, n_neighbors, n_channels))
    if importance is not None:
        expected /= np.sqrt(np.maximum(importance, 1e-12))[:, None]
    margins *= np.sqrt(share).reshape(-1, 1)
    fisher = (margins.T @ margins).astype(float) - expected.T.astype(float) @ expected
    curvature += fisher
    slope += fisher @ w - gradient
    scales = np.where(np.isfinite(unit), unit, 0)
    weights = w / unit
    past = {
        "n": n_all,
        "unit": mean_difference,
        "curvature": curvature * np.outer(scales, scales),
        "slope": slope * scales,
        "weights": weights,
    }
    return Linear(weights[:-1], float(weights[-1]), loss, history, past)


def sample_weights(answers, class_weight):
    """Weights of mean 1, or None for 1 each; "balanced": all places of the answer count alike."""
    if class_weight is None:
        return None
    counts = np.bincount(answers)
    return (len(answers) / np.count_nonzero(counts) / counts[answers]).astype(np.float32)


def _cross_entropy_of(differences, answers):
    """A function of weights: the mean cross-entropy of samples."""
    absent = ~np.isfinite(differences[:, :, -1])
    differences[absent] = 0

    def loss(w):
        logits = -(differences @ w.astype(np.float32))
        logits[absent] = -np.inf
        right = np.take_along_axis(logits, answers[:, None], axis=1)
        return float((np.logaddexp.reduce(logits, axis=1) - right[:, 0]).mean(dtype=float))

    return loss


def principal_axes(moments, weights):
    """Axes (C, r) of the weighted features that hold all but a thousandth of their variance."""
    root = np.sqrt(weights)
    values, vectors = np.linalg.eigh(moments * np.outer(root, root))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    held = np.cumsum(values) / max(values.sum(), np.finfo(float).tiny)
    n_axes = min(int(np.searchsorted(held, _KEPT_VARIANCE)) + 1, len(values))
    return np.ascontiguousarray(root[:, None] * vectors[:, :n_axes], dtype=np.float32)


# --- nets -----------------------------------------------------------------------------------------


def build_net(distance, n_features, n_neighbors, state=None, device="cpu"):
    """The net of a distance; with a state of ``net_arrays``, or untrained."""
    import torch

    from .nets.cluster_choice import ClassifierNet, DistanceNet

    net = (DistanceNet if distance == "mlp" else ClassifierNet)(n_features, n_neighbors)
    if state is not None:
        net.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in state.items()})
    return net.to(device).eval()


def net_arrays(net):
    """The state of a net, copied."""
    return {k: np.array(v.cpu().numpy(), order="C") for k, v in net.state_dict().items()}


def _learn_net(samples, held, recipe, known, learned, shapes, settings):
    """Train the net of the mlp or classifier form, from the linear one or from what is known."""
    import torch
    import torch.nn.functional as F

    from .nets.training import train, warm_cosine

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
            n_segments = _n_segments(image.shape, mask, self.size)
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
        compactness=_COMPACTNESS,
        max_iter=_MAX_ITER,
        mask=mask,
        convert2lab=False,
    )
    return mean_compactness(labels)


def _shapes(image, mask, features, axes, reference, size):
    """Mean compactness of the grid, by plain SLIC, and by the learned distance at each scale."""
    n_segments = _n_segments(image.shape, mask, size)
    values = features.transform([image])[0] @ axes
    flat = np.zeros(image.shape[:2], np.float32)
    return [_plain(v, n_segments, mask) for v in (flat, reference.colours(image))] + [
        _plain(values * np.float32(2 ** (s / 2)), n_segments, mask) for s in _LOG_SCALES
    ]


def _shape_by_net(values, mask, n_segments, net, scale):
    labels = segment_by_net(values, net, scale, n_segments, _COMPACTNESS, _MAX_ITER, mask)
    return mean_compactness(labels)
