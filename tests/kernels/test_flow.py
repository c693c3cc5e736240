"""What is done with optical flow: against the slow twins, and on bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_spx.kernels.flow import as_flow, count_kept, move_labels, shared_pixels
from sklearn_spx.kernels.slic import region_seeds

from . import naive_flow as naive

steps = st.one_of(
    st.integers(-9, 9).map(lambda n: n / 2),  # halves are rounded to even numbers
    st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e300]),
)


@st.composite
def frames(draw):
    """Labels of two frames, and the flow between them."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=6))
    labels, following = (
        draw(hnp.arrays(np.int32, shape, elements=st.integers(-2, 4))) for _ in range(2)
    )
    flow = draw(hnp.arrays(float, draw(st.sampled_from([(2, 1, 1), (2, *shape)])), elements=steps))
    return labels, following, flow


@settings(max_examples=60, deadline=None)
@given(frames())
def test_labels_move_as_pixel_by_pixel(case):
    labels, following, flow = case
    checked = as_flow(flow, labels.shape)
    np.testing.assert_array_equal(move_labels(labels, checked), naive.move_labels(labels, flow))
    assert count_kept(labels, following, checked) == naive.count_kept(labels, following, flow)


def test_half_a_pixel_is_one_shift_of_all():
    labels = np.arange(6, dtype=np.int32)[None]
    for shape in ((2, 1, 1), (2, 1, 6)):
        flow = np.zeros(shape)
        flow[1] = 1.5
        moved = move_labels(labels, as_flow(flow, labels.shape))
        assert moved.tolist() == [[-1, -1, 0, 1, 2, 3]]
        assert count_kept(labels, moved, flow) == (4, 4)


@settings(max_examples=60, deadline=None)
@given(frames(), st.sampled_from([1, 1000]))
def test_shared_pixels_are_those_counted_one_by_one(case, gap):
    labels, others, _ = case
    others = np.where(others > 0, others * np.int32(gap), others)  # 1000: too many for a table
    sizes, pairs = shared_pixels(labels, others)
    wanted = naive.shared_pixels(labels, others)
    assert sizes.tolist() == wanted[0]
    assert {(a, b): n for a, b, n in pairs.T.tolist()} == wanted[1]
    assert pairs.shape == (3, len(wanted[1]))


@settings(max_examples=60, deadline=None)
@given(frames(), st.integers(1, 9), st.sampled_from([1, 3, 2**28]))
def test_seeds_are_evenly_spaced_among_the_pixels_of_their_region(case, n_places, gap):
    labels = case[0] * np.int32(gap)
    np.testing.assert_array_equal(
        region_seeds(labels, n_places), naive.region_seeds(labels, n_places)
    )


def test_a_flow_of_another_shape_or_kind_is_named():
    with pytest.raises(ValueError, match=r"flow has shape \(2, 3\); accepted is \(2, 4, 5\) or"):
        as_flow(np.zeros((2, 3)), (4, 5))
    with pytest.raises(TypeError, match="flow has dtype bool; accepted are real numbers"):
        as_flow(np.zeros((2, 1, 1), bool), (4, 5))
