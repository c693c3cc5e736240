"""DEL on an image of any size: superpixels in a file, the net in windows, one graph of regions.

    array -> superpixels, as segment_array grows them -> file
    windows of both -> net -> sides, pooled over each superpixel ; sums along boundaries
    what windows know of one superpixel, of one pair of neighbours -> added up -> embeddings, graph
    graph -> merging, as in the estimator -> segment of each superpixel -> labels, block by block

Windows lie at fixed places of the whole image, and what several of them have a part in is added up
in their order: neither blocks nor workers change a bit.
"""

import math
import os
from collections import namedtuple
from contextlib import nullcontext
from fractions import Fraction
from tempfile import TemporaryDirectory

import numpy as np

from ..kernels import region_adjacency
from ..kernels.agglomeration import boundary_sums
from ..methods.deep_embedding import merging, model
from ..methods.slic import SLICSuperpixels
from ..training.state import digest
from ..utils.threads import one_torch_thread
from ._journal import opened
from ._source import as_seen, as_source, cut_out, read, window
from ._windows import cores

_LARGEST_UNIT = 1024  # pixels that starts of windows may be multiples of
_AT_ONCE = 8192  # superpixels of several windows whose parts are put together

Places = namedtuple(
    "Places",
    [
        "core",  # box of the window
        "ring",  # and of a pixel around
        "views",  # boxes that the net sees, of the image as it is and, if it is asked, mirrored
        "outer",  # box that holds them all
    ],
)


def superpixels_of(estimator, shape):
    """The estimator that grows a DELSegmenter's superpixels, of an image of this shape."""
    if estimator.superpixels_ is not None:
        return estimator.superpixels_
    return SLICSuperpixels(max(1, shape[0] * shape[1] // 64))


def segment(image, folder, grow, out):
    """Write the segments of an image.

    Parameters
    ----------
    image : Whole, with a DELSegmenter
    folder : str or path, where files go
    grow : function (image, folder, out) that writes superpixels
    out : array (height, width)
    """
    engine, estimator = image.engine, image.estimator
    source = as_seen(image.source, *image.survey())
    superpixels = _superpixels(image, source, folder, grow)
    after = (estimator.merge, estimator.threshold, estimator.n_segments, estimator.min_size)
    phase = f"segments{digest([repr(after)])[:16]}"  # another threshold starts from the same graph
    found = engine.journal.get(phase, 0)
    if found is None:
        graph = _graph(image, source, superpixels)
        found = (merging.segment(graph, *after)[0],)
        engine.journal.put(phase, 0, found)
    engine.add_phase()
    for box in image.boxes:
        top, bottom, first, stop = box
        out[top:bottom, first:stop] = found[0][read(window(superpixels, box))]
        if hasattr(out, "flush"):
            out.flush()
        engine.bar.update()


# --- superpixels ---------------------------------------------------------------------------------


def _superpixels(image, source, folder, grow):
    """A source of the superpixels, in a file."""
    estimator, journal = image.estimator, image.engine.journal.within("superpixels")
    grower = superpixels_of(estimator, image.shape)
    known = None
    if estimator.superpixels_ is None:  # it takes the image as it is seen
        known = ((0, 255), True) if source.dtype == np.uint8 else ((0.0, 1.0), False)
    path = os.path.join(folder, "superpixels.npy")
    out = opened(path, np.int32, image.shape[:2], journal, "written")
    if any(journal.get("written", k) is None for k in range(len(image.boxes))):
        with _folder_of(journal, folder) as kept:
            grow(image.of(grower, source, journal, known), kept, out)
    out.flush()
    return as_source(np.lib.format.open_memmap(path, "r"))


def _folder_of(journal, folder):
    """Where features of superpixels are kept: with the journal, or as long as they are needed."""
    if journal.folder is None:
        return TemporaryDirectory(dir=folder)
    return nullcontext(journal.folder)


# --- the graph -----------------------------------------------------------------------------------


def _graph(image, source, superpixels):
    """The region graph; its label image has one pixel a superpixel."""
    estimator, engine = image.estimator, image.engine
    net, pooling = estimator._net, estimator._kind["pooling"]
    settings = pooling, tuple(estimator.scales), bool(estimator.mirror)
    boxes = cores(image.shape)
    margin, unit = (0, 1) if len(boxes) == 1 else _surroundings(net.on("cpu"), settings[1])
    engine.add_phase(len(boxes))
    n = 1 + max(int(read(window(superpixels, box)).max()) for box in image.boxes)

    def arguments(k):
        places = _places(boxes[k], image.shape, margin, unit, settings[2])
        part = window(source, places.outer)
        return part, window(superpixels, places.ring), net, settings, places

    sizes, embeddings = np.zeros(n, np.int64), None
    divided, pairs = [], []
    for _, found in engine.each("windows", _look, arguments, range(len(boxes))):
        ids, counts, v, straddling, pooled, *of_pairs = found
        if embeddings is None:
            embeddings = np.empty((n, v.shape[1]), np.float32)
        sizes[ids] += counts
        embeddings[ids] = v
        divided.append((ids[straddling], counts[straddling], pooled))
        pairs.append(of_pairs)
        engine.bar.update()
    _put_together(net.on("cpu"), pooling, divided, embeddings)
    edges, lengths, sums = _added_up(pairs, n)
    return model.RegionGraph(
        labels=np.arange(n, dtype=np.int32)[None],
        edges=edges,
        lengths=lengths,
        sizes=sizes,
        embeddings=embeddings,
        distances=model.embedding_distances(embeddings, edges),
        boundary=sums / lengths,
    )


def _put_together(net, pooling, divided, embeddings):
    """Embeddings of the superpixels that several windows have a part of, from their parts."""
    import torch

    ids, counts, pooled = (np.concatenate(parts) for parts in zip(*divided))
    order = np.argsort(ids, kind="stable")  # parts of one in the order of their windows
    numbers, first = np.unique(ids[order], return_index=True)
    first = np.append(first, len(order))
    for i in range(0, len(numbers), _AT_ONCE):
        starts = first[i : i + _AT_ONCE + 1]
        rows = order[starts[0] : starts[-1]]
        parts, starts = pooled[rows], starts[:-1] - starts[0]
        if pooling == "max":
            whole = np.maximum.reduceat(parts, starts)
        else:
            weights = counts[rows].astype(np.float64)
            whole = np.add.reduceat(parts * weights[:, None, None], starts)
            whole /= np.add.reduceat(weights, starts)[:, None, None]
        views = torch.from_numpy(whole.astype(np.float32)).unbind(1)
        with torch.inference_mode(), one_torch_thread():
            v = model.mean_of_views([model.head_of(net, [view]).float() for view in views])
        embeddings[numbers[i : i + _AT_ONCE]] = v.numpy()


def _added_up(pairs, n):
    """Edges, sorted, with their lengths and sums, of those of each window."""
    edges, lengths, sums = (np.concatenate(parts) for parts in zip(*pairs))
    keys, edge = np.unique(edges[:, 0] * np.int64(n) + edges[:, 1], return_inverse=True)
    return (
        np.stack([keys // n, keys % n], 1).astype(np.int32),
        np.bincount(edge, lengths, len(keys)).astype(np.int64),
        np.bincount(edge, sums, len(keys)),
    )


# --- windows -------------------------------------------------------------------------------------


def _surroundings(net, scales):
    """How many pixels around a window matter, and what the places of its sides are multiples of."""
    if net.unit is None:
        raise ValueError(
            f"net has maps of strides {net.strides}; segment_array cuts images so that all strides "
            "divide where parts start: accepted are whole numbers"
        )
    reach = net.reach
    if reach is None:
        raise ValueError(
            "segment_array does not know how far around a pixel net, a "
            f"{type(net.trunk).__name__}, looks: where anything depends on the whole image, as by "
            "global pooling, segment it whole; else give the module an attribute reach, in pixels"
        )
    ratios = [Fraction(float(scale)).limit_denominator(1000) for scale in scales]
    unit = math.lcm(*((net.unit / ratio).numerator for ratio in ratios))
    if unit > _LARGEST_UNIT:
        raise ValueError(
            f"scales is {scales!r}: windows that segment_array cuts an image into would have to "
            f"start at multiples of {unit} pixels; accepted are simple fractions, such as 0.5, "
            f"0.75 and 1.5, where these are {_LARGEST_UNIT} at most"
        )
    # two more on either side, as an image is interpolated when it is enlarged or made smaller
    return max(math.ceil((reach + 2) / scale + 2) for scale in map(float, scales)), unit


def _places(core, shape, margin, unit, mirror):
    height, width = shape[:2]
    top, bottom, first, stop = core
    rows = _around(top, bottom, height, margin, unit)
    columns = _around(first, stop, width, margin, unit)
    views = [(*rows, *columns)]
    if mirror:  # the mirror image starts on the right
        low, high = _around(width - stop, width - first, width, margin, unit)
        views.append((*rows, width - high, width - low))
    ring = (max(top - 1, 0), min(bottom + 1, height), max(first - 1, 0), min(stop + 1, width))
    outer = (*rows, min(view[2] for view in views), max(view[3] for view in views))
    return Places(core, ring, views, outer)


def _around(first, stop, size, margin, unit):
    low, high = (first - margin) // unit * unit, -(-(stop + margin) // unit) * unit
    return max(low, 0), min(high, size)


def _look(part, labels, trained, settings, places):
    """A task: all that a window knows of superpixels and of pairs of them.

    Superpixels, their pixels, embeddings as far as they lie here; of those that go on in other
    windows (places among the first), what is pooled, in each view; pairs of neighbours, the length
    of their boundary, and the sum of boundary probabilities along it. A pair of pixels belongs to
    the window of its left or upper one.
    """
    import torch

    pooling, scales, _ = settings
    core, ring = places.core, places.ring
    around = read(labels)
    own = cut_out(around, ring, core)
    ids, local = np.unique(own, return_inverse=True)
    local = local.reshape(own.shape).astype(np.int32)
    rgb, net = model.as_rgb(read(part)), trained.on("cpu")
    views = []
    with torch.inference_mode(), one_torch_thread():
        for k, box in enumerate(places.views):
            image = model.as_tensor(cut_out(rgb, places.outer, box))
            placed = np.full((box[1] - box[0], box[3] - box[2]), -1, np.int32)
            top, first = core[0] - box[0], core[2] - box[2]
            placed[top : top + own.shape[0], first : first + own.shape[1]] = local
            for scale in scales:
                pooled, boundary = model.pooled_view(
                    net, image, placed, len(ids), pooling, scale, k == 1
                )
                boundary = torch.from_numpy(cut_out(boundary.numpy(), box, ring))
                views.append((pooled, boundary))
        v = model.mean_of_views([model.head_of(net, pooled).float() for pooled, _ in views])
        values = model.mean_of_views([boundary for _, boundary in views]).numpy()
        straddling = np.flatnonzero(np.isin(ids, _outside(around, ring, core)))
        parts = [torch.cat([side[straddling] for side in pooled], 1) for pooled, _ in views]
    counts = np.bincount(local.ravel(), minlength=len(ids))
    edges, lengths = region_adjacency(local)
    sums = boundary_sums(local, edges, cut_out(values, ring, core))
    inside = ids[edges].astype(np.int64), lengths, sums
    pairs = (inside, *_crossing(around, values, ring, core))
    edges, lengths, sums = (np.concatenate(both) for both in zip(*pairs))
    return (
        ids, counts, v.numpy(), straddling, torch.stack(parts, 1).float().numpy(),
        edges, lengths, sums,
    )  # fmt: skip


def _outside(around, ring, core):
    """The superpixels that have a pixel beside the window, and so go on: each is connected."""
    rest = np.ones(around.shape, bool)
    rest[core[0] - ring[0] : core[1] - ring[0], core[2] - ring[2] : core[3] - ring[2]] = False
    return np.unique(around[rest])


def _crossing(around, values, ring, core):
    """The pairs of pixels across the right and the lower side: edges, lengths, sums of each."""
    height, width = core[1] - core[0], core[3] - core[2]
    top, first = core[0] - ring[0], core[2] - ring[2]
    rows, columns = slice(top, top + height), slice(first, first + width)
    sides = []
    if ring[3] > core[3]:
        sides.append(((rows, first + width - 1), (rows, first + width)))
    if ring[1] > core[1]:
        sides.append(((top + height - 1, columns), (top + height, columns)))
    for one, other in sides:
        a, b = around[one], around[other]
        apart = a != b
        edges = np.sort(np.stack([a[apart], b[apart]], 1), 1).astype(np.int64)
        both = values[one][apart].astype(np.float64) + values[other][apart]
        yield edges, np.ones(len(edges), np.int64), both / 2
