"""Labels that are written block by block, each once."""

import zlib

import numpy as np


def write_labels(image, task, arguments, out, keeps):
    """Write what a task finds of each block: a tuple of one label image.

    Parameters
    ----------
    image : Whole
    task, arguments : as of ``Engine.each``
    out : array (height, width) that is written
    keeps : bool, whether what is written stays, and is not written again
    """
    engine, boxes = image.engine, image.boxes
    journal = engine.journal
    engine.add_phase()
    left = list(range(len(boxes)))
    if keeps:
        left = [k for k in left if not _is_written(out, boxes[k], journal.get("written", k))]
        engine.bar.update(len(boxes) - len(left))
    for k, (labels,) in engine.each("labels", task, arguments, left, keep=False):
        top, bottom, first, stop = boxes[k]
        out[top:bottom, first:stop] = labels
        if keeps:
            if hasattr(out, "flush"):
                out.flush()
            journal.put("written", k, (_sum_of(labels),))
        engine.bar.update()


def _is_written(out, box, kept):
    """Whether a block holds what was written; another ``out``, or one made anew, does not."""
    top, bottom, first, stop = box
    return bool(kept) and kept[0] == _sum_of(out[top:bottom, first:stop])


def _sum_of(labels):
    return np.array(zlib.crc32(np.ascontiguousarray(labels, np.int32)))
