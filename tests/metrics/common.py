"""Random label images for the tests of the scores."""

import numpy as np
from hypothesis import strategies as st


def random_labels(rng, shape, n=5, *, masked=False):
    """Return labels of nearest seeds with some noise; negative where masked."""
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    n = int(rng.integers(1, n + 1))
    seeds = rng.uniform(0, 1, (n, 2)) * shape
    labels = ((ys - seeds[:, 0, None, None]) ** 2 + (xs - seeds[:, 1, None, None]) ** 2).argmin(0)
    noise = rng.random(shape) < 0.1
    labels[noise] = rng.integers(0, n, noise.sum())
    labels = rng.permutation(n)[labels] * int(rng.integers(1, 4))
    if masked:
        outside = rng.random(shape) < 0.3
        outside[tuple(rng.integers(0, shape))] = False
        labels[outside] = -int(rng.integers(1, 4))
    return labels.astype(rng.choice([np.int32, np.int64, np.int16]))


@st.composite
def cases(draw, max_side=12):
    """Draw (labels, truth): an image of up to ``max_side`` pixels a side, masked or not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, max_side), st.integers(1, max_side)))
    labels = random_labels(rng, shape, masked=draw(st.booleans()))
    truth = random_labels(rng, shape, n=4) + draw(st.sampled_from([0, 2]))
    return labels, truth
