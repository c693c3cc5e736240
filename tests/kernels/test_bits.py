"""The arithmetic that CPU and CUDA share: the compiled words and their twins in Python."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import _bits
from sklearn_spx.kernels.compilation import njit
from sklearn_spx.kernels.slic._rules import snap

numbers = st.floats(-1e6, 1e6, width=32).map(np.float32)


@njit
def compiled_fma(a, b, c):
    return _bits.fma(a, b, c)


@njit
def compiled_key(value, keep, place):
    return _bits.ordered_key(value, keep, place)


@njit
def compiled_product_and_sum(a, b, c):
    return _bits.times(a, b) + c


@njit
def compiled_differences(array, i, j):
    return _bits.differences(array, i, j)


@njit
def compiled_places(word):
    return _bits.first_bit(word), _bits.count_bits(word)


def _rounded(value):
    """The float32 nearest to a fraction, of two the even one."""
    near = np.float32(float(value))
    three = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]
    return min(three, key=lambda f: (abs(Fraction(float(f)) - value), f.view(np.int32) & 1))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(numbers, numbers, numbers)
@example(np.float32(1 + 2**-12), np.float32(1 + 2**-12), np.float32(2**-60))  # rounded twice: wrong
def test_fma_rounds_once(a, b, c):
    wanted = _rounded(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)))
    assert _bits.fma(a, b, c) == wanted
    assert compiled_fma(a, b, c) == wanted
    assert _bits.fma(a, b, c).dtype == np.float32


def test_fma_beyond_float32():
    large = np.float32(3e38)
    assert _bits.fma(large, large, large) == compiled_fma(large, large, large) == np.inf


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(0, 2.0**100, width=32), st.integers(0, 12), st.data())
def test_keys_order_like_the_floats(value, n_bits, data):
    place = np.int32(data.draw(st.integers(0, 2**n_bits - 1)))
    keep = np.int32(~(2**n_bits - 1))
    value = np.float32(value)
    key = _bits.ordered_key(value, keep, place)
    assert key == compiled_key(value, keep, place)
    assert key & ~keep == place
    assert _bits.float_of(np.int32(key & keep)) <= value


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.floats(-25, 17))
def test_sums_of_snapped_planes_are_exact(seed, scale):
    rng = np.random.default_rng(seed)
    plane = (rng.normal(size=64) * 10**scale).astype(np.float32)
    largest = np.int32((plane.view(np.int32) & 0x7FFFFFFF).max())
    snapped = np.array([snap(v, largest) for v in plane])
    assert snapped.dtype == np.float32
    assert np.abs(snapped - plane).max() <= 1.04 * 2.0**-18 * np.abs(plane).max()
    for order in (np.arange(64), rng.permutation(64), np.argsort(plane)):
        running = np.cumsum(snapped[order], dtype=np.float32)
        assert (running == np.cumsum(snapped[order].astype(float))).all()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e9, 1e9))
def test_a_product_is_rounded_before_it_is_added_to(a, b, c):
    assert compiled_product_and_sum(a, b, c) == float(Fraction(a) * Fraction(b)) + c


@njit
def compiled_bits_and_back(value):
    bits = _bits.bits_of_double(value)
    return bits, _bits.double_of(bits)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, -1e-308, 5e-324, np.inf])
def test_the_bits_of_doubles(value):
    wanted = int.from_bytes(np.float64(value).tobytes(), "little", signed=True)
    for bits, back in (
        compiled_bits_and_back(value),
        (_bits.bits_of_double(value), _bits.double_of(_bits.bits_of_double(value))),
    ):
        assert bits == wanted
        assert np.float64(back).tobytes() == np.float64(value).tobytes()


def test_prefetch_changes_nothing():
    @njit
    def ask(array):
        for i in range(array.size):
            _bits.prefetch(array, i)

    for dtype in (np.int32, np.float32, np.uint64):
        array = np.arange(100).astype(dtype)
        ask(array)
        _bits.prefetch(array, 3)
        np.testing.assert_array_equal(array, np.arange(100))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(0, 40))
def test_differences_have_a_bit_each(seed, i, j):
    array = np.random.default_rng(seed).integers(-1, 3, 40 + _bits.WORD, dtype=np.int32)
    there = array[i : i + _bits.WORD] != array[j : j + _bits.WORD]
    wanted = sum(1 << place for place in np.flatnonzero(there).tolist())
    assert int(compiled_differences(array, i, j)) == wanted


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 2**64 - 1))
@example(0)
@example(2**64 - 1)
def test_places_of_bits(word):
    set_bits = [place for place in range(64) if word >> place & 1]
    assert compiled_places(np.uint64(word)) == ([*set_bits, 64][0], len(set_bits))
