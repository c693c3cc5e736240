"""The process that computes: it works on what comes and tells how it goes, and can be killed.

It is a program of its own: one of ``multiprocessing`` would run the caller's script anew.
What goes to and fro are pickles, between these two processes alone.
"""

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import traceback
from importlib import import_module

from .reasons import reason_of

__all__ = ["Worker", "serve"]


class Worker:
    """The process as its owner sees it.

    ``work`` is the name of a module: its functions, of ``tell`` and their arguments, are what the
    process can do.
    """

    def __init__(self, work):
        code = f"import sys; sys.path[:] = {sys.path!r}\nfrom {__name__} import serve"
        code += f"; serve({work!r})"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the server's, which then ends this
        )
        self._replies = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while True:
                self._replies.put(pickle.load(self._process.stdout))
        except Exception:  # it has ended, or was ended amid an answer
            self._replies.put(("died", None))

    @property
    def is_alive(self):
        """Whether it runs."""
        return self._process.poll() is None

    def send(self, name, arguments):
        """Begin a function of the module; OSError where the process is dead."""
        pickle.dump((name, arguments), self._process.stdin, pickle.HIGHEST_PROTOCOL)
        self._process.stdin.flush()

    def reply(self, seconds):
        """Return ("tell", (stage, share)), ("done", result), ("failed", why), ("died", None).

        Or None where nothing comes in that time.
        """
        try:
            return self._replies.get(timeout=seconds)
        except queue.Empty:
            return None

    def kill(self):
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what it was still to get is lost with it
                pipe.close()


def serve(work):
    """Work on what comes from stdin until that is closed, by the functions of a module."""
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    work = import_module(work)

    def give(*answer):
        pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()

    while True:
        try:
            name, arguments = pickle.load(tasks)
        except EOFError:
            return
        try:
            found = getattr(work, name)(lambda *told: give("tell", told), *arguments)
        except Exception as error:
            if not isinstance(error, (ValueError, TypeError)):  # no fault of the input
                traceback.print_exc()
            give("failed", reason_of(error))
        else:
            give("done", found)
