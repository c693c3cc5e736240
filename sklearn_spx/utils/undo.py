"""A fit that fails, or is stopped by Ctrl-C, leaves the estimator as it was before.

What is learned is several attributes. Where an exception came between them, an estimator that was
fitted before was a mix of two fits, which segments without a word.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

__all__ = ["all_or_nothing"]

Fit = TypeVar("Fit", bound=Callable[..., Any])


def all_or_nothing(fit: Fit) -> Fit:
    """Decorate a method that learns: where it raises, all attributes are what they were."""

    @wraps(fit)
    def undone(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return cast(Fit, undone)
