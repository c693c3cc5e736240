"""The linear distance of trainable superpixels, eq. 1: weights >= 0, a convex problem."""

import time
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

_KEPT_VARIANCE = 0.999


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


def cross_entropy_of(differences, answers):
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
