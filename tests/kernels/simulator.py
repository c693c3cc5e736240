"""numba's CUDA simulator, made strict and quick: what the tests of CUDA twins run on without a GPU.

The simulator runs blocks one after the other in ascending order, and the threads of a block as
threads of the system, which wait in a busy loop. Here threads are greenlets that take turns, each
from barrier to barrier, and blocks and threads run in an order that a seed decides, another at each
launch. Then what would race on a GPU shows:

- a barrier that some threads of a block never reach is an error, as it is on a GPU, where it hangs;
- shared and local memory holds rubbish at the start, and so does what `Session.allocate` gives;
- an array that two threads write to, or one writes and another reads, gives other results in
  another order.
"""

import contextlib
import sys

import numpy as np
from greenlet import getcurrent, greenlet
from numba.core import config

SIMULATED = bool(config.ENABLE_CUDASIM)
_RUBBISH = 0xA5  # in each byte

if SIMULATED:
    from numba.cuda.simulator import kernel as _simulator
    from numba.cuda.simulator import kernelapi as _api
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray
    from numba.np.numpy_support import as_dtype

    class _Thread(greenlet):
        """A thread of a block; at a barrier it goes back to the block, with what it votes."""

        def __init__(self, run, block_index, index):
            super().__init__(run)
            self.blockIdx, self.threadIdx = _api.Dim3(*block_index), _api.Dim3(*index)
            self.thread_id = index[0]

        def syncthreads(self):
            return self.parent.switch(None)

        def syncthreads_count(self, value):
            return sum(map(bool, self.parent.switch(value)))

        def syncthreads_and(self, value):
            return int(all(self.parent.switch(value)))

        def syncthreads_or(self, value):
            return int(any(self.parent.switch(value)))

    class _Threading:
        """The module `threading`, of which the simulator asks who runs."""

        def __getattr__(self, name):
            return getattr(_THREADING, name)

        @staticmethod
        def current_thread():
            return getcurrent()

    _THREADING = _api.threading

    def _rubbish(shape, dtype):
        array = np.empty(shape, as_dtype(dtype) if hasattr(dtype, "name") else dtype)
        array.view(np.uint8).fill(_RUBBISH)
        return array

    def _shared_array(self, shape, dtype):
        """The array of the line that asks for it, found without reading the source each time."""
        frame = sys._getframe(1)
        key = frame.f_code, frame.f_lineno
        if key not in self._allocations:
            self._allocations[key] = _rubbish(shape, dtype)
        return self._allocations[key]

    def _local_array(self, shape, dtype):
        return _rubbish(shape, dtype)

    def as_seen_by_a_kernel(value):
        """An argument as a kernel sees it: numpy arrays, tuples of them, numbers of numpy."""
        if isinstance(value, FakeCUDAArray):
            return value._ary
        if isinstance(value, tuple):
            items = map(as_seen_by_a_kernel, value)
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if isinstance(value, bool | np.bool_):
            return value
        if isinstance(value, int):
            return np.int64(value)
        return np.float64(value) if isinstance(value, float) else value

    def _launch(rng, kernel, *args):
        """Run a kernel's blocks one after the other."""
        if kernel._device:
            with _api_swapped(kernel.fn, _simulator._get_kernel_context()):
                return kernel.fn(*args)
        grid_dim, block_dim = kernel.grid_dim, kernel.block_dim
        assert grid_dim[1:] == block_dim[1:] == (1, 1), "launches are a row of blocks of a row"
        args = tuple(map(as_seen_by_a_kernel, args))
        module = _simulator.FakeCUDAModule(grid_dim, block_dim, kernel.dynshared_size)
        with _simulator._push_kernel_context(module), _api_swapped(kernel.fn, module):
            for block in _order(rng, grid_dim[0]):
                module._shared._allocations.clear()
                _run_block(rng, kernel.fn, args, (block, 0, 0), block_dim[0])
        return None

    def _order(rng, n):
        return range(n) if rng is None else map(int, rng.permutation(n))

    def _run_block(rng, function, args, block_index, n_threads):
        waiting = [_Thread(function, block_index, (i, 0, 0)) for i in _order(rng, n_threads)]
        votes = None  # of the barrier where all wait
        while waiting:
            left, said = [], []
            for thread in waiting:
                vote = thread.switch(*args) if votes is None else thread.switch(votes)
                if not thread.dead:
                    left.append(thread)
                    said.append(vote)
            if left and len(left) < len(waiting):
                raise AssertionError(
                    f"{function.__name__}: of {len(waiting)} threads {len(left)} wait at a barrier "
                    "that the others do not reach"
                )
            waiting, votes = left, said

    _api_swapped = _simulator.swapped_cuda_module


@contextlib.contextmanager
def permuted(seed=None):
    """Run simulated kernels with their blocks and threads in a random order; None: ascending."""
    rng = None if seed is None else np.random.default_rng(seed)
    with contextlib.ExitStack() as stack:

        def replace(owner, name, value):
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)

        kernel = _simulator.FakeCUDAKernel
        replace(kernel, "__call__", lambda self, *args: _launch(rng, self, *args))
        replace(_api, "threading", _Threading())
        replace(_api.FakeCUDAShared, "array", _shared_array)
        replace(_api.FakeCUDALocal, "array", _local_array)
        yield
