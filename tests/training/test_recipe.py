"""One recipe for every net: what it checks, what a checkpoint belongs to, resuming."""

import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate

from sklearn_spx import DELSegmenter, SEALSuperpixels, TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import EmbeddingFeatures, LabFeatures
from sklearn_spx.training import NetTraining, recipe
from sklearn_spx.training.state import digest, locked, net_arrays

STEPS = 6


def seal(**training):
    training = NetTraining(
        **{"max_steps": STEPS, "batch_size": 1, "crop_size": 32, "validation_fraction": 0.3}
        | training
    )
    return SEALSuperpixels(9, training=training)


def deep_embedding(**training):
    training = NetTraining(**{"max_steps": STEPS, "validation_fraction": 0.3} | training)
    return DELSegmenter(training=training, initial_weights="random")


def choice(**training):
    training = NetTraining(**{"max_steps": STEPS, "validation_fraction": 0.3} | training)
    features = LabFeatures()
    return TrainableSLIC(
        9, distance="mlp", features=features, size=8, n_samples=600, training=training
    )


def embedding(**training):
    training = NetTraining(
        **{"max_steps": STEPS, "batch_size": 1, "crop_size": 32, "validation_fraction": 0.3}
        | training
    )
    return EmbeddingFeatures(n_components=2, size=8, training=training)


ALL = {"seal": seal, "deep_embedding": deep_embedding, "choice": choice, "embedding": embedding}
# one loop trains them all
EACH = ["seal", *(pytest.param(name, marks=pytest.mark.slow) for name in ALL if name != "seal")]


@pytest.fixture(scope="module")
def data():
    leaves = make_dead_leaves(3, shape=(40, 48), random_state=0)
    return leaves.images, leaves.ground_truths


def learned(estimator):
    """Weights and history, but for how long it took."""
    weights = estimator.weights_ if hasattr(estimator, "weights_") else None
    if not isinstance(weights, dict):
        weights = net_arrays(estimator.net_)
    history = [{k: v for k, v in e.items() if k != "seconds"} for e in estimator.history_]
    return digest(weights), history


@pytest.fixture
def ctrl_c():
    """SIGINT raises KeyboardInterrupt, as in a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def tasks(name):
    from sklearn_spx.features._embedding_training import EmbeddingTask
    from sklearn_spx.methods.deep_embedding.training import DELTask
    from sklearn_spx.methods.seal.training import SEALTask
    from sklearn_spx.methods.trainable_slic.training import ChoiceTask

    return {
        "seal": SEALTask,
        "deep_embedding": DELTask,
        "choice": ChoiceTask,
        "embedding": EmbeddingTask,
    }[name]


# --- interrupted, resumed -----------------------------------------------------------------------


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("every", [0, pytest.param(60, marks=pytest.mark.slow)])
def test_ctrl_c_in_the_middle_of_a_step(name, every, data, tmp_path, monkeypatch, ctrl_c):
    whole = learned(ALL[name]().fit(*data))
    estimator = ALL[name](checkpoint=tmp_path / "run.ckpt", checkpoint_every=every)
    task, calls = tasks(name), []
    loss = task.loss

    def pressed(self, net, batch):
        calls.append(1)
        value = loss(self, net, batch)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGINT)
        return value

    with monkeypatch.context() as patch:
        patch.setattr(task, "loss", pressed)
        with pytest.raises(KeyboardInterrupt, match=r"goes on from .*run\.ckpt"):
            estimator.fit(*data)
    resumed = learned(ALL[name](checkpoint=tmp_path / "run.ckpt").fit(*data))
    assert resumed == whole
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.slow
@pytest.mark.parametrize("name", EACH)
def test_an_error_in_the_middle_of_a_step(name, data, tmp_path, monkeypatch):
    whole = learned(ALL[name]().fit(*data))
    estimator = ALL[name](checkpoint=tmp_path / "run.ckpt", checkpoint_every=0)
    task, calls = tasks(name), []
    loss = task.loss

    def failing(self, net, batch):
        calls.append(1)
        value = loss(self, net, batch)  # statistics of batches have changed by now
        if len(calls) == 5:
            raise RuntimeError("out of memory")
        return value

    with monkeypatch.context() as patch:
        patch.setattr(task, "loss", failing)
        with pytest.raises(RuntimeError, match="out of memory"):
            estimator.fit(*data)
    assert learned(ALL[name](checkpoint=tmp_path / "run.ckpt").fit(*data)) == whole


KILLED = """
import os, signal, sys
sys.path.insert(0, {folder!r})
import test_recipe as t
leaves = t.make_dead_leaves(3, shape=(40, 48), random_state=0)
task, calls = t.tasks({name!r}), []
loss = task.loss
def killed(self, net, batch):
    calls.append(1)
    if len(calls) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return loss(self, net, batch)
task.loss = killed
t.ALL[{name!r}](checkpoint={path!r}, checkpoint_every=0).fit(leaves.images, leaves.ground_truths)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
@pytest.mark.slow
@pytest.mark.parametrize("name", EACH)
def test_killed(name, data, tmp_path):
    folder, path = os.path.dirname(__file__), str(tmp_path / "run.ckpt")
    code = KILLED.format(folder=folder, name=name, path=path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    whole = learned(ALL[name]().fit(*data))
    assert learned(ALL[name](checkpoint=path).fit(*data)) == whole


# --- whose checkpoint it is ---------------------------------------------------------------------


@pytest.mark.parametrize("name", EACH)
def test_a_checkpoint_belongs_to_its_images_and_annotations(name, data, tmp_path):
    images, truths = data
    path = tmp_path / "run.ckpt"
    ALL[name](checkpoint=path).fit(images, truths)
    other = [image[:, ::-1].copy() for image in images]
    with pytest.raises(ValueError, match="the images differ"):
        ALL[name](checkpoint=path).fit(other, truths)
    flipped = [truth[::-1].copy() for truth in truths]
    with pytest.raises(ValueError, match="the ground truths differ"):
        ALL[name](checkpoint=path).fit(images, flipped)


@pytest.mark.parametrize("name", EACH)
def test_a_checkpoint_belongs_to_its_recipe(name, data, tmp_path):
    path = tmp_path / "run.ckpt"
    ALL[name](checkpoint=path).fit(*data)
    with pytest.raises(
        ValueError, match=r"run\.ckpt .*learning_rate is .* there, 0\.5 here"
    ) as info:
        ALL[name](checkpoint=path, learning_rate=0.5).fit(*data)
    assert "max_steps" not in str(info.value)
    with pytest.raises(ValueError, match="max_steps is 6 there, 7 here"):
        ALL[name](checkpoint=path, max_steps=7).fit(*data)


def test_no_fold_is_scored_on_the_images_of_another(data, tmp_path):
    estimator = seal(checkpoint=tmp_path / "run.ckpt")
    with pytest.raises(ValueError, match="the images differ"):
        cross_validate(estimator, *data, cv=3, error_score="raise")


def test_a_checkpoint_is_looked_at_before_the_first_step(data, tmp_path):
    for path, problem in (
        (tmp_path, "is no file"),
        (tmp_path / "nowhere" / "run.ckpt", "there is no folder"),
    ):
        for make in ALL.values():
            with pytest.raises(ValueError, match=problem):
                make(checkpoint=path).fit(*data)


def test_two_trainings_do_not_share_a_checkpoint(data, tmp_path):
    path = tmp_path / "run.ckpt"
    with locked(path), pytest.raises(ValueError, match="another training is writing"):
        seal(checkpoint=path).fit(*data)
    seal(checkpoint=path).fit(*data)


# --- images given to hold out -------------------------------------------------------------------


@pytest.fixture(scope="module")
def held_out():
    leaves = make_dead_leaves(2, shape=(44, 40), random_state=1)
    return leaves.images, leaves.ground_truths


def free(name, **training):
    """An estimator that holds no image out by itself."""
    return ALL[name](**{"validation_fraction": None} | training)


def score_of(entry):
    return entry["score"] if "score" in entry else -entry["validation_loss"]


@pytest.mark.parametrize("name", EACH)
def test_images_given_are_held_out_and_no_others(name, data, held_out, monkeypatch):
    seen = []
    task = tasks(name)
    init = task.__init__

    def look(self, *arguments):
        init(self, *arguments)
        seen.append(self)

    monkeypatch.setattr(task, "__init__", look)
    fitted = free(name).fit(*data, validation=held_out)
    assert all(np.isfinite(score_of(entry)) for entry in fitted.history_)
    if name == "choice":
        assert fitted.n_images_ == 3
        assert len(seen[-1].held) > 0
        return
    assert len(seen[-1].held) == 2
    learned_from = seen[-1].items if name == "seal" else seen[-1].images[:3]
    assert len(learned_from) == 3


@pytest.mark.parametrize("name", EACH)
def test_the_best_state_on_the_images_given_is_kept(name, data, held_out, monkeypatch):
    states = []

    def worse_each_time(self, net):
        states.append(digest(net_arrays(net)))
        return -float(len(states))

    monkeypatch.setattr(tasks(name), "validate", worse_each_time)
    fitted = free(name).fit(*data, validation=held_out)
    assert len(set(states)) > 1
    weights = fitted.weights_ if name == "embedding" else net_arrays(fitted.net_)
    assert digest(weights) == states[0]


@pytest.mark.parametrize("name", EACH)
def test_training_stops_early_by_the_images_given(name, data, held_out):
    training = {"early_stopping": True, "patience": 1, "learning_rate": 1e-30, "max_steps": 40}
    fitted = free(name, **training).fit(*data, validation=held_out)
    assert fitted.history_[-1]["step"] < 40


@pytest.mark.slow
@pytest.mark.parametrize("name", EACH)
def test_a_checkpoint_belongs_to_the_images_given(name, data, held_out, tmp_path):
    path = tmp_path / "run.ckpt"
    whole = learned(free(name).fit(*data, validation=held_out))
    first = free(name, checkpoint=path).fit(*data, validation=held_out)
    assert learned(first) == whole
    assert learned(free(name, checkpoint=path).fit(*data, validation=held_out)) == whole
    images, truths = held_out
    other = [image[::-1].copy() for image in images]
    with pytest.raises(ValueError, match="the images of validation differ"):
        free(name, checkpoint=path).fit(*data, validation=(other, truths))
    with pytest.raises(ValueError, match="the ground truths of validation differ"):
        free(name, checkpoint=path).fit(*data, validation=(images, [t[::-1] for t in truths]))
    together = [a + b for a, b in zip(data, held_out)]
    with pytest.raises(ValueError, match="n_validation is 2 there, 0 here"):
        free(name, checkpoint=path).fit(*together)


@pytest.mark.parametrize("name", ALL)
def test_what_cannot_be_held_out_is_said(name, data, held_out):
    images, truths = held_out
    with pytest.raises(
        ValueError, match=r"validation_fraction is 0\.3, but images to hold out are"
    ):
        ALL[name]().fit(*data, validation=held_out)
    with pytest.raises(
        TypeError, match=r"validation is a tuple of 1; accepted is a tuple \(X, y\)"
    ):
        free(name).fit(*data, validation=(images,))
    with pytest.raises(ValueError, match=r"validation: .*2.* channels? where .* expects 3"):
        free(name).fit(*data, validation=([images[0][:, :, :2]], truths[:1]))
    with pytest.raises(ValueError, match=r"validation: y holds 1 items for the 2 images of X"):
        free(name).fit(*data, validation=(images, truths[:1]))


def test_linear_weights_are_measured_on_the_images_given(data, held_out):
    linear = TrainableSLIC(9, features=LabFeatures(), size=8, n_samples=600)
    fitted, alone = clone(linear).fit(*data, validation=held_out), clone(linear).fit(*data)
    assert all(np.isfinite(entry["validation_loss"]) for entry in fitted.history_)
    np.testing.assert_array_equal(fitted.weights_, alone.weights_)
    assert fitted.n_images_ == alone.n_images_ == 3
    flat = [np.zeros(image.shape[:2], int) for image in held_out[0]]
    with pytest.raises(ValueError, match="validation: the ground truths show no boundary"):
        clone(linear).fit(*data, validation=(held_out[0], flat))


def test_an_embedding_of_trainable_slic_holds_them_out(data, held_out):
    training = NetTraining(max_steps=2, batch_size=1, crop_size=32)
    options = {"distance": "embedding", "size": 8}
    fitted = TrainableSLIC(9, training=training, **options).fit(*data, validation=held_out)
    assert all("validation_loss" in entry for entry in fitted.history_)
    assert fitted.n_images_ == 3
    with pytest.raises(ValueError, match="features LabFeatures holds no images out"):
        TrainableSLIC(9, features=LabFeatures(), **options).fit(*data, validation=held_out)


def test_masks_of_the_images_given_count(data, held_out):
    images, truths = held_out
    mask = np.ones(images[0].shape[:2], bool)
    mask[:, :20] = False
    for name in ("seal", "embedding"):
        scores = [
            free(name).fit(*data, validation=(images, truths, masks)).history_[-1]["score"]
            for masks in (None, [mask, None])
        ]
        assert scores[0] != scores[1]


def test_a_net_that_is_not_trained_holds_nothing_out(data, held_out):
    for estimator in (SEALSuperpixels, DELSegmenter, TrainableSLIC):
        with pytest.raises(ValueError, match="validation is given, but pretrained without"):
            estimator(pretrained="bsds500").fit(*data, validation=held_out)


def test_a_search_passes_them_on(data, held_out):
    estimator = SEALSuperpixels(9, training=NetTraining(max_steps=1, batch_size=1, crop_size=32))
    grid = {"training__learning_rate": [1e-3, 1e-2]}
    search = GridSearchCV(estimator, grid, cv=3, error_score="raise")
    search.fit(*data, validation=held_out)
    assert "score" in search.best_estimator_.history_[0]


# --- what is asked, what is given ---------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_early_stopping_needs_images_held_out(name, data):
    estimator = ALL[name](early_stopping=True, validation_fraction=0.0)
    with pytest.raises(ValueError, match="early_stopping needs images held out"):
        estimator.fit(*data)


@pytest.mark.parametrize("name", EACH)
def test_early_stopping_stops(name, data):
    # a rate of nothing: the second validation is no better than the first
    estimator = ALL[name](early_stopping=True, patience=1, learning_rate=1e-30, max_steps=40).fit(
        *data
    )
    assert estimator.history_[-1]["step"] < 40


@pytest.mark.parametrize("name", ALL)
def test_held_out_images_leave_some(name, data):
    with pytest.raises(ValueError, match=r"validation_fraction 0\.9 of 3 images leaves none"):
        ALL[name](validation_fraction=0.9).fit(*data)


def test_steps_or_epochs(data):
    with pytest.raises(ValueError, match="max_steps or max_epochs, not both"):
        seal(max_epochs=3).fit(*data)
    fitted = seal(max_steps=None, max_epochs=4, validation_fraction=0.0).fit(*data)
    assert fitted.history_[-1]["step"] == 4 * 3  # three images of one annotation, one a step


def test_what_means_nothing_to_a_net_is_said(data):
    with pytest.raises(ValueError, match="crop_size means nothing"):
        choice(crop_size=64).fit(*data)
    linear = TrainableSLIC(9, features=LabFeatures(), size=8, training=NetTraining(max_steps=3))
    with pytest.raises(ValueError, match="max_steps means nothing"):
        linear.fit(*data)


def test_training_is_a_netTraining(data):
    for estimator in (SEALSuperpixels, DELSegmenter, TrainableSLIC):
        with pytest.raises(ValueError, match="training"):
            estimator(training={"max_steps": 3}).fit(*data)
    with pytest.raises(TypeError, match="must be a NetTraining"):
        recipe.resolve({"max_steps": 3}, {"validation_fraction": 0.0}, 3)


def test_the_training_is_searched(data):
    estimator = SEALSuperpixels(9, training=NetTraining(max_steps=1, batch_size=1, crop_size=32))
    grid = {"training__learning_rate": [1e-3, 1e-2]}
    search = GridSearchCV(estimator, grid, cv=2, error_score="raise").fit(*data)
    assert search.best_params_["training__learning_rate"] in (1e-3, 1e-2)
    # also where training was None
    changed = clone(SEALSuperpixels(9)).set_params(training__max_steps=1)
    assert changed.training.max_steps == 1


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_search_shows_whole_bars(n_jobs, data, capfd):
    """One line each in the process itself; of others' none, which would write over each other."""
    training = NetTraining(max_steps=2, batch_size=1, crop_size=32)
    estimator = SEALSuperpixels(9, training=training, verbose=1)
    grid = {"training__learning_rate": [1e-3, 1e-2]}
    GridSearchCV(estimator, grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(*data)
    shown = re.split("[\r\n]+", capfd.readouterr().err)
    finished = [line for line in shown if line.startswith("training: 100%") and "2/2" in line]
    n_fits = {1: 2 * 2 + 1, 2: 1}[n_jobs]  # the last on all images, in this process
    assert len(finished) >= n_fits
    started = [line for line in shown if line.startswith("training:   0%")]
    assert len(started) == n_fits


@pytest.mark.parametrize("schedule", ["cosine", "step", "constant"])
@pytest.mark.parametrize(
    "optimizer", ["adamw", *(pytest.param(n, marks=pytest.mark.slow) for n in ("adam", "sgd"))]
)
def test_every_optimizer_and_schedule_trains(optimizer, schedule, data):
    fitted = choice(schedule=schedule, optimizer=optimizer, learning_rate=1e-3).fit(*data)
    assert all(np.isfinite(entry["loss"]) for entry in fitted.history_[1:])


def test_rates():
    values = {"max_steps": 100, "schedule": "step"}
    assert [recipe.rate_factor(step, values) for step in (0, 79, 80, 99)] == [1, 1, 0.1, 0.1]
    values = {"max_steps": 10_000, "schedule": "cosine", "warm_up": 200}
    factors = [recipe.rate_factor(step, values) for step in range(10_000)]
    assert np.argmax(factors) == 199
    assert factors[-1] < 1e-7


def test_digests_know_values_and_nothing_else():
    a = np.arange(6).reshape(2, 3)
    assert digest([a, a]) == digest([a, a.copy()])
    assert digest(a) == digest(np.asfortranarray(a))
    different = [a, a.T, a.astype(float), a + 1, [a], [a, None], {"a": a}, a.ravel()]
    assert len({digest(item) for item in different}) == len(different)


@pytest.mark.parametrize("name", EACH)
def test_a_training_that_diverges_says_so(name, data):
    """Also where superpixels are grown, or scored, on what the net makes of an image."""
    with pytest.raises(FloatingPointError, match=r"not finite .* a smaller learning_rate may help"):
        ALL[name](learning_rate=1e30, max_steps=30).fit(*data)


def test_a_search_with_a_checkpoint_is_told_what_to_do(data, tmp_path):
    """The folds are other trainings than the one that the checkpoint belongs to."""
    estimator = seal(checkpoint=tmp_path / "run.pt", max_steps=1, validation_fraction=None)
    search = GridSearchCV(estimator, {"n_segments": [9]}, cv=3, error_score="raise")
    with pytest.raises(ValueError, match=r"the images differ.*; for a search .* set it to None"):
        search.fit(*data)
    search.set_params(estimator__training__checkpoint=None).fit(*data)
