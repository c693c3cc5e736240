"""What the commands print with: results to stdout, progress and complaints to stderr."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text


def stdout():
    """Return a console; made anew each time, for whoever has replaced sys.stdout."""
    return Console(highlight=False, soft_wrap=False)


def stderr():
    """Return a console on stderr."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def progress():
    """Return a progress bar on stderr, which shows itself on terminals alone."""
    console = stderr()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,  # else it prints an empty line
    )


def complain(console, path, error):
    """Print why a file failed, in one line."""
    console.print(Text.assemble(("failed", "red"), f" {printable(path)}: {reason_of(path, error)}"))


def reason_of(path, error):
    """Return what an error says of a file, in one line that does not name it again."""
    text = str(error).removeprefix(f"{path}: ").removeprefix(f"{path} ")
    lines = text.strip().splitlines()
    line = lines[0] if lines else type(error).__name__
    return printable(line.removeprefix("X[0]: ").replace("X[0]", "the image"))


def printable(text):
    """Return ``text`` with all escaped that a terminal would obey, or that is no text."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text)
    )
