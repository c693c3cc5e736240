"""One thread where joblib already has one an image: torch's, in forked processes too, and ours."""

import os
import sys
import threading
from contextlib import contextmanager, nullcontext

import joblib
from joblib.parallel import get_active_backend

__all__ = ["one_torch_thread", "own_threads", "threads_after_net", "torch_threads"]

_lock = threading.Lock()
_own = threading.local()
_inside = 0
_outside_threads = 1


@contextmanager
def one_torch_thread():
    """Run torch on one thread; the number of before comes back when the thread leaves.

    Images are worked on in parallel, and threads within threads wait for each other. OpenMP keeps a
    number for each thread that asks: each has to say it.
    """
    global _inside, _outside_threads
    import torch

    with _lock:
        if _inside == 0:
            _outside_threads = torch.get_num_threads()
        _inside += 1
    _own.inside = getattr(_own, "inside", 0) + 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        _own.inside = max(getattr(_own, "inside", 0) - 1, 0)  # none in a process forked inside
        with _lock:
            _inside = max(_inside - 1, 0)
            if _own.inside == 0:
                torch.set_num_threads(_outside_threads)


def torch_threads(n_jobs):
    """Context of a net's run: torch's own threads for one image at a time, else one an image."""
    return nullcontext() if joblib.effective_n_jobs(n_jobs) == 1 else one_torch_thread()


def own_threads(n_threads):
    """Threads for one image: as many as asked for, None being 1; in a worker of joblib's 1."""
    in_a_worker = (get_active_backend()[0].nesting_level or 0) > 0
    return 1 if n_threads is None or in_a_worker else int(n_threads)


def threads_after_net(n_jobs):
    """Threads for what follows a net: as many as torch has for one image at a time, else 1."""
    import torch

    with torch_threads(n_jobs):
        return own_threads(torch.get_num_threads())


def _in_a_forked_process():
    # OpenMP's threads stayed with the parent, and torch would wait for them for ever
    global _lock, _own, _inside
    _lock, _own, _inside = threading.Lock(), threading.local(), 0
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_a_forked_process)
