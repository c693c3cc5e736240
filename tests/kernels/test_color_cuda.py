"""Lab's CUDA twin: the CPU's values, bit by bit."""

import numpy as np
import pytest

from sklearn_spx.kernels.color import rgb_to_lab

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_is_the_cpus(dtype):
    rng = np.random.default_rng(0)
    full = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    image = (rng.random((20, 17, 3)) * full).astype(dtype)
    image[0, 0], image[0, 1] = 0, full
    with permuted(0):
        found = rgb_to_lab(image, device="cuda")
    assert found.dtype == np.float32
    assert (found.view(np.int32) == rgb_to_lab(image).view(np.int32)).all()


def test_an_array_on_the_gpu_gives_one():
    from numba import cuda

    image = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
    with permuted(0):
        found = rgb_to_lab(cuda.to_device(image))
    assert not isinstance(found, np.ndarray)
    assert (found.copy_to_host() == rgb_to_lab(image)).all()


def test_bad_values_are_counted():
    from numba import cuda

    image = np.zeros((4, 5, 3), np.float32)
    image[1, 2] = np.nan, np.inf, 0
    with permuted(0), pytest.raises(ValueError, match="image holds 2 values that are NaN"):
        rgb_to_lab(cuda.to_device(image))
    with permuted(0), pytest.raises(ValueError, match=r"accepted is \(height, width, 3\)"):
        rgb_to_lab(cuda.to_device(image[0]))
