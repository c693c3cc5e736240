"""What the commands print with: results to stdout, progress and complaints to stderr."""

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def stdout():
    """Return a console; made anew each time, for whoever has replaced sys.stdout."""
    return Console(highlight=False, soft_wrap=False)


def stderr():
    """Return a console on stderr."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def progress():
    """Return a progress bar on stderr, which shows itself on terminals alone."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=stderr(),
        transient=True,
    )


def complain(console, path, error):
    """Print why a file failed, in one line."""
    reason = str(error).removeprefix(f"{path}: ").strip().splitlines()
    reason = reason[0] if reason else type(error).__name__
    reason = reason.removeprefix("X[0]: ").replace("X[0]", "the image")
    console.print(f"[red]failed[/] {escape(str(path))}: {escape(reason)}")
