"""Progress bars of estimators: one that stands on a screen that nobody else writes to."""

import multiprocessing


def progress_bar(iterable=None, *, verbose=1, **options):
    """Return a bar of tqdm, which shows itself where ``verbose`` and outside of worker processes.

    Processes know nothing of each other's bars and would write over them: those of a search with
    ``n_jobs=2`` are silent.
    """
    from tqdm.auto import tqdm

    return tqdm(iterable, disable=not verbose or in_worker(), **options)


def in_worker():
    """Whether this is a process that another one has started to share its work."""
    return multiprocessing.parent_process() is not None
