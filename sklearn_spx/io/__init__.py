"""Images and label images from files, as they are stored, and lazily from whole folders."""

from ._folder import ImageFolder
from ._read import read_image, read_labels, read_masked
from ._write import write_labels

__all__ = ["ImageFolder", "read_image", "read_labels", "read_masked", "write_labels"]
