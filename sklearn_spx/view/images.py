"""Images of the page: where they lie, their pixels, and what of these a browser is shown.

path -> read -> Loaded (image, mask, levels for the eye) -> tiles, thumbnail
image, factor -> reduced -> what is segmented ; labels -> enlarged -> what is saved
"""

import io
import threading
import warnings
from collections import OrderedDict
from http import HTTPStatus
from pathlib import Path

import numpy as np
from PIL import Image

from ..inspection.draw import as_rgb
from ..interactive import reason_of
from ..io import ImageFolder, read_masked
from .problems import Problem

__all__ = ["Images", "Loaded", "Source", "enlarged", "reduced", "reductions"]

TILE = 512
THUMBNAIL = 160  # pixels of the longer side
KEPT = 3  # images whose pixels are in memory
FACTORS = (1, 2, 3, 4, 6, 8, 12, 16)
COMFORTABLE = 4_000_000  # pixels that are segmented unless another size is chosen
SMALLEST = 64  # pixels of a side that is made smaller


class Source:
    """One image: its number, its name, its file and the folder that this may not lie outside of."""

    def __init__(self, number, name, path, folder=None):
        self.number, self.name, self.path, self.folder = number, name, path, folder
        self.lock = threading.Lock()
        self.thumbnail = None

    def checked_path(self):
        """The path; Problem where a link leads out of the folder, now that it is to be read."""
        if self.folder is not None:
            try:
                inside = self.path.resolve(strict=True).is_relative_to(self.folder.resolve())
            except OSError as error:
                raise Problem(f"{self.name}: {reason_of(error)}", HTTPStatus.NOT_FOUND) from None
            if not inside:
                raise Problem(
                    f"{self.name} is a link that leads out of its folder; name the file itself on "
                    "the command line",
                    HTTPStatus.FORBIDDEN,
                )
        return self.path


class Loaded:
    """Pixels of an image, and smaller and smaller copies of it for the eye."""

    def __init__(self, image, mask):
        self.image = image
        self.mask = None if mask.all() else mask
        self.shape = image.shape[:2]
        self.levels = [as_rgb(image, mask=self.mask)]
        while max(self.levels[-1].shape[:2]) > TILE:
            self.levels.append(reduced(self.levels[-1], 2))

    def tile(self, level, row, column):
        """One square of a level as a file for the browser, and its type."""
        if not 0 <= level < len(self.levels):
            raise Problem(f"there is no level {level}", HTTPStatus.NOT_FOUND)
        pixels = self.levels[level][row * TILE : (row + 1) * TILE, column * TILE :][:, :TILE]
        if not pixels.size or min(row, column) < 0:
            raise Problem(f"there is no tile {row}, {column}", HTTPStatus.NOT_FOUND)
        return as_file(pixels, quality=90), "image/jpeg"


class Images:
    """The images of a session, the pixels of the last few in memory."""

    def __init__(self, paths, page=None):
        self.page = page
        self.sources = []
        self._loaded = OrderedDict()
        self._lock = threading.Lock()
        for path in paths:
            self._add(Path(path))

    def _add(self, path):
        if not path.is_dir():
            self.sources.append(Source(len(self.sources), path.name, path))
            return
        folder = ImageFolder(path)
        for file in folder.paths:
            self.sources.append(Source(len(self.sources), file.name, file, path))

    def add_file(self, name, path):
        """Add a file that was uploaded; Problem unless it is an image. Return its Source."""
        loaded = self.read(path, name)
        with self._lock:
            source = Source(len(self.sources), name, path)
            self.sources.append(source)
            self._keep(source.number, loaded)
        return source

    def source(self, number):
        """The image of a number."""
        if not 0 <= number < len(self.sources):
            raise Problem(f"there is no image {number}", HTTPStatus.NOT_FOUND)
        return self.sources[number]

    def load(self, source):
        """The pixels of an image; Problem that says why it cannot be read."""
        with source.lock:
            with self._lock:
                if source.number in self._loaded:
                    self._loaded.move_to_end(source.number)
                    return self._loaded[source.number]
            loaded = self.read(source.checked_path(), source.name)
            with self._lock:
                self._keep(source.number, loaded)
            return loaded

    def _keep(self, number, loaded):
        self._loaded[number] = loaded
        while len(self._loaded) > KEPT:
            self._loaded.popitem(last=False)

    def read(self, path, name):
        """Read a file."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # io refuses those
                return Loaded(*read_masked(path, page=self.page))
        except (OSError, ValueError, MemoryError) as error:
            raise Problem(
                f"{name}: {reason_of(error, path)}", HTTPStatus.UNPROCESSABLE_ENTITY
            ) from None

    def thumbnail(self, source):
        """A small picture of an image, as a file."""
        if source.thumbnail is None:
            loaded = self.load(source)
            large = [level for level in loaded.levels if max(level.shape) >= THUMBNAIL]
            picture = Image.fromarray((large or loaded.levels)[-1])
            picture.thumbnail((THUMBNAIL, THUMBNAIL))
            source.thumbnail = as_file(np.asarray(picture), quality=80)
        return source.thumbnail


def as_file(pixels, quality):
    """RGB as a JPEG."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality)
    return file.getvalue()


def reductions(shape):
    """By how many pixels a side an image may be made smaller, and which of these is proposed."""
    factors = [f for f in FACTORS if f == 1 or min(shape) >= f * SMALLEST]
    fitting = [f for f in factors if shape[0] * shape[1] <= COMFORTABLE * f * f]
    return factors, fitting[0] if fitting else factors[-1]


def reduced(image, factor):
    """An image whose pixels are means of factor x factor; of fewer at the ends."""
    if factor == 1:
        return image
    if image.dtype == np.uint8 and (image.ndim == 2 or image.shape[2] == 3):
        return np.asarray(Image.fromarray(image).reduce(factor)).copy()
    values = image.astype(np.float32 if image.itemsize < 4 else np.float64)
    for axis in (0, 1):
        starts = np.arange(0, image.shape[axis], factor)
        counts = np.minimum(factor, image.shape[axis] - starts)
        counts = counts.reshape([-1 if a == axis else 1 for a in range(image.ndim)])
        values = np.add.reduceat(values, starts, axis=axis) / counts.astype(values.dtype)
    if image.dtype.kind == "b":
        return values >= 0.5
    return (np.rint(values) if image.dtype.kind in "iu" else values).astype(image.dtype)


def enlarged(labels, factor, shape):
    """A label image at the size of the image whose copy it is of, ``reduced`` by a factor."""
    if factor == 1:
        return labels
    large = labels.repeat(factor, axis=0)[: shape[0]].repeat(factor, axis=1)[:, : shape[1]]
    return np.ascontiguousarray(large)
