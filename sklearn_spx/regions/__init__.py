"""What takes label images further: tables of regions, features for scikit-learn, classification."""

from .classifier import SuperpixelClassifier
from .features import RegionFeatures
from .table import region_table

__all__ = ["RegionFeatures", "SuperpixelClassifier", "region_table"]
