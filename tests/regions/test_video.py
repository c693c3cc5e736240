"""Labels that stay from frame to frame: shifts, flows, what comes and goes, any segmenter."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from sklearn_spx import (
    EGBSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
)
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.metrics import label_consistency
from sklearn_spx.regions import frame_shift, segment_frames

SCENE = make_dead_leaves(1, shape=(110, 150), random_state=3).images[0]


def pan(n, down=0, right=0, shape=(80, 100)):
    """Frames of a camera that moves over the scene, so that it seems to move the other way."""
    height, width = shape
    at = [(15 - down * t, 25 - right * t) for t in range(n)]
    return [SCENE[y : y + height, x : x + width] for y, x in at]


def flow(down, right):
    return np.reshape([down, right], (2, 1, 1))


class Given:
    """A segmenter that returns the frame itself as labels."""

    def transform(self, frames):
        return [np.asarray(frame, np.int32) for frame in frames]


@pytest.mark.parametrize("shift", [(0, 3), (-4, 5), (7, 0)])
@pytest.mark.parametrize(
    "estimator",
    [
        SLICSuperpixels(40),
        ERSSuperpixels(40),
        EGBSegmenter(scale=100),
        TrainableSLIC(40, pretrained="bsds500"),
        SEALSuperpixels(40, pretrained="bsds500"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_a_moving_camera_leaves_labels_where_they_were(estimator, shift):
    frames = pan(3, *shift)
    estimator.fit(frames)
    alone = estimator.transform(frames)
    found = list(segment_frames(estimator, frames))
    np.testing.assert_array_equal(found[0], alone[0])
    kept, before = (
        np.mean([label_consistency(a, b, flow(*shift)) for a, b in pairwise(labels)])
        for labels in (found, alone)
    )
    assert kept > 0.68
    assert kept > before + 0.1 or isinstance(estimator, EGBSegmenter)


@pytest.mark.parametrize("estimator", [SLICSuperpixels(40), ERSSuperpixels(40)])
def test_superpixels_that_start_from_the_frame_before_keep_more(estimator):
    frames = pan(4, 2, 3)
    estimator.fit(frames)

    class Alone:  # the same without `start`
        transform = staticmethod(lambda X: estimator.transform(X))

    kept = [
        np.mean([label_consistency(a, b, flow(2, 3)) for a, b in pairwise(labels)])
        for labels in (list(segment_frames(e, frames)) for e in (estimator, Alone()))
    ]
    assert kept[0] > kept[1] + 0.03


def test_a_still_video_is_still():
    frames = [SCENE] * 3
    found = list(segment_frames(SLICSuperpixels(30).fit(frames), frames))
    assert all(label_consistency(found[0], later, flow(0, 0)) > 0.7 for later in found[1:])
    assert all(len(np.unique(labels)) == 30 for labels in found)


def test_what_is_new_gets_a_number_never_used():
    a = np.repeat([[0, 1, 2, 3]], 4, axis=0)
    b = np.repeat([[0, 0, 1, 2]], 4, axis=0)  # all but the last move right; something comes in
    found = list(segment_frames(Given(), [a, b, a], motion=lambda *_: flow(0, 1)))
    assert found[0][0].tolist() == [0, 1, 2, 3]
    assert found[1][0].tolist() == [0, 0, 1, 2]
    # region 3 is gone, and of the next frame the first column is new
    assert found[2][0].tolist() == [4, 0, 1, 2] or found[2][0].tolist() == [4, 0, 5, 1]
    assert 3 not in found[2]


def test_a_label_goes_to_the_greatest_part_and_to_one_region_alone():
    a = np.zeros((4, 6), int)
    b = np.repeat([[0, 0, 1, 1, 1, 1]], 4, axis=0)
    found = list(segment_frames(Given(), [a, b], motion=None))
    assert found[1][0].tolist() == [1, 1, 0, 0, 0, 0]


def test_too_little_overlap_is_a_new_region():
    a = np.repeat([[0, 0, 0, -1, -1, -1, -1, -1, -1, -1]], 4, axis=0)
    b = np.repeat([[0] * 10], 4, axis=0)
    for share, label in ((0.3, 0), (0.31, 1)):
        found = list(segment_frames(Given(), [a, b], motion=None, min_overlap=share))
        assert np.unique(found[1]).tolist() == [label]
    assert np.unique(found[0]).tolist() == [-1, 0]


def test_pixels_follow_their_own_flow_and_unknown_flow_is_no_flow():
    a = np.repeat([[0, 0, 1, 1]], 4, axis=0)
    b = np.repeat([[0, 0, 1, 1]], 4, axis=0)
    swap = np.zeros((2, 4, 4))
    swap[1, :, :2], swap[1, :, 2:] = 2, -2
    found = list(segment_frames(Given(), [a, b], motion=lambda before, after: swap))
    assert found[1][0].tolist() == [1, 1, 0, 0]
    swap[:, :, :2] = np.nan  # where region 0 goes is not known
    found = list(segment_frames(Given(), [a, b], motion=lambda before, after: swap))
    assert found[1][0].tolist() == [1, 1, 2, 2]


def test_everything_may_leave_at_once():
    frames = [SCENE[:60, :60], SCENE[50:, 80:140]]
    away = lambda *_: flow(500, 0)  # noqa: E731
    estimator = SLICSuperpixels(20).fit(frames)
    first, second = segment_frames(estimator, frames, motion=away)
    assert np.unique(first).tolist() == list(range(20))
    assert np.unique(second).tolist() == list(range(20, 40))


def test_a_pretrained_net_is_read_when_frames_come():
    frames = pan(2, 0, 2)
    found = list(segment_frames(SEALSuperpixels(20, pretrained="bsds500"), frames))
    assert len(np.unique(found[0])) == 20
    with pytest.raises(NotFittedError):
        segment_frames(SLICSuperpixels(20), frames)


@pytest.mark.parametrize("estimator", [ERSSuperpixels(20, regularity=0), ERSSuperpixels(20)])
def test_without_regularity_labels_are_handed_on_by_overlap(estimator):
    frames = pan(2, 0, 2)
    estimator.fit(frames)
    alone, found = estimator.transform(frames), list(segment_frames(estimator, frames))
    same = all(
        len(np.unique(found[1][alone[1] == k])) == 1 for k in range(20)
    )  # the regions are those of the frame alone
    assert same == (estimator.regularity == 0)


def test_frames_are_read_one_at_a_time():
    def stream():
        yield SCENE
        yield SCENE
        raise AssertionError("read too far")

    found = segment_frames(SLICSuperpixels(10).fit([SCENE]), stream())
    next(found), next(found)


def test_no_frame_is_no_label_image():
    assert list(segment_frames(SLICSuperpixels(10).fit([SCENE]), [])) == []


def test_regions_of_one_pixel_keep_their_labels():
    a = np.arange(600).reshape(20, 30)
    first, second = segment_frames(Given(), [a, a], motion=lambda *_: flow(0, 1))
    assert second[:, 1:].tolist() == first[:, :-1].tolist()
    assert (second[:, 0] >= 600).all()


@settings(deadline=None)
@given(st.integers(-20, 20), st.integers(-25, 25))
def test_a_shift_is_found(down, right):
    before = SCENE[25:85, 30:120].astype(float)
    after = SCENE[25 - down : 85 - down, 30 - right : 120 - right]
    if abs(down) <= 15 and abs(right) <= 22:  # a quarter of the side
        assert frame_shift(before, after / 1.0) == (down, right)


@pytest.mark.parametrize("dtype", ["?", "u1", ">u2", "<i4", "i8", "f2", "f4", ">f8"])
def test_a_shift_of_any_dtype(dtype):
    noise = np.random.default_rng(0).random((40, 50)) < 0.5
    frame = np.asfortranarray(noise.astype(dtype))
    assert frame_shift(frame[5:, :44], frame[:35, 6:]) == (5, -6)


def test_light_that_changes_is_no_shift():
    assert frame_shift(SCENE, SCENE * 0.5 + 40.0) == (0, 0)
    assert frame_shift(np.zeros((9, 9)), np.zeros((9, 9))) == (0, 0)
    assert frame_shift(np.zeros((1, 1)), np.ones((1, 1))) == (0, 0)
    hole = SCENE.astype(float)
    hole[:3] = np.nan
    assert frame_shift(hole, hole) == (0, 0)


@pytest.mark.parametrize(
    ("frames", "more", "error", "words"),
    [
        ([SCENE, SCENE[:50]], {}, ValueError, r"frames\[1\] has shape \(50, 150, 3\)"),
        ([SCENE], {"motion": "flow"}, ValueError, "motion must be"),
        ([SCENE], {"min_overlap": 1.5}, ValueError, "min_overlap must be at most 1"),
        (
            [SCENE, SCENE],
            {"motion": lambda *_: np.zeros(3)},
            ValueError,
            r"for frames\[1\] has shape \(3,\)",
        ),
        ([SCENE, SCENE], {"motion": lambda *_: None}, TypeError, r"frames\[1\]"),
        ([SCENE, SCENE * np.nan], {}, ValueError, r"frames\[1\]"),
    ],
)
def test_bad_input_is_named(frames, more, error, words):
    estimator = SLICSuperpixels(10).fit([SCENE])
    with pytest.raises(error, match=words):
        list(segment_frames(estimator, frames, **more))


def test_spacing_of_frames_is_that_of_images():
    slic = SLICSuperpixels(10, spacing=(2, 1)).fit([SCENE])
    first, second = segment_frames(slic, [SCENE, SCENE])
    assert (first == slic.transform([SCENE])[0]).all()
    assert (first == second).mean() > 0.9
    slic = SLICSuperpixels(10, spacing=(2, 1, 1)).fit([SCENE[None]])
    with pytest.raises(ValueError, match=r"frames are images, and spacing=\(2, 1, 1\) is that of"):
        segment_frames(slic, [SCENE, SCENE])


def test_label_images_of_others_may_have_any_numbers():
    class Other:
        def transform(self, frames):
            return [np.array([[70, 70, -3, 10**9, 10**9]])]

    found = list(segment_frames(Other(), np.zeros((2, 1, 5)), motion=None))
    assert [labels.tolist() for labels in found] == [[[0, 0, -1, 1, 1]]] * 2


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (np.zeros((1, 5)), TypeError, r"what Wrong returns for frames\[0\] has dtype float64"),
        (
            np.zeros((5, 1), int),
            ValueError,
            r"for frames\[0\] has shape \(5, 1\), expected \(1, 5\)",
        ),
    ],
)
def test_what_is_no_label_image_of_the_frame_is_named(given, error, words):
    class Wrong:
        def transform(self, frames):
            return [given]

    with pytest.raises(error, match=words):
        list(segment_frames(Wrong(), np.zeros((2, 1, 5))))


def test_frame_shift_wants_two_of_a_kind():
    with pytest.raises(ValueError, match=r"shapes \(0, 3\) and \(0, 3\); accepted .* not empty"):
        frame_shift(np.zeros((0, 3)), np.zeros((0, 3)))
    with pytest.raises(TypeError, match="dtype complex128; accepted are real numbers"):
        frame_shift(np.zeros((2, 2), complex), np.zeros((2, 2), complex))
    with pytest.raises(ValueError, match=r"shapes \(2, 2\) and \(3, 2\)"):
        frame_shift(np.zeros((2, 2)), np.zeros((3, 2)))


def test_what_is_no_video_is_named():
    """One image was a video of its rows, and a path one of its letters."""
    slic = SLICSuperpixels(40).fit([SCENE])
    with pytest.raises(ValueError, match=r"^frames is .* If it is one image .*pass \[frames\]"):
        segment_frames(slic, SCENE)
    with pytest.raises(TypeError, match=r"^frames is a path, 'a.mp4'; pass its frames"):
        segment_frames(slic, "a.mp4")
    assert len(list(segment_frames(slic, np.stack(pan(2))))) == 2
