"""The features that Trainable SLIC runs on, of an image of any size, on disk."""

from ..utils.images import check_finite
from ..utils.scale import seen
from ._source import cut_out, read
from ._windows import write_windows


def write_features(image, estimator, folder):
    """Write the features along the axes, and return them as a source of windows.

    Parameters
    ----------
    image : Whole
    estimator : TrainableSLIC
    folder : str or path, where the file goes
    """
    n, reach = estimator.axes_.shape[1], estimator.features_._reach
    more = estimator, *image.survey()
    return write_windows(image, "features", n, reach, _features, more, folder)


def _features(part, name, estimator, value_range, eight_bit, outer, box):
    """A task: the features of a window."""
    image = read(part)
    check_finite(image, name, way_out="put numbers in their place")
    image = seen(image, value_range, None, name, eight_bit=eight_bit)
    values = estimator._values(image, "cpu")
    return (cut_out(values, outer, box),)
