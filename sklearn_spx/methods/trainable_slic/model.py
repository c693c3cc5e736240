"""Trainable SLIC from features to superpixels: by weights in the SLIC kernel, or by a net.

features, weights -> slic -> label image
features, net -> bottom_up (Algorithm 1: each pixel asks the net) -> label image

A volume (D, H, W, C) has the features of its slices, and weights alone.
"""

import math

import numpy as np

from ...features.devices import add_features_along, features_along
from ...kernels.cluster_assign import bottom_up
from ...kernels.slic import slic_quiet
from ...kernels.slic.parts import Parts
from ...utils.memory import give_back
from ...utils.threads import one_torch_thread

COMPACTNESS = 10.0  # of the plain SLIC that shapes and labels are made by


def make_net(distance, n_axes, n_neighbors):
    """The net of a distance, untrained."""
    from ...nets import trainable_slic_choice as nets

    return {
        "mlp": nets.DistanceNet,
        "classifier": nets.ClassifierNet,
        "classifier-paper": nets.PaperClassifierNet,
    }[distance](n_axes, n_neighbors)


def slices_of(volumes):
    """Images (H, W, C) as they are, volumes (D, H, W, C) slice by slice: one list."""
    return [one for image in volumes for one in (image if image.ndim == 4 else [image])]


def features_of(features, image):
    """Features (H, W, C) of an image; (D, H, W, C) of the slices of a volume."""
    found = features.transform(slices_of([image]))
    return np.stack(found) if image.ndim == 4 else found[0]


def features_along_axes(features, image, axes, device="cpu"):
    """`features_of` times axes (C, n); of an image on a device, if features are made there."""
    if image.ndim == 4:
        return np.stack([features_along(features, one, axes) for one in image])
    return features_along(features, image, axes, device)


def parts_along_axes(features, image, axes, mask=None):
    """`features_along_axes` of an image on the CPU in parts, for `segment` without a net."""
    parts = Parts(image.shape[:2], mask)
    add_features_along(features, image, axes, parts.add)
    give_back(4 * axes.shape[1] * math.prod(image.shape[:2]))
    return parts


def segment(
    values,
    n_segments,
    *,
    compactness,
    max_iter,
    mask=None,
    net=None,
    scale=1.0,
    seeds=None,
    spacing=None,
):
    """Superpixels of an image of features along their axes; with a net, by Algorithm 1.

    With spacing, which goes without a net, of a volume too. Features and mask are arrays, or
    tensors on a GPU, as labels then are. Features may be Parts where there is no net.
    """
    if net is None:
        return slic_quiet(
            values,
            n_segments,
            compactness=compactness,
            max_iter=max_iter,
            mask=mask,
            seeds=seeds,
            spacing=spacing,
            convert2lab=False,
        )
    with one_torch_thread():
        return bottom_up(
            values,
            n_segments,
            chooser(net, scale, compactness),
            max_iter=max_iter,
            n_neighbors=net.n_neighbors,
            mask=mask,
            seeds=seeds,
        )


def chooser(net, scale, compactness):
    """The ``choose`` of :func:`~sklearn_spx.kernels.cluster_assign.bottom_up`, by a net.

    Of tensors on the net's device it returns one, and nothing is copied; of arrays, an array.
    """
    import torch

    device = net.unit.device
    compactness = min(compactness, 1e9)  # beyond it, place alone counts
    weight = np.float32(compactness**2)
    # a net that stands alone is told the places, by sigma of the paper; else they are added
    sigma = np.float32(compactness / COMPACTNESS) if net.stands_alone else np.float32(1)

    def choose(values, means, neighbors, differences):
        on_host = isinstance(neighbors, np.ndarray)
        with torch.inference_mode():
            values, means, neighbors, differences = (
                torch.as_tensor(array, device=device)
                for array in (values, means, neighbors, differences)
            )
            there = neighbors >= 0
            places = differences[:, :, -1]
            places.copy_(torch.where(there, places * float(sigma**2), places))
            cost = net(values, means, neighbors.long(), differences)
            if not net.stands_alone:
                places = torch.where(there, places, 0.0)
                cost = float(np.float32(scale)) * cost + float(weight) * places
            chosen = cost.argmin(dim=1)
        return chosen.cpu().numpy() if on_host else chosen

    return choose
