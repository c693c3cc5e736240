"""Nets that embed superpixels: the paper's, on VGG16, and a compact one for CPUs.

Both have one form. ``sides(images)`` is a list of maps, each at its own stride; they are pooled
over superpixels where they are (``superpixel_pool``), put side by side, and ``head`` makes the
embedding of a superpixel from its row. ``PaperNet`` has one side, the embedding at full
resolution, and no head: its pooled map is the embedding (DEL eq. 1).
"""

import math
from collections.abc import Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from .efficientnet import EfficientNetLite0
from .pointwise import pointwise
from .reach import reach_of
from .resampling import convolve_upsampled, regrid
from .strips import floats, rows_of, strip_rows, whole_map
from .vgg16 import MEAN_BGR, STAGES, VGG16

__all__ = ["CompactNet", "Normalise", "PaperNet"]

_STRIP = 2**16  # about how many cells of a map are computed at once
_SIDES = ((32, 32), (64, 64), (128, 64), (256, 128), (256, 128))


class Normalise(nn.Module):
    """Divide each cell by its L2 norm over channels; multiply by a learned scale a channel.

    Parameters
    ----------
    channels : int
        Channels of the map.

    scale : float
        What the scales start from.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.del_heads import Normalise
    >>> Normalise(2, scale=10.0)(torch.tensor([[[3.0]], [[4.0]]])[None]).ravel().tolist()
    [6.0, 8.0]
    """

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, 1, 1), float(scale)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the normalised maps.

        Parameters
        ----------
        x : tensor (n, channels, height, width)
            Maps.

        Returns
        -------
        y : tensor (n, channels, height, width)
            Of length ``scale`` in each cell, where all scales are equal.
        """
        return F.normalize(x, dim=1, eps=1e-6) * self.scale


class PaperNet(nn.Module):
    """The paper's net: VGG16 with a dilated fifth stage, five sides, 64 dimensions a pixel.

    Parameters
    ----------
    sides : tuple of int, default=(1, 2, 3, 4, 5)
        Stages of VGG16 that have a side; (5,) is DEL-conv5.

    Attributes
    ----------
    strides, origins : tuple of float
        The grid of the one map that ``sides`` returns: every pixel.

    has_boundary : bool
        False: there is no map of boundaries.

    unit : int
        Parts of an image have the maps of the whole if they start at multiples of it.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.del_heads import PaperNet
    >>> PaperNet().sides(torch.zeros(1, 3, 20, 30))[0].shape
    torch.Size([1, 64, 20, 30])
    """

    strides = (1.0,)
    origins = (0.0,)
    has_boundary = False
    unit = 8  # pixels between the cells of VGG16's last maps, as it is dilated

    def __init__(self, sides: tuple[int, ...] = (1, 2, 3, 4, 5)) -> None:
        super().__init__()
        self.used = tuple(sides)
        self.trunk = VGG16(dilated=True)
        self.side = nn.ModuleDict()
        for stage in self.used:
            wide, narrow = _SIDES[stage - 1]
            self.side[str(stage)] = nn.Sequential(
                nn.Conv2d(STAGES[stage - 1][0], wide, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(wide, narrow, 1),
                Normalise(narrow, 20.0),
            )
        total = sum(_SIDES[stage - 1][1] for stage in self.used)  # 416 with all five
        self.mix = nn.Conv2d(total, 256, 3, padding=1)
        self.embedding = nn.Conv2d(256, 64, 1)
        # distances near 1 at first: from the usual 30 or so, steps overshoot and units die
        nn.init.normal_(self.embedding.weight, std=0.002)
        self.register_buffer("mean", torch.tensor(MEAN_BGR).reshape(3, 1, 1), persistent=False)

    @property
    def reach(self) -> int | None:
        """How many pixels away a pixel may be that an embedding depends on.

        What the trunk sees; a convolution of its maps, and a cell beside, as they are upsampled;
        one of pixels.
        """
        trunk = reach_of(self.trunk)
        return None if trunk is None else trunk + 2 * self.unit + 1

    def stages(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the last map of each stage of VGG16.

        Parameters
        ----------
        images : tensor (n, 3, height, width)
            RGB from 0 to 255.

        Returns
        -------
        stages : list of five tensors (n, channels, rows, columns)
            From fine to coarse.
        """
        return self.trunk(images.contiguous().flip(1) - self.mean)

    def sides(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the embedding of each pixel.

        Parameters
        ----------
        images : tensor (n, 3, height, width)
            RGB from 0 to 255.

        Returns
        -------
        sides : list of one tensor (n, 64, height, width)
            The embedding.
        """
        return self.sides_of(self.stages(images), images.shape[-2:])

    def each_side(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        """Return what ``sides`` does, one map after the other.

        Parameters
        ----------
        images : tensor (n, 3, height, width)
            RGB from 0 to 255, of any dtype.

        Returns
        -------
        sides : iterator of one tensor (n, 64, height, width)
            See ``sides``.
        """
        return iter(self.sides(images))

    def sides_of(self, stages: list[torch.Tensor], shape: tuple[int, int]) -> list[torch.Tensor]:
        """Return what ``sides`` does, from maps at hand.

        Parameters
        ----------
        stages : list of tensor (n, channels, rows, columns)
            What ``stages`` returned.

        shape : tuple of two int
            Height and width of the images.

        Returns
        -------
        sides : list of tensor (n, channels, rows, columns)
            See ``sides``.
        """
        maps = [self.side[str(stage)](stages[stage - 1]) for stage in self.used]
        return [self.embedding(F.relu(convolve_upsampled(maps, self.mix, shape)))]

    def head(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return the pooled map as it is: it is the embedding.

        Parameters
        ----------
        pooled : tensor (n_superpixels, 64)
            The one side, pooled.

        Returns
        -------
        embedding : tensor (n_superpixels, 64)
            The same.
        """
        return pooled


class CompactNet(nn.Module):
    """A light trunk, a path from coarse to fine over its maps, a side at every resolution.

    The trunk's maps are standardised. From the coarsest to the finest, what is known so far is
    interpolated, put beside the trunk's map, and filtered by a 3x3 convolution, on the two
    coarsest levels by two; the result is a side, L2-normalised with a learned scale. Sides are
    pooled at their own resolution; two layers make the embedding from all pooled channels, 312 of
    four levels. From the finest side comes a map of boundaries too.

    Parameters
    ----------
    trunk : torch.nn.Module or None, default=None
        Images (n, 3, height, width), RGB from 0 to 255, to a list of maps from fine to coarse;
        its ``channels``, ``strides`` and ``origins`` say, a map each, how many channels it has,
        how many pixels lie between its cells and on which pixel its cell (0, 0) is centred. How
        many pixels away it sees may stand in its ``reach``; else it is found out. None is an
        :class:`~sklearn_spx.nets.efficientnet.EfficientNetLite0` of random weights.

    Attributes
    ----------
    strides, origins : tuple of float
        The grids of the maps that ``sides`` returns.

    has_boundary : bool
        True: the last map that ``sides`` returns is of logits of boundaries.

    unit : int or None
        Parts of an image have the maps of the whole if they start at multiples of it. None: there
        is no such number, as strides are not whole.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.del_heads import CompactNet
    >>> [tuple(side.shape[1:]) for side in CompactNet().sides(torch.zeros(1, 3, 32, 48))]
    [(128, 2, 3), (96, 4, 6), (64, 8, 12), (24, 16, 24), (1, 16, 24)]
    """

    has_boundary = True
    # channels of the sides, and of what comes to them from the coarser one; from coarse to fine
    _widths = ((128, 64), (96, 64), (64, 48), (24, 16))

    def __init__(self, trunk: torch.nn.Module | None = None) -> None:
        super().__init__()
        self.trunk = EfficientNetLite0() if trunk is None else trunk
        channels, strides = self.trunk.channels, self.trunk.strides
        levels = sorted(set(strides), reverse=True)
        self._members = [[i for i, s in enumerate(strides) if s == level] for level in levels]
        self.strides = tuple(float(s) for s in levels)
        self.origins = tuple(float(self.trunk.origins[m[0]]) for m in self._members)
        self.mean = nn.ParameterList()
        self.scale = nn.ParameterList()
        self.lateral, self.first, self.second = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.norm = nn.ModuleList()
        before = 0
        widths = []
        for level, members in enumerate(self._members):
            own = sum(channels[i] for i in members)
            # more than four levels: the coarsest are as wide as the first
            width, narrow = self._widths[max(level - max(len(levels) - 4, 0), 0)]
            narrow = min(before, narrow)
            self.mean.append(nn.Parameter(torch.zeros(own, 1, 1), requires_grad=False))
            self.scale.append(nn.Parameter(torch.ones(own, 1, 1), requires_grad=False))
            self.lateral.append(nn.Conv2d(before, narrow, 1) if before else nn.Identity())
            self.first.append(nn.Conv2d(own + narrow, width, 3, padding=1))
            if level < 2:
                self.second.append(nn.Conv2d(width, width, 3, padding=1))
            self.norm.append(Normalise(width, width**0.5))
            widths.append(width)
            before = width
        self.boundary = nn.Conv2d(before, 1, 1)
        self.wide = nn.Linear(sum(widths), 256)
        self.embedding = nn.Linear(256, 64)
        self.to(memory_format=torch.channels_last)  # faster on CPUs by a third

    @property
    def unit(self):
        whole = all(stride == int(stride) for stride in self.strides)
        return math.lcm(*map(int, self.strides)) if whole else None

    @property
    def reach(self) -> int | None:
        """How many pixels away a pixel may be that a pooled side depends on.

        What the trunk sees; on the way from coarse to fine one or two convolutions a level, and the
        cell beside of the level below; at last the cell beside, as sides are interpolated. None:
        farther than can be found out.
        """
        known = getattr(self.trunk, "reach", None)
        trunk = reach_of(self.trunk) if known is None else known
        if trunk is None:
            return None
        far, farthest, before = trunk, 0, 0.0
        for level, stride in enumerate(self.strides):
            far = max(trunk, far + before) + (2 if level < 2 else 1) * stride
            farthest, before = max(farthest, far + stride), stride
        return math.ceil(farthest)

    def calibrate(self, stages: list[list[torch.Tensor]]) -> None:
        """Set the standardisation of the trunk's maps from those of some images.

        Parameters
        ----------
        stages : list of lists of tensor
            What ``stages`` returned for images, one at a time.
        """
        with torch.no_grad():
            for level, members in enumerate(self._members):
                own = [torch.cat([maps[i] for i in members], 1)[0].flatten(1) for maps in stages]
                own = torch.cat(own, 1)
                self.mean[level].copy_(own.mean(1)[:, None, None])
                self.scale[level].copy_(1 / own.std(1).clamp_min(1e-3)[:, None, None])

    def stages(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the trunk's maps.

        Parameters
        ----------
        images : tensor (n, 3, height, width)
            RGB from 0 to 255.

        Returns
        -------
        stages : list of tensor (n, channels, rows, columns)
            From fine to coarse.
        """
        return self.trunk(images.contiguous(memory_format=torch.channels_last))

    def sides(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the sides, and the logits of boundaries on the finest.

        Parameters
        ----------
        images : tensor (n, 3, height, width)
            RGB from 0 to 255.

        Returns
        -------
        sides : list of tensor (n, channels, rows, columns)
            From coarse to fine; the last has one channel, the logit of a boundary.
        """
        return list(self.each_side(images))

    def each_side(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        """Return what ``sides`` does, each map as soon as it is known.

        Who lets go of one before asking for the next holds fewer at once, and large images take
        less memory.

        Parameters
        ----------
        images : tensor (n, 3, height, width)
            RGB from 0 to 255, of any dtype.

        Returns
        -------
        sides : iterator of tensor (n, channels, rows, columns)
            See ``sides``.
        """
        images = images.contiguous(memory_format=torch.channels_last)
        if hasattr(self.trunk, "frugal"):
            return self._each_side(self.trunk.frugal(images))
        return self._each_side(self.trunk(floats(images)))

    def sides_of(self, stages: list[torch.Tensor], shape: tuple[int, int]) -> list[torch.Tensor]:
        """Return what ``sides`` does, from maps at hand.

        Parameters
        ----------
        stages : list of tensor (n, channels, rows, columns)
            What ``stages`` returned.

        shape : tuple of two int
            Height and width of the images.

        Returns
        -------
        sides : list of tensor (n, channels, rows, columns)
            See ``sides``.
        """
        return list(self._each_side(stages))

    def _each_side(self, stages):
        # a list of its own: maps go when they were used
        stages, known, beside = list(stages), None, None
        for level, members in enumerate(self._members):
            maps = [stages[i] for i in members]
            for i in members:
                stages[i] = None
            size, width = maps[0].shape[-2:]
            each = strip_rows(_STRIP, width) if level >= 2 else None
            if known is not None:
                beside = self._narrow(level, known)
            known = whole_map(partial(self._path, maps, beside, level), size, each, reach=1)
            maps, beside, last = None, None, level == len(self._members) - 1
            if last:
                boundary = pointwise(self.boundary, known)
            elif each is not None:  # a side by strips may take the place of the map
                beside = self._narrow(level + 1, known)
            side = [whole_map(partial(self._side, known, level), size, each, reach=0, out=known)]
            if last or beside is not None:
                known = None
            yield side.pop()
        yield boundary

    def _narrow(self, level, known):
        """What a level has of the path's map of the level before."""
        return F.relu(pointwise(self.lateral[level], known), inplace=True)

    def _side(self, known, level, rows):
        """Rows of a side, of the path's map of its level."""
        return self.norm[level](known[:, :, rows])

    def _path(self, maps, known, level, rows):
        """Rows of the path's map of a level, of the trunk's maps and the level before."""
        parts = [rows_of(m, rows, last=True) for m in maps]
        x = parts[0] if len(parts) == 1 else torch.cat(parts, 1)
        x = torch.addcmul(-self.mean[level] * self.scale[level], x, self.scale[level])
        if known is not None:
            grids = *self._grids(level - 1), *self._grids(level)
            beside = regrid(known, maps[0].shape[-2:], *grids, rows)
            x = torch.cat([x, beside.contiguous(memory_format=torch.channels_last)], 1)
        x = F.relu(self.first[level](x), inplace=True)
        return x + F.relu(self.second[level](x), inplace=True) if level < 2 else x

    def head(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return the embedding of superpixels.

        Parameters
        ----------
        pooled : tensor (n_superpixels, channels of all sides)
            The sides, without the logits, pooled and put side by side.

        Returns
        -------
        embedding : tensor (n_superpixels, 64)
            One row a superpixel.
        """
        return self.embedding(F.relu(self.wide(pooled)))

    def _grids(self, level):
        return self.strides[level], self.origins[level]
