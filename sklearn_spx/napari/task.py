"""One piece of work in a process beside napari, followed as it goes, which can be given up.

A thread cannot be ended from outside, a process can: whatever it does, and at once.
"""

from ..interactive import DIED, reason_of
from ..interactive.worker import Worker

__all__ = ["Task"]

WORK = "sklearn_spx.napari.work"
_idle: list[Worker] = []  # at most one, that has everything loaded


class Task:
    """The work, as a generator to be run in a thread.

    Parameters
    ----------
    name : str
        A function of ``work``.
    arguments : callable
        What makes its arguments, called in that thread.
    made : callable
        What makes the task's result of the function's, called there too.
    """

    def __init__(self, name, arguments, made):
        self.name, self.arguments, self.made = name, arguments, made
        self.is_given_up = False
        self._process = None

    def steps(self):
        """Yield (what is being done, share or None), or None; return (result, what is wrong).

        Both are None where the work was given up.
        """
        try:
            given = self.arguments()
        except (ValueError, TypeError) as error:
            return None, reason_of(error)
        self._process = _idle.pop() if _idle else Worker(WORK)
        if not self._process.is_alive:
            self._process = Worker(WORK)
        try:
            self._process.send(self.name, given)
        except OSError:
            return self._died()
        del given
        while not self.is_given_up:
            kind, found = self._process.reply(0.1) or ("tell", None)
            if kind == "tell":
                yield found
            elif kind == "died":
                return self._died()
            else:
                self._spare()
                return (self.made(found), None) if kind == "done" else (None, found)
        self.close()
        return None, None

    def give_up(self):
        """Let the work end where it is."""
        self.is_given_up = True

    def close(self):
        """End the process, if it still works on this."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _died(self):
        self.close()
        return None, DIED

    def _spare(self):
        """Keep the process for the next task, or end it where there is one already."""
        if not _idle:
            _idle.append(self._process)
            self._process = None
        self.close()
