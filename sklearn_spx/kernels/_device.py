"""Where the kernels meet a GPU: launches, streams, memory, and what comes in and goes out.

An array on a GPU is whatever has ``__cuda_array_interface__``: a CUDA tensor of torch, an array of
CuPy or of numba. It is taken as it lies, work runs on its owner's current stream, and what goes out
is of the kind that came in, on that stream: nothing waits for the GPU and nothing passes through
the host. torch and CuPy are found in ``sys.modules``: who gives their arrays has imported them.

numba.cuda is imported at the first use. Its simulator (NUMBA_ENABLE_CUDASIM=1) does for a GPU.
"""

import contextlib
import math
import sys
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np

from ._masked import check_not_masked

__all__ = ["device_function", "is_on_gpu", "kernel", "missing_gpu", "open_session", "uses_gpu"]

_ALIGNED = 256  # bytes, as CUDA's own allocations
_EXTRA = "pip install 'sklearn-spx[cuda]'"
_DTYPES = "bool, 8 to 64-bit integers, float32 and float64"

_scratch: dict[tuple[int, int], list[Any]] = {}  # (device, stream) -> byte buffers at rest
_constants: dict[
    tuple[int, int], tuple[Any, Any]
] = {}  # (device, id of the array) -> the array, and its copy there
_lock = threading.Lock()


def kernel(function=None, **options):
    """Compile a CUDA kernel lazily, kept on disk if possible, as `compilation.njit` does."""
    if function is None:
        return lambda function: kernel(function, **options)
    from numba import cuda

    try:
        return cuda.jit(function, cache=True, **options)
    except RuntimeError:  # no folder to write to: njit has warned of it
        return cuda.jit(function, **options)


def device_function(function):
    """Compile a function that CUDA kernels call, and that itself uses `cuda`."""
    from numba import cuda

    return cuda.jit(function, device=True)


def is_on_gpu(array):
    """Whether an array lies on a GPU."""
    return hasattr(array, "__cuda_array_interface__") or getattr(array, "__cuda_ndarray__", False)


def uses_gpu(device, **arrays):
    """Whether to work on a GPU: what `device` says, or, if it is None, where the arrays lie.

    Parameters
    ----------
    device : {None, "cpu", "cuda", "auto"}
        "auto" is "cuda" if there is a GPU.
    **arrays
        By the names that messages call them; None where not given.

    Raises
    ------
    ValueError
        If `device` is another, if there is no GPU, or if an array lies on one and the work is to
        be done on the CPU.
    """
    if device is not None and not (isinstance(device, str) and device in ("cpu", "cuda", "auto")):
        raise ValueError(f"device must be None, 'cpu', 'cuda' or 'auto', got {device!r}")
    there = [name for name, array in arrays.items() if is_on_gpu(array)]
    if device == "cpu":
        if there:
            raise ValueError(
                f"{there[0]} lies on a GPU, but device='cpu': give device=None or 'cuda', or copy "
                f"it to the host ({_to_host(arrays[there[0]])})"
            )
        return False
    if device is None and not there:
        return False
    missing = missing_gpu()
    if device == "auto" and not there:
        return missing is None
    if missing is not None:
        what = "device='cuda'" if device == "cuda" else f"{there[0]} lies on a GPU"
        raise ValueError(
            f"{what}, but numba.cuda finds none: {missing}. It needs NVIDIA's driver and "
            f"{_EXTRA}, or sklearn-spx[cuda12] for drivers before CUDA 13; accepted without a GPU "
            "are device='cpu' or 'auto', and arrays of numpy"
        )
    return True


def _to_host(array):
    of = type(array).__module__.split(".")[0]
    return {"torch": ".cpu().numpy()", "cupy": ".get()"}.get(of, ".copy_to_host()")


def missing_gpu():
    """What numba.cuda says is missing, in one line, or None if there is a GPU."""
    try:
        from numba import cuda
    except ImportError as error:
        return str(error)
    if cuda.is_available():
        return None
    return " ".join(str(cuda.cuda_error() or "no device").split())


@contextlib.contextmanager
def open_session(*arrays):
    """Open a `Session` on the device and the stream of the first array that lies on a GPU.

    Parameters
    ----------
    *arrays
        The arrays of a call, or None; those on other streams are waited for.
    """
    from numba import cuda

    there = [array for array in arrays if is_on_gpu(array)]
    number = _device_of(there[0]) if there else None
    with cuda.gpus[number] if number is not None else contextlib.nullcontext():
        session = Session(there[0] if there else None)
        for array in there[1:]:
            if _handle_of(array) != session.handle:
                _stream(_handle_of(array)).synchronize()
        try:
            yield session
        finally:
            session.close()


def _device_of(array):
    """The number of the device an array lies on; None is the current one."""
    device = getattr(array, "device", None)
    number = getattr(device, "index", None) if _is_of("torch", array) else None
    return getattr(device, "id", None) if _is_of("cupy", array) else number


def _is_of(library, array):
    return library in sys.modules and type(array).__module__.split(".")[0] == library


def _handle_of(array):
    """The number of the stream that an array is worked on, as `__cuda_array_interface__` has it."""
    if _is_of("torch", array):  # whose interface says nothing of streams
        return sys.modules["torch"].cuda.current_stream(array.device).cuda_stream or 1
    return getattr(array, "__cuda_array_interface__", {}).get("stream") or 1


def _stream(handle):
    from numba import cuda

    if not hasattr(cuda, "external_stream"):  # the simulator, which has one stream
        return cuda.stream()
    if handle in (1, 2):
        return cuda.legacy_default_stream() if handle == 1 else cuda.per_thread_default_stream()
    return cuda.external_stream(handle)


class Session:
    """One call on a GPU: its stream, its memory, and where its results go.

    Parameters
    ----------
    like : array on a GPU or None
        Results are of its kind, on its stream; None: they are numpy arrays.
    """

    def __init__(self, like):
        from numba import cuda

        self._cuda = cuda
        self._like = like
        self.handle = 1 if like is None else _handle_of(like)
        self.stream = _stream(self.handle)
        cuda.current_context()  # makes a device current
        self._device = cuda.gpus.current.id
        self._buffers = []

    def launch(self, kernel, n_blocks, n_threads, *args):
        """Run a kernel on a row of blocks; none is nothing to do."""
        if n_blocks > 0:
            kernel[n_blocks, n_threads, self.stream](*args)

    def allocate(self, what, **arrays):
        """Scratch memory of one call, uninitialised, in one piece that later calls take again.

        Parameters
        ----------
        what : str
            What messages say needs it.
        **arrays : tuple of a shape and a dtype

        Returns
        -------
        arrays : namespace of device arrays

        Raises
        ------
        MemoryError
            If it is more than the GPU has.
        """
        starts, size = {}, 0
        for name, (shape, dtype) in arrays.items():
            starts[name] = size
            size += -(-math.prod(shape) * np.dtype(dtype).itemsize // _ALIGNED) * _ALIGNED
        buffer = self._buffer(what, size)
        views = {}
        for name, (shape, dtype) in arrays.items():
            stop = starts[name] + math.prod(shape) * np.dtype(dtype).itemsize
            views[name] = buffer[starts[name] : stop].view(dtype).reshape(shape)
        return SimpleNamespace(**views)

    def _buffer(self, what, size):
        with _lock:
            rest = _scratch.setdefault((self._device, self.handle), [])
            fits = [i for i, buffer in enumerate(rest) if buffer.size >= size]
            if fits:
                buffer = rest.pop(min(fits, key=lambda i: rest[i].size))
            else:
                rest.clear()  # what is too small would only pile up
                buffer = None
        if buffer is None:
            free = self._cuda.current_context().get_memory_info()[0]
            if size > free:
                raise MemoryError(
                    f"{what} needs {size / 2**20:.0f} MB of GPU memory, and {free / 2**20:.0f} MB "
                    "are free: give device='cpu' or a smaller image"
                )
            buffer = self._cuda.device_array(size, np.uint8, stream=self.stream)
        self._buffers.append(buffer)
        return buffer

    def close(self):
        """Leave the scratch memory to later calls on the stream, which run after this one."""
        with _lock:
            _scratch.setdefault((self._device, self.handle), []).extend(self._buffers)
        self._buffers = []

    @contextlib.contextmanager
    def scope(self):
        """What is allocated within is free at the end, for what is launched after it."""
        outer, self._buffers = self._buffers, []
        try:
            yield
        finally:
            self.close()
            self._buffers = outer

    def view(self, array, name="array"):
        """An array on the GPU as a device array of numba, not copied."""
        if getattr(array, "__cuda_ndarray__", False):
            out = array
        else:
            out = self._cuda.as_cuda_array(array, sync=False)
        if out.dtype.kind not in "buif" or (out.dtype.itemsize == 2 and out.dtype.kind == "f"):
            raise TypeError(f"{name} has dtype {out.dtype}; accepted on a GPU are {_DTYPES}")
        return out

    def bring(self, array, name="array"):
        """An array on the GPU as `view` has it, or a copy there of one that is not."""
        if is_on_gpu(array):
            return self.view(array, name)
        check_not_masked(array, name, f"{name}.filled(number)")
        host = np.asarray(array)
        there = self.allocate(name, array=(host.shape, host.dtype)).array
        self.copy_in(host, there)
        return there

    def copy_in(self, host, to):
        """Copy a numpy array into a device array of its shape and dtype."""
        # as a row: the stride of an axis of length 1 may be anything, and CUDA's copies look at it
        row = np.ascontiguousarray(host, to.dtype).reshape(-1)
        to.reshape(row.size).copy_to_device(row, stream=self.stream)

    def copy_out(self, array):
        """A numpy copy of a device array, when all before it has run."""
        out = array.copy_to_host(stream=self.stream)
        self.synchronize()
        return out

    def synchronize(self):
        """Wait for all that was launched."""
        self.stream.synchronize()

    def constant(self, host):
        """A copy on the device of an array that a module keeps and never changes, made once."""
        key = self._device, id(host)
        if key not in _constants:
            copy = self._cuda.to_device(host, stream=self.stream)
            self.synchronize()  # for calls on other streams
            _constants[key] = host, copy
        return _constants[key][1]

    def new_result(self, shape, dtype):
        """An array of the caller's kind, and the same as a device array of numba to write to."""
        dtype = np.dtype(dtype)
        if self._like is not None and _is_of("torch", self._like):
            torch = sys.modules["torch"]
            own = torch.empty(shape, dtype=getattr(torch, dtype.name), device=self._like.device)
            return own, self._cuda.as_cuda_array(own, sync=False)
        if self._like is not None and _is_of("cupy", self._like):
            own = sys.modules["cupy"].empty(shape, dtype)
            return own, self._cuda.as_cuda_array(own, sync=False)
        own = self._cuda.device_array(shape, dtype, stream=self.stream)
        return own, own

    def result(self, own):
        """What the caller gets of an array of `new_result`: itself, or a numpy array."""
        return self.copy_out(own) if self._like is None else own
