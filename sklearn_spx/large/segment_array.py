"""Superpixels of an image of any size, block by block, with the labels of the whole image.

    for Trainable SLIC: array -> windows -> features, which are the array from here on
    array -> blocks -> what the whole image is (range, 8 bits or not) -> plan: one grid of seeds
    max_iter - 1 times: blocks, centres -> sums, exact in any order -> centres
    blocks, centres -> clusters -> components ; across the blocks' sides -> regions -> labels

Each arrow over blocks is one task a block, run by dask.
"""

from contextlib import ExitStack
from itertools import pairwise, product
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..kernels.checks import check_count
from ..kernels.connectivity import blocks as joining
from ..kernels.slic import blocks as clustering
from ..methods.slic import SLICSuperpixels
from ..methods.trainable_slic.estimator import TrainableSLIC
from ..training.state import digest
from . import _images
from ._engine import Engine
from ._features import write_features
from ._journal import Journal
from ._source import as_source, cut_out, read, window

__all__ = ["segment_array"]

_UNIT = 16  # blocks start at multiples of it: the side of a tile, or twice


def segment_array(
    estimator: Any,
    array: Any,
    out: Any = None,
    *,
    block_size: int = 1024,
    checkpoint: Any = None,
    verbose: int = 0,
) -> Any:
    """Segment an image of any size, as it would be segmented whole.

    With `SLICSuperpixels` the image is read block by block, by as many workers as there are, and
    the label image is that of ``estimator.transform([image])[0]``, bit for bit: there is one grid
    of seeds, whatever goes from block to block is a sum that is exact in any order, and superpixels
    grow together, join and are counted across the sides of blocks. No choice of ``block_size``, of
    the array's chunks, of workers or of a scheduler changes a label.

    `TrainableSLIC` runs on features, which are computed first, in windows of 1024 pixels and what
    its features see around, and kept in a file of 4 bytes a feature and pixel. Here too no choice
    changes a label. What nets and filters give differs a little with the size of what they are
    shown, and a few labels with it: an image of one window has the labels of
    ``transform``, a larger one nearly.

    Work is shared out by `dask <https://docs.dask.org>`_: over threads of this process, or as
    ``dask.config.set`` or a ``distributed.Client`` says. A block is read ``max_iter + 2``
    times, once or twice more where values of the whole image matter first.

    Parameters
    ----------
    estimator : SLICSuperpixels or TrainableSLIC
        Fitted, with ``device="cpu"`` and without ``spacing``. A TrainableSLIC of the distances
        "linear" and "embedding", on Lab, scattering, embeddings, or a union of them.

    array : array of shape (height, width) or (height, width, channels), or str or path-like
        Whatever has ``shape``, ``dtype`` and slices: a NumPy array or memmap, a dask or zarr array.
        Or the path of a GeoTIFF or another raster file, which is read by windows; it takes the
        extra ``geo``. Worker processes open files themselves, and need to reach them.

    out : array of shape (height, width) or None, default=None
        What is written, by this process alone, block by block: an integer array that can be
        sliced, as a memmap or a zarr array. None is a new array in memory, of int32.

    block_size : int, default=1024
        Rows and columns of a block; rounded up to a multiple of 16. A worker needs memory for
        one.

    checkpoint : str, path-like or None, default=None
        Folder that keeps what is done, so that the same call goes on where it was interrupted. It
        belongs to the estimator's parameters and the array's shape, dtype and a sample of its
        pixels. Delete it when all is done. Features are kept there too; without it in the folder
        that ``tempfile`` chooses, by ``TMPDIR``, until the end. Other machines need to reach it.

    verbose : int, default=0
        A progress bar when 1 or more.

    Returns
    -------
    out : array of shape (height, width)
        Labels 0, 1, ... of connected superpixels, numbered by first pixel: ``out``, or the new
        array.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the image, or a block of it, which is named.

    ImportError
        If dask is not installed: ``pip install 'sklearn-spx[dask]'``; or rasterio, for a file.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> from sklearn_spx.large import segment_array
    >>> image = make_dead_leaves(1, random_state=0).images[0]
    >>> slic = SLICSuperpixels(50).fit([image])
    >>> labels = segment_array(slic, image, block_size=48)
    >>> bool((labels == slic.transform([image])[0]).all())
    True
    """
    _check_estimator(estimator)
    _check_dask()
    source = as_source(array)
    _check_channels(estimator, source)
    shape = tuple(source.shape[:2])
    if min(estimator.n_segments, shape[0] * shape[1]) > np.iinfo(np.int32).max:
        raise ValueError(f"{estimator.n_segments} are more superpixels than int32 has numbers")
    block_size = -(-check_count(block_size, "block_size") // _UNIT) * _UNIT
    rows, columns = ([*range(0, n, block_size), n] for n in shape)
    boxes = [(*ys, *xs) for ys, xs in product(pairwise(rows), pairwise(columns))]
    in_memory = out is None
    out = np.empty(shape, np.int32) if in_memory else _check_out(out, shape)
    owner = None if checkpoint is None else _digest_of(estimator, source, block_size)
    journal = Journal(checkpoint, owner)
    engine = Engine(journal, len(boxes), estimator.max_iter + 2, verbose)
    with engine.bar, ExitStack() as stack:
        image = _Whole(estimator, source, boxes, engine)
        if isinstance(estimator, TrainableSLIC):
            folder = checkpoint
            if folder is None:
                folder = stack.enter_context(TemporaryDirectory(prefix="segment_array-"))
            source = write_features(image, estimator, image.survey(), journal, folder)
            image = _Whole(_slic_of(estimator), source, boxes, engine)
        plan = image.plan()
        centres = _cluster(image, plan)
        joined = _join(image, plan, centres, len(columns) - 1)
        _write(image, plan, centres, joined, None if in_memory else journal, out)
    return out


# --- the image ----------------------------------------------------------------------------------


class _Whole:
    """The image, its blocks, and how a block is read."""

    def __init__(self, estimator, source, boxes, engine):
        self.estimator, self.source, self.boxes, self.engine = estimator, source, boxes, engine
        self.shape = tuple(source.shape)
        self.reading = None

    def plan(self):
        """Find out what depends on the whole image, and make the plan of all blocks."""
        estimator, as_given = self.estimator, self.estimator._takes_as_given()
        value_range, eight_bit = None, False
        if not as_given:
            value_range, eight_bit = self.survey()
        n = self.shape[2] if len(self.shape) == 3 else 1
        converts, weights = estimator._conversion(n)
        rgb_scale = (255 if eight_bit else 1) if converts else None
        self.reading = _images.Reading(value_range, eight_bit, rgb_scale, None)
        axes, planes = clustering.choose_planes_of(
            self._take, rgb_scale, weights, 3 if converts else n
        )
        self.reading = self.reading._replace(axes=axes)
        return clustering.plan_blocks(
            self.shape[:2],
            estimator.n_segments,
            estimator.compactness,
            planes,
            rgb_scale,
            estimator.max_iter,
            estimator.slic_zero,
        )

    def survey(self):
        """Black and white, and whether the image is an 8-bit picture."""
        dtype = self.source.dtype
        known = _images.known_range(self.estimator, dtype)
        if known == (0, 255) and dtype == np.uint8:
            return known, True
        if known is None:
            found = self._surveyed("range", None)
            low, high = min(part[0] for part in found), max(part[1] for part in found)
            known = _images.natural_range(np.array([[low, high]], dtype), "array")
        return known, all(bool(part[2]) for part in self._surveyed("bits", known))

    def _surveyed(self, phase, value_range):
        self.engine.add_phase()
        return [part for _, part in self.engine.each(phase, _survey, self._arguments(value_range))]

    def _arguments(self, *more):
        """Of a task without a plan, by the number of the block."""
        return lambda k: (*self.part(self.boxes[k]), *more)

    def _take(self, side):
        """About side^2 pixels of the whole image, those that the kernel takes."""
        height, width = self.shape[:2]
        every = slice(None, None, 1 + width // side)
        found = []
        for y in range(0, height, 1 + height // side):
            row = np.asarray(read(window(self.source, (y, y + 1, 0, width))))
            image = _images.prepare(row[:, every], self.reading, f"array[{y}]")
            found.append(image.reshape(-1, image.shape[2]))
        return np.concatenate(found)

    def part(self, box):
        """Some of the image as tasks get it, and what messages call it."""
        return window(self.source, box), "array[{}:{}, {}:{}]".format(*box)

    def around(self, box, side):
        """A part of the image with as many pixels around it."""
        top, bottom, left, right = box
        height, width = self.shape[:2]
        return (
            max(top - side, 0), min(bottom + side, height),
            max(left - side, 0), min(right + side, width),
        )  # fmt: skip


# --- phases -------------------------------------------------------------------------------------


def _cluster(image, plan):
    """The centres before the last iteration, which assigns pixels and moves nothing."""
    engine, journal = image.engine, image.engine.journal
    done = journal.last("centres")
    if done is None:

        def looking(k):
            box = image.boxes[k]
            ids = clustering.seeds_of_block(plan, *_place_of(box))
            return (*image.part(box), image.reading, plan._replace(seeds=plan.seeds[ids]), box, ids)

        looks = [look for _, look in engine.each("look", _look, looking)]
        centres, done = clustering.first_centres(plan, looks), 0
        journal.put("centres", 0, centres)
        journal.forget("look")
    else:
        places, contrast, farthest, grid = journal.get("centres", done)
        centres = clustering.Centres(places, contrast, farthest, float(grid))
        engine.bar.update((1 + done) * len(image.boxes))
    for iteration in range(done, plan.max_iter - 1):

        def summing(k):
            box = image.boxes[k]
            some = clustering.centres_of_block(plan, centres, *_place_of(box))  # noqa: B023
            return (*image.part(box), image.reading, _thin(plan), box, iteration, *some)  # noqa: B023

        phase = f"sums{iteration}"
        found = engine.each(phase, _sum, summing)
        centres = clustering.move_centres(plan, centres, [sums for _, sums in found])
        journal.put("centres", iteration + 1, centres)
        journal.forget(phase)
    return centres


def _join(image, plan, centres, n_across):
    """The region of each component of each block."""
    engine = image.engine

    def arguments(k):
        return _assigning(image, plan, centres, k)

    found = [
        joining.BlockComponents(*arrays) for _, arrays in engine.each("found", _find, arguments)
    ]

    def gather(numbers, wanted):
        chosen = [k for k, own in enumerate(numbers) if wanted[own].any()]

        def gathering(k):
            own = numbers[k]
            return (*arguments(k), np.where(wanted[own], own, -1).astype(np.int32))

        parts = [part for _, part in engine.each("cut", _gather, gathering, chosen)]
        return tuple(np.concatenate(arrays) for arrays in zip(*parts))

    blocks = [found[i : i + n_across] for i in range(0, len(found), n_across)]
    target = image.shape[:2], plan.min_size, plan.n_segments
    looks = centres.places[:, 2:], plan.compactness
    return joining.join_blocks(blocks, target, looks, gather)


def _write(image, plan, centres, joined, journal, out):
    """Write the labels, block by block."""
    engine = image.engine
    left = range(len(image.boxes))
    if journal is not None:
        left = [k for k in left if journal.get("written", k) is None]
        engine.bar.update(len(image.boxes) - len(left))

    def writing(k):
        numbers = joined.numbers[k]
        cuts = {int(n): joined.cuts[int(n)] for n in np.unique(numbers[numbers < -1])}
        return (*_assigning(image, plan, centres, k), numbers, cuts)

    for k, (labels,) in engine.each("labels", _label, writing, left, keep=False):
        top, bottom, first, stop = image.boxes[k]
        out[top:bottom, first:stop] = labels
        if journal is not None:
            if hasattr(out, "flush"):
                out.flush()
            journal.put("written", k, ())
        engine.bar.update()


def _assigning(image, plan, centres, k):
    """The arguments of a task that needs the clusters of a block and of the pixels around."""
    outer = image.around(image.boxes[k], plan.side)
    ids, own = clustering.centres_of_block(plan, centres, *_place_of(outer))
    return (*image.part(outer), image.reading, _thin(plan), outer, image.boxes[k], ids, own)


def _place_of(box):
    """Shape of a block, its first row and its first column."""
    return (box[1] - box[0], box[3] - box[2]), box[0], box[2]


def _thin(plan):
    """The plan without the seeds, which only the first look needs."""
    return plan._replace(seeds=plan.seeds[:0])


# --- tasks: of a block, wherever they run; each returns a tuple of arrays ------------------------


def _survey(part, name, value_range):
    return _images.survey_block(read(part), value_range, name)


def _look(part, name, reading, plan, box, ids):
    image = _images.prepare(read(part), reading, name)
    largest, colours = clustering.look_at_block(plan, image, box[0], box[2])
    return np.array(largest), ids, colours


def _sum(part, name, reading, plan, box, iteration, ids, centres):
    image = _images.prepare(read(part), reading, name)
    return ids, *clustering.sum_block(plan, image, box[0], box[2], iteration, ids, centres)


def _clusters_of(part, name, reading, plan, outer, box, ids, centres):
    """The cluster of each pixel of a block, settled, which takes those around it."""
    image = _images.prepare(read(part), reading, name)
    labels = clustering.assign_block(plan, image, outer[0], outer[2], ids, centres)
    if plan.min_size > 1:
        joining.settle(labels)
    return cut_out(labels, outer, box)


def _find(part, name, reading, plan, outer, box, ids, centres):
    labels = _clusters_of(part, name, reading, plan, outer, box, ids, centres)
    return joining.find_components(labels, box[0], box[2], plan.shape[1])


def _gather(part, name, reading, plan, outer, box, ids, centres, numbers):
    """Where pixels of the regions lie that `numbers` names, and the region of each."""
    labels = _clusters_of(part, name, reading, plan, outer, box, ids, centres)
    joining.write_block(labels, box[0], box[2], numbers, {})
    ys, xs = np.nonzero(labels >= 0)
    return (ys + box[0]) * plan.shape[1] + xs + box[2], labels[ys, xs].astype(np.int64)


def _label(part, name, reading, plan, outer, box, ids, centres, numbers, cuts):
    labels = _clusters_of(part, name, reading, plan, outer, box, ids, centres)
    joining.write_block(labels, box[0], box[2], numbers, cuts)
    return (labels,)


# --- checks -------------------------------------------------------------------------------------


def _slic_of(estimator):
    """The SLIC that a TrainableSLIC runs on its features."""
    return SLICSuperpixels(
        estimator.n_segments,
        compactness=estimator.compactness,
        max_iter=estimator.max_iter,
        convert2lab=False,
    )


def _check_estimator(estimator):
    if not isinstance(estimator, (SLICSuperpixels, TrainableSLIC)):
        raise TypeError(
            "segment_array takes SLICSuperpixels and TrainableSLIC, got "
            f"{type(estimator).__name__}: superpixels of other methods depend on the whole image "
            "at once"
        )
    if isinstance(estimator, TrainableSLIC):
        estimator._prepare()
        if estimator.net_ is not None:
            raise ValueError(
                "a net chooses this TrainableSLIC's clusters, and segment_array has none: "
                'accepted are the distances "linear" and "embedding"'
            )
        for part in getattr(estimator.features_, "transformers_", [("", estimator.features_)]):
            if getattr(part[1], "_reach", None) is None:
                raise ValueError(
                    f"segment_array does not know how far around a pixel {type(part[1]).__name__} "
                    "looks: accepted are LabFeatures, ScatteringFeatures, EmbeddingFeatures and a "
                    "ChannelUnion of them"
                )
    check_is_fitted(estimator)
    estimator._validate_params()
    if estimator.spacing is not None:
        raise ValueError(
            "segment_array takes images of square pixels, and spacing is "
            f"{estimator.spacing!r}: give spacing=None, or transform the whole image"
        )
    if estimator.device != "cpu":
        raise ValueError(f'segment_array needs device="cpu", got device={estimator.device!r}')


def _check_dask():
    try:
        import dask  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "segment_array needs dask, which is not installed: pip install 'sklearn-spx[dask]'"
        ) from error


def _check_channels(estimator, source):
    found = 1 if len(source.shape) == 2 else source.shape[2]
    expected = estimator.n_channels_in_
    if not estimator._takes_channels(found, expected, True):
        raise ValueError(
            f"array has {found} channels where {type(estimator).__name__} expects {expected}, "
            "the number of the images it was fitted to"
        )


def _check_out(out, shape):
    if tuple(getattr(out, "shape", ())) != shape or not hasattr(out, "__setitem__"):
        raise ValueError(
            f"out must be an array of shape {shape} that can be written, got a "
            f"{type(out).__name__} of shape {getattr(out, 'shape', None)}"
        )
    dtype = np.dtype(out.dtype)
    if dtype.kind not in "iu" or np.iinfo(dtype).max < 2**31 - 1:
        raise TypeError(f"out has dtype {dtype}; accepted are integers of 32 bits and more")
    return out


def _digest_of(estimator, source, block_size):
    """What a checkpoint belongs to; of the pixels, a sample all over the image."""
    height, width = source.shape[:2]
    pixels = [
        np.asarray(read(window(source, (y, y + 1, x, x + 1))))
        for y, x in product(range(0, height, 1 + height // 8), range(0, width, 1 + width // 8))
    ]
    about = {
        name: value
        for name, value in estimator.get_params().items()
        if name not in ("n_jobs", "verbose", "on_error", "device", "spacing")
    }
    ranges = vars(estimator).get("_ranges", {})
    learned = estimator._state()[0] if isinstance(estimator, TrainableSLIC) else {}
    return digest([repr(about), repr(ranges), learned, list(source.shape), block_size, pixels])
