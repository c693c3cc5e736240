"""Files of data: regular ones alone are opened, and a new one takes the old one's place at once."""

import contextlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path):
    """Open a file to read bytes from; ValueError if it is a folder, a FIFO, a device, ...

    To open a FIFO waits for a writer, which may never come, and a device may be endless.
    """
    _check_regular(_status(path), path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = open(path, "rb", opener=lambda name, _: os.open(name, flags))  # noqa: SIM115
    try:  # again now that it is open: another may have taken its place
        _check_regular(os.fstat(file.fileno()), path)
    except ValueError:
        file.close()
        raise
    return file


@contextlib.contextmanager
def replacing(path):
    """Give a file to write bytes to that becomes ``path`` at the end, all of it or nothing.

    It lies beside ``path`` until then. Whatever goes wrong, a full disk or an interrupt, what was
    at ``path`` before stays, and nothing else. Modes are those that ``open`` would give.
    """
    target = Path(os.path.realpath(path))  # through links, as open would
    mode = None
    if target.exists():
        status = _status(target)
        _check_regular(status, path)
        mode = stat.S_IMODE(status.st_mode)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {target.parent}")
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(part, flags, 0o666)
    except OSError as error:
        error.filename = str(path)  # the name that the caller knows
        raise
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave an empty file of the new name
        if mode is not None:
            os.chmod(part, mode)
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _status(path):
    try:
        return os.stat(path)
    except ValueError as error:  # a zero byte, a lone surrogate
        raise ValueError(f"{str(path)!r} is no name of a file: {error}") from error


def _check_regular(status, path):
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise ValueError(f"{path} is {kind}; accepted is a regular file")


def why_not_writable(folder):
    """Return why no file can be made in a folder, or None: by making one, which alone tells.

    Parameters
    ----------
    folder : path-like
        The folder.

    Returns
    -------
    reason : str or None
        Of the operating system.
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror
