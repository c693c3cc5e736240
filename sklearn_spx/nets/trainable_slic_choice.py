"""Which of its neighbouring clusters a pixel belongs to: the nets of trainable superpixels.

Two start as the linear distance, |f - f'|^2 on weighted axes: the last layer is 0 at the start, so
that a net can only add to what the convex fit has found. The third, ``PaperClassifierNet``, starts
from nothing and stands alone, as Verelst et al. have it.

    cost of a cluster = |f - f'|^2 - net(...),    logit = -cost - place_weight * |place - place'|^2
"""

import torch
from torch import nn

__all__ = ["ClassifierNet", "DistanceNet", "PaperClassifierNet"]


class _ClusterChoice(nn.Module):
    """What both nets share.

    ``in_use``, of a class, is how much of what it has learned a net adds in evaluation mode.

    Parameters
    ----------
    n_features : int
        Axes of the features.

    n_neighbors : int
        Clusters that a pixel chooses among, Q.

    unit : float
        What a squared difference of features counts in the logits.

    place_weight : float
        What a squared difference of places counts.
    """

    in_use = 1.0
    stands_alone = False  # else a linear distance and a distance of places are added

    def __init__(self, n_features, n_neighbors, unit, place_weight):
        super().__init__()
        self.n_features, self.n_neighbors = n_features, n_neighbors
        self.register_buffer("unit", torch.tensor(float(unit)))
        self.register_buffer("place_weight", torch.tensor(float(place_weight)))

    def forward(
        self,
        values: torch.Tensor,
        means: torch.Tensor,
        neighbors: torch.Tensor,
        differences: torch.Tensor,
    ) -> torch.Tensor:
        """Cost of each neighbour, the place left out.

        Parameters
        ----------
        values : tensor (n, n_features)
            The pixels' features.

        means : tensor (n_clusters, n_features)
            The clusters'.

        neighbors : int64 tensor (n, Q)
            Rows of ``means``, nearest first; below 0: none.

        differences : tensor (n, Q, n_features + 1)
            Squared differences, the place's last; not finite where there is no neighbour.

        Returns
        -------
        cost : tensor (n, Q)
            Infinite where there is no neighbour.
        """
        absent = neighbors < 0
        differences = differences.masked_fill(absent[:, :, None], 0.0)
        linear = self.unit * differences[:, :, :-1].sum(2)
        added = self._likeness(values, means, neighbors, absent, differences, linear)
        cost = linear - (added if self.training else self.in_use * added)
        return cost.masked_fill(absent, float("inf"))

    def logits(
        self,
        values: torch.Tensor,
        means: torch.Tensor,
        neighbors: torch.Tensor,
        differences: torch.Tensor,
    ) -> torch.Tensor:
        """Logit of each neighbour, the place included.

        Parameters
        ----------
        values, means, neighbors, differences : tensor
            See ``forward``.

        Returns
        -------
        logits : tensor (n, Q)
            Minus infinity where there is no neighbour.
        """
        place = differences[:, :, -1].masked_fill(neighbors < 0, 0.0)
        return -self(values, means, neighbors, differences) - self.place_weight * place


class DistanceNet(_ClusterChoice):
    """A learned distance: three layers on the squared differences of pixel and cluster.

    The 3-layer regression of Verelst et al., shared by all neighbours. Differences enter by their
    logarithm, as log(1 + d): they range over decades.

    Parameters
    ----------
    n_features : int
        Axes of the features.

    n_neighbors : int
        Clusters that a pixel chooses among, Q.

    unit : float, default=1.0
        What a squared difference of features counts in the logits.

    place_weight : float, default=1.0
        What a squared difference of places counts.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.trainable_slic_choice import DistanceNet
    >>> net = DistanceNet(2, 7).eval()
    >>> means = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    >>> d = torch.tensor([[[0.0, 0.0, 0.1], [9.0, 16.0, 0.2]]])
    >>> net(torch.zeros(1, 2), means, torch.tensor([[0, 1]]), d).tolist()
    [[0.0, 25.0]]
    """

    def __init__(
        self, n_features: int, n_neighbors: int, unit: float = 1.0, place_weight: float = 1.0
    ) -> None:
        super().__init__(n_features, n_neighbors, unit, place_weight)
        self.layers = nn.Sequential(
            nn.Linear(n_features + 1, 48),
            nn.ReLU(),
            nn.Linear(48, 32),
            nn.ReLU(),
            _zero(nn.Linear(32, 1)),
        )

    def _likeness(self, values, means, neighbors, absent, differences, linear):
        features = self.unit * differences[:, :, :-1]
        place = self.place_weight * differences[:, :, -1:]
        return -self.layers(torch.log1p(torch.cat([features, place], 2))).squeeze(2)


class ClassifierNet(_ClusterChoice):
    """A classifier of pixels into their Q neighbours.

    Batch normalisation; DRP on the pixel and DRC, its weights shared, on each cluster reduce
    features to 15 numbers; with the places, these go through fully connected layers of 120, 105
    and 15 units to one output a neighbour (Verelst et al., section IV). The linear distances, to
    which it adds, are inputs too: without them it hardly improves on them. It is to be trained on
    neighbours in random order: by place, nearby pixels that order them differently part. In use it
    adds half of what it has learned, which makes its logits the mean of those before and after:
    it has learned from the clusters of plain SLIC and meets its own.

    Parameters
    ----------
    n_features : int
        Axes of the features.

    n_neighbors : int
        Clusters that a pixel chooses among, Q.

    unit : float, default=1.0
        What a squared difference of features counts in the logits.

    place_weight : float, default=1.0
        What a squared difference of places counts.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.trainable_slic_choice import ClassifierNet
    >>> net = ClassifierNet(2, n_neighbors=2).eval()
    >>> means = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    >>> d = torch.tensor([[[0.0, 0.0, 0.1], [9.0, 16.0, 0.2]]])
    >>> net(torch.zeros(1, 2), means, torch.tensor([[0, 1]]), d).tolist()
    [[0.0, 25.0]]
    """

    in_use = 0.5

    def __init__(
        self, n_features: int, n_neighbors: int, unit: float = 1.0, place_weight: float = 1.0
    ) -> None:
        super().__init__(n_features, n_neighbors, unit, place_weight)
        self.norm = nn.BatchNorm1d(n_features)
        self.pixel = _reduction(n_features)
        self.cluster = _reduction(n_features)
        self.choice = nn.Sequential(
            nn.Linear(15 + (15 + 2) * n_neighbors, 120),
            nn.ReLU(),
            nn.Linear(120, 105),
            nn.ReLU(),
            nn.Linear(105, 15),
            nn.ReLU(),
            _zero(nn.Linear(15, n_neighbors)),
        )

    def _likeness(self, values, means, neighbors, absent, differences, linear):
        normed = self.norm(torch.cat([values, means]))
        pixels = self.pixel(normed[: len(values)])
        clusters = self.cluster(normed[len(values) :])
        clusters = clusters.index_select(0, neighbors.clamp(min=0).ravel())
        clusters = clusters.view(*neighbors.shape, -1).masked_fill(absent[:, :, None], 0.0)
        places = differences[:, :, -1].sqrt()
        inputs = [pixels, clusters.flatten(1), places, torch.log1p(linear)]
        return self.choice(torch.cat(inputs, 1))


class PaperClassifierNet(_ClusterChoice):
    """The classification net of Verelst et al. (section IV) as published.

    Batch normalisation; DRP on the pixel and DRC, its weights shared, on the difference of pixel
    and cluster reduce features to 15 numbers; with the places, these go through fully connected
    layers of 120, 105 and 15 units to one output a neighbour. No linear distance is added, no
    distance of places: the outputs decide.

    Parameters
    ----------
    n_features : int
        Axes of the features.

    n_neighbors : int
        Clusters that a pixel chooses among, Q.

    Examples
    --------
    >>> import torch
    >>> from sklearn_spx.nets.trainable_slic_choice import PaperClassifierNet
    >>> net = PaperClassifierNet(2, n_neighbors=2).eval()
    >>> means = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    >>> d = torch.tensor([[[0.0, 0.0, 0.1], [9.0, 16.0, 0.2]]])
    >>> net(torch.zeros(1, 2), means, torch.tensor([[0, 1]]), d).shape
    torch.Size([1, 2])
    """

    stands_alone = True

    def __init__(self, n_features: int, n_neighbors: int) -> None:
        super().__init__(n_features, n_neighbors, 1.0, 0.0)
        self.norm = nn.BatchNorm1d(n_features)
        self.pixel = _reduction(n_features)
        self.cluster = _reduction(n_features)
        self.choice = nn.Sequential(
            nn.Linear(15 + (15 + 1) * n_neighbors, 120),
            nn.ReLU(),
            nn.Linear(120, 105),
            nn.ReLU(),
            nn.Linear(105, 15),
            nn.ReLU(),
            nn.Linear(15, n_neighbors),
        )

    def forward(
        self,
        values: torch.Tensor,
        means: torch.Tensor,
        neighbors: torch.Tensor,
        differences: torch.Tensor,
    ) -> torch.Tensor:
        """Return minus the output for each neighbour.

        Parameters
        ----------
        values, means, neighbors, differences : tensor
            See :meth:`DistanceNet.forward`. Of the squared differences the places' alone count.

        Returns
        -------
        cost : tensor (n, Q)
            Infinite where there is no neighbour.
        """
        absent = neighbors < 0
        pixels = self.norm(values)
        spread = values.var(0, unbiased=False) if self.training else self.norm.running_var
        scale = spread.add(self.norm.eps).rsqrt()  # differences have no mean to take off
        apart = (values[:, None] - means[neighbors.clamp(min=0)]) * scale
        clusters = self.cluster(apart).masked_fill(absent[:, :, None], 0.0)
        places = differences[:, :, -1].masked_fill(absent, 0.0).sqrt()
        outputs = self.choice(torch.cat([self.pixel(pixels), clusters.flatten(1), places], 1))
        return (-outputs).masked_fill(absent, float("inf"))

    def logits(
        self,
        values: torch.Tensor,
        means: torch.Tensor,
        neighbors: torch.Tensor,
        differences: torch.Tensor,
    ) -> torch.Tensor:
        """Return the output for each neighbour.

        Parameters
        ----------
        values, means, neighbors, differences : tensor
            See ``forward``.

        Returns
        -------
        logits : tensor (n, Q)
            Minus infinity where there is no neighbour.
        """
        return -self(values, means, neighbors, differences)


def _reduction(n_features):
    """DRP or DRC."""
    return nn.Sequential(nn.Linear(n_features, 100), nn.ReLU(), nn.Linear(100, 15), nn.ReLU())


def _zero(layer):
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
