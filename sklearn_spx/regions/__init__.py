"""What takes label images further: regions from frame to frame."""

from .video import frame_shift, segment_frames

__all__ = ["frame_shift", "segment_frames"]
