"""Bands of rows on threads."""

import threading

import pytest

from sklearn_spx.kernels._bands import Bands


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
@pytest.mark.parametrize("n_rows", [1, 2, 5, 100])
def test_each_row_is_in_one_band(n_threads, n_rows):
    seen = []
    with Bands(n_threads) as bands:
        n = bands.run(lambda band, first, stop: seen.append((first, stop, band)), n_rows)
    assert n == min(n_threads, n_rows)
    firsts, stops, numbers = zip(*sorted(seen))
    assert numbers == tuple(range(n))
    assert firsts == (0, *stops[:-1])
    assert stops[-1] == n_rows
    assert all(first < stop for first, stop in zip(firsts, stops))


def test_one_band_is_work_of_the_caller():
    names = []
    with Bands(1) as bands:
        bands.run(lambda *band: names.append(threading.current_thread()), 9)
    assert names == [threading.current_thread()]


@pytest.mark.parametrize("bad", [0, 2])
def test_an_error_comes_when_the_others_are_done(bad):
    done = []

    def work(band, first, stop):
        if band == bad:
            raise ValueError("no")
        done.append(band)

    with Bands(3) as bands, pytest.raises(ValueError, match="no"):
        bands.run(work, 9)
    assert sorted(done) == [band for band in range(3) if band != bad]
