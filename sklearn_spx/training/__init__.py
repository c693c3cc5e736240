"""How every net of the package is trained: one recipe, one loop, one kind of checkpoint."""

from .recipe import NetTraining

__all__ = ["NetTraining"]
