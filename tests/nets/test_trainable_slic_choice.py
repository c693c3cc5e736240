"""The nets that choose a cluster: where they start, what they ignore, what is shared."""

import pytest
import torch

from sklearn_spx.nets.trainable_slic_choice import ClassifierNet, DistanceNet

NETS = [DistanceNet, ClassifierNet]


def _world(n=20, n_axes=3, n_neighbors=5, n_clusters=9):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(n, n_axes, generator=generator)
    means = torch.randn(n_clusters, n_axes, generator=generator)
    neighbors = torch.stack(
        [torch.randperm(n_clusters, generator=generator)[:n_neighbors] for _ in range(n)]
    )
    places = torch.rand(n, n_neighbors, 1, generator=generator)
    differences = torch.cat([(values[:, None] - means[neighbors]) ** 2, places], 2)
    return values, means, neighbors, differences


def _shaken(cls, **kwargs):
    """A net that has learned something."""
    torch.manual_seed(0)
    net = cls(3, 5, **kwargs).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return net


@pytest.mark.parametrize("cls", NETS)
def test_a_new_net_is_the_linear_distance(cls):
    values, means, neighbors, differences = _world()
    net = cls(3, 5, unit=0.5, place_weight=2.0).eval()
    linear = 0.5 * differences[:, :, :-1].sum(2)
    torch.testing.assert_close(net(values, means, neighbors, differences), linear)
    logits = net.logits(values, means, neighbors, differences)
    torch.testing.assert_close(logits, -linear - 2 * differences[:, :, -1])


@pytest.mark.parametrize("cls", NETS)
def test_a_neighbour_that_is_not_there_costs_infinity_and_tells_nothing(cls):
    values, means, neighbors, differences = _world()
    neighbors[:, 3:] = -1
    differences[:, 3:] = float("inf")
    net = _shaken(cls)
    cost = net(values, means, neighbors, differences)
    assert torch.isinf(cost[:, 3:]).all()
    assert torch.isfinite(cost[:, :3]).all()
    means[0] = 1e3  # cluster 0 stands in for those: no pixel that has it not may notice
    without = (neighbors != 0).all(1)
    again = net(values, means, neighbors, differences)
    torch.testing.assert_close(again[without], cost[without])


@pytest.mark.parametrize("cls", NETS)
def test_blocks_do_not_matter(cls):
    values, means, neighbors, differences = _world()
    net = _shaken(cls)
    whole = net(values, means, neighbors, differences)
    part = net(values[5:9], means, neighbors[5:9], differences[5:9])
    torch.testing.assert_close(part, whole[5:9])


def test_the_distance_is_one_for_all_neighbours():
    values, means, neighbors, differences = _world()
    net = _shaken(DistanceNet)
    turned = net(values, means, neighbors.flip(1), differences.flip(1))
    torch.testing.assert_close(turned.flip(1), net(values, means, neighbors, differences))


def test_the_classifier_is_the_one_of_the_paper():
    net = ClassifierNet(84, 7)
    assert [m.out_features for m in net.pixel if hasattr(m, "out_features")] == [100, 15]
    assert [m.out_features for m in net.cluster if hasattr(m, "out_features")] == [100, 15]
    assert [m.out_features for m in net.choice if hasattr(m, "out_features")] == [120, 105, 15, 7]


def test_the_classifier_adds_half_of_what_it_has_learned():
    world = _world()
    net = _shaken(ClassifierNet)
    linear = world[3][:, :, :-1].sum(2)
    half = net(*world) - linear
    net.train()
    net.norm.eval()
    torch.testing.assert_close(net(*world) - linear, 2 * half, rtol=1e-3, atol=1e-5)
