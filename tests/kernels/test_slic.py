"""SLIC: the kernel against its slow twin, and what holds for any image."""

import re
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import slic
from sklearn_spx.kernels._clustering import grid_seeds, mask_seeds
from sklearn_spx.kernels.color import rgb_to_lab
from sklearn_spx.kernels.slic import parts as _parts
from sklearn_spx.kernels.slic import region_seeds, slic_quiet
from sklearn_spx.kernels.slic.parts import Parts
from sklearn_spx.metrics import achievable_segmentation_accuracy

from . import naive

pytestmark = pytest.mark.filterwarnings("ignore:image holds values from")  # many are, on purpose


def assert_superpixels(labels, mask=None):
    assert labels.dtype == np.int32
    assert labels.flags.c_contiguous
    mask = np.ones(labels.shape, bool) if mask is None else mask
    assert ((labels >= 0) == mask).all()
    assert set(np.unique(labels[mask])) == set(range(labels.max() + 1))
    assert naive.connected_regions(labels).max() == labels.max()


@st.composite
def problems(draw):
    """A random image without ties, and the arguments of a call."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 22)), draw(st.integers(1, 26))
    n_channels = draw(st.sampled_from([1, 2, 3, 4, 9, 20]))
    image = rng.normal(size=(height, width, n_channels)).astype(np.float32)
    weights = rng.choice([0, 0.5, 1, 3], n_channels) if draw(st.booleans()) else None
    mask = rng.random((height, width)) < 0.8 if draw(st.booleans()) else None
    if mask is not None:
        mask[rng.integers(height), rng.integers(width)] = True
    options = {
        "n_segments": draw(st.integers(1, 40)),
        "compactness": draw(st.sampled_from([0.3, 1.0, 10.0])),
        "max_iter": draw(st.integers(1, 6)),
        "slic_zero": draw(st.booleans()),
    }
    return image, weights, mask, options


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems())
def test_is_the_naive_one(problem):
    image, weights, mask, options = problem
    kept = image.copy()
    found = slic(
        image,
        weights=weights,
        mask=mask,
        convert2lab=False,
        enforce_connectivity=False,
        **options,
    )
    assert (image == kept).all()
    inside = np.ones(image.shape[:2], bool) if mask is None else mask
    if mask is None:
        seeds, step = grid_seeds(*inside.shape, min(options["n_segments"], inside.size))
    else:
        seeds, step = mask_seeds(mask, options["n_segments"], mask.sum())
    wanted, gap = naive.slic(
        image.astype(float),
        seeds.tolist(),
        step,
        options["compactness"],
        options["max_iter"],
        1 if step < 8 else 2,
        np.ones(image.shape[2]) if weights is None else weights,
        inside,
        options["slic_zero"],
    )
    assume(gap > 1e-4)
    names = np.unique(wanted[inside])
    wanted = np.where(inside, np.searchsorted(names, wanted), -1)
    assert found.tolist() == wanted.tolist()


@pytest.mark.parametrize("side", [7, 8])  # a part of a tile, and a whole one
@pytest.mark.parametrize("n_channels", [3, 5])
def test_more_candidates_than_bits_of_a_word(rng, side, n_channels):
    image = rng.normal(size=(side, side, n_channels))
    image[0, 0] = 100  # a cluster of its own, whose centre does not move
    seeds = np.array([[0, 0], [1, 5], [3, 3], [4, 0], [5, 6], [6, 2]])
    options = {"compactness": 1, "convert2lab": False, "enforce_connectivity": False}
    wanted = slic(image, 2, seeds=seeds, **options)
    assert (slic(image, 2, seeds=seeds, max_iter=1, **options) != wanted).any()
    idle = np.repeat(seeds[:1], 70, axis=0)  # of which the first gets that pixel
    found = slic(image, 2, seeds=np.concatenate([idle, seeds[1:]]), **options)
    assert found.tolist() == wanted.tolist()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 900))
def test_seeds_lie_in_rows_on_distinct_pixels(height, width, n_seeds):
    n_seeds = min(n_seeds, height * width)
    seeds, step = grid_seeds(height, width, n_seeds)
    wanted, wanted_step = naive.grid_seeds(height, width, n_seeds)
    np.testing.assert_allclose(seeds, wanted, atol=1e-9)
    pixels = np.floor(seeds + 0.5)
    assert len(np.unique(pixels, axis=0)) == n_seeds
    assert (pixels >= 0).all()
    assert (pixels < (height, width)).all()
    assert step == pytest.approx(wanted_step)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(0.02, 1))
def test_seeds_of_a_mask_lie_in_it_and_near_all_of_it(seed, n_seeds, share):
    rng = np.random.default_rng(seed)
    mask = rng.random((rng.integers(1, 40), rng.integers(1, 40))) < share
    assume(mask.any())
    seeds, step = mask_seeds(mask, n_seeds, mask.sum())
    assert mask[tuple(seeds.T.astype(int))].all()
    assert len({tuple(s) for s in seeds.tolist()}) == len(seeds)
    apart = np.abs(np.argwhere(mask)[:, None] - seeds).max(axis=2).min(axis=1)
    assert apart.max() <= step


def test_mask_seeds_are_about_as_many_as_asked_for():
    y, x = np.mgrid[:100, :150]
    for mask in (y > 20, (y - 50) ** 2 + (x - 70) ** 2 < 1500, np.abs(y - x // 2) < 3):
        for n in (5, 20, 60):
            assert 0.7 * n <= len(mask_seeds(mask, n, mask.sum())[0]) <= 1.3 * n


def test_connectivity_follows_from_the_raw_labels(rng):
    image = rng.random((60, 70))
    raw = slic(image, 20, compactness=0.5, enforce_connectivity=False)
    labels = slic(image, 20, compactness=0.5)
    colours = np.array([[image[raw == k].mean()] for k in range(raw.max() + 1)])
    wanted = naive.enforce_connectivity(raw, round(4200 / 20 / 8), 20, colours, 0.5)
    assert wanted.max() == 19
    assert (labels == wanted).mean() > 0.9  # the clusters' colours are those of an iteration before


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def photograph(rng):
    """Smooth blobs of colour, uint8 RGB."""
    y, x = np.mgrid[:90, :131]
    waves = [np.sin(y / a + b) * np.cos(x / c) for a, b, c in rng.uniform(5, 20, (3, 3))]
    noise = rng.normal(0, 5, (90, 131, 3))
    return np.clip(np.stack(waves, 2) * 100 + 128 + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float32, np.float64, bool])
@pytest.mark.parametrize("n_channels", [None, 1, 2, 3, 5])
def test_any_image_gives_superpixels(rng, dtype, n_channels):
    shape = (33, 40) if n_channels is None else (33, 40, n_channels)
    image = (rng.random(shape) * 200).astype(dtype)
    kept = image.copy()
    image.flags.writeable = False
    labels = slic(image, 12)
    assert_superpixels(labels)
    assert (image == kept).all()
    assert (slic(image, 12) == labels).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 50), (50, 1), (2, 3), (8, 8), (17, 31)])
@pytest.mark.parametrize("n_segments", [1, 2, 7, 10_000])
def test_any_size(rng, shape, n_segments):
    for image in (rng.random(shape), np.zeros((*shape, 3), np.uint8)):
        labels = slic(image, n_segments)
        assert_superpixels(labels)
        assert labels.max() < image.size
        if n_segments == 1:
            assert not labels.any()


def test_as_many_pixels_as_superpixels():
    labels = slic(np.zeros((5, 7)), 1000)
    assert labels.tolist() == np.arange(35).reshape(5, 7).tolist()


def test_constant_image_is_cut_into_a_grid():
    labels = slic(np.full((60, 80), 3.0), 12)
    assert labels.max() == 11
    assert np.bincount(labels.ravel()).tolist() == [400] * 12


def test_as_many_as_asked_for(photograph):
    for n in (1, 2, 50, 200, 600, 5000):
        labels = slic(photograph, n)
        assert_superpixels(labels)
        assert labels.max() + 1 == n


def electron_micrograph(rng):
    """Dark membranes between cells, and blurred noise."""
    from scipy.ndimage import gaussian_filter

    y, x = np.mgrid[:128, :160]
    apart = np.sort([np.hypot(y - a * 128, x - b * 160) for a, b in rng.random((30, 2))], axis=0)
    image = np.where(apart[1] - apart[0] < 3, 60, 170) + gaussian_filter(
        rng.normal(0, 60, y.shape), 1
    )
    return np.clip(image + rng.normal(0, 15, y.shape), 0, 255).astype(np.uint8)


HARD = {
    "electron micrograph": electron_micrograph,
    "white noise": lambda rng: rng.integers(0, 256, (100, 150), np.uint8),
    "white noise in colour": lambda rng: rng.integers(0, 256, (100, 150, 3), np.uint8),
    "black and white noise": lambda rng: (rng.random((100, 150)) < 0.5) * 255.0,
    "stripes": lambda rng: np.arange(100)[:, None] % 2 * np.full(150, 255.0),
    "nothing": lambda rng: np.zeros((100, 150)),
    "40 bands of noise": lambda rng: rng.normal(0, 50, (60, 70, 40)),
    "40 bands of blobs": lambda rng: (
        9 * rng.normal(size=(60, 70, 40)).cumsum(axis=0).cumsum(axis=1)
    ),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("slic_zero", [False, True])
def test_as_many_as_asked_for_where_clusters_are_crumbs(rng, name, slic_zero):
    image = HARD[name](rng)
    for n in (2, 10, 100, 1000):
        labels = slic(image, n, slic_zero=slic_zero)
        assert_superpixels(labels)
        assert labels.max() + 1 == n


def nearest_count(mask, n_segments):
    """The count nearest to the one asked for that connected regions of a mask can have."""
    n_parts = naive.connected_regions(np.where(mask, 0, -1)).max() + 1
    return max(n_parts, min(n_segments, np.count_nonzero(mask)))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.7, 0.95])
def test_as_many_as_asked_for_within_dots(rng, share):
    image = rng.integers(0, 256, (60, 80, 3), np.uint8)
    mask = rng.random((60, 80)) < share
    for n in (1, 10, 100, 1000, 10_000):
        labels = slic(image, n, mask=mask)
        assert_superpixels(labels, mask)
        assert labels.max() + 1 == nearest_count(mask, n)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(problems())
def test_any_problem_gives_as_many_as_asked_for(problem):
    image, weights, mask, options = problem
    labels = slic(image, weights=weights, mask=mask, convert2lab=False, **options)
    assert_superpixels(labels, mask)
    mask = np.ones(labels.shape, bool) if mask is None else mask
    assert labels.max() + 1 == nearest_count(mask, options["n_segments"])


def test_two_halves():
    image = np.zeros((20, 30))
    image[:, 13:] = 1
    assert (slic(image, 2, compactness=0.01) == image).all()


def test_every_part_of_the_mask_has_a_superpixel(photograph):
    mask = np.zeros(photograph.shape[:2], bool)
    mask[5:60, 10:70] = True
    mask[70:72, 100:103] = True
    mask[0, 0] = True
    labels = slic(photograph, 15, mask=mask)
    assert_superpixels(labels, mask)
    parts = [labels[5:60, 10:70], labels[70:72, 100:103], labels[:1, :1]]
    assert not set.intersection(*[set(np.unique(p)) for p in parts])
    assert (slic(photograph, 15, mask=mask.astype(np.uint8)) == labels).all()


def test_what_is_outside_the_mask_does_not_count(photograph, rng):
    mask = rng.random(photograph.shape[:2]) < 0.9
    mask[:, 90:] = False
    other = np.where(mask[:, :, None], photograph, 255 - photograph)
    assert (slic(photograph, 30, mask=mask) == slic(other, 30, mask=mask)).all()


def test_a_full_mask_is_about_no_mask(photograph):
    mask = np.ones(photograph.shape[:2], bool)
    free, masked = (slic(photograph, 60, mask=m) for m in (None, mask))
    assert free.max() == masked.max() == 59
    assert np.bincount(masked.ravel()).max() < 2 * np.bincount(free.ravel()).max()


def test_a_weight_of_zero_drops_the_channel(rng):
    image = rng.normal(size=(40, 50, 5))
    weights = [1, 0, 2, 0, 1]
    labels = slic(image, 20, compactness=1, weights=weights)
    assert (labels == slic(image[:, :, ::2], 20, compactness=1, weights=[1, 2, 1])).all()
    image[:, :, 1] = 1e6
    assert (labels == slic(image, 20, compactness=1, weights=weights)).all()


def test_a_weight_is_its_root_times_the_channel(rng):
    image = rng.normal(size=(40, 50, 5)).astype(np.float32)
    weights = np.array([4, 1, 0.25, 16, 1])
    scaled = image * np.sqrt(weights).astype(np.float32)
    labels = slic(image, 20, compactness=1, weights=weights)
    assert (labels == slic(scaled, 20, compactness=1)).all()


def test_weights_of_lab_channels(photograph):
    gray = np.repeat(photograph[:, :, :1], 3, axis=2)
    labels = slic(gray, 30, weights=[1, 0, 0])
    assert (labels == slic(gray, 30)).mean() > 0.99  # a gray image has neither a nor b
    assert (slic(photograph, 30, weights=[0, 1, 1]) != slic(photograph, 30)).any()


def test_many_channels_that_are_mixtures_of_few(rng):
    few = rng.normal(size=(60, 70, 4)).cumsum(axis=0).cumsum(axis=1).astype(np.float32)
    turn = np.linalg.qr(rng.normal(size=(40, 4)))[0]
    many = np.ascontiguousarray(few @ turn.T.astype(np.float32))  # keeps all distances
    labels = slic(few, 30, compactness=20, convert2lab=False)
    assert_superpixels(labels)
    assert (slic(many, 30, compactness=20) == labels).mean() > 0.95
    louder = slic(many / 2, 30, compactness=20, weights=np.full(40, 4.0))
    assert (louder == slic(many, 30, compactness=20)).mean() > 0.95
    many[3, 5, 7] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        slic(many, 30)


def test_no_colour_at_all_is_a_grid(rng):
    labels = slic(rng.random((40, 60, 4)), 6, weights=np.zeros(4))
    assert np.bincount(labels.ravel()).tolist() == [400] * 6


def test_compactness_goes_from_colour_to_place(photograph):
    def border(labels):
        return np.sum(labels[1:] != labels[:-1]) + np.sum(labels[:, 1:] != labels[:, :-1])

    borders = [border(slic(photograph, 60, compactness=c)) for c in (1, 10, 100, 1e6)]
    assert borders == sorted(borders, reverse=True)
    assert_superpixels(slic(photograph, 60, compactness=0))


def test_slic_zero_does_not_depend_on_contrast(rng):
    image = rng.normal(size=(60, 70, 3)).cumsum(axis=0).cumsum(axis=1)
    labels = slic(image, 30, compactness=5, slic_zero=True, max_iter=20)
    louder = slic(image * 64, 30, compactness=5 * 64, slic_zero=True, max_iter=20)
    assert_superpixels(labels)
    assert (labels == louder).all()
    assert (labels != slic(image, 30, compactness=5, max_iter=20)).any()


@pytest.mark.parametrize("value", [1e-30, 1e6, 1e15])
def test_extreme_values(rng, value):
    for compactness in (1e-300, 1e-12, 1.0, 1e12, 1e300):
        for slic_zero in (False, True):
            image = rng.random((20, 30)) * value
            labels = slic(image, 8, compactness=compactness, slic_zero=slic_zero)
            assert_superpixels(labels)


def test_threads_share_nothing(photograph):
    images = [photograph, photograph[::-1].copy(), photograph[:, :70].copy()] * 3
    wanted = [slic(image, 60) for image in images]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda image: slic(image, 60), images))
    assert all((a == b).all() for a, b in zip(found, wanted))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems(), st.booleans(), st.integers(2, 5))
def test_the_number_of_threads_does_not_show(problem, enforce, n_threads):
    image, weights, mask, options = problem
    found = [
        slic(
            np.kron(image, np.ones((4, 3, 1))),  # some rows of tiles
            weights=weights,
            mask=None if mask is None else np.kron(mask, np.ones((4, 3), bool)),
            enforce_connectivity=enforce,
            convert2lab=False,
            n_threads=n,
            **options,
        )
        for n in (1, n_threads)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("scale", [1, 255])
def test_the_number_of_threads_does_not_show_in_a_photograph(photograph, scale):
    image = photograph if scale == 1 else photograph / np.float32(scale)
    one = slic(image, 300)
    for n in (2, 3, 1000):
        np.testing.assert_array_equal(slic(image, 300, n_threads=n), one)


def test_layout_in_memory_does_not_matter(photograph):
    labels = slic(photograph, 60)
    assert (slic(np.asfortranarray(photograph), 60) == labels).all()
    assert (slic(photograph[::-1][::-1], 60) == labels).all()
    assert (slic(photograph.tolist(), 60) == labels).all()


def test_accuracy_is_not_below_that_of_scikit_image(data_root):
    """Mean over five photographs and their annotations, at no more superpixels than theirs."""
    from scipy.io import loadmat
    from skimage.io import imread
    from skimage.segmentation import slic as reference

    ours, theirs = [], []
    for path in sorted((data_root / "BSDS500" / "images" / "val").glob("*.jpg"))[::20]:
        image = imread(path)
        cells = loadmat(data_root / "BSDS500" / "groundTruth" / "val" / f"{path.stem}.mat")
        annotations = [cell["Segmentation"][0, 0] for cell in cells["groundTruth"][0]]
        target = reference(image, 300, compactness=10, start_label=0)
        asked = 300
        while (labels := slic(image, asked)).max() > target.max():
            asked = asked * 19 // 20
        ours.append(achievable_segmentation_accuracy(labels, annotations))
        theirs.append(achievable_segmentation_accuracy(target, annotations))
    assert np.mean(ours) > np.mean(theirs) - 0.002


def test_raw_labels_have_no_gap(photograph):
    labels = slic(photograph, 100, enforce_connectivity=False)
    assert set(np.unique(labels)) == set(range(labels.max() + 1))
    assert labels.max() < 100


# --- the warning of a grid -----------------------------------------------------------------------


def messages(call, *args, **kwargs):
    """What a call warns of; each warning blames this file."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        call(*args, **kwargs)
    assert all(w.filename == __file__ for w in caught)
    return [str(w.message) for w in caught]


def test_too_small_a_span_is_warned_of(rng):
    image = rng.random((60, 80))
    (message,) = messages(slic, image, 12)  # 20 pixels apart: 10 / sqrt(20) is more than 1
    assert re.search("values from .* to .*, and its colours are 0.9.* apart at most", message)
    assert "compactness=10, no border between superpixels 20 pixels apart" in message
    compactness = float(re.search("Give compactness=(.*?),", message)[1])
    factor = float(re.search("multiply the image by (.*?);", message)[1])
    assert (compactness, factor) == (0.1, 100)
    assert not messages(slic, image, 12, compactness=compactness)
    assert not messages(slic, factor * image, 12)


def test_the_warning_is_of_borders_that_cannot_move():
    image = np.zeros((4, 40))
    image[:, 19:] = 1  # half a pixel off the middle between pixels 9.5 and 29.5
    for factor in (0.99, 1.01):
        options = {"compactness": factor * 20**0.5, "max_iter": 1}
        follows = (slic(image, 2, **options) == image).all()
        assert follows == (factor < 1)
        assert bool(messages(slic, image, 2, **options)) == (not follows)


@pytest.mark.parametrize(
    "options",
    [
        {"slic_zero": True},
        {"compactness": 0.1},
        {"compactness": 0},
        {"n_segments": 1},
        {"weights": [1e4]},
        {"weights": [0]},
    ],
)
def test_nothing_to_warn_of(options):
    image = np.zeros((150, 150))
    image[31, 57] = 1  # no sample hits upon it
    assert not messages(slic, image, **options)
    assert not messages(slic, 0 * image, **options)


def test_no_warning_of_lab_constant_images_and_what_is_outside(rng):
    assert not messages(slic, rng.random((60, 80, 3)) / 1000, 12)  # to Lab
    assert not messages(slic, np.full((60, 80), 7.0), 12)
    assert not messages(slic, rng.random((60, 80)), 1)  # one superpixel has no border
    mask = np.arange(80) < 40 + np.zeros((60, 1))
    assert messages(slic, np.where(mask, rng.random((60, 80)), 1e9), 12, mask=mask)
    assert not messages(slic, np.where(mask, 3, rng.random((60, 80))), 12, mask=mask)


def test_many_channels_add_up(rng):
    image = rng.random((60, 80, 40))
    assert messages(slic, image[:, :, :4], 12)
    assert not messages(slic, image, 12)


def test_the_quiet_one_is_the_same(rng):
    image = rng.random((60, 80))
    assert not messages(slic_quiet, image, 12, slic_zero=False)
    with pytest.warns(UserWarning, match="and they are a grid"):
        assert (slic_quiet(image, 12, max_iter=3) == slic(image, 12, max_iter=3)).all()
    with pytest.raises(TypeError, match="compact"):
        slic_quiet(image, 12, compact=1)


@pytest.mark.parametrize("n_channels", [1, 4, 5, 11, 12, 20])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("height", [16, 67])
def test_an_image_in_parts_is_the_same(rng, monkeypatch, n_channels, masked, height):
    image = rng.normal(size=(height, 45, n_channels)).astype(np.float32)
    image[:, 20:] += 3
    mask = rng.random((height, 45)) < 0.8 if masked else None
    monkeypatch.setattr(_parts, "_PART", 1)  # of 16 rows
    for n_segments in (7, 60):
        for n_rows in (height, 1, 10):
            parts = Parts((height, 45), mask)
            for first in range(0, height, n_rows):
                parts.add(image[first : first + n_rows])
            found = slic_quiet(parts, n_segments, compactness=2, mask=mask, convert2lab=False)
            wanted = slic(image, n_segments, compactness=2, mask=mask, convert2lab=False)
            np.testing.assert_array_equal(found, wanted)
            assert not any(part is not None for part in parts._parts)


def test_parts_are_all_rows_and_finite():
    parts = Parts((3, 4))
    parts.add(np.zeros((2, 4, 1)))
    with pytest.raises(ValueError, match="2 of 3 rows were added"):
        slic_quiet(parts, 2)
    with pytest.raises(ValueError, match="1 values that are NaN"):
        parts.add(np.array([[[0], [np.nan], [0], [0]]]))


# --- colour ----------------------------------------------------------------------------------


def test_lab_is_that_of_scikit_image(rng):
    from skimage.color import rgb2lab

    rgb = np.concatenate([rng.random((5000, 3)), np.eye(3), np.zeros((1, 3)), np.ones((1, 3))])
    rgb = np.concatenate([rgb, rgb[:500] * 0.05]).astype(np.float32)
    np.testing.assert_allclose(rgb_to_lab(rgb[None])[0], rgb2lab(rgb.astype(float)), atol=2e-3)
    np.testing.assert_array_equal(rgb_to_lab([rgb[:9] - 1]), rgb_to_lab([np.zeros((9, 3))]))
    with pytest.raises(ValueError, match=r"image has shape \(2, 2, 1\)"):
        rgb_to_lab(np.zeros((2, 2)))


def test_rgb_is_read_alike_in_every_dtype(photograph):
    labels = slic(photograph, 60)
    same = [
        photograph.astype(np.int64),
        photograph.astype(np.uint16) * 257,
        photograph / 255,
        (photograph / 255).astype(np.float32),
    ]
    for image in same:
        assert (slic(image, 60) == labels).mean() > 0.98
    assert (slic(photograph, 60, convert2lab=True) == labels).all()


def test_lab_given_is_lab_made(photograph):
    from skimage.color import rgb2lab

    labels = slic(rgb2lab(photograph), 60)  # beyond [0, 1]: as it is
    assert (labels == slic(photograph, 60)).mean() > 0.98


def test_other_channels_stay_as_they_are(rng):
    image = rng.random((30, 40, 3))
    plain = slic(image, 20, convert2lab=False)
    assert (plain == slic(np.dstack([image, np.zeros((30, 40))]), 20)).all()
    assert (plain != slic(image, 20)).any()
    assert (slic(image > 0.5, 20) == slic((image > 0.5) * 1.0, 20, convert2lab=False)).all()


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "kwargs", "error", "message"),
    [
        (np.zeros(4), {}, ValueError, "image has shape"),
        (np.zeros((0, 4)), {}, ValueError, "it is empty"),
        (np.zeros((0, 4, 3), np.uint8), {}, ValueError, "it is empty"),
        (np.full((3, 3), np.nan), {}, ValueError, "NaN, infinite"),
        (np.full((3, 3), np.inf), {}, ValueError, "NaN, infinite"),
        (np.full((3, 3), 1e30), {}, ValueError, "values beyond 1e"),
        (np.zeros((3, 3), complex), {}, TypeError, "image has dtype complex128"),
        (np.zeros((3, 3)), {"n_segments": 0}, ValueError, "n_segments must be at least 1"),
        (np.zeros((3, 3)), {"n_segments": 2.0}, TypeError, "n_segments must be an integer"),
        (np.zeros((3, 3)), {"max_iter": 0}, ValueError, "max_iter must be at least 1"),
        (np.zeros((3, 3)), {"n_threads": 0}, ValueError, "n_threads must be at least 1"),
        (np.zeros((3, 3)), {"compactness": -1}, ValueError, "compactness must be at least 0"),
        (np.zeros((3, 3)), {"compactness": np.nan}, ValueError, "compactness must be finite"),
        (
            np.zeros((3, 3)),
            {"compactness": 0, "slic_zero": True},
            ValueError,
            "compactness must be above 0",
        ),
        (np.zeros((3, 3, 2)), {"weights": [1]}, ValueError, "weights has shape"),
        (np.zeros((3, 3, 2)), {"weights": [1, -1]}, ValueError, "weights must be finite and at"),
        (np.zeros((3, 3, 2)), {"weights": [1, np.nan]}, ValueError, "weights must be finite"),
        (np.zeros((3, 3, 2)), {"weights": ["a", "b"]}, TypeError, "weights has dtype"),
        (np.zeros((3, 3)), {"mask": np.ones((2, 3), bool)}, ValueError, "mask has shape"),
        (np.zeros((3, 3)), {"mask": np.zeros((3, 3), bool)}, ValueError, "mask keeps no pixel"),
        (np.zeros((3, 3, 4)), {"convert2lab": True}, ValueError, "3 channels, found 4"),
        (np.zeros((3, 3)), {"convert2lab": True}, ValueError, "3 channels, found 1"),
        (np.full((3, 3, 3), 2.0), {"convert2lab": True}, ValueError, "goes from 0 to 1"),
        (np.zeros((3, 3, 3)), {"convert2lab": "yes"}, TypeError, "convert2lab must be None"),
    ],
)
def test_bad_input(image, kwargs, error, message):
    with pytest.raises(error, match=message):
        slic(image, **kwargs)


# --- seeds of one's own -----------------------------------------------------------------------


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(), st.integers(1, 12))
def test_given_seeds_are_where_centres_start(problem, n_seeds):
    image, weights, mask, options = problem
    rng = np.random.default_rng(n_seeds)
    inside = np.ones(image.shape[:2], bool) if mask is None else mask
    seeds = rng.permutation(np.argwhere(inside))[:n_seeds] + rng.uniform(-0.4, 0.4, 2)
    found = slic_quiet(
        image,
        weights=weights,
        mask=mask,
        convert2lab=False,
        enforce_connectivity=False,
        seeds=seeds,
        **options,
    )
    step = max(1.0, np.sqrt(inside.sum() / options["n_segments"]))
    wanted, gap = naive.slic(
        image.astype(float),
        seeds.tolist(),
        step,
        options["compactness"],
        options["max_iter"],
        1 if step < 8 else 2,
        np.ones(image.shape[2]) if weights is None else weights,
        inside,
        options["slic_zero"],
    )
    assume(gap > 1e-5)
    wanted[wanted >= 0] = np.unique(wanted[wanted >= 0], return_inverse=True)[1]
    np.testing.assert_array_equal(found, wanted)


def test_several_pixels_a_seed_are_their_mean():
    """The second seed's single pixel is an outlier; with its neighbours it is not."""
    image = np.repeat([[0.0, 0, 0, 0, 9, 9, 9, 9]], 2, axis=0)
    image[0, 6] = 0
    one = [[[0, 1]], [[0, 6]]]
    three = [[[0, 1]] * 3, [[0, 6], [1, 6], [1, 5]]]
    options = {"compactness": 1e-6, "max_iter": 1, "enforce_connectivity": False}
    right = image > 4
    right[0, 6] = False  # as black as the first seed
    assert (slic_quiet(image, 2, seeds=one, **options) != right).sum() > 5
    np.testing.assert_array_equal(slic_quiet(image, 2, seeds=three, **options), right)


@pytest.mark.parametrize("numbers", [[0, 1, 2, 3], [4, 70, 2**30, 2**31 - 1]])
def test_seeds_lie_all_over_their_regions(numbers):
    labels = np.repeat(np.repeat([[0, 1], [2, 3]], 6, axis=0), 8, axis=1)
    labels = np.array(numbers, np.int32)[labels]
    labels[0, 0] = -7
    seeds = region_seeds(labels, 8)
    assert seeds.shape == (4, 8, 2)
    for number, places in zip(numbers, seeds.astype(int)):
        assert (labels[tuple(places.T)] == number).all()
        assert len(np.unique(places, axis=0)) == 8
        np.testing.assert_allclose(places.mean(0), np.argwhere(labels == number).mean(0), atol=1.5)
    small = region_seeds([[5, 5, 5]], 7)[0]  # fewer pixels than places: all, evenly
    assert np.unique(small[:, 1], return_counts=True)[1].tolist() == [2, 3, 2]
    assert region_seeds([[-1]]).shape == (0, 8, 2)


def test_a_label_image_is_where_it_ends():
    """Superpixels that are their own start stay nearly as they are, and as many."""
    rng = np.random.default_rng(0)
    image = np.kron(rng.uniform(0, 90, (6, 9, 3)), np.ones((16, 16, 1))).astype(np.float32)
    labels = slic_quiet(image, 54, convert2lab=False)
    again = slic_quiet(image, 54, convert2lab=False, seeds=region_seeds(labels), max_iter=3)
    assert again.max() + 1 == 54
    assert (again == labels).mean() > 0.98  # in the order of the seeds


@pytest.mark.parametrize(
    ("seeds", "error", "words"),
    [
        ([[0, 0, 0]], ValueError, r"seeds has shape \(1, 3\)"),
        ([], ValueError, "seeds has shape"),
        ([["a", "b"]], TypeError, "seeds has dtype"),
        ([[0, 0], [4, 2]], ValueError, r"seeds\[1\] has \[4.0, 2.0\], outside the image"),
        ([[0, np.nan]], ValueError, "outside the image"),
        ([[0, 0], [1, 1]], ValueError, r"seeds\[1\] has \[1.0, 1.0\], outside the mask"),
    ],
)
def test_seeds_that_cannot_be_are_named(seeds, error, words):
    mask = np.ones((4, 4), bool)
    mask[1, 1] = False
    with pytest.raises(error, match=words):
        slic(np.zeros((4, 4)), 2, seeds=seeds, mask=mask)
