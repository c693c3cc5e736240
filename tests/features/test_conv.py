"""ConvFeatures: a module's maps, where they belong on the image, whatever its size and type."""

import copy
import pickle

import joblib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from sklearn_spx import TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import ChannelUnion, ConvFeatures, LabFeatures


def mean_of(channels, kernel, stride=1, padding=0):
    """A convolution that takes the mean of its window, channel by channel."""
    conv = nn.Conv2d(channels, channels, kernel, stride, padding, groups=channels, bias=False)
    nn.init.constant_(conv.weight, 1 / kernel**2)
    return conv


class Net(nn.Module):
    """Three layers, in training mode, of which the last two shrink the image."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.down = nn.Conv2d(6, 5, 3, 2, 1)
        self.unused = nn.Identity()
        self.calls = []
        for parameter in self.parameters():
            parameter.data.normal_(generator=generator)

    def forward(self, images):
        x = self.down(self.body(images))
        self.calls.append("behind")
        return x.mean(dim=(2, 3))


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 255, (45, 70, 3), dtype=np.uint8)


# --- where the maps lie -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "stride", "origin"),
    [
        (nn.Identity(), 1, 0),
        (mean_of(2, 3), 1, 1),  # no padding: cell 0 sees pixels 0 to 2
        (mean_of(2, 3, 2, 1), 2, 0),
        (mean_of(2, 2, 2), 2, 0.5),
        (nn.AvgPool2d(4), 4, 1.5),
        (nn.MaxPool2d(2), 2, 0.5),
        (nn.Sequential(mean_of(2, 3, 2, 1), nn.ReLU(), mean_of(2, 2, 2)), 4, 1),
        (nn.Sequential(*(mean_of(2, 3, 2, 1) for _ in range(4))), 16, 0),
        (nn.Upsample(scale_factor=2, mode="nearest"), 0.5, -0.25),
    ],
)
def test_strides_and_origins_of_known_layers(module, stride, origin):
    image = np.random.default_rng(1).random((70, 90, 2))
    features = ConvFeatures(module).fit([image])
    assert features.strides_ == [(stride, stride)]
    np.testing.assert_allclose(features.origins_, [(origin, origin)], atol=0.25 * (stride > 4))


@settings(deadline=None, max_examples=15)
@given(
    st.integers(40, 80),
    st.integers(40, 80),
    st.sampled_from([(3, 1, 1), (3, 1, 0), (2, 2, 0), (3, 2, 1), (4, 4, 0), (5, 3, 2)]),
)
def test_a_slope_comes_back_in_place_at_any_size(height, width, layer):
    y, x = np.mgrid[:height, :width]
    image = np.stack([y + 2 * x, x - y], axis=2).astype(np.float32)
    noise = np.random.default_rng(0).normal(size=(40, 40, 2))
    features = ConvFeatures(mean_of(2, *layer)).fit([noise]).transform([image])[0]
    inside = np.s_[6:-10, 6:-10]  # beyond, the border is in the windows
    np.testing.assert_allclose(features[inside], image[inside], atol=2e-3)


def test_a_shift_by_whole_strides_shifts_the_features():
    image = np.random.default_rng(2).random((64, 96, 2))
    features = ConvFeatures(mean_of(2, 3, 4, 1)).fit([image])
    whole, part = features.transform([image, image[8:, 12:]])
    np.testing.assert_allclose(part[8:40, 8:60], whole[16:48, 20:72], atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (5, 2), (31, 33), (64, 32)])
def test_any_size(shape):
    features = ConvFeatures(Net(), "down").fit([np.zeros((*shape, 3), np.uint8)])
    out = features.transform([np.zeros((*shape, 3), np.uint8)])[0]
    assert out.shape == (*shape, 5)
    assert np.isfinite(out).all()


def test_a_layer_without_gradients_tiles_the_image(image):
    class Frozen(nn.Module):
        def forward(self, images):
            with torch.no_grad():
                return nn.functional.avg_pool2d(images, 4)

    assert ConvFeatures(Frozen()).fit([image]).origins_ == [(1.5, 1.5)]


# --- what is computed ---------------------------------------------------------------------------


def test_maps_are_those_of_the_module(image):
    net = Net().eval()
    planes = (image[:, :, ::-1] / 255 - [0.1, 0.2, 0.3]) / [1, 2, 3]
    with torch.no_grad():
        expected = net.body(torch.from_numpy(planes.transpose(2, 0, 1)[None].copy()).float())[0]
    features = ConvFeatures(
        net, "body", channels=[2, 1, 0], mean=[0.1, 0.2, 0.3], std=[1, 2, 3]
    ).fit([image])
    found = features.transform([image])[0]
    inside = np.s_[:-1, :-1]  # where the border is not extended
    np.testing.assert_allclose(
        found[inside], expected.numpy().transpose(1, 2, 0)[inside], rtol=1e-4, atol=1e-5
    )


def test_the_type_of_the_image_does_not_matter(image):
    features = ConvFeatures(nn.Identity(), scale=255.0)
    expected = features.fit_transform([image])[0]
    np.testing.assert_array_equal(expected, np.float32(image))
    for other in (image.astype(np.uint16) * 257, image / 255, image.astype(np.int64)):
        np.testing.assert_allclose(features.fit_transform([other])[0], expected, rtol=1e-5)
    raw = ConvFeatures(nn.Identity(), scale=None)
    np.testing.assert_array_equal(raw.fit_transform([image * 2.5])[0], np.float32(image * 2.5))
    bits = ConvFeatures(nn.Identity()).fit_transform([image > 100])[0]
    np.testing.assert_array_equal(bits, np.float32(image > 100))


def test_gray_images_as_three_channels(image):
    gray = image[:, :, 0]
    features = ConvFeatures(Net(), "body", channels=[0, 0, 0]).fit_transform([gray])[0]
    expected = ConvFeatures(Net(), "body").fit_transform([np.dstack([gray] * 3)])[0]
    np.testing.assert_array_equal(features, expected)


def test_several_layers_stand_one_after_another(image):
    parts = [ConvFeatures(Net(), name).fit_transform([image])[0] for name in ("down", "body.0")]
    both = ConvFeatures(Net(), ("down", "body.0")).fit([image])
    assert both.n_features_out_ == 11
    assert both.strides_ == [(2, 2), (1, 1)]
    np.testing.assert_allclose(
        both.transform([image])[0], np.concatenate(parts, axis=2), rtol=1e-4, atol=1e-4
    )


def test_components_are_those_of_the_maps():
    rng = np.random.default_rng(3)
    hidden = rng.normal(size=(64, 64, 2)) * [3, 1]
    mixing = np.linalg.qr(rng.normal(size=(7, 7)))[0][:2]
    image = hidden @ mixing + 5
    found = ConvFeatures(nn.Identity(), n_components=2).fit_transform([image])[0]
    centred = hidden - hidden.mean(axis=(0, 1))
    # up to signs and a turn of the axes: the same distances
    assert found.shape == (64, 64, 2)
    np.testing.assert_allclose((found**2).sum(axis=2), (centred**2).sum(axis=2), atol=1e-3)
    assert found[..., 0].var() > 4 * found[..., 1].var()


# --- the module ---------------------------------------------------------------------------------


def test_the_module_is_left_alone_and_nothing_behind_the_layer_is_run(image):
    net = Net().train()
    before = copy.deepcopy(net.state_dict())
    features = ConvFeatures(net, "body").fit([image])
    features.transform([image])
    assert net.training
    assert net.body.training
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())
    assert net.calls == features.net_.calls == []
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
    with torch.no_grad():
        net.body[0].weight.zero_()  # the fitted copy does not follow
    assert features.transform([image])[0].any()


def test_the_same_module_has_the_same_hash_wherever_it_has_been(image):
    features = ConvFeatures(Net(), "body")
    others = [clone(features), pickle.loads(pickle.dumps(features)), copy.deepcopy(features)]
    others.append(clone(pickle.loads(pickle.dumps(clone(features)))))
    assert {joblib.hash(other) for other in others} == {joblib.hash(features)}
    others[0].module.down.bias.data += 1
    assert joblib.hash(others[0]) != joblib.hash(features)


def test_threads_change_nothing(image):
    X = [image, image[:20, :33], image[10:], image[::-1]]
    features = ConvFeatures(Net(), ("body", "down"), n_components=3).fit(X)
    expected = features.transform(X)
    torch_threads = torch.get_num_threads()
    found = clone(features).set_params(n_jobs=4).fit(X).transform(X)
    assert torch.get_num_threads() == torch_threads
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_search_over_cheap_parameters_trains_once_a_fold(tmp_path):
    data = make_dead_leaves(4, shape=(48, 64), random_state=0)
    features = ChannelUnion([("lab", LabFeatures()), ("conv", ConvFeatures(Net(), "down"))])
    slic = TrainableSLIC(30, features=features, size=8, memory=str(tmp_path), n_samples=500)
    search = GridSearchCV(slic, {"compactness": [5, 10, 20]}, cv=2, refit=False)
    search.fit(data.images, data.ground_truths)
    trained = {path.parent for path in tmp_path.rglob("output.pkl")}
    assert len(trained) == 2
    # the weights themselves learn from the maps
    fitted = clone(slic).fit(data.images, data.ground_truths)
    assert fitted.weights_.shape == (8,)
    with pytest.raises(TypeError, match=r"torch module, Net, cannot be saved .* joblib.dump"):
        fitted.save(tmp_path / "slic.safetensors")


def test_a_search_can_choose_channels_by_name(tmp_path):
    data = make_dead_leaves(4, shape=(48, 64), random_state=0)
    features = ChannelUnion([("lab", LabFeatures()), ("conv", ConvFeatures(Net(), "down"))])
    slic = TrainableSLIC(30, features=features, size=8, n_samples=500)
    binary = [[1, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0], [1] * 8]
    grid = {"features__select": [np.array(mask, bool) for mask in binary]}
    search = GridSearchCV(slic, grid, cv=2).fit(data.images, data.ground_truths)
    scores = search.cv_results_["mean_test_score"]
    assert np.unique(scores).size > 1  # the choice changes what is segmented
    chosen = search.best_params_["features__select"]
    assert search.best_estimator_.weights_.shape == (chosen.sum(),)
    assert search.best_index_ == scores.argmax()


# --- what is refused ----------------------------------------------------------------------------


class Odd(nn.Module):
    """Layers whose outputs are no maps."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.flat = nn.Flatten()
        self.pair = Pair()

    def forward(self, images):
        maps = self.pool(self.conv(images))
        return self.flat(maps), self.pair(maps)


class Pair(nn.Module):
    def forward(self, images):
        return images, images


@pytest.mark.parametrize(
    ("module", "params", "words"),
    [
        (Net(), {"layer": "head"}, r"no layer 'head'; there are 'body', 'body.0', .*'unused'"),
        (nn.Identity(), {"layer": "x"}, "no layer 'x'; there are none"),
        (Net(), {"layer": ()}, "must name one layer or different ones"),
        (Net(), {"layer": ("down", "down")}, "must name one layer or different ones"),
        (Net(), {"layer": "unused"}, "layer 'unused' is never run"),
        (Net(), {}, r"layer '' gives shape \(1, 5\) for one image"),
        (Odd(), {"layer": "flat"}, r"layer 'flat' gives shape \(1, 32\)"),
        (Odd(), {"layer": "pair"}, "layer 'pair' gives tuple"),
        (Odd(), {"layer": "pool"}, r"maps of \(4, 4\) cells whatever the size"),
        (nn.Conv2d(4, 2, 3), {}, "does not run on 3 channels of 64 x 64 pixels"),
        (Net(), {"layer": "body", "channels": [0, 1, 3]}, "channels names 3; X has channels 0 to"),
        (Net(), {"layer": "body", "channels": [0, -1, 1]}, "channels names -1"),
        (Net(), {"layer": "body", "channels": [0.5]}, "channels must be integers"),
        (Net(), {"layer": "body", "mean": [1, 2]}, "mean must be a number or 3 of them"),
        (Net(), {"layer": "body", "std": [1, 0, 1]}, "std must be above 0"),
        (Net(), {"layer": "body", "n_components": 7}, "n_components is 7; a layer has 6 maps"),
        (Net(), {"layer": "body", "scale": 0}, "'scale' parameter"),
        ("resnet", {}, "'module' parameter"),
    ],
)
def test_refused(image, module, params, words):
    with pytest.raises(ValueError, match=words):
        ConvFeatures(module, **params).fit([image])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu(image):
    with pytest.raises(ValueError, match="torch finds no GPU"):
        ConvFeatures(Net(), "body", device="cuda").fit([image])
    ConvFeatures(Net(), "body", device="auto").fit([image])
