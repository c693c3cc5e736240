"""What is shown while a net trains. The loop tells one reporter, whoever is looking.

By ``verbose`` that is a bar; ``reported_to`` puts another in its place, as the command line does.
"""

from contextlib import contextmanager
from contextvars import ContextVar

from ..utils.progress import progress_bar

__all__ = ["Reporter", "reported_to", "reporter"]

_asked = ContextVar("reporter", default=None)


class Reporter:
    """Is told how a training goes, and shows nothing.

    Examples
    --------
    >>> from sklearn_spx.training.progress import Reporter, reported_to
    >>> class Printer(Reporter):
    ...     def entry(self, entry):
    ...         print(f"step {entry['step']}")
    >>> from sklearn_spx import SEALSuperpixels
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> from sklearn_spx.training import NetTraining
    >>> leaves = make_dead_leaves(1, shape=(40, 48), random_state=0)
    >>> few = NetTraining(max_steps=2, batch_size=1, crop_size=32)
    >>> with reported_to(Printer()):
    ...     _ = SEALSuperpixels(training=few).fit(leaves.images, leaves.ground_truths)
    step 1
    step 2
    """

    def start(self, step, max_steps, history):
        """Before the first step, or that after a checkpoint.

        Parameters
        ----------
        step : int
            Steps that are done.

        max_steps : int
            Of how many.

        history : list of dict
            What :func:`~sklearn_spx.training.loop.train` returns; it grows while training.
        """

    def step(self, step, loss, rate):
        """After each step.

        Parameters
        ----------
        step : int
            Steps that are done.

        loss : float
            Mean since the last entry of the history.

        rate : float
            The learning rate of the step, of the first parameters.
        """

    def entry(self, entry):
        """After each new entry of the history.

        Parameters
        ----------
        entry : dict
            The entry.
        """

    def stop(self):
        """Training is over, however it ended."""


class _Bar(Reporter):
    """A bar over the steps, with the loss and the last score."""

    def start(self, step, max_steps, history):
        self.bar = progress_bar(total=max_steps, initial=step, desc="training", unit="step")
        self.score = {}

    def step(self, step, loss, rate):
        if not self.bar.disable:
            self.bar.set_postfix(loss=loss, **self.score, refresh=False)
        self.bar.update()

    def entry(self, entry):
        if "score" in entry:
            self.score = {"score": entry["score"]}
            self.bar.set_postfix(loss=entry["loss"], **self.score)

    def stop(self):
        self.bar.close()


def reporter(verbose):
    """Return whom the loop reports to.

    Parameters
    ----------
    verbose : int
        A bar when 1 or more, unless :func:`reported_to` says otherwise.

    Returns
    -------
    reporter : Reporter
        See there.
    """
    asked = _asked.get()
    if asked is not None:
        return asked
    return _Bar() if verbose else Reporter()


@contextmanager
def reported_to(reporter):
    """Trainings within the context report to this reporter, whatever ``verbose`` is.

    Parameters
    ----------
    reporter : Reporter
        See there.
    """
    token = _asked.set(reporter)
    try:
        yield reporter
    finally:
        _asked.reset(token)
