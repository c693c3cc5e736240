"""The loop over images: what is done with each, on how many cores, and what a bad one does."""

import contextlib
import sys
import warnings

from joblib import Parallel, delayed

__all__ = ["naming", "run_each", "warn_left_out"]

_OURS = ("sklearn_spx.", "sklearn.")  # scikit-learn wraps the methods of estimators


def run_each(work, items, total, *, n_jobs, on_error="raise", progress=None):
    """``work(*item)`` of each of ``total`` items, in order; None where an item was left out.

    With ``on_error="warn"`` an exception leaves its item out, with a warning. ``progress`` is what
    a bar is called; None: there is none.
    """
    if total == 1 and progress is None:  # joblib would cost a frame of a video more than its checks
        outcomes = [_attempt(work, on_error, *item) for item in items]
    else:
        tasks = (delayed(_attempt)(work, on_error, *item) for item in items)
        kind = "list" if progress is None else "generator"
        outcomes = Parallel(n_jobs=n_jobs, prefer="threads", return_as=kind)(tasks)
        if progress is not None:
            from .progress import progress_bar

            outcomes = progress_bar(outcomes, total=total, desc=progress, unit="image")
    results = []
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            warn_left_out(outcome)
            outcome = None
        results.append(outcome)
    return results


def _attempt(work, on_error, *item):
    """The work's result; or, with on_error="warn", the exception, so that the others go on."""
    try:
        return work(*item)
    except Exception as error:
        if on_error == "raise":
            raise
        return error


def warn_left_out(error):
    """Warn of an image that an error left out, on the line that called this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(_OURS):
        level, frame = level + 1, frame.f_back
    warnings.warn(f"{error}; left out", RuntimeWarning, stacklevel=level)


@contextlib.contextmanager
def naming(name):
    """Put the name of an item before what is wrong with it."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise type(error)(f"{name}: {error}") from error
