"""Images with their ground truths: synthetic ones, photographs at hand, and data sets on disk."""

from ._camvid import load_camvid
from ._cityscapes import load_cityscapes
from ._class_segments import class_segments
from ._dead_leaves import make_dead_leaves
from ._pascal_voc import load_pascal_context, load_pascal_voc
from ._photographs import load_sample_images
from ._sbd import load_sbd
from ._textures import make_texture_mosaics
from ._voc import load_voc_boxes
from .bsds500 import load_bsds500

__all__ = [
    "class_segments",
    "load_bsds500",
    "load_camvid",
    "load_cityscapes",
    "load_pascal_context",
    "load_pascal_voc",
    "load_sample_images",
    "load_sbd",
    "load_voc_boxes",
    "make_dead_leaves",
    "make_texture_mosaics",
]
