"""Where kernels meet a GPU: which device, what comes in and goes out, and what messages say."""

import subprocess
import sys

import numpy as np
import pytest

from sklearn_spx.kernels import _device, slic
from sklearn_spx.kernels.color import rgb_to_lab
from sklearn_spx.kernels.slic import slic_quiet

from .simulator import SIMULATED, permuted

simulated = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


@pytest.mark.parametrize("function", [slic, rgb_to_lab])
def test_no_other_device(function):
    with pytest.raises(ValueError, match="device must be None, 'cpu', 'cuda' or 'auto', got 'gpu'"):
        function(np.zeros((2, 2, 3)), device="gpu")


@pytest.mark.parametrize("function", [slic, rgb_to_lab])
def test_no_gpu_is_never_silent(function, monkeypatch):
    monkeypatch.setattr(_device, "missing_gpu", lambda: "no driver here")
    image = np.random.default_rng(0).random((6, 6, 3))
    with pytest.raises(ValueError, match=r"finds none: no driver here.*sklearn-spx\[cuda\]"):
        function(image, device="cuda")
    assert (function(image, device="auto") == function(image)).all()


@pytest.mark.skipif(SIMULATED, reason="the simulator is a GPU")
def test_what_numba_says_without_a_gpu():
    assert _device.missing_gpu() is None or len(_device.missing_gpu()) > 5


@simulated
def test_what_lies_on_a_gpu_stays_there():
    from numba import cuda

    image = np.random.default_rng(0).random((8, 9)).astype(np.float32)
    on_gpu = cuda.to_device(image)
    with permuted(0):
        found = slic_quiet(on_gpu, 3, max_iter=1)
        with pytest.raises(ValueError, match=r"image lies on a GPU.*\.copy_to_host\(\)"):
            slic(on_gpu, 3, device="cpu")
    assert _device.is_on_gpu(found)
    assert (found.copy_to_host() == slic_quiet(image, 3, max_iter=1)).all()


@simulated
@pytest.mark.parametrize("function", [lambda a, **d: slic(a, 4, **d), rgb_to_lab])
def test_no_mask_of_an_array_is_lost(function):
    where = np.broadcast_to(np.arange(4)[:, None, None] == 0, (4, 4, 3))
    image = np.ma.masked_array(np.zeros((4, 4, 3), np.uint8), where)
    with pytest.raises(ValueError, match=r"^image is a masked array, of which"):
        function(image, device="cuda")


@simulated
def test_dtypes_that_no_kernel_takes():
    from numba import cuda

    for dtype in (np.complex64, np.float16):
        with pytest.raises(
            TypeError, match=f"image has dtype {np.dtype(dtype)}; accepted on a GPU"
        ):
            rgb_to_lab(cuda.to_device(np.zeros((2, 2, 3), dtype)))


@simulated
def test_too_little_memory(monkeypatch):
    with _device.open_session() as session:
        monkeypatch.setattr(
            session._cuda, "current_context", lambda: type("C", (), {"get_memory_info": _little})()
        )
        with pytest.raises(
            MemoryError, match="slic needs 4096 MB of GPU memory, and 1 MB are free"
        ):
            session.allocate("slic", planes=((2**30,), np.float32))


def _little(context):
    return 2**20, 2**30


@simulated
def test_scratch_memory_is_taken_again(monkeypatch):
    monkeypatch.setattr(_device, "_scratch", {})
    pieces = []
    for size in (1000, 500, 1000):
        with _device.open_session() as session:
            on = session.allocate("test", a=((size,), np.int32), b=((3, 5), np.float64))
            assert on.a.shape == (size,)
            assert on.b.shape == (3, 5)
            on.a[:] = 7
            on.b[:] = 1  # does not reach into a
            assert (session.copy_out(on.a) == 7).all()
            pieces.extend(session._buffers)
    assert pieces[0] is pieces[1] is pieces[2]


@simulated
def test_memory_of_a_scope_is_free_after_it(monkeypatch):
    monkeypatch.setattr(_device, "_scratch", {})
    with _device.open_session() as session:
        kept = session.allocate("test", a=((40,), np.int32)).a
        pieces = []
        for _ in range(2):
            with session.scope():
                session.allocate("test", a=((50,), np.int32))
                pieces.extend(session._buffers)
        assert pieces[0] is pieces[1]
        kept[:] = 3
        session.allocate("test", a=((50,), np.int32)).a[:] = 4
        assert (session.copy_out(kept) == 3).all()


def test_the_package_does_not_import_numba_cuda():
    code = (
        "import sys, numpy as np; from sklearn_spx.kernels import slic; slic(np.eye(4), 2, "
        "compactness=0.1); print('numba.cuda' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
