"""ENet's initial block against the same sums written with numpy."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sklearn_spx.features import ConvFeatures
from sklearn_spx.nets.enet import ENetInitialBlock


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
