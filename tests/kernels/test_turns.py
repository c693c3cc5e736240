"""Turns of work that threads take together."""

import threading
import time

import numpy as np
import pytest

from sklearn_spx.kernels import slic
from sklearn_spx.kernels._bands import Bands
from sklearn_spx.kernels._turns import end_turn, next_turn
from sklearn_spx.kernels.compilation import njit


@njit
def _count(counts, band, values, wrong):
    """In each turn, add what the first band wrote."""
    while True:
        turn = next_turn(counts, band)
        if turn < 0:
            return turn == -2 or wrong
        values[band] += values[0] * (turn + 1)
        end_turn(counts, band)


def _take(n_threads, n_turns, pause=0.0, wrong=False):
    values = np.zeros(n_threads, np.int64)

    def follow(counts, band, first, stop):
        return _count(counts, band, values, wrong)

    seen = []
    with Bands(n_threads) as bands, bands.turns(follow, 100) as take:
        for turn in range(n_turns):
            time.sleep(pause)
            values[0] = 10**turn
            take(lambda first, stop: seen.append((first, stop)))
            assert (values[1:] == values[1]).all()  # all have taken it when `take` returns
    return values[1:].tolist(), seen


@pytest.mark.parametrize("n_threads", [2, 3, 9])
def test_all_take_each_turn_once(n_threads):
    values, seen = _take(n_threads, 5)
    assert values == [54321] * (n_threads - 1)
    assert seen == [(0, 100 // n_threads)] * 5


def test_those_that_have_waited_for_long_go_on():
    assert _take(2, 3, pause=0.05)[0] == [321]


def test_one_band_starts_no_thread():
    before = threading.active_count()
    during = []
    with Bands(1) as bands, bands.turns(lambda *_: pytest.fail("a follower"), 9) as take:
        take(lambda first, stop: during.append((first, stop, threading.active_count())))
    assert during == [(0, 9, before)]


def test_an_error_of_the_first_band_ends_the_others():
    def fail(first, stop):
        raise KeyboardInterrupt

    values = np.ones(3, np.int64)
    before = threading.active_count()

    def follow(counts, band, first, stop):
        return _count(counts, band, values, False)

    with pytest.raises(KeyboardInterrupt), Bands(3) as bands, bands.turns(follow, 9) as take:
        take(fail)
    assert threading.active_count() == before


def test_threads_that_could_not_all_be_started_end(monkeypatch):
    values, submit = np.ones(3, np.int64), Bands._submit

    def some(self, work, band, *rows):
        if band == 2:
            raise RuntimeError("can't start new thread")
        return submit(self, work, band, *rows)

    def follow(counts, band, first, stop):
        return _count(counts, band, values, False)

    monkeypatch.setattr(Bands, "_submit", some)
    before = threading.active_count()
    with (
        pytest.raises(RuntimeError, match="can't start"),
        Bands(3) as bands,
        bands.turns(follow, 9),
    ):
        pytest.fail("work with too few threads")
    assert threading.active_count() == before


def test_an_error_of_another_band_comes_at_once():
    def follow(counts, band, first, stop):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), Bands(2) as bands, bands.turns(follow, 9) as take:
        take(lambda first, stop: None)


def test_a_thread_that_ends_too_early_is_an_error():
    with pytest.raises(RuntimeError, match="ended before its work was done"):
        _take(2, 3, pause=0.05, wrong=True)


@pytest.mark.parametrize("slic_zero", [False, True])
def test_more_threads_than_processors_do_not_show_in_superpixels(slic_zero):
    image = np.random.default_rng(0).integers(0, 256, (150, 90, 3), np.uint8)
    options = {"n_segments": 60, "slic_zero": slic_zero}
    wanted = slic(image, **options)
    for n_threads in (2, 40):
        np.testing.assert_array_equal(slic(image, **options, n_threads=n_threads), wanted)
