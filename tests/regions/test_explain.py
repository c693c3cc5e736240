"""Segmentation functions and maskers, by what the packages that take them do with them."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_spx import EGBSegmenter, SEALSuperpixels, SLICSuperpixels
from sklearn_spx.regions import RegionMasker, SegmentationFunction, segmentation_fn

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
CORNER = np.s_[6:18, 8:20]


@pytest.fixture(scope="module")
def image():
    """A green square on noise, floats in [0, 1]."""
    rng = np.random.default_rng(0)
    image = rng.uniform(0.3, 0.5, (32, 40, 3))
    image[CORNER] = 0.1, 0.8, 0.1
    return np.rint(image * 255) / 255


@pytest.fixture(scope="module")
def segment():
    return segmentation_fn(SLICSuperpixels(n_segments=20))


def _greenness(images):
    """A classifier: how green the square's place is, and the rest to 1."""
    images = np.asarray(images, np.float64)
    green = images[:, *CORNER, 1].mean(axis=(1, 2)) - images[:, *CORNER, 0].mean(axis=(1, 2))
    return np.column_stack([1 - green, green])


def _in_square(labels):
    """The share of each region that lies in the square."""
    inside = np.zeros(labels.shape)
    inside[CORNER] = 1
    return np.bincount(labels.ravel(), inside.ravel()) / np.bincount(labels.ravel())


# --- the function ---------------------------------------------------------------------------------


def test_labels_are_those_of_the_estimator(image, segment):
    labels = segment(image)
    assert labels.shape == (32, 40)
    assert labels.dtype == np.int32
    assert (labels == SLICSuperpixels(n_segments=20).fit_transform([image])[0]).all()
    assert (np.unique(labels) == np.arange(20)).all()


@pytest.mark.parametrize(
    "convert",
    [
        lambda image: np.rint(image * 255).astype(np.uint8),
        lambda image: image.astype(np.float32),
        lambda image: torch.from_numpy(image),
        lambda image: torch.from_numpy(image).float().requires_grad_(),
        lambda image: image.tolist(),
    ],
    ids=["uint8", "float32", "tensor", "tensor with gradient", "list"],
)
def test_the_same_picture_in_any_form(image, segment, convert):
    assert (segment(convert(image)) == segment(image)).all()


def test_normalisation_is_undone(image, segment):
    normalised = segmentation_fn(segment.estimator, mean=MEAN, std=STD)
    assert (normalised((image - MEAN) / STD) == segment(image)).all()
    assert (normalised(((image - MEAN) / STD).astype(np.float32)) == segment(image)).all()
    by_255 = segmentation_fn(segment.estimator, std=1 / 255)
    assert (by_255(image * 255) == segment(image)).all()


def test_gray_and_many_channels_need_no_fit(image, segment):
    assert segment(image[..., 0]).max() == 19
    assert segment(np.concatenate([image, image], axis=2)).max() == 19


def test_a_fitted_estimator_is_taken_as_it_is(image):
    """A fit to floats of another range tells how to read them."""
    wide = image * 7 - 3
    fitted = SLICSuperpixels(n_segments=20).fit([wide])
    assert (segmentation_fn(fitted)(wide) == fitted.transform([wide])[0]).all()
    given = SLICSuperpixels(n_segments=20, value_range=(-3, 4))
    assert segmentation_fn(given)(wide).max() == 19


def test_the_estimator_is_left_alone(image):
    estimator = SLICSuperpixels(n_segments=20)
    segmentation_fn(estimator)(image)
    assert not hasattr(estimator, "n_channels_in_")


def test_it_can_be_pickled(image, segment):
    again = pickle.loads(pickle.dumps(segmentation_fn(segment.estimator, mean=0.5, std=0.5)))
    assert isinstance(again, SegmentationFunction)
    assert (again(image * 2 - 1) == segment(image)).all()


def test_what_must_be_fitted_says_so(image):
    with pytest.raises(NotFittedError):
        segmentation_fn(SEALSuperpixels(n_segments=4))(image)


def test_a_normalised_image_is_named(image, segment):
    with pytest.raises(ValueError, match="give segmentation_fn the mean and std"):
        segment((image - MEAN) / STD)
    with pytest.raises(
        ValueError, match=r"image holds values from .* once mean and std are undone"
    ):
        segmentation_fn(segment.estimator, mean=0.5, std=0.5)(image * 6 - 3)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"estimator": SLICSuperpixels}, TypeError, "accepted is a segmenter with the method"),
        ({"estimator": 3}, TypeError, "estimator is 3"),
        ({"mean": [0.1, np.nan, 0.2]}, ValueError, "mean must be a finite number"),
        ({"std": [[1.0, 2.0]]}, ValueError, "std must be a finite number"),
        ({"std": 0}, ValueError, "std must be above 0, got 0"),
    ],
)
def test_bad_arguments_are_named(arguments, kind, message):
    with pytest.raises(kind, match=message):
        segmentation_fn(**({"estimator": SLICSuperpixels()} | arguments))


def test_bad_images_are_named(image, segment):
    with pytest.raises(ValueError, match="If it is a batch, pass its images"):
        segment(image[None])
    with pytest.raises(ValueError, match="mean has 3 values for an image of 1 channels"):
        segmentation_fn(segment.estimator, mean=MEAN)(image[..., 0])
    with pytest.raises(ValueError, match="NaN"):
        segment(image * np.nan)


# --- tensors --------------------------------------------------------------------------------------


def test_feature_masks_of_tensors(image, segment):
    batch = torch.from_numpy(np.stack([image, image[::-1]])).permute(0, 3, 1, 2)
    mask = segment.feature_mask(batch)
    assert mask.shape == (2, 1, 32, 40)
    assert mask.dtype == torch.int64
    assert (mask[0, 0].numpy() == segment(image)).all()
    assert (mask[1, 0].numpy() == segment(image[::-1])).all()
    assert (segment.feature_mask(batch[0]) == mask[:1]).all()
    assert (segment.feature_mask(image) == mask[:1]).all()


def test_half_precision_tensors(image, segment):
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]
    for kind in (torch.float16, torch.bfloat16):
        assert segment.feature_mask(tensor.to(kind)).shape == (1, 1, 32, 40)


def test_tensors_of_other_shapes_are_named(segment):
    with pytest.raises(ValueError, match=r"images has shape \(3, 4\); accepted are tensors"):
        segment.feature_mask(torch.zeros(3, 4))


# --- the masker -----------------------------------------------------------------------------------


def test_a_masker_hides_regions_in_their_mean_colour():
    labels = [[4, 4, -1], [9, 9, -1]]
    image = np.array([[0.0, 1.0, 7.0], [2.0, 4.0, 8.0]])
    masker = RegionMasker(labels)
    assert masker.label.tolist() == [4, 9]
    assert masker.shape == (1, 2)
    assert masker.mask_shapes(image) == [(2,)]
    (out,) = masker([False, True], image)
    assert out.tolist() == [[[0.5, 0.5, 7.0], [2.0, 4.0, 8.0]]]
    (out,) = masker(True, image)
    assert out.tolist() == [image.tolist()]
    (out,) = masker(False, image)
    assert out.tolist() == [[[0.5, 0.5, 7.0], [3.0, 3.0, 8.0]]]


def test_means_of_integers_are_rounded():
    (out,) = RegionMasker([[0, 0, 0, 1]])([False, True], np.uint8([[1, 2, 2, 9]]))
    assert out.dtype == np.uint8
    assert out.tolist() == [[[2, 2, 2, 9]]]


@pytest.mark.parametrize("fill", [0.5, [0.5, 0.25, 1.0], "image"])
def test_fills(image, fill):
    labels = np.repeat(np.arange(2), 20)[None].repeat(32, axis=0)
    fill = 1 - image if fill == "image" else fill
    (out,) = RegionMasker(labels, fill=fill)([True, False], image)
    assert (out[0, :, :20] == image[:, :20]).all()
    assert (out[0, :, 20:] == np.broadcast_to(fill, image.shape)[:, 20:]).all()


def test_values_are_painted():
    masker = RegionMasker([[4, 9, -1]])
    assert masker.paint([1.0, 2.0]).tolist() == [[1.0, 2.0, 0.0]]
    assert masker.paint(np.ones((2, 5))).shape == (1, 3, 5)
    with pytest.raises(ValueError, match=r"values has shape \(3,\), expected \(2, ...\)"):
        masker.paint([1, 2, 3])


def test_maskers_name_what_does_not_fit():
    with pytest.raises(ValueError, match="labels has 1 regions"):
        RegionMasker([[0, 0, -1]])
    masker = RegionMasker([[0, 1]], fill=[1, 2])
    with pytest.raises(ValueError, match=r"image has shape \(3, 1, 2\), but the labels \(1, 2\)"):
        masker([True, False], np.zeros((3, 1, 2)))
    with pytest.raises(ValueError, match=r"fill has shape \(2,\), which does not fit"):
        masker([True, False], np.zeros((1, 2, 3)))


# --- the packages ---------------------------------------------------------------------------------

# what they deprecate, or use of what others do, is theirs
of_others = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@of_others
def test_lime_takes_it(image, segment):
    lime_image = pytest.importorskip("lime.lime_image")
    explainer = lime_image.LimeImageExplainer(random_state=0)
    explanation = explainer.explain_instance(
        image, _greenness, labels=[1], top_labels=None, num_samples=200, segmentation_fn=segment
    )
    assert (explanation.segments == segment(image)).all()
    weights = dict(explanation.local_exp[1])
    share = _in_square(explanation.segments)
    assert sorted(weights) == list(range(20))
    assert share[max(weights, key=weights.get)] > 0.5
    assert np.corrcoef([weights[i] for i in range(20)], share)[0, 1] > 0.8


@of_others
@pytest.mark.parametrize("method", ["FeatureAblation", "KernelShap", "Lime"])
def test_captum_takes_it(image, segment, method):
    attr = pytest.importorskip("captum.attr")

    def forward(x):
        return torch.from_numpy(_greenness(x.permute(0, 2, 3, 1)))

    torch.manual_seed(0)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]
    mask = segment.feature_mask(tensor)
    options = {} if method == "FeatureAblation" else {"n_samples": 200}
    found = getattr(attr, method)(forward).attribute(tensor, target=1, feature_mask=mask, **options)
    assert found.shape == tensor.shape
    labels = mask[0, 0].numpy()
    of_region = np.array([found[0, 0].numpy()[labels == i].mean() for i in range(20)])
    assert of_region.argmax() in np.flatnonzero(_in_square(labels) > 0.5)


@of_others
@pytest.mark.parametrize("method", ["PartitionExplainer", "PermutationExplainer"])
def test_shap_takes_it(image, segment, method):
    shap = pytest.importorskip("shap")
    labels = segment(image)
    masker = RegionMasker(labels, fill=0.4)
    explainer = getattr(shap, method)(_greenness, masker)
    explanation = explainer(image[None], max_evals=400, silent=True)
    values = explanation.values[0][..., 1]
    assert values.shape == (20,)
    everything = _greenness(image[None])[0, 1] - _greenness(masker(False, image)[0])[0, 1]
    assert values.sum() == pytest.approx(everything, abs=1e-6)  # Shapley's efficiency
    assert _in_square(labels)[values.argmax()] > 0.5
    assert masker.paint(values).shape == (32, 40)


def test_xplique_would_take_it(image, segment):
    """Of xplique, which wants TensorFlow, what it does: a map of int32 of one image's tensor."""

    class TensorOfAnother:
        def __array__(self, dtype=None, copy=None):
            return image.astype(np.float32)

    mapping = segment(TensorOfAnother())
    assert mapping.dtype == np.int32
    assert (mapping == segment(image)).all()


def test_other_segmenters(image):
    labels = segmentation_fn(clone(EGBSegmenter(min_size=20)))(image)
    assert labels.shape == (32, 40)
    assert labels.max() >= 1


def test_a_mask_of_another_length_is_named():
    masker = RegionMasker([[3, 3, 8]])
    with pytest.raises(ValueError, match=r"mask has shape \(1,\), expected \(2,\): one for each"):
        masker([False], np.zeros((1, 3)))
