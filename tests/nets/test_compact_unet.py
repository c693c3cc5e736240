"""A compact net by strips of rows, against the whole at once."""

import pytest
import torch

from sklearn_spx.nets import compact_unet, strips
from sklearn_spx.nets.compact_unet import CompactUNet


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = CompactUNet(n_channels=2, n_maps=3, widths=(4, 6, 8, 8)).eval()
    for parameter in net.parameters():  # no residual is the identity
        torch.nn.init.normal_(parameter, std=0.3)
    return net


@pytest.mark.parametrize("shape", [(1, 1), (37, 50), (160, 33), (301, 20)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_strips_make_up_the_whole(net, monkeypatch, shape, memory_format):
    images = torch.rand(1, 2, *shape).contiguous(memory_format=memory_format)
    with torch.no_grad():
        whole = net.maps(images)
        monkeypatch.setattr(compact_unet, "_STRIP", 1)  # of 16 rows
        found = list(net.strips(lambda rows: images[:, :, rows], shape))
        torch.testing.assert_close(torch.cat(found, 2), whole, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(net.maps(images), whole, rtol=1e-5, atol=1e-5)
    assert len(found) >= shape[0] // 16


@pytest.mark.parametrize("size", [1, 9, 61])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_parts_of_a_map_make_up_the_whole_and_go(monkeypatch, size, memory_format):
    whole = torch.rand(1, 3, size, 7).contiguous(memory_format=memory_format)
    monkeypatch.setattr(strips, "_PART", 4 * 3 * 7 * 9)  # of nine rows
    found = strips.PartedMap(strips.by_strips(lambda rows: whole[:, :, rows], size, 4, 2), size)
    for first in range(0, size, 4):
        rows = slice(max(first - 2, 0), min(first + 6, size))
        part = strips.rows_of(found, rows)
        assert torch.equal(part, whole[:, :, rows])
        if memory_format == torch.channels_last:
            assert part.is_contiguous(memory_format=memory_format)
        assert torch.equal(strips.rows_of(found, rows, last=True), whole[:, :, rows])
    assert [part is None for part in found._parts] == [
        9 * (i + 1) <= rows.start for i in range(len(found._parts))
    ]


def test_a_large_map_in_many_parts_changes_no_bit(net, monkeypatch):
    images = torch.rand(1, 2, 301, 20)
    monkeypatch.setattr(compact_unet, "_STRIP", 1)
    with torch.no_grad():
        whole = net.maps(images)
        monkeypatch.setattr(strips, "_PART", 1)  # a row each
        assert torch.equal(net.maps(images), whole)


def test_a_gradient_and_training_see_the_whole(net, monkeypatch):
    images = torch.rand(1, 2, 100, 20)
    known = net.maps(images).detach()
    monkeypatch.setattr(compact_unet, "_STRIP", 1)
    assert len(list(net.strips(lambda rows: images[:, :, rows], (100, 20)))) == 1
    assert torch.equal(net.maps(images).detach(), known)
    net.train()
    with torch.no_grad():
        assert len(list(net.strips(lambda rows: images[:, :, rows], (100, 20)))) == 1


def test_a_strip_holds_no_more_of_the_finest_maps_than_it_needs(net, monkeypatch):
    images, rows = torch.rand(1, 2, 400, 20), []
    net.stem.register_forward_hook(lambda _, inputs, output: rows.append(output.shape[2]))
    monkeypatch.setattr(compact_unet, "_STRIP", 1)
    with torch.no_grad():
        net.maps(images)
    assert max(rows) == 8 + 2 * 2  # at half size, with those beside it


def test_normalisation_by_the_weights_is_batch_normalisation(net):
    x = torch.randn(2, 4, 9, 7)
    for step in (net.entry, net.up[0].second):
        convolution, norm = step
        torch.nn.init.uniform_(norm.running_mean, -1, 1)
        torch.nn.init.uniform_(norm.running_var, 0.2, 3)
        expected = norm(convolution(x))
        if step is net.entry:
            expected = expected.relu()
        torch.testing.assert_close(step(x), expected, rtol=1e-5, atol=1e-5)
    (net.train().entry(x)).sum().backward()  # in training they are of the images
    assert net.entry[1].num_batches_tracked == 1
    assert net.entry[1].weight.grad.abs().min() > 0
