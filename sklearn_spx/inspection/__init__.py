"""Look at segmentations, and at how what makes them was trained."""

from ._display import SegmentationDisplay
from ._learning_curve import LearningCurveDisplay

__all__ = ["LearningCurveDisplay", "SegmentationDisplay"]
