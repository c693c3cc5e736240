"""Images larger than memory: the label image of the whole image, block by block."""

from .segment_array import segment_array

__all__ = ["segment_array"]
