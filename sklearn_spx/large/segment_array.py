"""Regions of an image of any size, block by block, with the labels of the whole image.

    for Trainable SLIC: array -> windows -> features, which are the array from here on
    array -> blocks -> labels, by `_slic` or by `_entropy_rate`
    for DEL: these are superpixels, which a net in windows, and merging, make segments of

Each arrow over blocks is one task a block, run by dask.
"""

from contextlib import ExitStack
from itertools import pairwise, product
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..kernels.checks import check_count
from ..methods.deep_embedding.estimator import DELSegmenter
from ..methods.ers import ERSSuperpixels
from ..methods.seal.estimator import SEALSuperpixels
from ..methods.slic import SLICSuperpixels
from ..methods.trainable_slic.estimator import TrainableSLIC
from ..training.state import digest
from ..utils.each import naming
from . import _deep_embedding, _entropy_rate, _slic
from ._engine import Engine
from ._features import write_features
from ._journal import Journal
from ._source import as_source, read, window
from ._whole import Whole

__all__ = ["segment_array"]

_SUPERPIXELS = SLICSuperpixels, ERSSuperpixels, TrainableSLIC, SEALSuperpixels
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

    So it is with `ERSSuperpixels`. Blocks make those joins that nothing beyond them can change,
    deeper and deeper, each time in windows that lie otherwise; the few that are left are made in
    one place, in the order in which the whole image makes them. On disk are two times 12 bytes a
    pixel, and the superpixels of SLIC whose borders ``regularity`` favours, 4 bytes.

    `SEALSuperpixels` grow likewise on affinities, and `TrainableSLIC` runs on features, which are
    computed first, in windows of 1024 pixels and what nets or filters see around, and kept in a
    file of 8 bytes a pixel, or 4 a feature and pixel. Here too no choice changes a label. What nets
    and filters give differs a little with the size of what they are shown, and a few labels with
    it: an image of one window has the labels of ``transform``, a larger one nearly.

    `DELSegmenter` merges superpixels, which are grown first and kept in a file of 4 bytes a pixel.
    Its net is run in the same windows; what several of them know of a superpixel, or of two that
    touch, is added up. Merging is that of the estimator, of all superpixels at once, in the memory
    of this process. Again no choice changes a label, an image of one window has the labels of
    ``predict``, and a larger one nearly.

    Work is shared out by `dask <https://docs.dask.org>`_: over threads of this process, or as
    ``dask.config.set`` or a ``distributed.Client`` says. By SLIC a block is read ``max_iter + 2``
    times, once or twice more where values of the whole image matter first; by entropy rate
    superpixels about as often again.

    Parameters
    ----------
    estimator : SLICSuperpixels, ERSSuperpixels, TrainableSLIC, SEALSuperpixels or DELSegmenter
        Fitted, with ``device="cpu"`` and without ``spacing``. A TrainableSLIC of the distances
        "linear" and "embedding", on Lab, scattering, embeddings, or a union of them. A SEAL of the
        backend "ers" and a net that sees no Canny edges. A DELSegmenter whose ``superpixels`` are
        one of these, or None; of its ``scales`` simple fractions; a net of one's own may say by an
        attribute ``reach`` of the trunk how many pixels away it sees, which otherwise is found out.

    array : array of shape (height, width) or (height, width, channels), or str or path-like
        Whatever has ``shape``, ``dtype`` and slices: a NumPy array or memmap, a dask or zarr array.
        Or the path of a GeoTIFF or another raster file, which is read by windows; it takes the
        extra ``geo``. Worker processes open files themselves, and need to reach them.

    out : array of shape (height, width) or None, default=None
        What is written, by this process alone, block by block: an integer array that can be
        sliced, as a memmap or a zarr array. None is a new array in memory, of int32.

    block_size : int, default=1024
        Rows and columns of a block; rounded up to a multiple of 16. A worker needs memory for
        one, by entropy rate superpixels with all its edges. Of the latter, blocks are wider where
        superpixels are, ten of them up to 2048 pixels.

    checkpoint : str, path-like or None, default=None
        Folder that keeps what is done, so that the same call goes on where it was interrupted. It
        belongs to the estimator's parameters and the array's shape, dtype and a sample of its
        pixels; not to what a DELSegmenter merges by (``merge``, ``threshold``, ``n_segments``,
        ``min_size``): other values start from the graph that is there. Delete it when all is done.
        Files as large as the image are kept there too; without
        it in the folder that ``tempfile`` chooses, by ``TMPDIR``, until the end. Other machines
        need to reach it.

    verbose : int, default=0
        A progress bar when 1 or more.

    Returns
    -------
    out : array of shape (height, width)
        Labels 0, 1, ... of connected superpixels, or segments, numbered by first pixel: ``out``, or
        the new array.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used, or the image, or a block of it, which is named; or if by
        entropy rate superpixels too much of the image is of one colour to be joined in one place,
        with ``regularity=0``.

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
    is_del = isinstance(estimator, DELSegmenter)
    grower = _deep_embedding.superpixels_of(estimator, shape) if is_del else estimator
    if min(grower.n_segments, shape[0] * shape[1]) > np.iinfo(np.int32).max:
        raise ValueError(f"{grower.n_segments} are more superpixels than int32 has numbers")
    block_size = -(-check_count(block_size, "block_size") // _UNIT) * _UNIT
    rows, columns = ([*range(0, n, block_size), n] for n in shape)
    boxes = [(*ys, *xs) for ys, xs in product(pairwise(rows), pairwise(columns))]
    in_memory = out is None
    out = np.empty(shape, np.int32) if in_memory else _check_out(out, shape)
    owner = None if checkpoint is None else _digest_of(estimator, source, block_size)
    engine = Engine(Journal(checkpoint, owner), len(boxes), verbose)
    with engine.bar, ExitStack() as stack:
        image = Whole(estimator, source, boxes, engine)
        folder = checkpoint
        if folder is None and not isinstance(estimator, SLICSuperpixels):
            folder = stack.enter_context(TemporaryDirectory(prefix="segment_array-"))
        if is_del:
            _deep_embedding.segment(image, folder, _grow, out)
        else:
            _grow(image, folder, out, keeps=not in_memory)
    return out


def _grow(image, folder, out, keeps=True):
    """Write superpixels; ``keeps``: what is written stays, and is not written again."""
    if isinstance(image.estimator, (ERSSuperpixels, SEALSuperpixels)):
        _entropy_rate.segment(image, out, folder, keeps)
        return
    if isinstance(image.estimator, TrainableSLIC):
        source = write_features(image, image.estimator, folder)
        image = image.of(_slic_of(image.estimator), source)
    _slic.segment(image, out, keeps)


# --- checks -------------------------------------------------------------------------------------


def _slic_of(estimator):
    """The SLIC that a TrainableSLIC runs on its features."""
    return SLICSuperpixels(
        estimator.n_segments,
        compactness=estimator.compactness,
        max_iter=estimator.max_iter,
        convert2lab=False,
    )


def _check_estimator(estimator, taken=(*_SUPERPIXELS, DELSegmenter)):
    if not isinstance(estimator, taken):
        names = ", ".join(one.__name__ for one in taken)
        raise TypeError(f"segment_array takes {names}, got {type(estimator).__name__}")
    if isinstance(estimator, TrainableSLIC):
        _check_distance(estimator)
    elif isinstance(estimator, SEALSuperpixels):
        _check_affinities(estimator)
    check_is_fitted(estimator)
    estimator._validate_params()
    if getattr(estimator, "spacing", None) is not None:
        raise ValueError(
            "segment_array takes images of square pixels, and spacing is "
            f"{estimator.spacing!r}: give spacing=None, or transform the whole image"
        )
    if estimator.device != "cpu":
        raise ValueError(f'segment_array needs device="cpu", got device={estimator.device!r}')
    if isinstance(estimator, DELSegmenter):
        estimator._prepare()
        if estimator.superpixels_ is not None:
            with naming("superpixels"):
                _check_estimator(estimator.superpixels_, _SUPERPIXELS)


def _check_distance(estimator):
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


def _check_affinities(estimator):
    estimator._prepare()
    if estimator.backend != "ers":
        raise ValueError(
            f"backend is {estimator.backend!r}, whose search for the number of superpixels needs "
            'the whole image at once: segment_array takes "ers"'
        )
    if getattr(estimator.net_, "canny", False):
        raise ValueError(
            "this net sees Canny edges, which may depend on pixels any distance away: "
            'segment_array takes the nets "compact", "pan-no-canny" and "pan-baseline"'
        )


def _check_dask():
    try:
        import dask  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "segment_array needs dask, which is not installed: pip install 'sklearn-spx[dask]'"
        ) from error


def _check_channels(estimator, source):
    found = 1 if len(source.shape) == 2 else source.shape[2]
    if getattr(estimator, "superpixels_", None) is not None:
        with naming("superpixels"):
            _check_channels(estimator.superpixels_, source)
    expected = estimator.n_channels_in_
    if not estimator._takes_channels(found, expected, True):
        raise ValueError(
            f"array has {found} channels where {type(estimator).__name__} expects {expected}, "
            "the number of the images it was fitted to"
        )


def _check_out(out, shape):
    if tuple(getattr(out, "shape", ())) != shape or not (
        hasattr(out, "__setitem__") and hasattr(out, "__getitem__")
    ):
        raise ValueError(
            f"out must be an array of shape {shape} that can be read and written, got a "
            f"{type(out).__name__} of shape {getattr(out, 'shape', None)}"
        )
    dtype = np.dtype(out.dtype)
    if dtype.kind not in "iu" or np.iinfo(dtype).max < 2**31 - 1:
        raise TypeError(f"out has dtype {dtype}; accepted are integers of 32 bits and more")
    try:  # what is read-only would tell after all of the work
        out[:1, :1] = np.asarray(out[:1, :1])
    except Exception as error:  # whatever an array class of somebody else's raises
        raise ValueError(
            f"out cannot be written to: {error}. Open it for writing, as by mode='r+'"
        ) from error
    return out


def _digest_of(estimator, source, block_size):
    """What a checkpoint belongs to; of the pixels, a sample all over the image."""
    height, width = source.shape[:2]
    pixels = [
        np.asarray(read(window(source, (y, y + 1, x, x + 1))))
        for y, x in product(range(0, height, 1 + height // 8), range(0, width, 1 + width // 8))
    ]
    ranges = vars(estimator).get("_ranges", {})
    if isinstance(estimator, DELSegmenter):  # merging is not part of it: it starts from the graph
        about, learned = {"value_range": estimator.value_range}, estimator._digest()
    else:
        about = {
            name: value
            for name, value in estimator.get_params().items()
            if name not in ("n_jobs", "verbose", "on_error", "device", "spacing", "memory")
        }
        learned = estimator._state()[0] if hasattr(estimator, "_state") else {}
    return digest([repr(about), repr(ranges), learned, list(source.shape), block_size, pixels])
