"""Learning curves: what is drawn of which history, and which step is marked."""

import matplotlib
import numpy as np
import pytest

from sklearn_spx import DELSegmenter, SEALSuperpixels, SLICSuperpixels, TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import EmbeddingFeatures, LabFeatures
from sklearn_spx.inspection import LearningCurveDisplay
from sklearn_spx.training import NetTraining

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


HISTORY = [
    {"step": 10, "loss": 3.0, "seconds": 1.5, "score": 0.5},
    {"step": 20, "loss": 2.0, "seconds": 2.5, "score": 0.8},
    {"step": 30, "loss": 1.0, "seconds": 3.5, "score": 0.8},
    {"step": 40, "loss": float("nan"), "seconds": 4.5, "score": float("nan")},
]


def points(line):
    return [list(values) for values in line.get_data()]


def test_loss_and_score_are_drawn_on_two_axes_and_the_step_kept_is_marked():
    display = LearningCurveDisplay.from_history(HISTORY[:3], name="mine")
    loss, score, kept = display.lines_
    assert points(loss) == [[10, 20, 30], [3, 2, 1]]
    assert points(score) == [[10, 20, 30], [0.5, 0.8, 0.8]]
    assert loss.axes is display.ax_
    assert score.axes is display.validation_ax_ is not display.ax_
    assert display.validation_ax_.get_ylabel() == "score of images held out"
    assert kept.get_xdata()[0] == display.kept_step == 20  # the first of the best, as training
    assert display.ax_.get_title() == "mine"
    assert display.figure_ is display.ax_.figure
    words = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert words == ["loss", "score", "kept: step 20"]


def test_over_seconds():
    display = LearningCurveDisplay.from_history(HISTORY[:3], x="seconds")
    assert points(display.lines_[0])[0] == [1.5, 2.5, 3.5]
    assert display.lines_[2].get_xdata()[0] == 2.5
    assert display.ax_.get_xlabel() == "seconds of training"


def test_without_images_held_out_the_last_step_is_kept():
    history = [{k: v for k, v in entry.items() if k != "score"} for entry in HISTORY[:3]]
    display = LearningCurveDisplay.from_history(history)
    assert display.validation_ax_ is None
    assert len(display.lines_) == 2
    assert display.kept_step == 30


def test_what_is_not_finite_is_never_the_best():
    assert LearningCurveDisplay.from_history(HISTORY).kept_step == 20
    nothing = [{"step": 1, "loss": 1.0, "seconds": 0.0, "validation_loss": float("nan")}]
    assert LearningCurveDisplay.from_history(nothing).kept_step == 1


def test_a_loss_is_best_where_it_is_least():
    history = [
        {"step": 0, "validation_loss": 0.3, "seconds": 0.0},
        {"step": 9, "validation_loss": 0.2, "loss": 1.0, "seconds": 1.0},
        {"step": 18, "validation_loss": 0.4, "loss": 0.5, "seconds": 2.0},
    ]
    display = LearningCurveDisplay.from_history(history)
    assert display.kept_step == 9
    assert points(display.lines_[0]) == [[9, 18], [1.0, 0.5]]
    assert points(display.lines_[1])[0] == [0, 9, 18]
    assert display.validation_ax_.get_ylabel() == "loss of images held out"


def test_into_axes_of_ones_own():
    figure, axes = plt.subplots(1, 2)
    options = {"color": "green", "marker": ""}
    display = LearningCurveDisplay.from_history(HISTORY, ax=axes[1], line_kwargs=options)
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert not axes[0].lines
    assert display.lines_[0].get_color() == "green"
    again = display.plot(axes[0], x="seconds")
    assert again is display
    assert display.ax_ is axes[0]


# --- of estimators ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    leaves = make_dead_leaves(4, shape=(40, 48), random_state=0)
    images, truths = leaves.images, leaves.ground_truths
    return images[:3], truths[:3], (images[3:], truths[3:])


CROPS = NetTraining(max_steps=3, batch_size=1, crop_size=32)
SMALL = {"features": LabFeatures(), "size": 8, "n_samples": 600}
ESTIMATORS = {
    "seal": SEALSuperpixels(9, training=CROPS),
    "del": DELSegmenter(training=NetTraining(max_steps=3), initial_weights="random"),
    "linear": TrainableSLIC(**SMALL),
    "mlp": TrainableSLIC(distance="mlp", training=NetTraining(max_epochs=3), **SMALL),
    "embedding": EmbeddingFeatures(n_components=2, size=8, training=CROPS),
    "slic by an embedding": TrainableSLIC(distance="embedding", size=8, training=CROPS),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_history_is_drawn(name, data):
    X, y, validation = data
    estimator = ESTIMATORS[name].fit(X, y, validation=validation)
    display = LearningCurveDisplay.from_estimator(estimator)
    history = estimator.history_
    assert points(display.lines_[0])[1] == [e["loss"] for e in history if "loss" in e]
    measured = [
        e["score"] if "score" in e else -e["validation_loss"]
        for e in history
        if "score" in e or "validation_loss" in e
    ]
    assert len(measured) == len(history)
    best = history[-1] if name == "linear" else history[int(np.argmax(measured))]
    assert display.kept_step == best["step"]
    assert display.ax_.get_title() == type(estimator).__name__
    assert display.ax_.get_xlabel() == ("iteration" if name == "linear" else "step")


def test_of_a_pipeline_and_of_a_search(data):
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    X, y, _ = data
    linear = TrainableSLIC(**SMALL)
    pipeline = make_pipeline(linear).fit(X, y)
    assert LearningCurveDisplay.from_estimator(pipeline).history == linear.history_
    search = GridSearchCV(linear, {"compactness": [10]}, cv=2).fit(X, y)
    display = LearningCurveDisplay.from_estimator(search)
    assert display.history == search.best_estimator_.history_


@pytest.mark.parametrize(
    "estimator", [SLICSuperpixels(), TrainableSLIC(), DELSegmenter(pretrained="bsds500")]
)
def test_without_a_history_there_is_nothing_to_draw(estimator):
    with pytest.raises(ValueError, match=f"this {type(estimator).__name__} has no history_"):
        LearningCurveDisplay.from_estimator(estimator)


def test_what_is_no_history_is_said():
    with pytest.raises(ValueError, match="history is empty"):
        LearningCurveDisplay.from_history([])
    with pytest.raises(ValueError, match=r"history\[1\] is {'loss': 1}; accepted is a dict with"):
        LearningCurveDisplay.from_history([HISTORY[0], {"loss": 1}])
    with pytest.raises(ValueError, match="x must be among step, seconds, got 'epoch'"):
        LearningCurveDisplay.from_history(HISTORY, x="epoch")
