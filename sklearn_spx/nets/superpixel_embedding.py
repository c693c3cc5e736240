"""Nets that embed superpixels: the paper's, on VGG16, and a compact one for CPUs.

Both have one form. ``sides(images)`` is a list of maps, each at its own stride; they are pooled
over superpixels where they are (``superpixel_pool``), put side by side, and ``head`` makes the
embedding of a superpixel from its row. ``PaperNet`` has one side, the embedding at full
resolution, and no head: its pooled map is the embedding (DEL eq. 1).
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .efficientnet import EfficientNetLite0

__all__ = ["VGG_MEAN_BGR", "CompactNet", "Normalise", "PaperNet", "convolve_upsampled", "regrid"]

VGG_MEAN_BGR = (104.00699, 116.66877, 122.67892)
_VGG = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels and convolutions of a stage
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
    >>> from sklearn_spx.nets.superpixel_embedding import Normalise
    >>> Normalise(2, scale=10.0)(torch.tensor([[[3.0]], [[4.0]]])[None]).ravel().tolist()
    [6.0, 8.0]
    """

    def __init__(self, channels, scale):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, 1, 1), float(scale)))

    def forward(self, x):
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

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.superpixel_embedding import PaperNet
    >>> PaperNet().sides(torch.zeros(1, 3, 20, 30))[0].shape
    torch.Size([1, 64, 20, 30])
    """

    strides = (1.0,)
    origins = (0.0,)
    has_boundary = False

    def __init__(self, sides=(1, 2, 3, 4, 5)):
        super().__init__()
        self.used = tuple(sides)
        self.trunk = nn.ModuleDict()
        before = 3
        for stage, (channels, n) in enumerate(_VGG, 1):
            dilation = 2 if stage == 5 else 1
            for i in range(1, n + 1):
                conv = nn.Conv2d(before, channels, 3, padding=dilation, dilation=dilation)
                self.trunk[f"conv{stage}_{i}"] = conv
                before = channels
        self.side = nn.ModuleDict()
        for stage in self.used:
            wide, narrow = _SIDES[stage - 1]
            self.side[str(stage)] = nn.Sequential(
                nn.Conv2d(_VGG[stage - 1][0], wide, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(wide, narrow, 1),
                Normalise(narrow, 20.0),
            )
        total = sum(_SIDES[stage - 1][1] for stage in self.used)  # 416 with all five
        self.mix = nn.Conv2d(total, 256, 3, padding=1)
        self.embedding = nn.Conv2d(256, 64, 1)
        # distances near 1 at first: from the usual 30 or so, steps overshoot and units die
        nn.init.normal_(self.embedding.weight, std=0.002)
        self.register_buffer("mean", torch.tensor(VGG_MEAN_BGR).reshape(3, 1, 1), persistent=False)

    def stages(self, images):
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
        x = images.flip(1) - self.mean
        maps = []
        for stage, (_, n) in enumerate(_VGG, 1):
            for i in range(1, n + 1):
                x = F.relu(self.trunk[f"conv{stage}_{i}"](x))
            maps.append(x)
            if stage < 4:
                x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            elif stage == 4:  # keeps its resolution, hence the dilation after it
                x = F.max_pool2d(x, 3, 1, 1)
        return maps

    def sides(self, images):
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

    def sides_of(self, stages, shape):
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

    def head(self, pooled):
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
    pooled at their own resolution; two layers make the embedding from the 312 pooled channels.
    From the finest side comes a map of boundaries too.

    Parameters
    ----------
    trunk : torch.nn.Module or None, default=None
        Images (n, 3, height, width), RGB from 0 to 255, to a list of maps from fine to coarse;
        its ``channels``, ``strides`` and ``origins`` say, a map each, how many channels it has,
        how many pixels lie between its cells and on which pixel its cell (0, 0) is centred.
        None is an :class:`~sklearn_spx.nets.efficientnet.EfficientNetLite0` of random weights.

    Attributes
    ----------
    strides, origins : tuple of float
        The grids of the maps that ``sides`` returns.

    has_boundary : bool
        True: the last map that ``sides`` returns is of logits of boundaries.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.superpixel_embedding import CompactNet
    >>> [tuple(side.shape[1:]) for side in CompactNet().sides(torch.zeros(1, 3, 32, 48))]
    [(128, 2, 3), (96, 4, 6), (64, 8, 12), (24, 16, 24), (1, 16, 24)]
    """

    has_boundary = True
    _widths = (128, 96, 64, 24)  # of the sides, from coarse to fine; more levels have the last

    def __init__(self, trunk=None):
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
            self.mean.append(nn.Parameter(torch.zeros(own, 1, 1), requires_grad=False))
            self.scale.append(nn.Parameter(torch.ones(own, 1, 1), requires_grad=False))
            width = self._widths[min(level, 3)]
            narrow = min(before, (0, 64, 48, 16)[min(level, 3)])
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

    def calibrate(self, stages):
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

    def stages(self, images):
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

    def sides(self, images):
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
        return self.sides_of(self.stages(images), images.shape[-2:])

    def sides_of(self, stages, shape):
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
        sides, known = [], None
        for level, members in enumerate(self._members):
            x = torch.cat([stages[i] for i in members], 1)
            x = (x - self.mean[level]) * self.scale[level]
            if known is not None:
                known = F.relu(self.lateral[level](known))
                known = regrid(known, x.shape[-2:], *self._grids(level - 1), *self._grids(level))
                x = torch.cat([x, known.contiguous(memory_format=torch.channels_last)], 1)
            known = F.relu(self.first[level](x))
            if level < 2:
                known = known + F.relu(self.second[level](known))
            sides.append(self.norm[level](known))
        return [*sides, self.boundary(known)]

    def head(self, pooled):
        """Return the embedding of superpixels.

        Parameters
        ----------
        pooled : tensor (n_superpixels, 312)
            The sides, without the logits, pooled and put side by side.

        Returns
        -------
        embedding : tensor (n_superpixels, 64)
            One row a superpixel.
        """
        return self.embedding(F.relu(self.wide(pooled)))

    def _grids(self, level):
        return self.strides[level], self.origins[level]


def convolve_upsampled(maps, convolution, shape):
    """Upsample maps to one size, put them side by side, and filter them by a 3x3 convolution.

    Of small maps the channels are mixed first, tap by tap, and upsampled then: both are linear,
    so the order is free, and most multiplications fall away.

    Parameters
    ----------
    maps : list of tensor (n, channels, height, width)
        Each of its own size; they are upsampled bilinearly.

    convolution : torch.nn.Conv2d
        A 3x3 convolution of all channels, padded by one zero.

    shape : tuple of two int
        Height and width of the result.

    Returns
    -------
    y : tensor (n, convolution.out_channels, *shape)
        As ``convolution(torch.cat(upsampled, 1))``, to rounding.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.superpixel_embedding import convolve_upsampled
    >>> maps = [torch.ones(1, 2, 16, 24), torch.ones(1, 3, 2, 3)]
    >>> convolve_upsampled(maps, torch.nn.Conv2d(5, 4, 3, padding=1), (16, 24)).shape
    torch.Size([1, 4, 16, 24])
    """
    weights = convolution.weight.split([x.shape[1] for x in maps], 1)
    small = [x.shape[-2] * 4 <= shape[0] + 3 for x in maps]
    large = [
        (F.interpolate(x, shape, mode="bilinear", align_corners=False), w)
        for x, w, is_small in zip(maps, weights, small)
        if not is_small
    ]
    n, n_out = len(maps[0]), convolution.out_channels
    if large:
        x, w = (torch.cat(parts, 1) for parts in zip(*large))
        out = F.conv2d(x, w, convolution.bias, padding=1)
    else:
        out = convolution.bias[:, None, None].expand(n, -1, *shape)
    out = out.reshape(n * n_out, *shape)
    by_size = {}  # maps of one size share the upsampling
    for x, w, is_small in zip(maps, weights, small):
        if is_small:
            by_size.setdefault(x.shape[-2:], []).append((x, w))
    for (height, width), members in by_size.items():
        x, w = (torch.cat(parts, 1) for parts in zip(*members))
        taps = w.permute(2, 3, 0, 1).flatten(0, 2)
        y = F.conv2d(x, taps[:, :, None, None]).reshape(n, 3, 3, n_out, height, width)
        y = y.permute(0, 3, 1, 4, 2, 5).flatten(4)  # n, channel, tap, row, (tap, column)
        y = torch.matmul(y, _shifted_upsampling(shape[1], width).to(y).T)
        rows = _shifted_upsampling(shape[0], height).to(y)
        y = y.reshape(n * n_out, 3 * height, shape[1])
        out = torch.baddbmm(out, rows.expand(len(y), -1, -1), y)
    return out.reshape(n, n_out, *shape)


def _shifted_upsampling(n_out, n_in):
    """Matrices of bilinear upsampling, moved by -1, 0 and 1, side by side: (n_out, 3 n_in)."""
    matrix = F.interpolate(torch.eye(n_in)[None], n_out, mode="linear", align_corners=False)[0].T
    zero = matrix.new_zeros(1, n_in)
    return torch.cat([torch.cat([zero, matrix[:-1]]), matrix, torch.cat([matrix[1:], zero])], 1)


def regrid(x, shape, stride, origin, new_stride, new_origin):
    """Interpolate maps linearly from one grid of cells to another.

    Parameters
    ----------
    x : tensor (n, channels, height, width)
        Maps whose cell i is centred on pixel ``origin + i * stride``, in both directions.

    shape : tuple of two int
        Height and width of the result.

    stride, origin : float
        The grid of ``x``.

    new_stride, new_origin : float
        The grid of the result.

    Returns
    -------
    y : tensor (n, channels, *shape)
        Constant beyond the outer cells of ``x``.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.superpixel_embedding import regrid
    >>> regrid(torch.tensor([[[[0.0, 1.0]]]]), (1, 4), 2, 0, 1, 0).tolist()
    [[[[0.0, 0.5, 1.0, 1.0]]]]
    """
    grid = (stride, origin, new_stride, new_origin)
    rows = _interpolation(shape[0], x.shape[2], *grid).to(x)
    columns = _interpolation(shape[1], x.shape[3], *grid).to(x)
    return torch.matmul(torch.matmul(rows, x), columns.T)


def _interpolation(n_out, n_in, stride, origin, new_stride, new_origin):
    place = (np.arange(n_out) * new_stride + new_origin - origin) / stride
    place = place.clip(0, n_in - 1)
    lower = np.minimum(place.astype(int), max(n_in - 2, 0))
    matrix = np.zeros((n_out, n_in), np.float32)
    matrix[np.arange(n_out), lower] = 1 - (place - lower)
    if n_in > 1:
        matrix[np.arange(n_out), lower + 1] = place - lower
    return torch.from_numpy(matrix)
