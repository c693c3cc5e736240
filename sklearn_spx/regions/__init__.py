"""What takes label images further: tables of regions, features for scikit-learn, classification."""

from .table import region_table

__all__ = ["region_table"]
