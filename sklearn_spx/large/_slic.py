"""SLIC block by block.

blocks -> what the whole image is (range, 8 bits or not) -> plan: one grid of seeds
max_iter - 1 times: blocks, centres -> sums, exact in any order -> centres
blocks, centres -> clusters -> components ; across the blocks' sides -> regions -> labels
"""

from functools import partial

import numpy as np

from ..kernels.connectivity import blocks as joining
from ..kernels.slic import blocks as clustering
from . import _images
from ._labels import write_labels
from ._source import cut_out, read, window


def segment(image, out, keeps=True):
    """Segment by ``image.estimator``, a SLICSuperpixels, into an array.

    Parameters
    ----------
    image : Whole
    out : array that is written
    keeps : bool, whether what is written stays, and is not written again
    """
    image.engine.add_phase((image.estimator.max_iter + 1) * image.engine.n_blocks)
    plan = _plan(image)
    centres = _cluster(image, plan)
    _write(image, plan, centres, _join(image, plan, centres), out, keeps)


def _plan(image):
    """Find out what depends on the whole image, and make the plan of all blocks."""
    estimator, as_given = image.estimator, image.estimator._takes_as_given()
    value_range, eight_bit = None, False
    if not as_given:
        value_range, eight_bit = image.survey()
    n = image.shape[2] if len(image.shape) == 3 else 1
    converts, weights = estimator._conversion(n)
    rgb_scale = (255 if eight_bit else 1) if converts else None
    image.reading = _images.Reading(value_range, eight_bit, rgb_scale, None)
    axes, planes = clustering.choose_planes_of(
        partial(_take, image), rgb_scale, weights, 3 if converts else n
    )
    image.reading = image.reading._replace(axes=axes)
    return clustering.plan_blocks(
        image.shape[:2],
        estimator.n_segments,
        estimator.compactness,
        planes,
        rgb_scale,
        estimator.max_iter,
        estimator.slic_zero,
    )


def _take(image, side):
    """About side^2 pixels of the whole image, those that the kernel takes."""
    height, width = image.shape[:2]
    every = slice(None, None, 1 + width // side)
    found = []
    for y in range(0, height, 1 + height // side):
        row = np.asarray(read(window(image.source, (y, y + 1, 0, width))))
        part = _images.prepare(row[:, every], image.reading, f"array[{y}]")
        found.append(part.reshape(-1, part.shape[2]))
    return np.concatenate(found)


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


def _join(image, plan, centres):
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

    n_across = sum(box[0] == 0 for box in image.boxes)
    blocks = [found[i : i + n_across] for i in range(0, len(found), n_across)]
    target = image.shape[:2], plan.min_size, plan.n_segments
    looks = centres.places[:, 2:], plan.compactness
    return joining.join_blocks(blocks, target, looks, gather)


def _write(image, plan, centres, joined, out, keeps):
    """Write the labels, block by block."""

    def arguments(k):
        numbers = joined.numbers[k]
        cuts = {int(n): joined.cuts[int(n)] for n in np.unique(numbers[numbers < -1])}
        return (*_assigning(image, plan, centres, k), numbers, cuts)

    write_labels(image, _label, arguments, out, keeps)


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
