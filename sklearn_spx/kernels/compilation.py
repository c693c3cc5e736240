"""The decorator of every compiled function: compiled at its first call, kept on disk, no lock held.

Numba keeps the machine code in ``__pycache__`` beside the source, or else in the user's cache
folder, and refuses to define a function where it can write to neither: a package installed
read-only, for a user without a home, as in many containers. Here such a function is compiled anew
in each process instead, and one warning says how to spare that.

Numba compiles a function anew when its own file has changed, not when a function that it calls has,
in another file, nor a type that it is given. After an upgrade it would run old code, or fail on a
type that is gone. So what is kept is of all files of the kernels as they are.
"""

import functools
import hashlib
import os
import warnings
from pathlib import Path

import numba
from numba.extending import register_jitable

__all__ = ["inner", "njit", "rule"]


def njit(function=None, *, allocates=False, **options):
    """Compile a function with numba, lazily, without the interpreter's lock, cached if possible.

    Parameters
    ----------
    function : callable or None, default=None
        The function. None: return a decorator that takes it.

    allocates : bool, default=False
        Whether the function makes arrays, or calls one that does. If not, its arrays are not
        counted by reference. Numba counts with an atomic addition and subtraction for each array
        that a loop, or a short function, takes a name for, which can be half of the time. A
        function that is not counted must return no array, nor a tuple with one.

    **options : dict
        Further options of :func:`numba.njit`, such as ``fastmath``.

    Returns
    -------
    compiled : numba dispatcher or callable
        What compiles and runs the function when called.

    Examples
    --------
    >>> from sklearn_spx.kernels.compilation import njit
    >>> @njit(fastmath={"contract"})
    ... def fused(a, b, c):
    ...     return a * b + c
    >>> fused(2.0, 3.0, 4.0)
    10.0
    """
    if function is None:
        return functools.partial(njit, allocates=allocates, **options)
    # no one asks for a C function; without numba's runtime, nrt, nothing is counted
    options = {"nogil": True, "no_cfunc_wrapper": True, "_nrt": allocates, **options}
    try:
        return _tied_to_all_files(numba.njit(function, cache=True, **options))
    except RuntimeError:  # "no locator available": no folder to write to
        if Path(function.__code__.co_filename).is_file():  # else typed in, which is never kept
            _warn_of_no_cache()
        return numba.njit(function, **options)


def inner(function=None, **options):
    """As :func:`njit`, for functions that compiled ones alone call: less to compile.

    Called from Python they end the process: none is public.

    Parameters
    ----------
    function : callable or None, default=None
        The function. None: return a decorator that takes it.

    **options : dict
        As of :func:`njit`.

    Returns
    -------
    compiled : numba dispatcher or callable
        What other compiled functions can call.

    Examples
    --------
    >>> from sklearn_spx.kernels.compilation import inner, njit
    >>> @inner
    ... def double(a):
    ...     return 2 * a
    >>> @njit
    ... def quadruple(a):
    ...     return double(double(a))
    >>> quadruple(2)
    8
    """
    return njit(function, no_cpython_wrapper=True, **options)


def rule(function=None, **options):
    """Let compiled functions call one, for the CPU and for CUDA; in Python it stays what it is.

    It makes no array, as of :func:`njit`.

    Parameters
    ----------
    function : callable or None, default=None
        The function. None: return a decorator that takes it.

    **options : dict
        Options of :func:`numba.njit`.

    Returns
    -------
    function : callable
        The same.

    Examples
    --------
    >>> from sklearn_spx.kernels.compilation import njit, rule
    >>> @rule
    ... def square(a):
    ...     return a * a
    >>> @njit
    ... def fourth_power(a):
    ...     return square(square(a))
    >>> fourth_power(2), square(2)
    (16, 4)
    """
    if function is None:
        return functools.partial(rule, **options)
    return register_jitable(no_cfunc_wrapper=True, _nrt=False, **options)(function)


def _tied_to_all_files(compiled):
    """Let what is kept of a function be of this state of the kernels alone."""
    kept = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if hasattr(kept, "_version"):  # compared before anything else of a file is read
        kept._version = f"{kept._version}, {_state_of_all_files()}"
    return compiled


@functools.cache
def _state_of_all_files():
    """A digest of the sizes and times of the kernels' sources, as numba has them of one file."""
    found = []
    for folder, _, files in os.walk(Path(__file__).parent):
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                about = os.stat(path)
                found.append((path, about.st_size, about.st_mtime_ns))
    return hashlib.sha256(repr(sorted(found)).encode()).hexdigest()[:16]


@functools.cache  # once, whatever the filters of warnings
def _warn_of_no_cache():
    warnings.warn(
        "sklearn_spx: neither the package's folder nor the user's cache folder can be written to, "
        "so its functions are compiled anew in every process, some seconds each. Set the "
        "environment variable NUMBA_CACHE_DIR to a folder that can be written to and outlives the "
        "process.",
        RuntimeWarning,
        stacklevel=3,
    )
