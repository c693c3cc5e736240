"""What goes wrong with a request, as the browser is told: a status and a sentence."""

from http import HTTPStatus

__all__ = ["Problem"]


class Problem(Exception):
    """A request that cannot be answered: why, and the status of HTTP that says so."""

    def __init__(self, message, status=HTTPStatus.BAD_REQUEST):
        super().__init__(message)
        self.status = HTTPStatus(status)
