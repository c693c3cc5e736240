"""The scale of a learned distance: the one at which superpixels are as compact as plain SLIC's."""

import numpy as np

from ...metrics import compactness as mean_compactness
from ...utils.images import grid_of
from .model import COMPACTNESS, features_along_axes, segment
from .samples import MAX_ITER, grid_count

_N_CALIBRATION = 20  # images that the overall scale is measured on
_N_CALIBRATION_NET = 12
_MOST_OCTAVES = 6  # that the scale of a net may lie from where it starts
_CLOSE_ENOUGH = 0.003  # of two compactnesses


class Shapes:
    """Finds the factor of the features at which superpixels are as compact as plain SLIC's."""

    def __init__(self, items, features, reference, size, run, spacing=None):
        self.items, self.features, self.reference, self.size = items, features, reference, size
        self.run, self.spacing = run, spacing
        self.is_grid = False

    def of_linear(self, axes):
        """Log2 of the factor for the linear form."""
        chosen = self._subset(_N_CALIBRATION)
        settings = self.features, axes, self.reference, self.size, self.spacing
        tasks = [(image, mask, *settings) for image, mask, _ in chosen]
        grid, wanted, *found = np.mean(list(self.run(_shapes, tasks, len(tasks))), axis=0)
        # compactness falls with the scale
        log_scale = float(np.interp(-wanted, -np.array(found), _LOG_SCALES))
        self._note(grid, wanted, np.interp(log_scale, _LOG_SCALES, found))
        return log_scale

    def note_net(self, net, axes):
        """Note whether a net that has no scale makes squares."""
        items, wanted, grid = self._for_net(axes)
        tasks = [(*item[:3], net, 1.0) for item in items]
        found = float(np.mean(list(self.run(_shape_by_net, tasks, len(tasks)))))
        self._note(grid, wanted, found)

    def _for_net(self, axes):
        """A few images, as nets take longer; the compactness of plain SLIC, and of the grid."""
        items = []
        for image, mask, _ in self._subset(_N_CALIBRATION_NET):
            values = self.features.transform([image])[0] @ axes
            n_segments = grid_count(grid_of(image), mask, self.size)
            plain = _plain(self.reference.colours(image), n_segments, mask)
            flat = _plain(np.zeros(image.shape[:2], np.float32), n_segments, mask)
            items.append((values, mask, n_segments, plain, flat))
        return items, *(np.mean([item[i] for item in items]) for i in (3, 4))

    def of_net(self, net, axes, start):
        """Log2 of the factor for a net, by false position."""
        items, wanted, grid = self._for_net(axes)

        def excess(log_scale):
            tasks = [(*item[:3], net, 2.0**log_scale) for item in items]
            return float(np.mean(list(self.run(_shape_by_net, tasks, len(tasks))))) - wanted

        at = float(start)
        excesses = {at: excess(at)}
        outwards = 1.0 if excesses[at] > 0 else -1.0  # compactness falls with the scale
        while excesses[at] * outwards > 0 and abs(at - start) < _MOST_OCTAVES:
            at += outwards
            excesses[at] = excess(at)
        for _ in range(2):
            low = max((s for s in excesses if excesses[s] > 0), default=at)
            high = min((s for s in excesses if excesses[s] <= 0), default=at)
            if excesses[low] == excesses[high] or min(map(abs, excesses.values())) < _CLOSE_ENOUGH:
                break
            at = low + (high - low) * excesses[low] / (excesses[low] - excesses[high])
            excesses[at] = excess(at)
        best = min(excesses, key=lambda s: abs(excesses[s]))
        self._note(grid, wanted, wanted + excesses[best])
        return best

    def _subset(self, most):
        return self.items[:: -(-len(self.items) // most)]

    def _note(self, grid, wanted, found):
        """Whether superpixels are nearer to squares than to the shape wanted."""
        self.is_grid = bool(found > (grid + min(wanted, grid - 0.04)) / 2)


_LOG_SCALES = np.arange(-6.0, 7.0)


def _plain(values, n_segments, mask, spacing=None):
    options = {"compactness": COMPACTNESS, "max_iter": MAX_ITER, "mask": mask, "spacing": spacing}
    labels = segment(values, n_segments, **options)
    if labels.ndim == 2:
        return mean_compactness(labels)
    # of a volume, that of the cuts through its superpixels
    return np.mean([mean_compactness(cut) for cut in labels if (cut >= 0).any()])


def _shapes(image, mask, features, axes, reference, size, spacing):
    """Mean compactness of the grid, by plain SLIC, and by the learned distance at each scale."""
    settings = grid_count(grid_of(image), mask, size, spacing), mask, spacing
    values = features_along_axes(features, image, axes)
    flat = np.zeros(grid_of(image), np.float32)
    return [_plain(v, *settings) for v in (flat, reference.colours(image))] + [
        _plain(values * np.float32(2 ** (s / 2)), *settings) for s in _LOG_SCALES
    ]


def _shape_by_net(values, mask, n_segments, net, scale):
    labels = segment(
        values,
        n_segments,
        compactness=COMPACTNESS,
        max_iter=MAX_ITER,
        mask=mask,
        net=net,
        scale=scale,
    )
    return mean_compactness(labels)
