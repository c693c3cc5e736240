"""One training loop for every net of the package.

A batch is a pure function of its step, so that a run resumed from a checkpoint sees what an
uninterrupted one would have seen, and worker threads can prepare batches ahead in any number.
"""

import os
import signal
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import torch

from ..nets.checkpoint import check_fits, read_checkpoint, write_checkpoint
from .progress import reporter
from .state import check_same_training, locked

__all__ = ["to_device", "train"]

_SMALLER = "a smaller learning_rate may help"


def train(
    net,
    draw,
    loss,
    *,
    optimizer,
    max_steps,
    schedule=None,
    validate=None,
    validate_every=None,
    patience=None,
    checkpoint=None,
    checkpoint_every=60.0,
    identity=None,
    n_workers=0,
    mixed_precision=False,
    verbose=0,
):
    """Minimise ``loss`` over batches; leave the best state in ``net``; return the history.

    Parameters
    ----------
    net : torch.nn.Module
        Trained in place, on the device where it is.

    draw : callable
        ``draw(step)`` makes the batch of that step from nothing but the step's number.

    loss : callable
        ``loss(net, batch)`` is a scalar tensor; one that is not finite skips its step.

    optimizer : torch.optim.Optimizer
        Over the net's parameters.

    max_steps : int
        Optimiser steps in all, those before a resumed checkpoint included.

    schedule : callable or None, default=None
        ``schedule(step)`` multiplies the optimiser's initial learning rates.

    validate : callable or None, default=None
        ``validate(net)`` is a score, greater is better. The net ends with its best state.

    validate_every : int or None, default=None
        Steps between validations, and between entries of the history; None is ten in all.

    patience : int or None, default=None
        Stop after that many validations without a better score.

    checkpoint : path-like or None, default=None
        File that keeps the state of the run, always as it is between two steps. If it exists, the
        run goes on from there, to what an undisturbed run gives.

    checkpoint_every : float, default=60.0
        Seconds between checkpoints. One is also written after the first step, at the end, and
        where Ctrl-C stops the run: it ends the step first; pressed again, it stops at once.

    identity : dict or None, default=None
        What is being trained, on what, and how; a checkpoint of anything else is refused.

    n_workers : int, default=0
        Threads that prepare batches ahead.

    mixed_precision : bool, default=False
        Half precision where it is safe, on a GPU.

    verbose : int, default=0
        A progress bar over the steps when 1 or more, with the loss and the last score; see
        :mod:`sklearn_spx.training.progress`.

    Returns
    -------
    history : list of dict
        ``step``, ``loss`` (mean since the entry before), ``score`` (with ``validate``),
        ``seconds`` of training so far.

    Raises
    ------
    ValueError
        If the checkpoint belongs to something else or is none, or another training is writing it.

    KeyboardInterrupt
        On Ctrl-C; with a checkpoint the message says how to go on.

    FloatingPointError
        If the loss was not finite ten times in a row, or the net ends with weights that are not.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.training.loop import train
    >>> net = torch.nn.Linear(1, 1)
    >>> history = train(
    ...     net,
    ...     lambda step: torch.full((1, 1), float(step % 3)),
    ...     lambda net, x: ((net(x) - 2 * x) ** 2).mean(),
    ...     optimizer=torch.optim.SGD(net.parameters(), lr=0.1),
    ...     max_steps=200,
    ... )
    >>> round(net.weight.item(), 2), len(history)
    (2.0, 10)
    """
    device = next(net.parameters()).device
    validate_every = validate_every or max(1, -(-max_steps // 10))
    half = mixed_precision and device.type == "cuda"
    scaler = torch.amp.GradScaler(device.type, enabled=half)
    run = _Run(net, optimizer, scaler, identity or {})
    rates = [group["lr"] for group in optimizer.param_groups]

    def step(batch):
        """One optimiser step; the loss, or None where it was not finite."""
        factor = 1.0 if schedule is None else schedule(run.step)
        for group, rate in zip(optimizer.param_groups, rates):
            group["lr"] = rate * factor
        net.train()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, enabled=half):
            value = loss(net, batch)
        if not torch.isfinite(value):
            return None
        if value.requires_grad:
            scaler.scale(value).backward()
            scaler.step(optimizer)
            scaler.update()
            run.add(float(value.detach()))
        return value

    def score():
        if validate is None:
            return None
        net.eval()
        with torch.no_grad():
            return float(validate(net))

    with locked(checkpoint) if checkpoint is not None else nullcontext():
        if checkpoint is not None and os.path.exists(checkpoint):
            run.load(checkpoint)
        started, saved = time.perf_counter() - run.seconds, -float("inf")
        batches = _ahead(draw, run.step, max_steps, n_workers)
        report = reporter(verbose)
        report.start(run.step, max_steps, run.history)
        between_steps = True  # the only time at which the state is whole
        try:
            with _deferred_interrupt(checkpoint is not None) as interrupted:
                while run.step < max_steps and not run.out_of_patience(patience):
                    batch = to_device(next(batches), device)
                    between_steps = False
                    value = step(batch)
                    run.failures = 0 if value is not None else run.failures + 1
                    if run.failures == 10:
                        raise FloatingPointError(
                            f"the loss was not finite ten times in a row at step {run.step}; "
                            f"{_SMALLER}"
                        )
                    run.step += 1
                    run.seconds = time.perf_counter() - started
                    report.step(run.step, run.mean_loss(), optimizer.param_groups[0]["lr"])
                    if run.step % validate_every == 0 or run.step == max_steps:
                        run.record(score())
                        report.entry(run.history[-1])
                    between_steps = True
                    now = time.perf_counter()
                    if checkpoint is not None and now - saved > checkpoint_every:
                        run.save(checkpoint)
                        saved = now
                    if interrupted():
                        raise KeyboardInterrupt(
                            f"training stopped after step {run.step} of {max_steps}; the same fit "
                            f"goes on from {checkpoint}"
                        )
        finally:
            report.stop()
            batches.close()
            if checkpoint is not None and between_steps:
                run.save(checkpoint)
    if run.best is not None:
        net.load_state_dict(run.best)
    state = [value for value in net.state_dict().values() if value.is_floating_point()]
    if not all(bool(value.isfinite().all()) for value in state):
        raise FloatingPointError(
            f"weights of the net are not finite after {run.step} steps; {_SMALLER}"
        )
    net.eval()
    return run.history


@contextmanager
def _deferred_interrupt(wanted):
    """Whether Ctrl-C was pressed: asked between steps, so that a step is never cut in two."""
    pressed = []
    here = threading.current_thread() is threading.main_thread()
    if not (wanted and here and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
        yield lambda: False
        return

    def note(number, frame):
        pressed.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # the second time, at once

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _Run:
    """The state of a training: what a checkpoint holds."""

    def __init__(self, net, optimizer, scaler, identity):
        self.net, self.optimizer, self.scaler = net, optimizer, scaler
        self.identity = identity
        self.step, self.seconds, self.history, self.failures = 0, 0.0, [], 0
        self.losses, self.n_losses = 0.0, 0  # since the last entry of the history
        self.best, self.best_score, self.waited = None, -float("inf"), 0

    def add(self, loss):
        self.losses += loss
        self.n_losses += 1

    def mean_loss(self):
        return self.losses / self.n_losses if self.n_losses else float("nan")

    def record(self, score):
        entry = {"step": self.step, "loss": self.mean_loss(), "seconds": self.seconds}
        self.losses, self.n_losses = 0.0, 0
        if score is not None:
            entry["score"] = score
            self.waited += 1
            if score > self.best_score:
                state = self.net.state_dict()
                self.best = {name: value.detach().clone() for name, value in state.items()}
                self.best_score, self.waited = score, 0
        self.history.append(entry)

    def out_of_patience(self, patience):
        return patience is not None and self.waited >= patience

    def save(self, path):
        state = {
            "identity": self.identity,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            **{name: getattr(self, name) for name in self._plain},
        }
        write_checkpoint(path, state)

    def load(self, path):
        state = read_checkpoint(path)
        check_same_training(path, state["identity"], self.identity)
        check_fits(state, self.net, self.optimizer, path)
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"]:  # empty where the run was in full precision
            self.scaler.load_state_dict(state["scaler"])
        for name in self._plain:
            setattr(self, name, state[name])

    _plain = (
        "step",
        "seconds",
        "history",
        "failures",
        "losses",
        "n_losses",
        "best",
        "best_score",
        "waited",
    )


def _ahead(draw, start, stop, n_workers):
    """Yield draw(start), draw(start + 1), ..., prepared ahead by threads."""
    if not n_workers:
        for step in range(start, stop):
            yield draw(step)
        return
    pool = ThreadPoolExecutor(n_workers)
    try:
        pending = deque()
        for step in range(start, stop):
            while len(pending) < 2 * n_workers and step + len(pending) < stop:
                pending.append(pool.submit(draw, step + len(pending)))
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def to_device(batch, device):
    """Return a batch, nested lists, tuples and dicts of tensors, with its tensors on a device."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(item, device) for item in batch)
    if isinstance(batch, dict):
        return {name: to_device(item, device) for name, item in batch.items()}
    return batch
