"""The loop over the images of a data set that both evaluations share."""

import joblib
from tqdm.auto import tqdm


def over_images(score, segmentations, ground_truths, *, n_jobs, verbose):
    """Return ``[score(segmentations[i], ground_truths[i]) for i]``, in threads.

    Images are read one at a time, when a thread is free for them. An error names its image.
    """
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
    try:
        return score(segmentation, truths)
    except (TypeError, ValueError) as error:
        raise type(error)(f"image {i}: {error}") from error
