"""Estimators with device="cuda", in the simulator: tensors of torch on the CPU stand for a GPU's.

The kernels then get and give tensors, as on a GPU, and what goes through the host would show as an
array of numpy where a tensor is wanted.
"""

import numpy as np
import pytest
import torch

from sklearn_spx import (
    DELSegmenter,
    EGBSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
    learned,
)
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import ChannelUnion, LabFeatures
from sklearn_spx.features.devices import features_on
from sklearn_spx.kernels import _device
from sklearn_spx.kernels.checks import missing_gpu
from sklearn_spx.methods.trainable_slic import estimator, model
from sklearn_spx.training import NetTraining

from ..kernels.simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


@pytest.fixture
def tensors_as_on_a_gpu(monkeypatch):
    from numba import cuda
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    def interface(tensor):
        return {"shape": tuple(tensor.shape)}

    def as_cuda_array(tensor, sync=True):
        return FakeCUDAArray(tensor.detach().numpy())

    monkeypatch.setattr(torch.Tensor, "__cuda_array_interface__", property(interface))
    monkeypatch.setattr(cuda, "as_cuda_array", as_cuda_array, raising=False)
    monkeypatch.setattr(_device, "_handle_of", lambda array: 1)
    for module in learned, estimator:
        monkeypatch.setattr(
            module, "torch_device", lambda device: "cpu" if device == "cpu" else "cpu:0"
        )


@pytest.fixture(scope="module")
def image():
    return make_dead_leaves(1, shape=(20, 26), random_state=3).images[0]


@pytest.mark.parametrize(
    "estimator",
    [
        SLICSuperpixels(6, max_iter=3),
        SLICSuperpixels(6, max_iter=2, convert2lab=False, slic_zero=True),
        ERSSuperpixels(6),
        EGBSegmenter(min_size=9),
    ],
)
@pytest.mark.parametrize("masked", [False, True])
def test_without_a_net(estimator, image, masked):
    masks = None
    if masked:
        masks = [np.add.outer(np.arange(20), np.arange(26)) > 9]
    wanted = estimator.set_params(device="cpu").fit_transform([image], masks=masks)
    with permuted(0):
        found = estimator.set_params(device="cuda").transform([image], masks=masks)
    assert isinstance(found[0], np.ndarray)
    assert found[0].tolist() == wanted[0].tolist()


@pytest.mark.parametrize(
    ("cls", "parameters"),
    [
        (DELSegmenter, {}),
        (DELSegmenter, {"merge": "threshold", "scales": (1, 1.5), "mirror": True}),
        (SEALSuperpixels, {"n_segments": 7}),
        (SEALSuperpixels, {"n_segments": 7, "backend": "egb"}),
        (TrainableSLIC, {"n_segments": 7, "max_iter": 2}),
    ],
)
def test_with_a_net(cls, parameters, image, tensors_as_on_a_gpu, monkeypatch):
    estimator = cls.from_pretrained("bsds500", **parameters)
    wanted = estimator.transform([image])[0]
    with permuted(0):
        found = estimator.set_params(device="cuda").transform([image])[0]
    assert isinstance(found, np.ndarray)
    assert found.tolist() == wanted.tolist()


@pytest.fixture(scope="module", params=["mlp", "classifier", "classifier-paper"])
def chooser(request):
    leaves = make_dead_leaves(3, shape=(40, 52), random_state=5)
    slic = TrainableSLIC(
        5,
        distance=request.param,
        features=LabFeatures(),
        size=8,
        n_samples=400,
        max_iter=3,
        training=NetTraining(max_epochs=1),
    )
    return slic.fit(leaves.images, leaves.ground_truths)


@pytest.mark.parametrize("masked", [False, True])
def test_a_net_that_chooses(chooser, masked, image, tensors_as_on_a_gpu, monkeypatch):
    """Image, choices and labels of Algorithm 1 are tensors."""
    masks = [np.add.outer(np.arange(20), np.arange(26)) > 9] if masked else None
    wanted = chooser.set_params(device="cpu").transform([image], masks=masks)[0]
    seen = []

    def bottom_up(values, n_segments, choose, *, mask, **options):
        def choose_and_tell(*arrays):
            chosen = choose(*arrays)
            seen.extend(map(type, (*arrays, chosen)))
            return chosen

        labels = kernel(values, n_segments, choose_and_tell, mask=mask, **options)
        seen.extend(map(type, (values, labels)))
        return labels

    kernel = model.bottom_up
    monkeypatch.setattr(model, "bottom_up", bottom_up)
    with permuted(0):
        found = chooser.set_params(device="cuda").transform([image], masks=masks)[0]
    assert set(seen) == {torch.Tensor}
    assert isinstance(found, np.ndarray)
    assert found.tolist() == wanted.tolist()


def test_features_made_on_a_gpu_stay_there(image, tensors_as_on_a_gpu, monkeypatch):
    slic = TrainableSLIC.from_pretrained("bsds500", n_segments=7, max_iter=1, device="cuda")
    embedding, plain = slic.features_, LabFeatures().fit([image])
    both = ChannelUnion([("embedding", embedding), ("lab", plain)], select=np.uint8([0, 4, 1]))
    both.n_channels_in_ = 3
    both.transformers_ = [("embedding", embedding), ("lab", plain)]
    for features in (embedding, both):
        found = features_on(features, image, "cpu:0")
        assert isinstance(found, torch.Tensor)
        assert found.numpy().tobytes() == features.transform([image])[0].tobytes()
    assert isinstance(features_on(plain, image, "cpu:0"), np.ndarray)
    asked = []

    def segment(values, *arguments, **options):
        asked.append(type(values))
        return kernel(values, *arguments, **options)

    def transform(self, X):
        raise AssertionError("features go through the host")

    kernel = estimator.segment
    monkeypatch.setattr(estimator, "segment", segment)
    monkeypatch.setattr(type(embedding), "transform", transform)
    with permuted(0):
        slic.transform([image])
    assert asked == [torch.Tensor]


def test_without_a_gpu_it_is_an_error_of_the_call_and_not_of_an_image(image, monkeypatch):
    monkeypatch.setattr(_device, "missing_gpu", lambda: "no driver here")
    slic = SLICSuperpixels(6, device="cuda", on_error="warn").fit([image])
    with pytest.raises(ValueError, match=r"finds none: no driver here.*sklearn-spx\[cuda\]"):
        slic.transform([image])
    assert missing_gpu() is None
    auto = SLICSuperpixels(6, device="auto").fit_transform([image])
    assert auto[0].tolist() == SLICSuperpixels(6).fit_transform([image])[0].tolist()
