"""What goes wrong with a request, as the browser is told: a status and a sentence."""

from http import HTTPStatus

__all__ = ["Problem", "reason_of"]


class Problem(Exception):
    """A request that cannot be answered: why, and the status of HTTP that says so."""

    def __init__(self, message, status=HTTPStatus.BAD_REQUEST):
        super().__init__(message)
        self.status = HTTPStatus(status)


def reason_of(error, path=None):
    """Return what an error says, in one line, without the path of a file it begins with."""
    text = str(error).strip()
    if path is not None:
        text = text.removeprefix(f"{path}: ").removeprefix(f"{path} ")
    lines = text.removeprefix("X[0]: ").replace("X[0]", "the image").splitlines()
    return lines[0] if lines else type(error).__name__
