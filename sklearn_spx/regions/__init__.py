"""What takes label images further: regions as a graph, as polygons, as files of other tools."""

from .graph import RegionGraph, region_graph

__all__ = ["RegionGraph", "region_graph"]
