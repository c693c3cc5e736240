"""From an image and its superpixels to a graph of regions: DEL eq. 1 and 3, at any number of sizes.

image -> net -> sides ; labels -> footprints ; sides, footprints -> embeddings
labels -> region_adjacency -> edges ; embeddings, edges -> distances
"""

from typing import NamedTuple

import numpy as np

from ...kernels import region_adjacency
from ...kernels.agglomeration import boundary_means
from ...kernels.checks import full_scale
from ...kernels.footprints import region_footprints, region_runs
from ...learned import to_host
from ...utils.memory import give_back

_SUPERPIXELS = 8192  # whose embeddings are computed at once
_PAIRS = 2**16  # whose distances are


class RegionGraph(NamedTuple):
    """All that merging needs of an image."""

    labels: np.ndarray  # (H, W) int32, superpixels
    edges: np.ndarray  # (E, 2) int32, pairs of neighbours
    lengths: np.ndarray  # (E,) of their common boundary, in pixels
    sizes: np.ndarray  # (M,) pixels of each superpixel
    embeddings: np.ndarray  # (M, 64) float32, v of eq. 1
    distances: np.ndarray  # (E,) float32, |v_i - v_j|_1
    boundary: np.ndarray  # (E,) float32, mean boundary probability along the common boundary

    @property
    def dissimilarities(self):
        """1 - d of eq. 3, of each pair of neighbours."""
        return np.tanh(self.distances / 2)


def make_net(net, sides=(1, 2, 3, 4, 5)):
    """A net of a kind, or over a trunk of one's own, with arbitrary weights."""
    import copy

    from ...nets.del_heads import CompactNet, PaperNet
    from ...nets.efficientnet import EfficientNetLite2

    if not isinstance(net, str):
        return CompactNet(copy.deepcopy(net))
    if net == "vgg16":
        return PaperNet(sides)
    return CompactNet(EfficientNetLite2() if net == "large" else None)


def region_graph(image, labels, net, pooling="mean", scales=(1.0,), mirror=False):
    """The graph of an image's superpixels, weighed by a net that is shown the image in sizes.

    Labels are an array, or a tensor on a GPU: then all that is a pixel's stays there, and the graph
    goes to the host.
    """
    import torch

    edges, lengths = region_adjacency(labels)
    n, device = int(labels.max()) + 1, next(net.parameters()).device

    def take():  # channels last, as the compact net has them
        if image.dtype != np.uint8 or image.shape[2:] != (3,):
            rgb = as_rgb(image)
        else:  # a net turns bytes into floats by strips: those of a large image are never all there
            fits = image.flags.c_contiguous and image.flags.writeable and min(image.strides) > 0
            rgb = image if fits else image.copy()
        return torch.from_numpy(rgb).permute(2, 0, 1)[None].to(device)

    with torch.inference_mode():
        v, boundary = several_views(net, take, labels, n, pooling, scales, mirror)
    if isinstance(labels, np.ndarray):
        boundary = to_host(boundary)
    boundary = to_host(boundary_means(labels, edges, lengths, boundary))
    labels, edges, lengths, v = map(to_host, (labels, edges, lengths, v))
    return RegionGraph(
        labels=labels,
        edges=edges,
        lengths=lengths,
        sizes=np.bincount(labels[labels >= 0], minlength=len(v)),
        embeddings=v,
        distances=embedding_distances(v, edges),
        boundary=boundary,
    )


def embedding_distances(v, edges):
    """|v_i - v_j|_1 of each edge, in batches: of the pairs of a large image no table is made."""
    out = np.empty(len(edges), v.dtype)
    for first in range(0, len(edges), _PAIRS):
        a, b = edges[first : first + _PAIRS].T
        out[first : first + _PAIRS] = np.abs(v[a] - v[b]).sum(1)
    return out


def several_views(net, take, labels, n, pooling, scales, mirror):
    """Means of what ``_forward`` returns, over sizes and, where asked, over the mirror image.

    ``take()`` returns the image as a tensor, which is kept no longer than the net needs it.
    """
    views = [
        _forward(net, take, labels, n, pooling, scale, flip)
        for flip in (False, True)[: 1 + mirror]
        for scale in scales
    ]
    return [mean_of_views(parts) for parts in zip(*views)]


def mean_of_views(parts):
    """The mean of what views gave, one tensor each."""
    return sum(parts) / len(parts)


def _forward(net, take, labels, n, pooling, scale, flip=False):
    """Embeddings of the n superpixels, and the boundary probability of each pixel: tensors."""
    pooled, boundary = pooled_view(net, take(), labels, n, pooling, scale, flip)
    return head_of(net, pooled).float(), boundary


def pooled_view(net, image, labels, n, pooling, scale, flip):
    """What the head makes the embeddings from, and the boundary probability of each pixel."""
    if flip:
        flipped = labels[:, ::-1].copy() if isinstance(labels, np.ndarray) else labels.flip(1)
        pooled, boundary = pooled_view(net, image.flip(3), flipped, n, pooling, scale, False)
        return pooled, boundary.flip(1)
    import torch

    from ...nets.pooling import superpixel_pool
    from ...nets.resampling import regrid
    from ...nets.strips import floats

    if min(labels.shape) * scale < 1:  # nothing would be left
        scale = 1
    if scale != 1:
        image = torch.nn.functional.interpolate(
            floats(image).contiguous(),
            scale_factor=float(scale),
            mode="bilinear",
            antialias=scale < 1,
        )
    device, sides, pooled = image.device, net.each_side(image), []
    image = None
    runs = region_runs(labels, n) if isinstance(labels, np.ndarray) else None
    for stride, origin in zip(net.strides, net.origins):
        grid, side = grid_at(scale, stride, origin), next(sides)
        give_back(side.numel() * side.element_size())
        where = _footprints(labels, n, side.shape[-2:], *grid, runs).to(device)
        pooled.append(superpixel_pool(side[0], where, pooling))
        del side, where  # before the next is made
    if not net.has_boundary:
        return pooled, torch.zeros(labels.shape, device=device)
    boundary = regrid(torch.sigmoid(next(sides)), labels.shape, *grid, 1, 0)
    return pooled, boundary[0, 0].float()


def as_rgb(image):
    """An image as float32 RGB (height, width, 3), 0 to 255.

    Floating-point images are taken to lie in [0, 1], 16-bit ones in [0, 65535]. A gray image is
    given thrice; of other numbers of channels three groups of neighbours are averaged.
    """
    image = image if image.ndim == 3 else image[:, :, None]
    rgb = image.astype(np.float32) * np.float32(255 / full_scale(image.dtype))
    channels = rgb.shape[2]
    if channels != 3:
        low = [channels * k // 3 for k in range(3)]
        high = [max(-(-channels * (k + 1) // 3), 1) for k in range(3)]
        rgb = np.stack([rgb[:, :, i:j].mean(-1) for i, j in zip(low, high)], -1)
    return rgb


def as_tensor(rgb):
    """An RGB image as a tensor (1, 3, height, width)."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)[None]))


def grid_at(scale, stride, origin):
    """Stride and origin of a map, in pixels of the image before it was enlarged by ``scale``."""
    return stride / scale, (origin + 0.5) / scale - 0.5


def footprints(net, shapes, labels, n):
    """Footprints of superpixels on each pooled side of a net, given the shapes of its maps."""
    grids, runs = zip(shapes, net.strides, net.origins), region_runs(labels, n)
    return [_footprints(labels, n, shape, *grid_at(1, *grid), runs) for shape, *grid in grids]


def _footprints(labels, n, shape, stride, origin, runs):
    """Footprints of superpixels on one map."""
    import torch

    from ...nets.pooling import Footprints

    cells, offsets, weights = map(
        torch.as_tensor, region_footprints(labels, n, shape, stride, origin, runs=runs)
    )
    return Footprints(cells, offsets, weights, int(shape[0] * shape[1]))


def pooled_embedding(net, sides, where, pooling):
    """Embedding of the superpixels of several images: pool each side, then the net's head.

    ``where`` holds each image's footprints, as of ``footprints``.
    """
    return head_of(net, _pooled_sides(net, sides, where, pooling))


def _pooled_sides(net, sides, where, pooling):
    """Each side of several images pooled: tensors (n_superpixels, channels)."""
    from ...nets.pooling import concatenate, superpixel_pool

    pooled = []
    for level in range(len(net.strides)):
        maps = [maps_of_image[level][0] for maps_of_image in sides]
        pooled.append(superpixel_pool(maps, concatenate([f[level] for f in where]), pooling))
    return pooled


def head_of(net, pooled):
    """Embeddings of superpixels from their pooled sides, tensors (n_superpixels, channels)."""
    import torch

    n = len(pooled[0])
    each = n if torch.is_grad_enabled() else _SUPERPIXELS
    parts = [
        net.head(torch.cat([rows[first : first + each] for rows in pooled], 1))
        for first in range(0, max(n, 1), max(each, 1))
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts)
