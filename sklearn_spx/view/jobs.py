"""Work that takes long, in a process of its own: told about, cancelled, and outlived.

One job runs at a time. A job that is cancelled, or asked for anew with other parameters, is let
end for a moment, for a fresh process has to load everything again, and is then killed with it.
"""

import itertools
import threading
import time
from collections import OrderedDict
from http import HTTPStatus

from ..interactive import DIED, reason_of
from ..interactive.worker import Worker
from .problems import Problem

__all__ = ["Job", "Jobs"]

GRACE = 1.5  # seconds that a cancelled job may still take
KEPT = 50  # jobs that are done, which can be asked about


class Job:
    """One piece of work and what has become of it."""

    def __init__(self, number, key, work, arguments, done):
        self.number, self.key = number, key
        self.work, self.arguments, self.done = work, arguments, done
        self.state = "waiting"  # then running, ending; then done, failed or cancelled
        self.stage, self.share, self.result = "waiting", None, None
        self.began = time.monotonic()
        self.ended = None

    @property
    def is_over(self):
        """Whether nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")

    def told(self):
        """What the browser is told."""
        seconds = (self.ended or time.monotonic()) - self.began
        return {
            "job": self.number,
            "state": self.state,
            "stage": self.stage,
            "share": self.share,
            "seconds": round(seconds, 2),
            "result": self.result,
        }


class Jobs:
    """The queue, and the process that works on its first."""

    def __init__(self):
        self._numbers = itertools.count(1)
        self._jobs = OrderedDict()
        self._changed = threading.Condition()
        self._worker = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def submit(self, key, work, arguments, done):
        """Queue ``work(tell, *arguments())`` as a Job; ``done(result)`` gives what is told of it.

        ``work`` is the name of a function of ``work``. A job of the same key is cancelled.
        """
        with self._changed:
            for job in self._jobs.values():
                if job.key == key and not job.is_over:
                    self._cancel(job)
            job = Job(next(self._numbers), key, work, arguments, done)
            self._jobs[job.number] = job
            over = [n for n, old in self._jobs.items() if old.is_over]
            for number in over[:-KEPT]:
                del self._jobs[number]
            self._changed.notify_all()
        return job

    def job(self, number):
        """The job of a number."""
        with self._changed:
            if number not in self._jobs:
                raise Problem(f"there is no job {number}", HTTPStatus.NOT_FOUND)
            return self._jobs[number]

    def wait(self, job, told, seconds):
        """Return what is told of a job, once it differs from ``told`` or the time has passed."""
        with self._changed:
            self._changed.wait_for(lambda: job.is_over or job.stage != told, seconds)
            return job.told()

    def cancel(self, job):
        """Give a job up."""
        with self._changed:
            if not job.is_over:
                self._cancel(job)

    def close(self):
        """Give everything up, and end the process."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                if not job.is_over:
                    self._cancel(job)
            self._changed.notify_all()
        self._thread.join(GRACE)
        self._kill()

    def _cancel(self, job):
        if job.state != "ending":
            self._end(job, "cancelled", "cancelled", None)

    def _end(self, job, state, stage, result):
        with self._changed:
            if not job.is_over:
                job.state, job.stage, job.result = state, stage, result
                job.share, job.ended = None, time.monotonic()
                job.arguments = job.done = None
            self._changed.notify_all()

    # --- the thread that feeds the process -----------------------------------------------------

    def _run(self):
        self._start()  # before anyone asks, as it takes seconds
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._next() is not None)
                if self._closed:
                    return
                job = self._next()
                job.state = "running"
                arguments, done = job.arguments, job.done
            try:
                self._work(job, arguments, done)
            except Problem as problem:
                self._end(job, "failed", str(problem), None)
            except Exception as error:
                self._end(job, "failed", reason_of(error), None)

    def _next(self):
        return next((job for job in self._jobs.values() if job.state == "waiting"), None)

    def _work(self, job, arguments, done):
        given = arguments()
        if self._worker is None or not self._worker.is_alive:
            self._start()
        try:
            self._worker.send(job.work, given)
        except OSError:
            self._kill()
            raise Problem(DIED) from None
        del given
        patience = None  # until when a job that was given up may still end
        while True:
            kind, found = self._worker.reply(0.1) or ("tell", None)
            if kind == "died":
                self._kill()
                raise Problem(DIED)
            if kind != "tell":
                break
            with self._changed:
                if found and not job.is_over:
                    job.stage, job.share = found
                    self._changed.notify_all()
            if job.is_over:
                patience = patience or time.monotonic() + (0 if self._closed else GRACE)
                if time.monotonic() >= patience:
                    self._kill()
                    return
        with self._changed:
            if job.is_over:
                return
            job.state = "ending"  # too late to be cancelled
        if kind == "failed":
            self._end(job, "failed", found, None)
        else:
            self._end(job, "done", "done", done(found))

    def _start(self):
        self._worker = Worker("sklearn_spx.view.work")

    def _kill(self):
        if self._worker is not None:
            self._worker.kill()
            self._worker = None
