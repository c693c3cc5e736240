"""The server: who may ask, how much may be sent, and the files of the page.

A request is looked at before anything of it is done: the token in its address, the names of its
host and of the site it comes from, the length of its body. What it asks for is in ``routes``.
"""

import json
import secrets
import socket
import sys
import traceback
import zlib
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from urllib.parse import parse_qs, unquote, urlsplit

from . import answers  # noqa: F401  which fills the table of routes
from .problems import Problem
from .routes import Answer, find_route
from .session import Session

__all__ = ["PageServer"]

LOOPBACK = "127.0.0.1"
LARGEST_JSON = 2**21
LARGEST_UPLOAD = 2**29
PATIENCE = 30.0  # seconds that a sender may be silent
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class PageServer(ThreadingHTTPServer):
    """A page on this machine's loopback for one session, behind a secret in its address.

    Parameters
    ----------
    paths : list of Path
        Images, and folders of images.

    out : Path or None, default=None
        The folder that files are saved in, which is there; None: they are downloaded alone.

    port : int, default=0
        Port to listen on; 0 is any that is free.

    page : int or None, default=None
        Page of TIFF files, or frame of animations, that have several.

    Examples
    --------
    >>> from sklearn_spx.view import PageServer
    >>> server = PageServer([])
    >>> server.address.startswith("http://127.0.0.1:")
    True
    >>> server.close()
    """

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"  # there it would let others take the port

    def __init__(self, paths, out=None, port=0, page=None):
        super().__init__((LOOPBACK, port), _Handler)
        self.token = secrets.token_urlsafe(24)
        self.session = Session(paths, out, page)
        port = self.server_address[1]
        self.hosts = (f"{LOOPBACK}:{port}", f"localhost:{port}")
        self.files = _page_files()

    @property
    def address(self):
        """What the browser is to open; whoever knows it may do all that the page can."""
        return f"http://{self.hosts[0]}/{self.token}/"

    def close(self):
        """Stop listening and computing; what was uploaded is deleted."""
        self.server_close()
        self.session.close()

    def handle_error(self, request, client_address):
        """Say what went wrong, unless the browser has only gone away."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            traceback.print_exc()


def _page_files():
    """The files of the page by name: nothing else of the disk can be named in an address."""
    folder = resources.files(__package__) / "static"
    files = ((f.name, TYPES.get(f".{f.name.rpartition('.')[2]}"), f) for f in folder.iterdir())
    return {name: (kind, file.read_bytes()) for name, kind, file in files if kind is not None}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sklearn-spx"
    sys_version = ""
    timeout = PATIENCE
    disable_nagle_algorithm = True
    server: PageServer

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self._answer("POST")

    def log_message(self, format, *args):
        pass  # the address, and so the token, would stand on the screen at each request

    def send_error(self, code, message=None, explain=None):
        """What the standard library refuses itself, as a request that is none, in our form."""
        self.close_connection = True
        self._send(Answer({"error": message or HTTPStatus(code).phrase}), code)

    # --- one request -------------------------------------------------------------------------

    def _answer(self, method):
        self._unread = self._length_or_none()
        try:
            answer, status = self._find(method), HTTPStatus.OK
        except Problem as problem:
            answer, status = Answer({"error": str(problem)}), problem.status
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            traceback.print_exc()
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            answer = Answer({"error": "the server failed; its terminal says where"})
        if self._unread != 0:
            self.close_connection = True  # what is left of the body is no request
        self._send(answer, status)

    def _find(self, method):
        parts = self._checked_path()
        query = {key: values[-1] for key, values in parse_qs(urlsplit(self.path).query).items()}
        if parts[:1] != ["api"]:
            return self._page_file(method, parts)
        route, arguments = find_route(method, parts[1:])
        body = self._body(route) if method == "POST" else None
        return route.answer(self.server.session, arguments, query, body)

    def _checked_path(self):
        """The parts of the path behind the token; Problem unless all says that it is our page."""
        host = self.headers.get("Host", "")
        if host not in self.server.hosts:
            raise Problem(
                f"this is no server of {host[:80]!r}; it answers to {self.server.hosts[0]}",
                HTTPStatus.MISDIRECTED_REQUEST,
            )
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            raise Problem(f"the site {origin[:80]!r} may not ask here", HTTPStatus.FORBIDDEN)
        if self.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise Problem("another site may not ask here", HTTPStatus.FORBIDDEN)
        path = urlsplit(self.path).path
        token, _, rest = path.removeprefix("/").partition("/")
        given, expected = token.encode("utf-8", "replace"), self.server.token.encode()
        if not path.startswith("/") or not secrets.compare_digest(given, expected):
            raise Problem(
                "the address lacks its secret: open the one that sklearn-spx view has printed",
                HTTPStatus.FORBIDDEN,
            )
        return [unquote(part) for part in rest.split("/")]

    def _page_file(self, method, parts):
        name = parts[0] or "index.html"
        if len(parts) != 1 or name not in self.server.files:
            raise Problem("there is no such page", HTTPStatus.NOT_FOUND)
        if method != "GET":
            raise Problem("pages are read by GET", HTTPStatus.METHOD_NOT_ALLOWED)
        kind, content = self.server.files[name]
        return Answer(content, kind)

    # --- the body ----------------------------------------------------------------------------

    def _length_or_none(self):
        """The length of the body, None where there is none that can be known."""
        if "Transfer-Encoding" in self.headers:
            return None
        none = [] if self.command == "POST" else ["0"]
        length = self.headers.get_all("Content-Length", none)
        is_number = len(length) == 1 and length[0].isascii() and length[0].isdigit()
        return int(length[0]) if is_number and len(length[0]) < 20 else None

    def _body(self, route):
        """What was sent: bytes of a file, or what JSON holds."""
        if self._unread is None:
            raise Problem("the request lacks its Content-Length", HTTPStatus.LENGTH_REQUIRED)
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        expected = "application/octet-stream" if route.takes_file else "application/json"
        if kind != expected:
            raise Problem(
                f"the request is of the type {kind[:80]!r}; expected is {expected}",
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            )
        most = LARGEST_UPLOAD if route.takes_file else LARGEST_JSON
        if self._unread > most:
            raise Problem(
                f"the request has {self._unread / 2**20:.1f} MB, and at most "
                f"{most // 2**20} MB are taken"
                + ("; name the file on the command line instead" if route.takes_file else ""),
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        if route.takes_file:
            return self._read_pieces()
        sent = b"".join(self._read_pieces())
        try:
            return json.loads(sent, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Problem(f"the request is no JSON: {error}") from None

    def _read_pieces(self):
        """Yield the body in pieces; Problem where it ends too early."""
        while self._unread:
            try:
                piece = self.rfile.read1(min(self._unread, 2**18))
            except TimeoutError:
                piece = b""
            if not piece:
                raise Problem(f"what was sent is cut short: {self._unread} bytes are missing")
            self._unread -= len(piece)
            yield piece

    # --- the answer --------------------------------------------------------------------------

    def _send(self, answer, status):
        content, kind = answer.content, answer.kind
        if kind is None:
            content = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
            kind = "application/json"
        headers = dict(HEADERS, **{"Content-Type": kind}, **answer.headers)
        if answer.deflate:
            content = zlib.compress(content, 1)
            headers["Content-Encoding"] = "deflate"
        if self.close_connection:
            headers["Connection"] = "close"
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            if self.close_connection:
                self._linger()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # who asked has gone

    def _linger(self):
        """Take some of what is still sent, or the answer is lost with the connection."""
        self.wfile.flush()
        self.connection.settimeout(0.2)
        try:
            self.connection.shutdown(socket.SHUT_WR)
            for _ in range(64):
                if not self.connection.recv(2**16):
                    break
        except OSError:
            pass


def _no_constant(name):
    raise ValueError(f"{name} is no number of JSON")
