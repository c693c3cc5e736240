"""The loop over the images of a data set that both evaluations share."""

import joblib
from tqdm.auto import tqdm

from ._inputs import check_sequence


def over_images(score, segmentations, ground_truths, *, n_jobs, verbose):
    """Return ``[score(segmentations[i], ground_truths[i]) for i]``, in threads.

    Images are read one at a time, when a thread is free for them. An error names its image.
    """
    accepted = "is a sequence with an item an image"
    segmentations = check_sequence(segmentations, "segmentations", accepted)
    ground_truths = check_sequence(ground_truths, "ground_truths", accepted)
    if getattr(segmentations, "ndim", 3) == 2:
        raise ValueError(
            f"segmentations has shape {segmentations.shape}; accepted {accepted}. If it is one "
            "label image, pass [segmentations], and [ground_truths]"
        )
    n_images = len(segmentations)
    if n_images == 0:
        raise ValueError("segmentations is empty; accepted is at least one image")
    if len(ground_truths) != n_images:
        raise ValueError(
            f"segmentations has {n_images} images and ground_truths {len(ground_truths)}; they "
            "must be as many"
        )
    images = tqdm(range(n_images), desc="evaluate", unit="image", disable=not verbose)
    return joblib.Parallel(n_jobs=n_jobs, prefer="threads")(
        joblib.delayed(_named)(score, i, segmentations[i], ground_truths[i]) for i in images
    )


def _named(score, i, segmentation, truths):
    if segmentation is None:
        raise ValueError(f"image {i} could not be segmented, so it has no score")
    try:
        return score(segmentation, truths)
    except (TypeError, ValueError) as error:
        raise type(error)(f"image {i}: {error}") from error
