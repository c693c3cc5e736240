"""Black and white: what the dtype says, what a collection shows, and 8-bit pictures in any form."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_spx import SLICSuperpixels
from sklearn_spx.utils.scale import Survey, as_colour, fill_outside, range_of, scaled, seen

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)


def learned(*images, masks=None):
    survey = Survey()
    for image, mask in zip(images, masks or [None] * len(images), strict=True):
        survey.add(image, mask)
    return survey.ranges()


@pytest.mark.parametrize(
    ("image", "kind", "expected"),
    [
        (PHOTO, "uint8", (0, 255)),
        (PHOTO // 16, "uint8", (0, 255)),
        (PHOTO > 9, "bool", (0, 1)),
        (PHOTO / 255, "float", (0, 1)),
        (PHOTO / 2550, "float", (0, 1)),
        (PHOTO.astype(float), "float", (0, 255)),
        (PHOTO.astype(np.int32), "integer", (0, 255)),
        (PHOTO.astype(np.uint16), "uint16", (0, 255)),
        (PHOTO.astype(np.uint16) * 257, "uint16", (0, 65535)),
        (PHOTO.astype(np.uint16) // 4 * 257, "uint16", (0, 65535)),
        (PHOTO.astype(np.uint16) * 200, "uint16", (0, 65535)),
        (PHOTO.astype(">u2") * 257, "uint16", (0, 65535)),
    ],
)
def test_what_the_dtype_says(image, kind, expected):
    assert learned(image) == {kind: expected}


@pytest.mark.parametrize(
    "shape", [(512, 512), (1024, 1024), (1000, 1000), (64, 4096), (48, 256, 256)]
)
@pytest.mark.parametrize("axis", [0, -1], ids=["rows", "columns"])
def test_nothing_hides_between_the_pixels_that_are_looked_at(shape, axis):
    """Every 256th pixel of 1024 x 1024 is one of four columns."""
    image = RNG.integers(90, 110, shape).astype(np.uint16)
    side = shape[axis]
    bright = np.moveaxis(image, axis, 0)[side // 4 + 3 : side // 2 - 3]
    bright[: len(bright) // 2], bright[len(bright) // 2 :] = 1000, 3000
    ((_, (_, high)),) = learned(image).items()
    assert high == 3000


@pytest.mark.parametrize(
    "image",
    [
        RNG.integers(0, 4096, (200, 200)).astype(np.uint16),
        RNG.integers(-1000, 3000, (200, 200)).astype(np.int16),
        RNG.normal(0.3, 1, (200, 200)),
        RNG.random((200, 200, 3)) * 300,
    ],
    ids=["12 bits", "CT", "reflectances", "floats up to 300"],
)
def test_what_a_collection_shows(image):
    ((_, (low, high)),) = learned(image).items()
    inside = (image >= low) & (image <= high)
    assert 0.99 < inside.mean() < 1
    hot = image.copy()
    hot[3, 4] = hot.max() * 3 if image.dtype.kind == "f" else np.iinfo(hot.dtype).max
    if image.dtype != np.uint16:
        ((_, other),) = learned(hot).items()
        np.testing.assert_allclose(other, (low, high), rtol=0.02)


def test_all_images_count_and_none_alone():
    dark = RNG.integers(0, 1000, (50, 50)).astype(np.uint16)
    bright = dark + 2000
    ((_, (low, high)),) = learned(dark, bright).items()
    assert low < 50
    assert high > 2900
    both = SLICSuperpixels(20).fit([dark, bright])
    assert both.value_range_ == (low, high)
    assert both.transform([dark])[0].shape == (50, 50)
    assert both.value_range_ == (low, high)


def test_a_constant_image_and_what_a_mask_leaves():
    flat = np.full((9, 9), 300.0)
    ((_, (low, high)),) = learned(flat).items()
    assert low == 300 < high
    masked = flat.copy()
    masked[:3] = 1e30
    assert learned(masked, masks=[masked < 1e3]) == {"float": (low, high)}


@given(st.integers(0, 2**32 - 1))
def test_gray_and_the_same_in_three_channels_learn_alike(seed):
    rng = np.random.default_rng(seed)
    gray = rng.normal(0, 100, rng.integers(1, 200, 2))
    assert learned(gray) == learned(gray[:, :, None]) == learned(np.dstack([gray] * 3))


def test_pixels_that_are_kept_are_few():
    survey = Survey()
    image = RNG.normal(size=(100, 100))
    for _ in range(600):
        survey.add(image)
    (found,) = survey._seen.values()
    assert sum(map(len, found.sample)) <= 2**20
    assert survey.ranges()["float"][0] == pytest.approx(np.quantile(image, 0.001), abs=0.3)


def test_what_was_not_seen_is_read_by_its_dtype():
    assert range_of(PHOTO, {}, "X[0]") == (0, 255)
    assert range_of(PHOTO / 255, {"uint8": (0, 255)}, "X[0]") == (0, 1)
    with pytest.raises(ValueError, match=r"X\[3\] holds values from 0 to 255"):
        range_of(PHOTO * 1.0, {"uint8": (0, 255)}, "X[3]")
    with pytest.warns(UserWarning, match="nearly black"):
        range_of(PHOTO.astype(np.uint16), {}, "X[0]")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert range_of(PHOTO.astype(np.uint16), {"uint16": (0, 255)}, "X[0]") == (0, 255)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_8_bit_value_is_found_again(dtype):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = seen((values / 255).astype(dtype), (0, 1))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, values)


def test_more_than_8_bits_stay():
    ramp = np.linspace(0, 1, 300).reshape(15, 20)
    found = seen(ramp, (0, 1))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, ramp, atol=1e-7)
    one = np.zeros((300, 1000))  # found in the last block
    one[-1, -1] = 0.3
    assert seen(one, (0, 1)).dtype == np.float32


def test_beyond_the_range():
    image = np.array([[-5.0, 0.5, 7.0]])
    np.testing.assert_allclose(seen(image, (0, 2)), [[0, 0.25, 1]])
    bands = np.stack([image] * 5, axis=2)
    np.testing.assert_allclose(seen(bands, (0, 2))[0, :, 0], [-2.5, 0.25, 3.5])


def test_colours():
    gray = PHOTO[..., 0]
    np.testing.assert_array_equal(as_colour(gray), np.dstack([gray] * 3))
    assert as_colour(gray).base is not None
    assert as_colour(PHOTO) is PHOTO
    np.testing.assert_allclose(scaled(gray, 100), gray / 2.55, rtol=1e-6)
    np.testing.assert_allclose(scaled(seen(gray / 300, (0, 1)), 100), gray / 3, atol=1e-4)


def test_the_outside_is_like_the_nearest_inside():
    image = np.array([[np.nan, 1.0, np.nan, np.nan, 5.0]])
    np.testing.assert_array_equal(fill_outside(image, ~np.isnan(image)), [[1, 1, 1, 5, 5]])
    assert fill_outside(image, None) is image
