"""Pooling of maps over superpixels, of any number of unequal images in one batch.

Superpixels are given as a sparse list, in the form of ``torch.nn.functional.embedding_bag``:
superpixel m reads the rows ``cells[offsets[m]:offsets[m + 1]]`` of a map flattened to (cells,
channels). No one-hot matrix is built; the gradient flows back to the map.

A map at a fraction of the image's size is pooled where it is. Mean pooling and linear
interpolation are both linear, so the mean over a superpixel of the interpolated map is a
weighted sum of the map's cells; the weights are a superpixel's footprint.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

__all__ = ["Footprints", "concatenate", "pixel_footprints", "superpixel_pool", "superpixel_unpool"]


@dataclass
class Footprints:
    """Which cells of a map each superpixel covers, and how much.

    Parameters
    ----------
    cells : int64 tensor (n_entries,)
        Rows of the flattened map.

    offsets : int64 tensor (n_superpixels + 1,)
        Where each superpixel's entries start; the last is ``n_entries``.

    weights : float32 tensor (n_entries,) or None
        Weight of each entry, of sum 1 over a superpixel; None: all equal.

    n_cells : int
        Rows of the flattened map.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.pooling import Footprints
    >>> Footprints(torch.tensor([2, 0]), torch.tensor([0, 1, 2]), None, 3).to("cpu").n_cells
    3
    """

    cells: torch.Tensor
    offsets: torch.Tensor
    weights: torch.Tensor | None
    n_cells: int

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """Return them on a device.

        Parameters
        ----------
        device : torch.device or str
            Where to.

        non_blocking : bool, default=False
            As of ``torch.Tensor.to``.

        Returns
        -------
        footprints : Footprints
            On the device.
        """
        move = {"device": device, "non_blocking": non_blocking}
        weights = None if self.weights is None else self.weights.to(**move)
        return Footprints(self.cells.to(**move), self.offsets.to(**move), weights, self.n_cells)


def pixel_footprints(labels: NDArray[Any] | torch.Tensor) -> Footprints:
    """Footprints of superpixels on a map of the image's own size.

    Parameters
    ----------
    labels : int array or tensor (height, width)
        Superpixels 0 .. n - 1, each with a pixel; negative where there is none.

    Returns
    -------
    footprints : Footprints
        Without weights; on the device of a tensor.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.nets.pooling import pixel_footprints
    >>> pixel_footprints(np.array([[0, 1, 1, -1, 0]])).cells.tolist()
    [0, 4, 1, 2]
    """
    if isinstance(labels, torch.Tensor):
        found, order = torch.sort(labels.flatten(), stable=True)
        n = max(int(found[-1]) + 1, 0) if len(found) else 0
        ends = torch.arange(n + 1, device=labels.device)
        offsets = torch.searchsorted(found.long(), ends)
        return Footprints(order[offsets[0] :], offsets - offsets[0], None, len(order))
    flat = np.asarray(labels).ravel()
    order = np.argsort(flat, kind="stable")
    offsets = np.searchsorted(flat[order], np.arange(flat.max(initial=-1) + 2))
    return Footprints(
        torch.from_numpy(order[offsets[0] :]),
        torch.from_numpy(offsets - offsets[0]),
        None,
        flat.size,
    )


def concatenate(footprints: Sequence[Footprints]) -> Footprints:
    """Footprints on maps that are flattened and stacked one below the other.

    Parameters
    ----------
    footprints : sequence of Footprints
        One an image, all with weights or all without.

    Returns
    -------
    footprints : Footprints
        Of all their superpixels, in order.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.nets.pooling import concatenate, pixel_footprints
    >>> first, second = pixel_footprints(np.array([[0, 0]])), pixel_footprints(np.eye(2, dtype=int))
    >>> both = concatenate([first, second])
    >>> both.cells.tolist(), both.offsets.tolist()
    ([0, 1, 3, 4, 2, 5], [0, 2, 4, 6])
    """
    first_cell = np.cumsum([0] + [f.n_cells for f in footprints])
    first_entry = np.cumsum([0] + [len(f.cells) for f in footprints])
    offsets = [f.offsets[:-1] + int(first_entry[i]) for i, f in enumerate(footprints)]
    weighted = footprints[0].weights is not None
    return Footprints(
        torch.cat([f.cells + int(first_cell[i]) for i, f in enumerate(footprints)]),
        torch.cat([*offsets, offsets[0].new_tensor([int(first_entry[-1])])]),
        torch.cat([f.weights for f in footprints]) if weighted else None,
        int(first_cell[-1]),
    )


def superpixel_pool(
    maps: torch.Tensor | Sequence[torch.Tensor],
    footprints: Footprints,
    mode: Literal["mean", "max"] = "mean",
) -> torch.Tensor:
    """Pool maps over superpixels, DEL eq. 1; differentiable.

    Parameters
    ----------
    maps : tensor (channels, height, width), or sequence of them
        The map of an image, or those of several, of unequal sizes.

    footprints : Footprints
        Of the image's superpixels, or what ``concatenate`` made of the several.

    mode : {"mean", "max"}, default="mean"
        "max" is the greatest value of each channel, whatever the weights.

    Returns
    -------
    pooled : tensor (n_superpixels, channels)
        One row a superpixel.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn_spx.nets.pooling import pixel_footprints, superpixel_pool
    >>> footprints = pixel_footprints(np.array([[0, 0, 1], [0, 0, 1]]))
    >>> image = torch.tensor([[[1.0, 2.0, 5.0], [3.0, 4.0, 7.0]]])
    >>> superpixel_pool(image, footprints).tolist()
    [[2.5], [6.0]]
    >>> superpixel_pool(image, footprints, "max").tolist()
    [[4.0], [7.0]]
    """
    if isinstance(maps, torch.Tensor):
        maps = [maps]
    rows = torch.cat([m.flatten(1).T for m in maps]) if len(maps) > 1 else maps[0].flatten(1).T
    weights = None if mode == "max" else footprints.weights
    return F.embedding_bag(
        footprints.cells,
        rows.contiguous(),
        footprints.offsets,
        mode="sum" if weights is not None else mode,
        per_sample_weights=None if weights is None else weights.to(rows.dtype),
        include_last_offset=True,
    )


def superpixel_unpool(
    pooled: torch.Tensor, labels: torch.Tensor, outside: float = 0.0
) -> torch.Tensor:
    """Give each pixel what its superpixel has; differentiable.

    Parameters
    ----------
    pooled : tensor (n_superpixels, channels)
        One row a superpixel.

    labels : int tensor (height, width)
        Superpixels 0 .. n - 1, on the same device; negative where there is none.

    outside : float, default=0.0
        The value of all channels where there is no superpixel.

    Returns
    -------
    maps : tensor (channels, height, width)
        The map of an image.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.pooling import superpixel_unpool
    >>> superpixel_unpool(torch.tensor([[2.5], [6.0]]), torch.tensor([[0, 1, -1]])).tolist()
    [[[2.5, 6.0, 0.0]]]
    """
    rows = pooled.new_full((*labels.shape, pooled.shape[1]), outside)
    inside = labels >= 0
    rows[inside] = pooled[labels[inside].long()]
    return rows.permute(2, 0, 1)
