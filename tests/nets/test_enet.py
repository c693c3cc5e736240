"""ENet's initial block against the same sums written with numpy; the whole net on real data."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sklearn_spx.datasets import load_camvid
from sklearn_spx.features import ConvFeatures
from sklearn_spx.nets.enet import ENet, ENetInitialBlock


def naive(tensors, image, epsilon=1e-5):
    """The block on an image (channels, H, W), cell by cell."""
    kernels = tensors["main_branch.weight"]
    n_channels, height, width = image.shape
    rows, columns = -(-height // 2), -(-width // 2)
    framed = np.zeros((n_channels, height + 3, width + 3))
    framed[:, 1 : height + 1, 1 : width + 1] = image
    maps = np.empty((len(kernels) + n_channels, rows, columns))
    for r in range(rows):
        for c in range(columns):
            window = framed[:, 2 * r : 2 * r + 3, 2 * c : 2 * c + 3]
            maps[: len(kernels), r, c] = (kernels * window).sum(axis=(1, 2, 3))
            tile = image[:, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2]
            maps[len(kernels) :, r, c] = tile.max(axis=(1, 2))
    norm = {
        part: tensors[f"batch_norm.{part}"][:, None, None]
        for part in ("weight", "bias", "running_mean", "running_var")
    }
    maps = (maps - norm["running_mean"]) / np.sqrt(norm["running_var"] + epsilon)
    maps = norm["weight"] * maps + norm["bias"]
    return np.where(maps > 0, maps, tensors["out_prelu.weight"][:, None, None] * maps)


def made_up(n_channels, n_maps, seed=0):
    rng = np.random.default_rng(seed)
    n = n_channels + n_maps
    return {
        "main_branch.weight": rng.normal(size=(n_maps, n_channels, 3, 3)).astype(np.float32),
        "batch_norm.weight": rng.normal(size=n).astype(np.float32),
        "batch_norm.bias": rng.normal(size=n).astype(np.float32),
        "batch_norm.running_mean": rng.normal(size=n).astype(np.float32),
        "batch_norm.running_var": rng.uniform(0.5, 2, n).astype(np.float32),
        "out_prelu.weight": rng.uniform(0, 0.5, n).astype(np.float32),
    }


def run(block, image):
    with torch.no_grad():
        return block(torch.from_numpy(image)[None])[0].numpy()


@pytest.mark.parametrize("prefix", ["", "initial_block."])
@pytest.mark.parametrize(("n_channels", "n_maps", "shape"), [(3, 13, (8, 6)), (5, 2, (7, 9))])
def test_block_agrees_with_numpy(tmp_path, prefix, n_channels, n_maps, shape):
    tensors = made_up(n_channels, n_maps)
    named = {prefix + name: torch.from_numpy(array) for name, array in tensors.items()}
    save_file(named, tmp_path / "enet.safetensors")
    block = ENetInitialBlock.from_file(tmp_path / "enet.safetensors")
    image = np.random.default_rng(1).random((n_channels, *shape), dtype=np.float32)
    np.testing.assert_allclose(run(block, image), naive(tensors, image), rtol=1e-4, atol=1e-5)


def test_file_without_the_block(tmp_path):
    save_file({"main_branch.weight": torch.zeros(13, 3, 3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"no initial block of ENet: batch_norm.weight is missing"):
        ENetInitialBlock.from_file(tmp_path / "other.safetensors")


def test_trained_block(data_root):
    path = data_root.parent / "weights" / "enet_camvid.safetensors"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    block = ENetInitialBlock.from_file(path)
    tensors = {name: tensor.numpy() for name, tensor in block.state_dict().items()}
    image = np.random.default_rng(2).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    expected = naive(tensors, image.transpose(2, 0, 1) / 255)
    np.testing.assert_allclose(
        run(block, np.float32(image.transpose(2, 0, 1) / 255)), expected, rtol=1e-3, atol=1e-4
    )
    features = ConvFeatures(block).fit([image])
    assert features.strides_ == [(2.0, 2.0)]
    assert max(features.origins_[0]) <= 0.5  # between the convolution's 0 and the maxima's 0.5
    assert features.transform([image])[0].shape == (32, 64, 16)
    np.testing.assert_allclose(features._maps(image)[0], expected, rtol=1e-3, atol=1e-4)


# --- the whole net --------------------------------------------------------------------------------


def saved(path, change=None, n_classes=5, **options):
    """A net of random weights and its file, whose tensors ``change`` may change."""
    torch.manual_seed(0)
    net = ENet(n_classes, **options)
    for name, tensor in net.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            tensor.normal_(0, 0.1)
    tensors = {n: t for n, t in net.state_dict().items() if not n.endswith("num_batches_tracked")}
    if change is not None:
        change(tensors)
    save_file(tensors, path)
    return net.eval()


@pytest.mark.parametrize("maxima", [2, 3])
def test_a_net_comes_back_from_its_file(tmp_path, maxima):
    net = saved(tmp_path / "enet.safetensors", n_channels=4, maxima=maxima)
    again = ENet.from_file(tmp_path / "enet.safetensors", maxima=maxima)
    assert not again.training
    images = torch.rand(1, 4, 16, 24, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(again(images), net(images))
        other = ENet.from_file(tmp_path / "enet.safetensors", maxima=5 - maxima)
        assert not torch.equal(other(images), net(images))


@pytest.mark.parametrize("shape", [(16, 24), (13, 18)])
def test_images_of_any_size_are_continued(shape):
    torch.manual_seed(0)
    net = ENet(3).eval()
    image = torch.rand(1, 3, *shape)
    rows, columns = (torch.arange(-(-n // 8) * 8).clamp(max=n - 1) for n in shape)
    with torch.no_grad():
        found = net(image)
        expected = net(image[:, :, rows][:, :, :, columns])
    assert found.shape == (1, 3, *shape)
    torch.testing.assert_close(found, expected[:, :, : shape[0], : shape[1]])


def test_values_go_back_to_where_the_maxima_were():
    """With f(x) = 0 in every bottleneck, one bright pixel leaves its trace at its own place."""
    net = ENet(1).eval()
    for name, parameter in net.named_parameters():
        if ".ext_conv3.1." in name:
            parameter.data.zero_()
    spots = []
    for place in ((4, 4), (13, 22)):
        image = torch.zeros(1, 3, 32, 32)
        with torch.no_grad():
            dark = net(image)
            image[:, :, place[0], place[1]] = 1
            changed = (net(image) - dark).abs()[0, 0]
        assert changed.max() > 0
        spots.append(changed.nonzero().float())
        assert (spots[-1] - torch.tensor(place)).abs().max() <= 8
    assert spots[0].mean(0).sub(spots[1].mean(0)).abs().min() > 4


def test_the_net_has_the_weights_of_the_paper():
    assert 0.35e6 < sum(p.numel() for p in ENet(19).parameters()) < 0.38e6  # its Table 3: 0.37 M


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda t: t.pop("regular2_5.out_prelu.weight"),
            "out_prelu.weight is missing",
        ),
        (lambda t: t.pop("transposed_conv.weight"), "transposed_conv.weight is missing"),
        (lambda t: t.update(other=torch.zeros(1)), "there is no place for other"),
        (lambda t: t.update({"regular4_1.out_prelu.weight": torch.zeros(3)}), "size mismatch"),
    ],
)
def test_a_file_of_something_else(tmp_path, change, words):
    saved(tmp_path / "other.safetensors", change)
    with pytest.raises(ValueError, match=rf"(?s)other\.safetensors holds no ENet: .*{words}"):
        ENet.from_file(tmp_path / "other.safetensors")


def test_maxima_of_another_window():
    with pytest.raises(ValueError, match="maxima must be 2 or 3, got 4"):
        ENet(2, maxima=4)


def test_trained_net_on_street_scenes(data_root):
    path = data_root.parent / "weights" / "enet_camvid.safetensors"
    if not path.is_file() or not (data_root / "CamVid").is_dir():
        pytest.skip(f"there is no {path}, or no CamVid in {data_root}")
    net, data = ENet.from_file(path), load_camvid(data_root / "CamVid", "val")
    right = known = 0
    for i in (0, 16, 33):
        image = torch.from_numpy(data.images[i].transpose(2, 0, 1).astype(np.float32) / 255)
        with torch.no_grad():
            found = net(image[None])[0, :11].argmax(0).numpy()
        right += (found == data.classes[i]).sum()
        known += (data.classes[i] >= 0).sum()
    assert right / known > 0.85
