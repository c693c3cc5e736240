"""What one run of the page holds: images, a document of each, classes, jobs, and what was saved."""

import secrets
import tempfile
import threading
from collections import OrderedDict
from http import HTTPStatus
from pathlib import Path, PurePosixPath

from . import fields
from .document import UNKNOWN, Document
from .images import Images
from .jobs import Jobs
from .problems import Problem

__all__ = ["Session"]

# of the palette of Okabe and Ito, told apart by all common kinds of colour vision
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
KEPT_DOWNLOADS = 8


class Session:
    """The state behind one page. A reload of the page finds it as it was."""

    def __init__(self, paths, out=None, page=None):
        self.images = Images(paths, page)
        self.out = out
        self.jobs = Jobs()
        self.classes = [{"name": "background", "color": COLORS[0]}]
        self.classes.append({"name": "object", "color": COLORS[1]})
        self.lock = threading.RLock()
        self._documents = {}
        self._uploads = None
        self._downloads = OrderedDict()

    def close(self):
        """End what is computed and delete what was uploaded."""
        self.jobs.close()
        if self._uploads is not None:
            self._uploads.cleanup()

    # --- images ----------------------------------------------------------------------------------

    def document(self, number):
        """The document of an image, whose pixels are read for its size the first time."""
        source = self.images.source(number)
        with self.lock:
            if number in self._documents:
                return self._documents[number]
        shape = self.images.load(source).shape
        with self.lock:
            return self._documents.setdefault(number, Document(shape))

    def documents(self):
        """The documents there are, by the number of their image."""
        with self.lock:
            return dict(sorted(self._documents.items()))

    def upload(self, name, pieces):
        """Keep a file that was sent, if it is an image; return its Source."""
        name = PurePosixPath(name.replace("\\", "/")).name
        name = fields.text({"name": name[-fields.LONGEST :]}, "name")
        with self.lock:
            if self._uploads is None:
                self._uploads = tempfile.TemporaryDirectory(prefix="sklearn-spx-view-")
            path = Path(self._uploads.name, secrets.token_hex(8))
        try:
            with path.open("xb") as file:
                for piece in pieces:
                    file.write(piece)
            return self.images.add_file(name, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    # --- classes -----------------------------------------------------------------------------

    def set_class(self, number, name, color):
        """Name and colour a class; the number after the last makes a new one."""
        with self.lock:
            if not 0 <= number <= len(self.classes):
                raise Problem(f"there is no class {number}", HTTPStatus.NOT_FOUND)
            if number == UNKNOWN:
                raise Problem(f"there are at most {UNKNOWN} classes")
            others = [c["name"] for k, c in enumerate(self.classes) if k != number]
            if name in others:
                raise Problem(f"there is a class {name!r} already")
            self.classes[number : number + 1] = [{"name": name, "color": color}]

    def check_class(self, number):
        """Raise unless there is a class of that number, or it is UNKNOWN."""
        if number != UNKNOWN and number >= len(self.classes):
            raise Problem(f"there is no class {number}", HTTPStatus.NOT_FOUND)

    # --- downloads -----------------------------------------------------------------------------

    def keep_download(self, name, content):
        """Keep a file to be downloaded; return its number."""
        with self.lock:
            number = next(reversed(self._downloads), 0) + 1
            self._downloads[number] = name, content
            while len(self._downloads) > KEPT_DOWNLOADS:
                self._downloads.popitem(last=False)
        return number

    def download(self, number):
        """(name, bytes) of a file to be downloaded."""
        with self.lock:
            if number not in self._downloads:
                raise Problem("there is no such file any more; save again", HTTPStatus.NOT_FOUND)
            return self._downloads[number]
