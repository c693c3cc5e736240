"""One training loop for every net of the package.

A batch is a pure function of its step, so that a run resumed from a checkpoint sees what an
uninterrupted one would have seen, and worker threads can prepare batches ahead in any number.
"""

import math
import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import torch


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
    fingerprint="",
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
        File that keeps the state of the run. If it exists, the run goes on from there.

    checkpoint_every : float, default=60.0
        Seconds between checkpoints. One is also written at the end, and when interrupted.

    fingerprint : str, default=""
        Says what is being trained; a checkpoint of anything else is refused.

    n_workers : int, default=0
        Threads that prepare batches ahead.

    mixed_precision : bool, default=False
        Half precision where it is safe, on a GPU.

    verbose : int, default=0
        A progress bar when 1 or more.

    Returns
    -------
    history : list of dict
        ``step``, ``loss`` (mean since the entry before), ``score`` (with ``validate``),
        ``seconds`` of training so far.

    Raises
    ------
    ValueError
        If the checkpoint belongs to something else.

    FloatingPointError
        If the loss was not finite ten times in a row.

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
    initial_rates = [group["lr"] for group in optimizer.param_groups]
    half = mixed_precision and device.type == "cuda"
    scaler = torch.amp.GradScaler(device.type, enabled=half)
    run = _Run(net, optimizer, scaler, fingerprint)
    if checkpoint is not None and os.path.exists(checkpoint):
        run.load(checkpoint, device)

    since = _Mean()
    failures = 0
    started = time.perf_counter() - run.seconds
    saved_at = time.perf_counter()
    batches = _ahead(draw, run.step, max_steps, n_workers)
    bar = _progress(run.step, max_steps, verbose)
    try:
        with bar:
            while run.step < max_steps and not run.out_of_patience(patience):
                batch = _to(next(batches), device)
                factor = 1.0 if schedule is None else schedule(run.step)
                for group, rate in zip(optimizer.param_groups, initial_rates):
                    group["lr"] = rate * factor
                net.train()
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast(device.type, enabled=half):
                    value = loss(net, batch)
                if torch.isfinite(value) and value.requires_grad:
                    scaler.scale(value).backward()
                    scaler.step(optimizer)
                    scaler.update()
                    since.add(float(value.detach()))
                    failures = 0
                elif not torch.isfinite(value):
                    failures += 1
                    if failures == 10:
                        raise FloatingPointError(
                            f"the loss was {value.item()} ten times in a row at step {run.step}; "
                            "a smaller learning_rate may help"
                        )
                run.step += 1
                run.seconds = time.perf_counter() - started
                bar.update()
                if run.step % validate_every == 0 or run.step == max_steps:
                    score = None
                    if validate is not None:
                        net.eval()
                        with torch.no_grad():
                            score = float(validate(net))
                    run.record(since.take(), score)
                    bar.set_postfix(run.history[-1], refresh=False)
                if checkpoint is not None and time.perf_counter() - saved_at > checkpoint_every:
                    run.save(checkpoint)
                    saved_at = time.perf_counter()
    finally:  # an interrupted run is kept too
        batches.close()
        if checkpoint is not None:
            run.save(checkpoint)
    if run.best is not None:
        net.load_state_dict(run.best)
    net.eval()
    return run.history


def warm_cosine(step, max_steps):
    """Return a factor of the learning rate: up at first, then down to 0 along a cosine.

    Parameters
    ----------
    step : int
        From 0.

    max_steps : int
        The rise takes a tenth of them, 200 at most.

    Returns
    -------
    factor : float
        In (0, 1].

    Examples
    --------
    >>> from sklearn_spx.training.loop import warm_cosine
    >>> [round(warm_cosine(step, 100), 2) for step in (0, 9, 50, 99)]
    [0.1, 0.98, 0.5, 0.0]
    """
    warm_up = min(200, max(1, max_steps // 10))
    return min(1.0, (step + 1) / warm_up) * (1 + math.cos(math.pi * step / max_steps)) / 2


class _Run:
    """What a checkpoint holds."""

    def __init__(self, net, optimizer, scaler, fingerprint):
        self.net, self.optimizer, self.scaler = net, optimizer, scaler
        self.fingerprint = fingerprint
        self.step, self.seconds, self.history = 0, 0.0, []
        self.best, self.best_score, self.waited = None, -float("inf"), 0

    def record(self, loss, score):
        entry = {"step": self.step, "loss": loss, "seconds": self.seconds}
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
            "fingerprint": self.fingerprint,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            **{name: getattr(self, name) for name in self._plain},
        }
        torch.save(state, f"{path}.part")
        os.replace(f"{path}.part", path)  # a crash while writing must not cost the old one

    def load(self, path, device):
        state = torch.load(path, map_location=device, weights_only=True)
        if state["fingerprint"] != self.fingerprint:
            raise ValueError(
                f"the checkpoint {path} belongs to {state['fingerprint']}, "
                f"not to {self.fingerprint}: remove it or name another file"
            )
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        for name in self._plain:
            setattr(self, name, state[name])

    _plain = ("step", "seconds", "history", "best", "best_score", "waited")


class _Mean:
    def __init__(self):
        self.total, self.count = 0.0, 0

    def add(self, value):
        self.total += value
        self.count += 1

    def take(self):
        mean = self.total / self.count if self.count else float("nan")
        self.total, self.count = 0.0, 0
        return mean


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


def _to(batch, device):
    """The batch with its tensors on the device."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, (list, tuple)):
        return type(batch)(_to(item, device) for item in batch)
    if isinstance(batch, dict):
        return {name: _to(item, device) for name, item in batch.items()}
    return batch


def _progress(done, total, verbose):
    from tqdm.auto import tqdm

    return tqdm(total=total, initial=done, disable=not verbose, desc="training", unit="step")
