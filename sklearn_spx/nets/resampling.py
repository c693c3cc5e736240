"""Maps of nets laid out on other grids, and convolutions of maps laid out so."""

import torch
import torch.nn.functional as F

__all__ = ["convolve_upsampled", "regrid"]


def convolve_upsampled(
    maps: list[torch.Tensor], convolution: torch.nn.Conv2d, shape: tuple[int, int]
) -> torch.Tensor:
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
    y : tensor (n, ``convolution.out_channels``, ``*shape``)
        As ``convolution(torch.cat(upsampled, 1))``, to rounding.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.resampling import convolve_upsampled
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


def regrid(
    x: torch.Tensor,
    shape: tuple[int, int],
    stride: float,
    origin: float,
    new_stride: float,
    new_origin: float,
    rows: slice = slice(None),
) -> torch.Tensor:
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

    rows : slice, default=slice(None)
        Of the result, those to compute.

    Returns
    -------
    y : tensor (n, channels, ``*shape``)
        Or as many rows as asked for. Constant beyond the outer cells of ``x``.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.resampling import regrid
    >>> regrid(torch.tensor([[[[0.0, 1.0]]]]), (1, 4), 2, 0, 1, 0).tolist()
    [[[[0.0, 0.5, 1.0, 1.0]]]]
    """
    grid = (stride, origin, new_stride, new_origin)
    down = [part[rows] for part in _places(shape[0], x.shape[2], *grid)]
    across = _places(shape[1], x.shape[3], *grid)
    if torch.is_grad_enabled():  # the gradient of a selection has another order at each run on CUDA
        down, across = _matrix(x.shape[2], *down).to(x), _matrix(x.shape[3], *across).to(x)
        return torch.matmul(torch.matmul(down, x), across.T)
    x = x.permute(0, 2, 3, 1)
    for axis, places in ((1, down), (2, across)):
        lower, upper, share = (part.to(x.device) for part in places)
        share = share.to(x.dtype).reshape(-1, *[1] * (3 - axis))
        x = x.index_select(axis, lower).lerp_(x.index_select(axis, upper), share)
    return x.permute(0, 3, 1, 2)


def _places(n_out, n_in, stride, origin, new_stride, new_origin):
    """Of each new cell the old one before it, the one after it, and the share of that.

    No size decides what is computed, so that a trace is of all.
    """
    place = torch.arange(n_out, dtype=torch.float64) * new_stride + new_origin - origin
    place = (place / stride).clamp(0, n_in - 1)
    lower = place.long()
    return lower, (lower + 1).clamp(max=n_in - 1), place - lower


def _matrix(n_in, lower, upper, share):
    """The matrix (n_out, n_in) of an interpolation."""
    matrix = torch.zeros(lower.shape[0], n_in)
    matrix.scatter_add_(1, lower[:, None], (1 - share).float()[:, None])
    return matrix.scatter_add_(1, upper[:, None], share.float()[:, None])
