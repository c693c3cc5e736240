"""What distances in colour and in pixels count: factors of each, checked."""

import numpy as np

from . import _rules

MOST = 1e9  # compactness beyond which colour says nothing


def roots_of(weights, n_channels):
    """Square roots of the weights, float32."""
    if weights is None:
        return np.ones(n_channels, np.float32)
    weights = np.asarray(weights)
    if weights.dtype.kind not in "buif":
        raise TypeError(f"weights has dtype {weights.dtype}; accepted are real numbers")
    if weights.shape != (n_channels,):
        raise ValueError(f"weights has shape {weights.shape}, expected {(n_channels,)}")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(f"weights must be finite and at least 0, got {weights}")
    with np.errstate(over="ignore", under="ignore"):
        roots = np.sqrt(weights).astype(np.float32)
    if not np.isfinite(roots).all() or (weights.any() and not roots.any()):
        raise ValueError(f"weights must have square roots within float32, got {weights}")
    return roots


def factors_of(compactness, step, slic_zero):
    """Of the squared distance in pixels, and, to begin with, of that in colour; float32."""
    if slic_zero:
        least = np.float32(max(compactness**2, 1 / _rules.TOO_LARGE))
        return np.float32(step**-2), np.float32(1) / least
    return np.float32((compactness / step) ** 2), np.float32(1)
