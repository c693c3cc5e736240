"""What of each estimator is a net from an image to maps, and what is to be said of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..features import EmbeddingFeatures
from ..methods.deep_embedding.estimator import DELSegmenter
from ..methods.seal.estimator import SEALSuperpixels
from ..methods.trainable_slic.estimator import TrainableSLIC
from ..training.state import load_arrays

WEIGHTS = Path(__file__).parents[1] / "weights"

SEAL = (
    "W.-C. Tu et al., Learning superpixels with segmentation-aware affinity loss, CVPR 2018",
    "10.1109/CVPR.2018.00066",
)
DEL = (
    "Y. Liu et al., DEL: Deep embedding learning for efficient image segmentation, IJCAI 2018",
    "https://www.ijcai.org/proceedings/2018/",
)
EFFICIENTNET = (
    "M. Tan, Q. V. Le, EfficientNet: Rethinking model scaling for convolutional neural networks, "
    "ICML 2019",
    "https://arxiv.org/abs/1905.11946",
)
TSLIC = (
    "T. Verelst et al., Generating superpixels using deep image representations, 2019",
    "https://arxiv.org/abs/1903.04586",
)
SSN = (
    "V. Jampani et al., Superpixel sampling networks, ECCV 2018",
    "https://arxiv.org/abs/1807.10174",
)


class Maps(NamedTuple):
    """A net and what it computes."""

    graph: Any  # torch module, (n, n_channels, height, width), 0 to 255, to (n, maps, ...)
    n_channels: int
    output: str  # what the maps are, in a word
    channels: list[str]  # of the maps
    range: tuple[float | None, float | None]
    name: str
    description: str
    use: str  # Markdown, what to do with the maps in this package
    papers: tuple[tuple[str, str], ...]  # text, DOI or address
    tags: tuple[str, ...]
    picture: Callable  # of maps (maps, height, width), (height, width) or (..., 3), to be stretched
    licences: tuple[Path, ...] = ()  # of what it was trained from


def maps_of(estimator):
    """The Maps of an estimator whose net is read; ValueError where it has no compact net."""
    if isinstance(estimator, SEALSuperpixels):
        return _seal(estimator)
    if isinstance(estimator, DELSegmenter):
        return _del(estimator)
    if isinstance(estimator, TrainableSLIC):
        return _trainable_slic(estimator)
    raise TypeError(
        f"estimator is a {type(estimator).__name__}; accepted is a SEALSuperpixels, DELSegmenter "
        "or TrainableSLIC"
    )


def _seal(estimator):
    from ..nets.from_rgb import AffinitiesFromRGB
    from ..nets.seal_compact import CompactAffinityNet

    net = estimator.net_
    if not isinstance(net, CompactAffinityNet):
        raise _no_compact(estimator, f"a {type(net).__name__}", 'SEALSuperpixels(net="compact")')
    return Maps(
        graph=AffinitiesFromRGB(net),
        n_channels=net.n_channels,
        output="affinities",
        channels=["right", "lower"],
        range=(0.0, 1.0),
        name="SEAL affinities of neighbouring pixels",
        description="Affinities in (0, 1) of each pixel to its right and to its lower neighbour, "
        "on which superpixels are grown: low where an annotator would draw a boundary. The last "
        "column of the one and the last row of the other mean nothing.",
        use="`sklearn_spx.kernels.entropy_rate_superpixels(n_segments=200, affinities=maps)` grows "
        "superpixels on them, exactly as many as asked for; `SEALSuperpixels` does so with "
        "colours and cells of SLIC beside.",
        papers=(SEAL,),
        tags=("affinities", "superpixels"),
        picture=lambda maps: 1 - maps.min(0),
    )


def _del(estimator):
    from ..nets.del_heads import CompactNet
    from ..nets.efficientnet import EfficientNetLite0
    from ..nets.from_rgb import BoundariesFromRGB

    net, accepted = estimator.net_, 'DELSegmenter(net="compact")'
    if not isinstance(net, CompactNet):
        raise _no_compact(estimator, f"a {type(net).__name__}", accepted)
    if not isinstance(net.trunk, EfficientNetLite0):
        raise _no_compact(estimator, f"one over the trunk {type(net.trunk).__name__}", accepted)
    if estimator.n_channels_in_ not in (1, 3):
        raise _no_compact(
            estimator,
            f"one that is shown means of {estimator.n_channels_in_} channels",
            "one of gray or colour images",
        )
    return Maps(
        graph=BoundariesFromRGB(net),
        n_channels=3,
        output="boundaries",
        channels=["boundary"],
        range=(0.0, 1.0),
        name="DEL probability of boundaries",
        description="The probability that a boundary between segments passes a pixel, as "
        "annotators would draw it. The net's embedding of superpixels, which DELSegmenter merges "
        "them by, is pooled over superpixels and not in this package.",
        use="A watershed of the map gives regions. `DELSegmenter` merges superpixels by this map "
        "and the embedding.",
        papers=(DEL, EFFICIENTNET),
        tags=("boundaries", "edge-detection"),
        picture=lambda maps: maps[0],
        licences=(WEIGHTS / "efficientnet-lite0-LICENSE.md", WEIGHTS / "efficientnet-lite0.md"),
    )


def _trainable_slic(estimator):
    import torch

    from ..nets.from_rgb import FeaturesFromRGB
    from ..nets.pixel_embedding import PixelEmbeddingNet

    features, accepted = estimator.features_, 'TrainableSLIC(distance="embedding")'
    if not isinstance(features, EmbeddingFeatures) or estimator.net_ is not None:
        raise _no_compact(estimator, f"features of {type(features).__name__}", accepted)
    axes = estimator.axes_
    if not features.colours_.converts_ or not np.array_equal(axes, axes[0, 0] * np.eye(len(axes))):
        raise _no_compact(estimator, "features that are no embedding of colours", accepted)
    n_components = features.n_features_out_ - 3
    net = PixelEmbeddingNet(3, n_components)
    load_arrays(net, features.weights_)
    net = net.to(memory_format=torch.channels_last).eval().requires_grad_(False)
    return Maps(
        graph=FeaturesFromRGB(net, features.colour_scales_, axes[0, 0]),
        n_channels=3,
        output="features",
        channels=["L", "a", "b", *(f"embedding{k}" for k in range(n_components))],
        range=(None, None),
        name="TrainableSLIC embedding of pixels",
        description="Features of each pixel, weighted Lab beside a learned embedding, in which "
        "SLIC finds what annotators draw: small distances within a segment, large ones across its "
        "boundary.",
        use="`sklearn_spx.kernels.slic(maps.transpose(1, 2, 0), n_segments=200, "
        f"compactness={estimator.compactness:g}, convert2lab=False)` grows superpixels, as "
        "`TrainableSLIC` does.",
        papers=(TSLIC, SSN),
        tags=("pixel-embedding", "superpixels"),
        picture=lambda maps: maps[-3:].transpose(1, 2, 0),
    )


def _no_compact(estimator, found, accepted):
    return ValueError(
        f"this {type(estimator).__name__} has no compact net to export but {found}; accepted is "
        f"{accepted}"
    )
