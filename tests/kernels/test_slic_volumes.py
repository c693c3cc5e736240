"""SLIC of volumes, and of images whose pixels are no squares."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.kernels import slic
from sklearn_spx.kernels._clustering import mask_seeds, start_at, volume_seeds
from sklearn_spx.kernels.slic import region_seeds
from sklearn_spx.metrics import achievable_segmentation_accuracy

from . import naive

pytestmark = pytest.mark.filterwarnings("ignore:image holds values from")  # many are, on purpose


@st.composite
def problems(draw):
    """A volume, or an image whose pixels are no squares, and the arguments of a call."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    axes = draw(st.sampled_from([2, 3, 3, 3]))
    shape = [draw(st.integers(1, 18)) for _ in range(2)]
    if axes == 3:
        shape.insert(0, draw(st.integers(1, 7)))
    image = rng.normal(size=(*shape, draw(st.sampled_from([1, 3, 4, 9])))).astype(np.float32)
    mask = rng.random(shape) < 0.8 if draw(st.booleans()) else None
    if mask is not None:
        mask[tuple(rng.integers(shape))] = True
    spacing = [draw(st.sampled_from([0.7, 1.0, 1.0, 2.5])) for _ in shape]
    weights = rng.choice([0.5, 1, 3], image.shape[-1]) if draw(st.booleans()) else None
    options = {
        "n_segments": draw(st.integers(1, 30)),
        "compactness": draw(st.sampled_from([0.3, 1.0, 10.0])),
        "max_iter": draw(st.integers(1, 5)),
        "slic_zero": draw(st.booleans()),
    }
    return image, weights, mask, spacing, options


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems())
def test_is_the_naive_one(problem):
    image, weights, mask, spacing, options = problem
    found = slic(
        image, weights=weights, mask=mask, spacing=spacing, convert2lab=False,
        enforce_connectivity=False, **options,
    )  # fmt: skip
    inside = np.ones(image.shape[:-1], bool) if mask is None else mask
    in_plane = spacing[1:] if image.shape[0] == 1 and image.ndim == 4 else spacing
    steps = np.array([1.0] * (image.ndim - 1 - len(in_plane)) + in_plane) / min(in_plane)
    start = start_at(None, inside.shape, options["n_segments"], mask, tuple(steps))
    wanted, gap = naive.slic(
        image.astype(float),
        start.seeds,
        start.step,
        options["compactness"],
        options["max_iter"],
        start.stride,
        np.ones(image.shape[-1]) if weights is None else weights,
        inside,
        options["slic_zero"],
        steps,
    )
    assume(gap > 1e-4)
    names = np.unique(wanted[inside])
    wanted = np.where(inside, np.searchsorted(names, wanted), -1)
    assert found.tolist() == wanted.tolist()


def nearest_count(inside, n_segments):
    """The count nearest to the one asked for that connected regions of a mask can have."""
    n_parts = naive.connected_regions(np.where(inside, 0, -1)).max() + 1
    return max(n_parts, min(n_segments, np.count_nonzero(inside)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems())
def test_any_problem_gives_as_many_as_asked_for(problem):
    image, weights, mask, spacing, options = problem
    kept = image.copy()
    labels = slic(image, weights=weights, mask=mask, spacing=spacing, convert2lab=False, **options)
    inside = np.ones(image.shape[:-1], bool) if mask is None else mask
    assert labels.dtype == np.int32
    assert labels.flags.c_contiguous
    assert ((labels >= 0) == inside).all()
    assert naive.connected_regions(labels).tolist() == labels.tolist()
    assert labels.max() + 1 == nearest_count(inside, options["n_segments"])
    assert (image == kept).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(), st.sampled_from([0.1, 1.0, 30.0]))
def test_a_volume_of_one_slice_is_its_image(problem, z):
    image, weights, mask, spacing, options = problem
    if len(spacing) == 3:
        image, spacing = image[0], spacing[1:]
        mask = None if mask is None or not mask[0].any() else mask[0]
    more = {"weights": weights, "convert2lab": False, **options}
    wanted = slic(image, mask=mask, spacing=spacing, **more)
    deep = None if mask is None else mask[None]
    found = slic(image[None], mask=deep, spacing=(z, *spacing), **more)
    assert found[0].tolist() == wanted.tolist()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(problems(), st.sampled_from([0.25, 2.0, 64.0]), st.integers(2, 5))
def test_only_ratios_count_and_no_number_of_threads_shows(problem, factor, n_threads):
    image, weights, mask, spacing, options = problem
    more = {"weights": weights, "mask": mask, "convert2lab": False, **options}
    wanted = slic(image, spacing=spacing, **more)
    other = np.multiply(spacing, factor)
    assert (slic(image, spacing=other, n_threads=n_threads, **more) == wanted).all()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.tuples(*[st.integers(1, 12)] * 3), st.integers(1, 300), st.sampled_from([0.4, 1, 3]))
def test_seeds_lie_in_slices_on_distinct_samples(shape, n_seeds, z):
    n_seeds = min(n_seeds, int(np.prod(shape)))
    steps = np.array([z, 1, 1]) / min(z, 1)
    seeds, step = volume_seeds(shape, n_seeds, tuple(steps))
    samples = np.floor(seeds + 0.5)
    assert len(np.unique(samples, axis=0)) == n_seeds
    assert (samples >= 0).all()
    assert (samples < shape).all()
    # no sample is further than a step from all seeds, along any axis
    everywhere = np.argwhere(np.ones(shape))[:, None]
    apart = (np.abs(everywhere - seeds) * steps).max(axis=2).min(axis=1)
    assert apart.max() <= step


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(0.02, 1))
def test_seeds_of_a_mask_lie_in_it_and_near_all_of_it(seed, n_seeds, share):
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 12, 3)) < share
    assume(mask.any())
    steps = (2.0, 1.0, 1.5)
    seeds, step = mask_seeds(mask, n_seeds, mask.sum(), steps)
    assert mask[tuple(seeds.T.astype(int))].all()
    assert len({tuple(s) for s in seeds.tolist()}) == len(seeds)
    apart = (np.abs(np.argwhere(mask)[:, None] - seeds) * steps).max(axis=2).min(axis=1)
    assert apart.max() <= step


def test_nothing_to_see_is_cut_into_cubes_in_space():
    labels = slic(np.zeros((8, 32, 16)), 16, spacing=(2, 1, 1))
    assert np.bincount(labels.ravel()).tolist() == [256] * 16
    for k in range(16):
        assert np.ptp(np.argwhere(labels == k), axis=0).tolist() == [3, 7, 7]
    labels = slic(np.zeros((20, 80)), 8, spacing=[20, 10])
    assert labels.tolist() == np.kron(np.arange(8).reshape(2, 4), np.ones((10, 20))).tolist()


@pytest.fixture(scope="module")
def leaves():
    return make_dead_leaves(1, (20, 32, 28), random_state=0)


def test_equal_spacings_of_an_image_change_nothing(leaves):
    image = leaves.images[0][5]
    wanted = slic(image, 30)
    assert (slic(image, 30, spacing=(3, 3)) == wanted).all()
    assert (slic(image, 30, spacing=(3, 1)) != wanted).any()


def test_colours_are_read_alike_in_every_form(leaves):
    volume = leaves.images[0]
    labels = slic(volume, 40, spacing=(1, 1, 1))
    assert labels.max() == 39
    for same in (volume / 255, volume.astype(np.uint16) * 257, volume.astype(int)):
        assert (slic(same, 40, spacing=(1, 1, 1)) == labels).mean() > 0.98
    lab = slic(volume, 40, spacing=(1, 1, 1), convert2lab=False)
    assert (lab != labels).any()


def test_gray_and_many_channels(leaves):
    gray = leaves.images[0][..., 1] / 2.55
    wanted = slic(gray, 40, spacing=(1, 1, 1))
    assert (slic(gray[..., None], 40, spacing=(1, 1, 1)) == wanted).all()
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 40)))[0][:1]
    many = gray[..., None] * turned  # on one axis: the same distances
    assert (slic(many, 40, spacing=(1, 1, 1)) == wanted).mean() > 0.95


def test_nothing_outside_a_mask_matters(leaves):
    volume = leaves.images[0] / 255
    mask = np.random.default_rng(0).random(volume.shape[:3]) < 0.9
    mask[:4] = mask[:, 20:] = False
    wanted = slic(volume, 30, mask=mask, spacing=(2, 1, 1), convert2lab=True)
    volume[~mask] = np.nan
    assert (slic(volume, 30, mask=mask, spacing=(2, 1, 1), convert2lab=True) == wanted).all()
    assert wanted[mask].min() == 0
    assert (wanted[~mask] == -1).all()


def test_centres_start_where_they_are_told(leaves):
    volume, truth = leaves.images[0], leaves.ground_truths[0]
    seeds = region_seeds(truth)
    assert seeds.shape == (len(np.unique(truth)), 8, 3)
    for region, places in zip(np.unique(truth), seeds.astype(int)):
        assert (truth[tuple(places.T)] == region).all()
    raw = slic(volume, 9, spacing=(1, 1, 1), seeds=seeds, max_iter=1, enforce_connectivity=False)
    assert raw.max() < len(seeds)
    grid, _ = volume_seeds(truth.shape, 40, (1.0, 1.0, 1.0))
    found = slic(volume, 40, spacing=(1, 1, 1), seeds=grid)
    assert achievable_segmentation_accuracy(found, truth) == pytest.approx(
        achievable_segmentation_accuracy(slic(volume, 40, spacing=(1, 1, 1)), truth), abs=0.03
    )


def test_superpixels_follow_the_borders_of_a_volume(leaves):
    truth = leaves.ground_truths[0]
    found, blind = (
        achievable_segmentation_accuracy(slic(image, 60, spacing=(1, 1, 1)), truth)
        for image in (leaves.images[0], np.zeros(truth.shape))
    )
    assert 1 - found < 0.7 * (1 - blind)


# --- what scikit-image's tests of its own SLIC say of volumes and spacing ------------------------


def as_scikit_image(image, n_segments, spacing=None, mask=None, **options):
    """Our labels by the names and defaults of scikit-image, whose range of values is 0 to 1."""
    axes = 3 if image.ndim - (image.shape[-1] == 3) == 3 else 2
    image = (image - image.min()) / np.ptp(image)
    spacing = (1,) * axes if spacing is None else spacing
    return slic(image, n_segments, spacing=spacing, mask=mask, **options)


def octants(values, noise):
    """A volume (20, 21, 22) whose octants have these values, and its octants."""
    volume = np.zeros((20, 21, 22, *np.shape(values)[1:]))
    halves = [(slice(None, n // 2), slice(n // 2, None)) for n in volume.shape[:3]]
    truth = np.zeros(volume.shape[:3], int)
    for k, place in enumerate(product(*halves)):
        volume[place], truth[place] = values[k], k
    volume += noise * np.random.default_rng(0).normal(size=volume.shape)
    return np.clip(volume, 0, 1), truth


OCTANTS = {
    "colour": (list(product([0, 1], repeat=3)), 0.01, {}),
    "gray": (np.arange(8) / 7, 0.001, {"compactness": 1}),
}


@pytest.mark.parametrize("name", OCTANTS)
def test_octants(name):
    values, noise, options = OCTANTS[name]
    volume, truth = octants(values, noise)
    assert (as_scikit_image(volume, 8, **options) == truth).all()


@pytest.mark.parametrize(("name", "spacing"), [("colour", (2, 1, 1)), ("gray", None)])
def test_octants_within_a_mask(name, spacing):
    values, noise, options = OCTANTS[name]
    volume, truth = octants(values, noise)
    mask = np.zeros(truth.shape)
    mask[2:-2, 2:-2, 2:-2] = 1
    labels = as_scikit_image(volume, 8, spacing, mask, **options)
    assert (labels == np.where(mask, truth, -1)).all()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("masked", [False, True])
def test_far_rows_are_apart(seed, masked):
    image = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 0, 0]], float)
    image += 0.1 * np.random.default_rng(seed).normal(size=image.shape)
    mask = np.zeros(image.shape)
    mask[:, 1:-1] = 1
    mask = mask if masked else np.ones(image.shape)
    plain = as_scikit_image(image, 2, compactness=1.0, mask=mask)
    assert (plain == np.where(mask, [[0, 0, 0, 1, 1], [0, 0, 1, 1, 1]], -1)).all()
    spaced = as_scikit_image(image, 2, (500, 1), compactness=1.0, mask=mask)
    assert (spaced == np.where(mask, [[0] * 5, [1] * 5], -1)).all()


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "kwargs", "error", "message"),
    [
        (np.zeros((4, 5)), {}, ValueError, r"\(4, 5\).* as spacing has three numbers"),
        (np.zeros((2, 3, 4, 5, 6)), {}, ValueError, r"accepted are \(depth, height, width\) and"),
        (np.zeros((0, 4, 5)), {}, ValueError, "it is empty"),
        (np.zeros((0, 4, 5, 3), np.uint8), {}, ValueError, "it is empty"),
        (np.full((2, 3, 4), np.nan), {}, ValueError, "holds 24 values that are NaN"),
        (np.zeros((2, 3, 4, 3)), {"spacing": None}, ValueError, r"A volume needs spacing"),
        (np.zeros((2, 3, 4)), {"spacing": (1, 0, 1)}, ValueError, r"spacing\[1\] must be above 0"),
        (np.zeros((2, 3, 4)), {"spacing": 1.0}, TypeError, "spacing is 1.0"),
        (np.zeros((2, 3, 4)), {"mask": np.ones((3, 4))}, ValueError, "mask has shape"),
        (np.zeros((2, 3, 4)), {"mask": np.zeros((2, 3, 4))}, ValueError, "mask keeps no pixel"),
        (np.zeros((2, 3, 4)), {"weights": [1, 1]}, ValueError, "weights has shape"),
        (np.zeros((2, 3, 4)), {"convert2lab": True}, ValueError, "an image of 3 channels"),
        (np.zeros((2, 3, 4)), {"seeds": [[1, 1]]}, ValueError, r"accepted is \(n, 3\)"),
        (np.zeros((2, 3, 4)), {"seeds": [[2, 1, 1]]}, ValueError, "outside the volume"),
        (np.zeros((2, 3, 4)), {"device": "cuda"}, ValueError, "device is 'cuda'; volumes"),
        (np.zeros((2, 3, 4)), {"device": "tpu"}, ValueError, "device"),
    ],
)
def test_bad_input(image, kwargs, error, message):
    options = {"spacing": (1, 1, 1), **kwargs}
    with pytest.raises(error, match=message):
        slic(image, 2, **options)
