"""Memory of arrays that is given back before they go."""

import os
import sys

import numpy as np
import pytest

from sklearn_spx.kernels import _pages, slic
from sklearn_spx.kernels.slic import _cpu


def _resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux gives it back")
def test_what_is_let_go_is_not_resident_and_what_lies_beside_stays():
    array = np.ones(2**24, np.int32)
    full = _resident()
    _pages.let_go(array[2**20 : -(2**20)])
    assert _resident() < full - 0.8 * array.nbytes
    assert array[: 2**20].all()
    assert array[-(2**20) :].all()


def test_little_stays():
    array = np.ones(1000)
    _pages.let_go(array)
    assert array.all()


def test_other_systems_are_not_asked(monkeypatch):
    monkeypatch.setattr(_pages.sys, "platform", "win32")
    assert _pages._madvise.__wrapped__() is None
    array = np.ones(2**20)
    monkeypatch.setattr(_pages, "_madvise", lambda: None)
    _pages.let_go(array)
    assert array.all()


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("shape", [(70, 90), (6, 20, 30)])
def test_planes_that_go_by_rows_of_tiles_change_no_label(monkeypatch, shape, n_threads):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    spacing = None if len(shape) == 2 else (2, 1, 1)
    wanted = slic(image, 20, spacing=spacing, n_threads=n_threads)
    gone = []
    monkeypatch.setattr(_cpu, "_AT_ONCE", 1)
    monkeypatch.setattr(_cpu, "let_go", lambda planes: (gone.append(len(planes)), planes.fill(0)))
    np.testing.assert_array_equal(slic(image, 20, spacing=spacing, n_threads=n_threads), wanted)
    assert len(gone) > 1
