"""The decorator of every compiled function: compiled at its first call, kept on disk, no lock held.

Numba keeps the machine code in ``__pycache__`` beside the source, or else in the user's cache
folder, and refuses to define a function where it can write to neither: a package installed
read-only, for a user without a home, as in many containers. Here such a function is compiled anew
in each process instead, and one warning says how to spare that.
"""

import functools
import warnings
from pathlib import Path

import numba
from numba.extending import register_jitable

__all__ = ["inner", "njit", "rule"]


def njit(function=None, **options):
    """Compile a function with numba, lazily, without the interpreter's lock, cached if possible.

    Parameters
    ----------
    function : callable or None, default=None
        The function. None: return a decorator that takes it.

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
        return functools.partial(njit, **options)
    options = {"nogil": True, "no_cfunc_wrapper": True, **options}  # no one asks for a C function
    try:
        return numba.njit(function, cache=True, **options)
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
    return register_jitable(no_cfunc_wrapper=True, **options)(function)


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
