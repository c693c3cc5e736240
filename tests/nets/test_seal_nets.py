"""The paper's net against its release, the compact one against what it promises."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sklearn_spx.nets.seal_compact import CompactAffinityNet
from sklearn_spx.nets.seal_pan import PixelAffinityNet, released_state


@pytest.fixture(scope="module")
def released(data_root):
    path = data_root.parent / "weights" / "seal_release_bsds500.pkl"
    if not path.exists():
        pytest.skip(f"{path} is missing")
    net = PixelAffinityNet()
    net.load_state_dict(released_state(torch.load(path, map_location="cpu", weights_only=True)))
    return net.eval()


def as_tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array)).float()[None] / 255


def test_released_weights_give_the_released_affinities(released, oracle):
    reference = oracle("seal_reference_affinity")
    images = as_tensor(reference["image_bgr"][:, :, ::-1].transpose(2, 0, 1))
    edges = as_tensor(reference["canny"][None])
    with torch.no_grad():
        found = released(images, edges)[0].numpy()
    np.testing.assert_allclose(found, reference["affinity"], atol=1e-3, rtol=0)


def test_weights_are_as_many_as_the_papers():
    count = sum(p.numel() for p in PixelAffinityNet().parameters())
    assert count == pytest.approx(888_000, rel=1e-3)


def test_a_file_of_somebody_else_is_refused(released):
    with pytest.raises(ValueError, match=r"there is no conv1\.weight"):
        released_state(released.state_dict())


@pytest.mark.parametrize(
    "ablation", [{}, {"two_way": True}, {"square": True}, {"canny": False}], ids=str
)
def test_ablations_take_what_they_say(ablation):
    torch.manual_seed(0)
    net = PixelAffinityNet(2, width=4, **ablation).eval()
    images, edges = torch.rand(2, 2, 9, 7), (torch.rand(2, 1, 9, 7) > 0.5).float()
    with torch.no_grad():
        found = net(images, edges)
        other = net(images, 1 - edges)
        turned = net(images.transpose(2, 3), edges.transpose(2, 3))
    assert found.shape == (2, 2, 9, 7)
    assert 0 < found.min() < found.max() < 1
    assert torch.equal(found, other) == (not net.canny)
    # one net for both directions: the transposed image has the directions exchanged
    if not net.two_way:
        torch.testing.assert_close(turned, found.transpose(2, 3).flip(1))
    if net.canny:
        with pytest.raises(ValueError, match="edges is None"):
            net(images)


# --- compact ------------------------------------------------------------------------------------


def randomised(net):
    """As if trained: no branch is idle, no normalisation the identity."""
    torch.manual_seed(0)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            if module.affine:
                module.weight.data.uniform_(0.5, 1)
    return net.eval()


@pytest.fixture(scope="module")
def compact():
    return randomised(CompactAffinityNet(3, widths=(6, 8, 8, 8)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 2), (15, 17), (48, 32)])
@pytest.mark.parametrize("n_channels", [1, 3, 7])
def test_any_size_any_channels(shape, n_channels):
    net = randomised(CompactAffinityNet(n_channels, widths=(4, 4, 4, 4)))
    with torch.no_grad():
        found = net(torch.rand(1, n_channels, *shape))
    assert found.shape == (1, 2, *shape)
    assert torch.isfinite(found).all()
    assert found.min() > 0
    assert found.max() < 1


def test_compact_needs_a_fortieth_of_the_papers_multiplications():
    images = torch.empty(1, 3, 321, 481, device="meta")
    with FlopCounterMode(display=False) as compact:
        CompactAffinityNet().to("meta").eval()(images)
    with FlopCounterMode(display=False) as paper:
        PixelAffinityNet(canny=False).to("meta").eval()(images)
    assert compact.get_total_flops() < paper.get_total_flops() / 40


def test_a_shift_by_the_stride_shifts_the_affinities(compact):
    images = torch.rand(1, 3, 192, 192)
    with torch.no_grad():
        whole, cut = compact(images), compact(images[:, :, 16:, 32:])
    # far from the cut, further than the net sees
    torch.testing.assert_close(
        whole[:, :, 112:-16, 128:-16], cut[:, :, 96:-16, 96:-16], atol=2e-3, rtol=0
    )


def test_the_border_of_an_image_is_no_boundary(compact):
    # an image of one colour is one colour beyond its border too
    with torch.no_grad():
        found = compact(torch.full((1, 3, 70, 90), 0.3))
        wide = compact(torch.full((1, 3, 150, 170), 0.3))
    middle = wide[:, :, 75:77, 85:87]
    assert (found - middle.mean()).abs().max() < 0.1


def test_no_state_from_image_to_image(compact):
    images = torch.rand(3, 3, 20, 30)
    with torch.no_grad():
        together = compact(images)
        for i in range(3):
            torch.testing.assert_close(compact(images[i : i + 1])[0], together[i])
