"""Look at segmentations."""

from ._display import SegmentationDisplay

__all__ = ["SegmentationDisplay"]
