"""A training as the command line shows it: a live line on a terminal, else a line now and then."""

import time
from collections import deque

from rich.progress import BarColumn, Progress, TextColumn

from ..training.progress import Reporter
from ._console import stderr

_LATEST = 100  # steps by which the speed is told: the first ones are slow
_SILENCE = 30.0  # seconds after which a plain line says that training goes on


def shown(console=None):
    """Return what shows a training on stderr, or on another console."""
    console = console or stderr()
    return LiveLine(console) if console.is_terminal else PlainLines(console)


class _Line(Reporter):
    """Puts what is known into words."""

    def __init__(self, console):
        self.console = console
        self.history = []
        self.score = None

    def start(self, step, max_steps, history):
        self.max_steps, self.history = max_steps, history
        self.times = deque([time.perf_counter()], maxlen=_LATEST + 1)
        self.score = next((e["score"] for e in reversed(history) if "score" in e), None)

    def step(self, step, loss, rate):
        self.done, self.loss, self.rate = step, loss, rate
        self.times.append(time.perf_counter())

    def entry(self, entry):
        self.score, self.loss = entry.get("score"), entry["loss"]

    def words(self):
        speed = (len(self.times) - 1) / max(time.perf_counter() - self.times[0], 1e-9)
        score = "" if self.score is None else f"score {self.score:.4f}, "
        return (
            f"loss {self.loss:.4f}, {score}rate {self.rate:.2g}, {speed:.3g} steps/s, "
            f"{_clock((self.max_steps - self.done) / speed)} left"
        )


class PlainLines(_Line):
    """A line an entry of the history, and one where there is none for long."""

    def start(self, step, max_steps, history):
        super().start(step, max_steps, history)
        self.said = self.times[0]

    def step(self, step, loss, rate):
        super().step(step, loss, rate)
        if time.perf_counter() - self.said > _SILENCE:
            self._say()

    def entry(self, entry):
        super().entry(entry)
        self._say()

    def _say(self):
        self.console.print(f"step {self.done} of {self.max_steps}: {self.words()}", markup=False)
        self.said = time.perf_counter()


class LiveLine(_Line):
    """A bar that is drawn over, and gone at the end."""

    def start(self, step, max_steps, history):
        super().start(step, max_steps, history)
        self.bar = Progress(
            TextColumn("step {task.completed:.0f} of {task.total:.0f}"),
            BarColumn(20),
            TextColumn("{task.fields[words]}"),
            console=self.console,
            transient=True,
        )
        self.task = self.bar.add_task("", total=max_steps, completed=step, words="")
        self.bar.start()

    def step(self, step, loss, rate):
        super().step(step, loss, rate)
        self.bar.update(self.task, completed=step, words=self.words())

    def entry(self, entry):
        super().entry(entry)
        self.bar.update(self.task, words=self.words())

    def stop(self):
        self.bar.stop()


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
