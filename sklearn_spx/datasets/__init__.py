"""Images with their ground truths: synthetic ones, photographs at hand, and BSDS500."""

from ._dead_leaves import make_dead_leaves
from ._photographs import load_sample_images
from ._textures import make_texture_mosaics
from .bsds500 import load_bsds500

__all__ = ["load_bsds500", "load_sample_images", "make_dead_leaves", "make_texture_mosaics"]
