"""Transformers of images: each pixel's features, for clustering by anything that takes channels."""

from ._conv import ConvFeatures
from ._embedding import EmbeddingFeatures
from ._scattering import ScatteringFeatures
from ._union import ChannelUnion
from .lab import LabFeatures

__all__ = ["ChannelUnion", "ConvFeatures", "EmbeddingFeatures", "LabFeatures", "ScatteringFeatures"]
