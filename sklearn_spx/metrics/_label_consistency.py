"""Label consistency of a video: whether what is seen keeps its label from frame to frame."""

from numpy.typing import ArrayLike

from ..kernels.flow import as_flow, count_kept
from ._inputs import check_labels


def label_consistency(labels: ArrayLike, following: ArrayLike, flow: ArrayLike) -> float:
    """Return the share of pixels that keep their label in the frame that follows [1]_.

    Of the pixels of a frame that the flow moves to a pixel of the next one, in whole pixels, the
    share whose label is the same there.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Labels of a frame. Pixels with a negative label are left out.

    following : array-like of int, shape (height, width)
        Labels of the next frame. Pixels that move to a negative label are left out.

    flow : array-like of shape (2, height, width) or (2, 1, 1)
        Rows and columns that each pixel moves by; pixels with NaN or infinity are left out.

    Returns
    -------
    float
        Between 0 and 1; 1 is best.

    Raises
    ------
    ValueError, TypeError
        If an array is none of this, or no pixel is left.

    References
    ----------
    .. [1] J. Chang, D. Wei, J. W. Fisher III, "A video representation using temporal
       superpixels", CVPR 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.metrics import label_consistency
    >>> right_by_one = np.reshape([0, 1], (2, 1, 1))
    >>> label_consistency([[4, 4, 7, 7]], [[4, 4, 4, 7]], right_by_one)
    1.0
    >>> label_consistency([[4, 4, 7, 7]], [[4, 7, 7, 7]], right_by_one)
    0.3333333333333333
    """
    labels = check_labels(labels)
    following = check_labels(following, "following")
    if labels.shape != following.shape:
        raise ValueError(f"following has shape {following.shape}, labels have {labels.shape}")
    kept, seen = count_kept(labels, following, as_flow(flow, labels.shape))
    if not seen:
        raise ValueError("no pixel with a label moves to a pixel with a label")
    return kept / seen
