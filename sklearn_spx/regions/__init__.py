"""What takes label images further: saliency of regions."""

from .saliency import background_detection, region_saliency

__all__ = ["background_detection", "region_saliency"]
