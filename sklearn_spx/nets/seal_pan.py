"""The pixel affinity net (PAN) of the SEAL paper, with its ablations.

One wide flat convolution, three residual blocks and a 1x1 convolution score how alike a pixel and
its right neighbour are; two more 1x1 convolutions weigh that score against a Canny edge map. The
same net on the transposed image gives the affinities to the lower neighbour. Nothing is pooled,
so it is precise, and slow.
"""

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["PixelAffinityNet", "released_state"]


class PixelAffinityNet(nn.Module):
    """Affinities of each pixel to its right and lower neighbour, as in the SEAL paper.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the image.

    width : int, default=128
        Channels inside.

    two_way : bool, default=False
        Predict both directions at once, instead of one from the image and one from its transpose.

    square : bool, default=False
        Begin with a 7x7 convolution, instead of 1x7.

    canny : bool, default=True
        Weigh in an edge map, which ``forward`` then needs.

    References
    ----------
    .. [1] W.-C. Tu, M.-Y. Liu, V. Jampani, D. Sun, S.-Y. Chien, M.-H. Yang, J. Kautz, "Learning
           superpixels with segmentation-aware affinity loss", CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.seal_pan import PixelAffinityNet
    >>> net = PixelAffinityNet(n_channels=1, width=4, canny=False).eval()
    >>> net(torch.zeros(1, 1, 9, 12)).shape
    torch.Size([1, 2, 9, 12])
    """

    def __init__(
        self,
        n_channels: int = 3,
        width: int = 128,
        *,
        two_way: bool = False,
        square: bool = False,
        canny: bool = True,
    ) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.two_way = two_way
        self.canny = canny
        n_out = 2 if two_way else 1
        self.first = _Step(n_channels, width, (7, 7) if square else (1, 7))
        self.blocks = nn.ModuleList(_Block(width) for _ in range(3))
        self.score = _Step(width, n_out)
        self.mix = _Step(n_out + canny, 8)
        self.last = _Step(8, n_out)

    @property
    def reach(self) -> int:
        """How many pixels away a pixel may be that an affinity depends on, edges aside."""
        return 3 + 2 * len(self.blocks)  # a convolution of 7, and pairs of 3

    def logits(self, images: torch.Tensor, edges: torch.Tensor | None = None) -> torch.Tensor:
        """Return the affinities before the sigmoid, for a loss.

        Parameters
        ----------
        images : tensor of shape (n, n_channels, height, width)
            See ``forward``.

        edges : tensor of shape (n, 1, height, width) or None, default=None
            See ``forward``.

        Returns
        -------
        logits : tensor of shape (n, 2, height, width)
            In the order of ``forward``.

        Raises
        ------
        ValueError
            If the net weighs in Canny edges and there are none.
        """
        if self.canny and edges is None:
            raise ValueError("edges is None; this net weighs in an edge map")
        if self.two_way:
            return self._one_way(images, edges)
        flipped = None if edges is None else edges.transpose(2, 3)
        right = self._one_way(images, edges)
        below = self._one_way(images.transpose(2, 3), flipped).transpose(2, 3)
        return torch.cat([right, below], dim=1)

    def forward(self, images: torch.Tensor, edges: torch.Tensor | None = None) -> torch.Tensor:
        """Return the affinities.

        Parameters
        ----------
        images : tensor of shape (n, n_channels, height, width)
            Colours in [0, 1], red first.

        edges : tensor of shape (n, 1, height, width) or None, default=None
            1 on an edge, 0 elsewhere. None is for a net without ``canny``.

        Returns
        -------
        affinities : tensor of shape (n, 2, height, width)
            In (0, 1): [:, 0] to the right neighbour, [:, 1] to the lower one. The last column
            of the one and the last row of the other mean nothing.
        """
        return torch.sigmoid(self.logits(images, edges))

    def _one_way(self, images, edges):
        x = F.relu(self.first(images))
        for block in self.blocks:
            x = block(x)
        x = torch.sigmoid(self.score(x))
        if self.canny:
            x = torch.cat([x, 1 - edges], dim=1)
        return self.last(F.relu(self.mix(x)))


class _Block(nn.Module):
    """relu(x + two convolutions of it)."""

    def __init__(self, width):
        super().__init__()
        self.first = _Step(width, width, (3, 3))
        self.second = _Step(width, width, (3, 3))

    def forward(self, x):
        return F.relu(x + self.second(F.relu(self.first(x))))


class _Step(nn.Module):
    """Convolution of the image continued by its border, then instance normalisation.

    Each image is normalised by its own moments in training, by the running ones afterwards.
    """

    def __init__(self, n_in, n_out, kernel=(1, 1)):
        super().__init__()
        self.reach = [kernel[1] // 2] * 2 + [kernel[0] // 2] * 2
        self.convolution = nn.Conv2d(n_in, n_out, kernel)
        self.norm = nn.InstanceNorm2d(n_out, affine=False, track_running_stats=True)

    def forward(self, x):
        if any(self.reach):
            x = F.pad(x, self.reach, mode="replicate")
        return self.norm(self.convolution(x))


def released_state(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Turn the parameters that SEAL's authors released into those of this module's net.

    Parameters
    ----------
    state : dict of tensors
        What ``sklearn_spx.nets.checkpoint.read_tensors_of_torch`` reads from their file.

    Returns
    -------
    state : dict of tensors
        For ``PixelAffinityNet().load_state_dict``.

    Raises
    ------
    ValueError
        If it is not their file.

    Examples
    --------
    >>> from sklearn_spx.nets.seal_pan import released_state
    >>> released_state({})
    Traceback (most recent call last):
    ...
    ValueError: this is not the file of the SEAL authors: there is no conv1.weight
    """
    steps = {"first": ("conv1", "in1"), "score": ("conv5", "in5")}
    steps |= {"mix": ("conv6", "in6"), "last": ("conv7", "in7")}
    for block in range(3):
        for i, name in ((1, "first"), (2, "second")):
            theirs = f"res{block + 2}"
            steps[f"blocks.{block}.{name}"] = (f"{theirs}.conv{i}", f"{theirs}.in{i}")
    ours = {}
    for name, (convolution, norm) in steps.items():
        for wanted, found in (
            ("convolution.weight", f"{convolution}.weight"),
            ("convolution.bias", f"{convolution}.bias"),
            ("norm.running_mean", f"{norm}.running_mean"),
            ("norm.running_var", f"{norm}.running_var"),
        ):
            if found not in state:
                raise ValueError(f"this is not the file of the SEAL authors: there is no {found}")
            ours[f"{name}.{wanted}"] = state[found]
        ours[f"{name}.norm.num_batches_tracked"] = torch.tensor(0)
    if ours["first.convolution.weight"].ndim != 4:
        raise ValueError("this is not the file of the SEAL authors: conv1.weight is misshapen")
    # theirs takes blue first
    ours["first.convolution.weight"] = ours["first.convolution.weight"].flip(1)
    return ours
