"""The training loop: resuming, stopping, interrupting, failing."""

import re
import sys

import joblib
import numpy as np
import pytest
import torch

from sklearn_spx.training.loop import train
from sklearn_spx.training.progress import Reporter, reported_to


def _net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))


def _draw(step):
    rng = np.random.default_rng(step)
    x = torch.from_numpy(rng.normal(size=(16, 3)).astype(np.float32))
    return x, x.sum(1, keepdim=True)


def _loss(net, batch):
    x, y = batch
    return ((net(x) - y) ** 2).mean()


def _train(net, **options):
    options = {"draw": _draw, "loss": _loss, "max_steps": 60, **options}
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    return train(net, optimizer=optimizer, **options)


def _weights(net):
    return torch.cat([p.detach().ravel() for p in net.parameters()]).numpy()


def test_the_loss_falls():
    history = _train(_net(), max_steps=200)
    assert [entry["step"] for entry in history] == list(range(20, 201, 20))
    assert history[-1]["loss"] < 0.2 * history[0]["loss"]


def test_workers_change_nothing():
    alone, helped = _net(), _net()
    _train(alone)
    _train(helped, n_workers=2)
    np.testing.assert_array_equal(_weights(alone), _weights(helped))


class _Stop(KeyboardInterrupt):
    pass


@pytest.mark.parametrize("kind", [_Stop, RuntimeError])
def test_an_interrupted_run_resumes_as_if_nothing_had_been(tmp_path, kind):
    whole = _net()
    expected = _train(whole)

    def stumble(step):
        if step == 31:
            raise kind("pulled the plug")
        return _draw(step)

    path = tmp_path / "run.pt"
    net = _net()
    with pytest.raises(kind):
        _train(net, draw=stumble, checkpoint=path)
    seen = []

    def watch(step):
        seen.append(step)
        return _draw(step)

    resumed = _net()
    history = _train(resumed, draw=watch, checkpoint=path)
    assert seen == list(range(31, 60))
    np.testing.assert_array_equal(_weights(resumed), _weights(whole))
    assert [e["step"] for e in history] == [e["step"] for e in expected]


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    _train(_net(), checkpoint=path, identity={"fruit": "apples"}, max_steps=3)
    with pytest.raises(ValueError, match="fruit is 'apples' there, 'pears' here"):
        _train(_net(), checkpoint=path, identity={"fruit": "pears"}, max_steps=3)


def test_the_best_state_is_kept_and_patience_ends():
    net = _net()
    scores = iter([1.0, 5.0, 4.0, 3.0, 2.0, 9.0])
    states = []

    def validate(net):
        states.append(_weights(net))
        return next(scores)

    history = _train(net, validate=validate, validate_every=10, patience=3)
    assert [entry["score"] for entry in history] == [1.0, 5.0, 4.0, 3.0, 2.0]
    np.testing.assert_array_equal(_weights(net), states[1])


def test_schedule_multiplies_the_rate():
    net = _net()
    before = _weights(net)
    _train(net, schedule=lambda step: 0.0)
    np.testing.assert_array_equal(_weights(net), before)


def test_a_loss_that_is_not_finite_skips_its_step():
    def spoiled(step):
        x, y = _draw(step)
        return (x, y * float("nan")) if step % 2 else (x, y)

    half, spoilt = _net(), _net()
    _train(half, draw=lambda step: _draw(2 * step), max_steps=30)
    _train(spoilt, draw=spoiled)
    np.testing.assert_array_equal(_weights(spoilt), _weights(half))


def test_a_loss_that_is_never_finite_is_reported():
    net = _net()
    with pytest.raises(FloatingPointError, match="ten times in a row at step 9"):
        _train(net, loss=lambda net, b: _loss(net, b) * float("nan"))
    np.testing.assert_array_equal(_weights(net), _weights(_net()))


@pytest.mark.parametrize("scored", [False, True])
def test_a_net_that_ends_with_no_numbers_is_reported(scored):
    def steep(net, batch):
        return (0 * net(batch[0])).sqrt().mean()  # 0, its gradient is NaN

    options = {"validate": lambda net: float(net(_draw(0)[0]).mean())} if scored else {}
    with pytest.raises(FloatingPointError, match=r"weights .* not finite after 3 steps; a smaller"):
        _train(_net(), loss=steep, max_steps=3, **options)


# --- what is shown ------------------------------------------------------------------------------


def test_progress_bar(capsys):
    _train(_net(), verbose=1, max_steps=5, validate=lambda net: 0.25, validate_every=2)
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1  # one line, and no second bar
    assert re.search(r"5/5.*loss=[0-9.]+, score=0\.25", shown)


def test_nothing_is_shown_unless_asked(capsys):
    _train(_net(), max_steps=5)
    assert capsys.readouterr().err == ""


class _Listener(Reporter):
    def __init__(self):
        self.told = []

    def start(self, step, max_steps, history):
        self.told.append((step, max_steps))
        self.history = history

    def step(self, step, loss, rate):
        self.told.append((step, rate))

    def entry(self, entry):
        assert entry is self.history[-1]
        self.told.append("entry")

    def stop(self):
        self.told.append("stop")


def test_another_reporter_takes_the_place_of_the_bar(tmp_path, capsys):
    path = tmp_path / "run.pt"
    with reported_to(_Listener()) as first, pytest.raises(RuntimeError):
        _train(_net(), draw=_stop_at(3), checkpoint=path, max_steps=4, verbose=1)
    with reported_to(_Listener()) as second:
        options = {"schedule": lambda step: step / 10, "validate_every": 2}
        history = _train(_net(), checkpoint=path, max_steps=4, **options)
    assert first.told[0] == (0, 4)
    assert first.told[-1] == "stop"
    assert second.told == [(3, 4), (4, pytest.approx(0.003)), "entry", "stop"]
    assert second.history is history  # with what the checkpoint brought
    assert [entry["step"] for entry in history] == [1, 2, 3, 4]
    assert capsys.readouterr().err == ""


def _stop_at(last):
    def draw(step):
        if step == last:
            raise RuntimeError("stop")
        return _draw(step)

    return draw


def _train_loudly(_):
    print("a worker", file=sys.stderr)
    _train(_net(), verbose=1, max_steps=5)


@pytest.mark.slow
def test_worker_processes_draw_no_bars(capfd):
    with joblib.parallel_config("loky"):
        joblib.Parallel(n_jobs=2)(joblib.delayed(_train_loudly)(i) for i in range(2))
    shown = capfd.readouterr().err
    assert "a worker" in shown
    assert "training" not in shown
