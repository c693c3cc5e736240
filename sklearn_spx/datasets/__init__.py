"""Images with their ground truths: synthetic ones, photographs at hand, BSDS500, VOC."""

from ._dead_leaves import make_dead_leaves
from ._photographs import load_sample_images
from ._textures import make_texture_mosaics
from ._voc import load_voc_boxes
from .bsds500 import load_bsds500

__all__ = [
    "load_bsds500",
    "load_sample_images",
    "load_voc_boxes",
    "make_dead_leaves",
    "make_texture_mosaics",
]
