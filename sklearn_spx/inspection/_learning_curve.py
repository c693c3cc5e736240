"""How a training went, drawn: the loss, and what images held out said of it."""

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np

LOSS_COLOR, VALIDATION_COLOR = "#0072B2", "#D55E00"  # of the palette of Okabe and Ito
X_LABELS = {"step": "step", "seconds": "seconds of training"}
# what images held out are measured by, and whether greater is better
MEASURES = {"score": True, "validation_loss": False}


class LearningCurveDisplay:
    """The loss of a training over its steps, and the score of images held out.

    Make it by :meth:`from_estimator` or :meth:`from_history`; both draw at once. The history stays
    on the display, and :meth:`plot` draws it again.

    Parameters
    ----------
    history : list of dict
        The ``history_`` of an estimator: ``step``, ``seconds``, ``loss`` and, with images held out,
        ``score`` or ``validation_loss``.
    kept_step : int or None, default=None
        The step whose state is the trained one. None is not marked.
    estimator_name : str or None, default=None
        The name written above.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure drawn into.
    ax_ : matplotlib Axes
        Where the loss is.
    validation_ax_ : matplotlib Axes or None
        The second axis, of the images held out; None where there are none.
    lines_ : list of matplotlib Line2D
        The loss, what was held out, if anything, and the mark of the step kept, if one is.

    See Also
    --------
    SegmentationDisplay : What comes out of it.

    Examples
    --------
    >>> from sklearn_spx import TrainableSLIC
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> from sklearn_spx.inspection import LearningCurveDisplay
    >>> leaves = make_dead_leaves(2, random_state=0)
    >>> slic = TrainableSLIC(n_samples=2000).fit(leaves.images, leaves.ground_truths)
    >>> display = LearningCurveDisplay.from_estimator(slic)
    >>> display.ax_.get_xlabel(), display.kept_step == len(slic.history_)
    ('iteration', True)
    """

    def __init__(
        self,
        history: Sequence[dict[str, float]],
        *,
        kept_step: int | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.history = history
        self.kept_step = kept_step
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        x: Literal["step", "seconds"] = "step",
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw how an estimator was trained.

        Parameters
        ----------
        estimator : fitted estimator
            One with a ``history_``; a pipeline whose last step has one; or a search, whose best
            estimator is taken.
        x : {"step", "seconds"}, default="step"
            What the curves are drawn over.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        line_kwargs : dict or None, default=None
            Keyword arguments of the :class:`matplotlib.lines.Line2D` of the curves.

        Returns
        -------
        display : LearningCurveDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If the estimator has no history: it is not fitted, learns nothing, or came without one.
        """
        estimator = getattr(estimator, "best_estimator_", estimator)
        estimator = estimator[-1] if hasattr(estimator, "steps") else estimator
        name = type(estimator).__name__
        history = getattr(estimator, "history_", None)
        if not history:
            raise ValueError(
                f"this {name} has no history_: it learns nothing, is not fitted, or its net is not "
                "read yet, or came without one. A fit that trains leaves one; from_pretrained "
                "brings that of a file, if it has one"
            )
        solved = _is_solved(estimator)
        kept_step = history[-1]["step"] if solved else _best_step(history)
        display = cls(history, kept_step=kept_step, estimator_name=name)
        display._x_label = "iteration" if solved else "step"
        return display.plot(ax, x=x, line_kwargs=line_kwargs)

    @classmethod
    def from_history(
        cls,
        history: Sequence[dict[str, float]],
        *,
        x: Literal["step", "seconds"] = "step",
        name: str | None = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw a history that is at hand.

        Parameters
        ----------
        history : list of dict
            See ``history_`` of the estimators. The step marked as kept is the best on images held
            out, or the last where there were none.
        x : {"step", "seconds"}, default="step"
            What the curves are drawn over.
        name : str or None, default=None
            A name, written above.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        line_kwargs : dict or None, default=None
            Keyword arguments of the :class:`matplotlib.lines.Line2D` of the curves.

        Returns
        -------
        display : LearningCurveDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If the history is empty, or an entry has no step.
        """
        history = list(history)
        if not history:
            raise ValueError("history is empty: there is nothing to draw")
        for i, entry in enumerate(history):
            if not isinstance(entry, dict) or "step" not in entry:
                raise ValueError(
                    f"history[{i}] is {entry!r}; accepted is a dict with step, loss, seconds and, "
                    "with images held out, score or validation_loss"
                )
        display = cls(history, kept_step=_best_step(history), estimator_name=name)
        return display.plot(ax, x=x, line_kwargs=line_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        x: Literal["step", "seconds"] = "step",
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        x : {"step", "seconds"}, default="step"
            What the curves are drawn over.
        line_kwargs : dict or None, default=None
            Keyword arguments of the :class:`matplotlib.lines.Line2D` of the curves.

        Returns
        -------
        display : LearningCurveDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``x`` is none of the two.
        """
        if x not in X_LABELS:
            raise ValueError(f"x must be among {', '.join(X_LABELS)}, got {x!r}")
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots(figsize=(7, 4), layout="constrained")[1]
        self.ax_, self.figure_, self.validation_ax_ = ax, ax.figure, None
        style = {"marker": "o", "markersize": 3, **(line_kwargs or {})}
        label = self._x_label if x == "step" else X_LABELS[x]
        ax.set(xlabel=label, ylabel="loss")
        ax.yaxis.label.set_color(LOSS_COLOR)
        self.lines_ = self._curve(ax, x, "loss", {"color": LOSS_COLOR, **style})
        measure = _measure(self.history)
        if measure is not None:
            self.validation_ax_ = ax.twinx()
            words = {"score": "score", "validation_loss": "loss"}[measure]
            self.validation_ax_.set_ylabel(f"{words} of images held out", color=VALIDATION_COLOR)
            style = {"color": VALIDATION_COLOR, "linestyle": "--", **style}
            self.lines_ += self._curve(self.validation_ax_, x, measure, style)
        if self.kept_step is not None:
            self._mark_kept(x)
        if self.estimator_name is not None:
            ax.set_title(self.estimator_name)
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16)}  # where no curve is
        ax.legend(handles=self.lines_, ncols=3, frameon=False, **below)
        return self

    _x_label = "step"

    def _curve(self, ax, x, name, style):
        points = [(e[x], e[name]) for e in self.history if name in e and x in e]
        label = {"loss": "loss", "score": "score"}.get(name, "validation loss")
        return ax.plot(*np.reshape(points, (-1, 2)).T, label=label, **style)

    def _mark_kept(self, x):
        where = [e[x] for e in self.history if e["step"] == self.kept_step and x in e]
        if where:
            style = {"color": "0.4", "linestyle": ":", "label": f"kept: step {self.kept_step}"}
            self.lines_.append(self.ax_.axvline(where[0], **style))


def _is_solved(estimator):
    """Whether the history is of a solver's iterations, of which the last is the optimum.

    So it is in a TrainableSLIC without a net, unless the history is that of its features.
    """
    if getattr(estimator, "net_", estimator) is not None:
        return False
    steps = [entry["step"] for entry in estimator.history_]
    return steps != [entry["step"] for entry in getattr(estimator.features_, "history_", [])]


def _measure(history):
    return next((name for name in MEASURES if any(name in entry for entry in history)), None)


def _best_step(history):
    """The first of the best steps on images held out; the last where there are none."""
    name = _measure(history)
    measured = [entry for entry in history if np.isfinite(entry.get(name, np.nan))]
    if not measured:
        return history[-1]["step"]
    sign = -1 if MEASURES[name] else 1
    return min(measured, key=lambda entry: sign * entry[name])["step"]
