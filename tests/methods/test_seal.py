"""SEALSuperpixels: exact counts, what is cached, what training learns and resumes."""

import pickle
import sys
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label as components
from sklearn.base import clone

from sklearn_spx import SEALSuperpixels, metrics
from sklearn_spx.datasets import load_bsds500, make_dead_leaves
from sklearn_spx.features.affinities import annotation_affinities
from sklearn_spx.kernels import entropy_rate_superpixels
from sklearn_spx.methods.seal import estimator as module
from sklearn_spx.methods.seal import growth, model
from sklearn_spx.methods.seal.graph import graph_segments
from sklearn_spx.training import NetTraining


def quick(**training):
    """Parameters for a short training."""
    training = {"max_steps": 2, "batch_size": 2, "crop_size": 32, **training}
    return {"training": NetTraining(**training), "random_state": 0}


@pytest.fixture(scope="module")
def leaves():
    return make_dead_leaves(4, shape=(40, 56), n_annotators=2, random_state=0)


@pytest.fixture(scope="module")
def fitted(leaves):
    return SEALSuperpixels(25, **quick()).fit(leaves.images, leaves.ground_truths)


def same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def assert_exact(labels, count, connectivity):
    np.testing.assert_array_equal(np.unique(labels[labels >= 0]), np.arange(count))
    structure = np.ones((3, 3)) if connectivity == 8 else None
    for i in range(count):
        assert components(labels == i, structure)[1] == 1


# --- superpixels --------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["ers", "egb"])
@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("count", [1, 7, 100, 40 * 56])
def test_exactly_that_many_connected_superpixels(fitted, leaves, backend, connectivity, count):
    seal = pickle.loads(pickle.dumps(fitted))
    seal.set_params(n_segments=count, backend=backend, connectivity=connectivity)
    assert_exact(seal.transform(leaves.images[:1])[0], count, connectivity)


def test_where_nothing_is_seen_superpixels_are_cells(fitted, monkeypatch):
    seal = pickle.loads(pickle.dumps(fitted)).set_params(n_segments=20)
    flat = np.full((2, 80, 100), 0.99, np.float32)
    monkeypatch.setattr(seal, "_predicted", lambda image: flat)
    image = np.zeros((80, 100, 3), np.uint8)
    compactness = {
        regularity: metrics.compactness(
            seal.set_params(regularity=regularity).transform([image])[0]
        )
        for regularity in (0.0, 0.2)
    }
    assert compactness[0.2] > 1.5 * compactness[0.0]


@pytest.mark.parametrize("masked", [False, True])
def test_small_superpixels_are_favoured_less(masked):
    image = np.zeros((64, 64, 3), np.uint8)
    mask = np.arange(64)[:, None].repeat(64, 1) < 32 if masked else None
    beside = growth.Beside(image, mask, growth.Reading(1.0, 0.3, 0.4, 0.0), "cpu")
    inside = 2048 if masked else 4096
    for side, expected in ((16, 0.4), (128**0.5, 0.4), (8, 0.2), (4, 0.05)):
        n_segments = round(inside / side**2)
        np.testing.assert_allclose(beside.regularity(n_segments), expected)
        assert beside.cells(n_segments).shape == (64, 64)
    cells = np.zeros((64, 64), np.int32)  # given ones say themselves how much
    beside = growth.Beside(image, mask, growth.Reading(1.0, 0.3, 0.4, 0.0), "cpu", cells)
    assert beside.regularity(1000) == 0.4
    assert beside.cells(1000) is cells


def test_affinities_are_not_kept_while_superpixels_grow(fitted, monkeypatch):
    seal = pickle.loads(pickle.dumps(fitted))
    image = np.zeros((40, 50, 3), np.uint8)
    known, there, kernel = [], [], growth.entropy_rate_superpixels

    def predicted(image):
        found = np.full((2, 40, 50), 0.9, np.float32)
        known.append(weakref.ref(found))
        return found

    def noted(*args, **options):
        there.append(known[0]() is not None)
        return kernel(*args, **options)

    monkeypatch.setattr(seal, "_predicted", predicted)
    monkeypatch.setattr(growth, "entropy_rate_superpixels", noted)
    many = seal.transform([image], n_segments=[5, 9])[0]
    assert there == [True, False]  # the last count has them
    np.testing.assert_array_equal(many[1], seal.set_params(n_segments=9).transform([image])[0])


def test_colours_weigh_where_an_image_is_smooth():
    ramp = np.arange(0, 120, 2, dtype=np.uint8)
    smooth = np.repeat(ramp[:, None, None], 3, axis=2)  # neighbours are 6 apart
    assert growth.colour_weight(smooth, None, 0.5) == 0.5
    assert growth.colour_weight(smooth // 2, None, 0.5) == 0.5
    assert growth.colour_weight(smooth * 2, None, 0.5) == 0.25
    assert growth.colour_weight(2 * smooth[:, :, 0], None, 0.5) == pytest.approx(0.25)  # gray
    floats = 2 * smooth / np.float32(255)
    assert growth.colour_weight(floats, None, 0.5) == pytest.approx(0.25, rel=1e-4)
    flat = np.zeros((4, 5, 3), np.uint8)
    assert growth.colour_weight(flat, None, 0.5) == 0.5
    assert growth.colour_weight(flat, None, 0) == 0
    rough = smooth.copy()
    rough[30:] = np.random.default_rng(0).integers(0, 256, (30, 1, 3))
    inside = np.zeros((60, 1), bool)
    inside[:30] = True
    assert growth.colour_weight(rough, inside, 0.5) == 0.5
    assert growth.colour_weight(rough, ~inside, 0.5) < 0.05


@pytest.mark.parametrize("n", [1, 2, 7, 8])
@pytest.mark.parametrize("dtype", [np.int16, np.float64])
def test_the_median_of_differences_is_numpys(n, dtype):
    values = np.random.default_rng(n).integers(0, 99, n).astype(dtype)
    before = values.copy()
    assert growth.median_of(values) == np.median(values)
    np.testing.assert_array_equal(values, before)


def test_differences_of_neighbours_are_summed_over_colours():
    image = np.uint8([[[0, 250, 9], [255, 0, 9]], [[1, 252, 6], [255, 1, 9]]])
    across, down = growth.differences_of(image)
    assert across.tolist() == [[505], [508]]
    assert down.tolist() == [[6, 1]]


def test_colours_find_borders_that_the_net_misses(fitted, monkeypatch):
    seal = pickle.loads(pickle.dumps(fitted)).set_params(n_segments=2)
    monkeypatch.setattr(seal, "_predicted", lambda image: np.full((2, 20, 31), 0.9, np.float32))
    image = np.zeros((20, 31, 3), np.uint8)
    image[:, 9:] = 90
    parts = (image[:, :, 0] > 0).astype(int)
    assert metrics.achievable_segmentation_accuracy(seal.transform([image])[0], parts) == 1
    seal.set_params(colour=0, regularity=0)
    assert metrics.achievable_segmentation_accuracy(seal.transform([image])[0], parts) < 1


@pytest.mark.parametrize("backend", ["ers", "egb"])
def test_masks(fitted, leaves, backend):
    mask = np.zeros((40, 56), bool)
    mask[8:30, 5:50] = True
    seal = pickle.loads(pickle.dumps(fitted)).set_params(backend=backend)
    labels = seal.transform(leaves.images[:1], masks=[mask])[0]
    np.testing.assert_array_equal(labels >= 0, mask)
    assert_exact(labels, 25, 8)


def test_images_in_odd_layouts():
    leaves = make_dead_leaves(1, shape=(32, 40), random_state=0)
    image = leaves.images[0][:, :, 1] / np.float32(255)  # what the net takes without a copy
    seal = SEALSuperpixels(4, **quick()).fit([image], leaves.ground_truths)
    expected = seal.transform([image])[0]
    image.setflags(write=False)
    np.testing.assert_array_equal(seal.transform([image])[0], expected)
    one = np.zeros((3, 3), np.float32)[::-2, ::-2][:1, :1]  # strides below 0, one pixel
    assert seal.set_params(n_segments=1).transform([one])[0].tolist() == [[0]]


def test_sharpness_has_no_end(fitted, leaves, recwarn):
    seal = pickle.loads(pickle.dumps(fitted))
    first, second = (
        seal.set_params(sharpness=sharpness).transform(leaves.images[:1])[0]
        for sharpness in (1e30, 1e300)
    )
    np.testing.assert_array_equal(first, second)
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


def test_superpixels_are_those_of_the_affinities(fitted, leaves):
    affinity = fitted.affinities(leaves.images)[0]
    assert affinity.shape == (2, 40, 56)
    assert affinity.dtype == np.float32
    assert 0 < affinity.min() <= affinity.max() < 1
    expected = entropy_rate_superpixels(affinities=affinity**3.5, n_segments=25, balance=0.3)
    seal = pickle.loads(pickle.dumps(fitted)).set_params(regularity=0, colour=0)
    np.testing.assert_array_equal(seal.transform(leaves.images)[0], expected)


def test_graph_segments_follow_the_objects():
    leaves = make_dead_leaves(3, shape=(96, 128), random_state=1)
    for count in (50, 100):
        seal = SEALSuperpixels.from_pretrained("bsds500", n_segments=count, backend="egb")
        assert seal.score(leaves.images, leaves.ground_truths) > 0.7


@pytest.mark.parametrize("count", [1, 3, 40])
def test_graph_segments_of_an_even_image(count):
    even = np.ones((2, 12, 16), np.float32)
    assert_exact(graph_segments(even, count, 8), count, 8)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 8]), st.floats(0, 1))
def test_graph_segments_of_islands_and_corners(seed, connectivity, share):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 9, 2))
    affinities = rng.choice(np.float32([0, 0.5, 1]), (2, *shape))
    chessboard = np.indices(shape).sum(axis=0) % 2 == 0
    mask = chessboard if seed % 2 else rng.random(shape) < 0.6
    mask[0, 0] = True
    n_parts = components(mask, np.ones((3, 3)) if connectivity == 8 else None)[1]
    n_pixels = int(mask.sum())
    count = n_parts + round(share * (n_pixels - n_parts))
    labels = graph_segments(affinities, count, connectivity, mask)
    np.testing.assert_array_equal(labels >= 0, mask)
    assert labels.dtype == np.int32
    assert_exact(labels, count, connectivity)
    if n_parts > 1:  # as entropy rate superpixels say it
        for grow in (graph_segments, _entropy_rate):
            with pytest.raises(ValueError, match=f"the mask has {n_parts} unconnected parts"):
                grow(affinities, n_parts - 1, connectivity, mask)


def _entropy_rate(affinities, count, connectivity, mask):
    options = {"affinities": affinities, "connectivity": connectivity, "mask": mask}
    return entropy_rate_superpixels(n_segments=count, **options)


def test_several_counts_at_once(fitted, leaves, monkeypatch):
    expected = [
        pickle.loads(pickle.dumps(fitted)).set_params(n_segments=n).transform(leaves.images)
        for n in (9, 30)
    ]
    calls = []
    monkeypatch.setattr(
        module,
        "affinities_of",
        lambda *a, _f=module.affinities_of: calls.append(1) or _f(*a),
    )
    several = fitted.transform(leaves.images, n_segments=[9, 30])
    assert len(calls) == len(leaves.images)
    for i, found in enumerate(several):
        same(found, [expected[0][i], expected[1][i]])
    stacked = fitted.transform(np.stack(leaves.images), n_segments=[9, 30])
    assert stacked.shape == (4, 2, 40, 56)
    for bad in ([], [0], [3.5]):
        with pytest.raises((ValueError, TypeError), match="n_segments"):
            fitted.transform(leaves.images, n_segments=bad)


def test_the_scale_of_integers_is_that_of_their_dtype(fitted, leaves):
    image = leaves.images[0]
    expected = fitted.affinities([image])[0]
    sixteen = (image.astype(np.uint16) * 257, image.astype(np.float64) / 255)
    for other in sixteen:
        np.testing.assert_allclose(fitted.affinities([other])[0], expected, atol=1e-5)


# --- training -----------------------------------------------------------------------------------


def test_it_learns():
    """On pictures like those seen, affinities come nearer to the annotators'."""
    data = make_dead_leaves(6, shape=(40, 56), random_state=1)
    seal = SEALSuperpixels(25, **quick(max_steps=80, batch_size=4, learning_rate=5e-3)).fit(
        data.images[:5], data.ground_truths[:5]
    )
    history = seal.history_
    assert history[-1]["loss"] < 0.75 * history[0]["loss"]
    truth = annotation_affinities(data.ground_truths[0])
    found = seal.affinities(data.images[:1])[0]
    joined, parted = found[truth == 1].mean(), found[truth < 0.5].mean()
    assert joined > parted + 0.03


@pytest.mark.parametrize("net", ["pan-no-canny", "pan-two-way"])
def test_the_papers_nets_train(leaves, net):
    if net == "pan-two-way":
        pytest.importorskip("cv2")
    seal = SEALSuperpixels(25, net=net, loss="seal", **quick())
    seal.fit(leaves.images[:2], leaves.ground_truths[:2])
    assert_exact(seal.transform(leaves.images[:1])[0], 25, 8)


def test_without_opencv_the_error_says_how_to_get_it(leaves, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"sklearn-spx\[opencv\]"):
        SEALSuperpixels(net="pan", **quick()).fit(leaves.images, leaves.ground_truths)


def test_canny_needs_gray_or_colours(leaves):
    pytest.importorskip("cv2")
    pan = SEALSuperpixels(net="pan", **quick())
    whole = clone(pan).fit(leaves.images, leaves.ground_truths)
    floats = [image / 255 for image in leaves.images]
    same(whole.affinities(leaves.images), whole.affinities(floats))
    images = [image[..., :2] for image in leaves.images]
    with pytest.raises(ValueError, match="there are 2 channels"):
        pan.fit(images, leaves.ground_truths)


@pytest.mark.parametrize("loss", ["cross_entropy", "seal"])
def test_same_seed_same_net_whatever_prepares_the_batches(leaves, loss):
    seal = SEALSuperpixels(25, loss=loss, **quick())
    one = clone(seal).fit(leaves.images, leaves.ground_truths)
    two = clone(seal).set_params(n_jobs=2).fit(leaves.images, leaves.ground_truths)
    same(one.affinities(leaves.images), two.affinities(leaves.images))
    other = clone(seal).set_params(random_state=1).fit(leaves.images, leaves.ground_truths)
    assert not np.array_equal(other.affinities(leaves.images)[0], one.affinities(leaves.images)[0])


def test_losses_differ(leaves):
    found = [
        SEALSuperpixels(25, **quick(), **options)
        .fit(leaves.images, leaves.ground_truths)
        .history_[0]["loss"]
        for options in (
            {},
            {"loss": "seal"},
            {"boundary_weight": 1.0},
            {"boundary_weight": "balanced"},
        )
    ]
    assert len(set(found)) == 4
    assert found[1] > found[0] > found[2]


def test_images_held_out_score_the_training(leaves):
    seal = SEALSuperpixels(25, **quick(validation_fraction=0.3))
    seal.fit(leaves.images, leaves.ground_truths)
    assert [sorted(entry) for entry in seal.history_] == [["loss", "score", "seconds", "step"]] * 2
    assert all(0 < entry["score"] <= 1 for entry in seal.history_)
    with pytest.raises(ValueError, match="leaves none"):
        seal.set_params(training__validation_fraction=0.9).fit(leaves.images, leaves.ground_truths)
    with pytest.raises(ValueError, match="early_stopping"):
        seal.set_params(training__validation_fraction=0.0, training__early_stopping=True).fit(
            leaves.images, leaves.ground_truths
        )


def test_nothing_is_learned_outside_masks(leaves):
    mask = np.zeros((40, 56), bool)
    mask[:, :30] = True
    other = [
        [np.where(mask, t, 5 + np.arange(56)) for t in truths] for truths in leaves.ground_truths
    ]
    seal = SEALSuperpixels(25, **quick())
    nets = [
        clone(seal).fit(leaves.images, y, masks=[mask] * 4).affinities(leaves.images)
        for y in (leaves.ground_truths, other)
    ]
    same(*nets)


# --- caching ------------------------------------------------------------------------------------


def test_memory_trains_once_and_predicts_once(leaves, tmp_path, monkeypatch):
    trained, predicted = [], []
    import sklearn_spx.training.loop as loop

    train = loop.train
    monkeypatch.setattr(loop, "train", lambda *a, **k: trained.append(1) or train(*a, **k))
    inputs = model.net_inputs
    monkeypatch.setattr(model, "net_inputs", lambda *a: predicted.append(1) or inputs(*a))
    seal = SEALSuperpixels(25, memory=str(tmp_path), **quick())
    seal.fit(leaves.images, leaves.ground_truths)
    first = seal.transform(leaves.images)
    n_predicted = len(predicted)
    several = (
        {"n_segments": 9},
        {"sharpness": 1.0},
        {"balance": 0.1},
        {"regularity": 0.0},
        {"colour": 0.0},
    )
    for params in (*several, {"backend": "egb"}):
        again = clone(seal).set_params(**params).fit(leaves.images, leaves.ground_truths)
        again.transform(leaves.images)
    assert len(trained) == 1
    assert len(predicted) == n_predicted
    same(clone(seal).fit_transform(leaves.images, leaves.ground_truths), first)
    clone(seal).set_params(training__max_steps=1).fit(leaves.images, leaves.ground_truths)
    assert len(trained) == 2


# --- state --------------------------------------------------------------------------------------


def test_saved_and_loaded(fitted, leaves, tmp_path):
    fitted.save(tmp_path / "seal.safetensors")
    loaded = SEALSuperpixels.from_pretrained(tmp_path / "seal.safetensors", n_segments=31)
    same(loaded.affinities(leaves.images), fitted.affinities(leaves.images))
    assert loaded.history_ == fitted.history_
    assert_exact(loaded.transform(leaves.images[:1])[0], 31, 8)


def test_the_authors_file(data_root, leaves, tmp_path):
    pytest.importorskip("cv2")
    path = data_root.parent / "weights" / "seal_release_bsds500.pkl"
    if not path.exists():
        pytest.skip(f"{path} is missing")
    seal = SEALSuperpixels.from_pretrained(path, n_segments=20)
    labels = seal.transform(leaves.images[:1])
    assert_exact(labels[0], 20, 8)
    seal.save(tmp_path / "seal.safetensors")
    same(
        SEALSuperpixels.from_pretrained(tmp_path / "seal.safetensors").transform(leaves.images[:1]),
        labels,
    )


def test_shipped_weights_beat_colour(data_root):
    data = load_bsds500(data_root / "BSDS500", "val")
    images, truths = data.images[10:13], data.ground_truths[10:13]
    seal = SEALSuperpixels.from_pretrained("bsds500-train", n_segments=100)
    learned = seal.score(images, truths)
    colour = np.mean(
        [
            metrics.achievable_segmentation_accuracy(entropy_rate_superpixels(image, 100), truth)
            for image, truth in zip(images, truths)
        ]
    )
    assert learned > colour


@pytest.mark.parametrize("name", ["bsds500", "bsds500-train"])
def test_shipped_weights_run_anywhere(name):
    seal = SEALSuperpixels.from_pretrained(name, n_segments=12)
    labels = seal.transform(make_dead_leaves(1, shape=(40, 56), random_state=0).images)
    assert_exact(labels[0], 12, 8)
