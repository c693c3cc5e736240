"""``sklearn-spx view``: segment, label and train in the browser."""

import signal
import threading
import webbrowser
from pathlib import Path

import click

from . import _files, _outputs
from ._console import stdout


@click.command()
@click.argument("images", nargs=-1)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory that files are saved in, made if missing; nothing in it is overwritten. "
    "Without it they are downloaded by the browser.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen on; any that is free unless given.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option(
    "--page",
    type=int,
    help="Page of TIFF files, or frame of animations, that have several; from 0.",
)
def view(images, out, port, no_browser, page):
    """Segment, label and train in the browser, on IMAGES: files, directories or globs.

    The page is served to this machine alone, at an address with a secret that is printed. Images
    can be opened in the page, too. What was labelled is kept until Ctrl-C ends the server: save it
    before.
    """
    paths = _named(images)
    if out is not None:
        _outputs.make_folder(out)
    from ..view import PageServer

    try:
        server = PageServer(paths, out, port, page)
    except OSError as error:
        raise click.UsageError(f"--port {port} cannot be used: {error.strerror}") from None
    console = stdout()
    console.print(f"open {server.address}", soft_wrap=True, markup=False)
    console.print("Ctrl-C ends it; save what you labelled before")
    if not no_browser:
        threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        console.print("stopped")
    finally:
        signal.signal(signal.SIGTERM, previous)
        server.close()


def _interrupt(number, frame):
    raise KeyboardInterrupt


def _named(images):
    """Files, and directories as they are: files in these are shown without leading out of them."""
    found = []
    for argument in images:
        path = Path(argument)
        if path.is_dir():
            _files.find([argument], _files.IMAGES, "image")  # an error where there is none
            found.append(path)
        else:
            found += _files.find([argument], _files.IMAGES, "image")
    return list(dict.fromkeys(found))
