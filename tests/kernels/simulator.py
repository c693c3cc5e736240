"""numba's CUDA simulator, made strict and quick: what the tests of CUDA twins run on without a GPU.

The simulator runs blocks one after the other in ascending order, and the threads of a block at the
same time, waiting in a busy loop. Here threads take turns, each from barrier to barrier, and blocks
and threads run in an order that a seed decides. A barrier that some threads of a block never reach
is an error, as it is on a GPU, where it hangs.
"""

import contextlib
import itertools
import sys
import threading

import numpy as np
from numba.core import config

SIMULATED = bool(config.ENABLE_CUDASIM)


if SIMULATED:
    from numba.cuda.simulator import kernel as _simulator
    from numba.cuda.simulator import kernelapi as _api
    from numba.cuda.simulator.cudadrv.devicearray import FakeWithinKernelCUDAArray as _Array
    from numba.np.numpy_support import as_dtype

    def _shared_array(self, shape, dtype):
        """The array of the line that asks for it, found without reading the source each time."""
        frame = sys._getframe(1)
        key = frame.f_code, frame.f_lineno
        if key not in self._allocations:
            self._allocations[key] = np.empty(shape, as_dtype(dtype))
        return self._allocations[key]

    class _Thread(_simulator.BlockThread):
        def __init__(self, *args):
            super().__init__(*args)
            self.go, self.stopped, self.finished = threading.Lock(), threading.Lock(), False
            self.go.acquire()
            self.stopped.acquire()

        def run(self):
            self.go.acquire()
            super().run()
            self.finished = True
            self.stopped.release()

        def syncthreads(self):
            self.stopped.release()
            self.go.acquire()
            if self.abort:
                raise SystemExit

    class _Block(_simulator.BlockManager):
        rng = None

        def run(self, grid_point, *args):
            points = list(np.ndindex(*self._block_dim))
            if self.rng is not None:
                self.rng.shuffle(points)
            threads = [
                _Thread(lambda: self._f(*args), self, grid_point, point, self._debug)
                for point in points
            ]
            for thread in threads:
                thread.start()
            waiting = threads
            try:
                while waiting:
                    for thread in waiting:
                        thread.go.release()
                        thread.stopped.acquire()
                        if thread.exception:
                            raise thread.exception[0].with_traceback(thread.exception[1])
                    n = len(waiting)
                    waiting = [thread for thread in waiting if not thread.finished]
                    if waiting and len(waiting) < n:
                        raise AssertionError(
                            f"{self._f.__name__}: of {n} threads {len(waiting)} wait at a barrier "
                            "that the others do not reach"
                        )
            finally:
                for thread in threads:
                    if not thread.finished and thread.is_alive():
                        thread.abort = True
                        with contextlib.suppress(RuntimeError):
                            thread.go.release()


@contextlib.contextmanager
def permuted(seed=None):
    """Run simulated kernels with their blocks and threads in a random order; None: ascending."""
    rng = None if seed is None else np.random.default_rng(seed)
    before = (
        _simulator.BlockManager,
        _simulator.np,
        _api.FakeCUDAShared.array,
        _Array.__getattr__,
    )

    class _Numpy:  # the simulator lists its blocks by np.ndindex
        def __getattr__(self, name):
            return getattr(np, name)

        @staticmethod
        def ndindex(*shape):
            points = list(itertools.product(*map(range, shape)))
            if rng is not None:
                rng.shuffle(points)
            return map(tuple, points)

    _simulator.BlockManager, _simulator.np = type("_Block", (_Block,), {"rng": rng}), _Numpy()
    _api.FakeCUDAShared.array = _shared_array
    _Array.__getattr__ = lambda self, name: getattr(self._item._ary, name)  # of no record
    try:
        yield
    finally:
        (
            _simulator.BlockManager,
            _simulator.np,
            _api.FakeCUDAShared.array,
            _Array.__getattr__,
        ) = before
