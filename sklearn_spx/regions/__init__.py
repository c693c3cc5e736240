"""What takes label images further: tables of regions, features for scikit-learn, classification."""

from .features import RegionFeatures
from .table import region_table

__all__ = ["RegionFeatures", "region_table"]
