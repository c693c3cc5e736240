"""``sklearn-spx train`` as people use it: whose truths are whose, what is written and shown."""

import csv
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from sklearn_spx import DELSegmenter, SEALSuperpixels, TrainableSLIC
from sklearn_spx.cli import _train_progress
from sklearn_spx.datasets import make_dead_leaves

from .test_cli import flat, run

DATA = make_dead_leaves(4, (24, 36), n_annotators=2, random_state=0)
SHORT = ("--steps", 1, "--batch-size", 1, "--crop-size", 32, "--device", "cpu")


def write_image(path, k, annotators=0):
    """Write image k, or the annotations of so many annotators, made with the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not annotators:
        Image.fromarray(DATA.images[k]).save(path)
        return
    for a, labels in enumerate(DATA.ground_truths[k][:annotators]):
        name = path.name if annotators == 1 else f"{path.stem}_{a}.png"
        Image.fromarray(labels.astype(np.uint8)).save(path.with_name(name))


def write(root, names, truths=None):
    """Write images NAME.png below root/images, their annotations below root/truths."""
    for k, name in enumerate(names):
        write_image(root / "images" / f"{name}.png", k)
    for k, name in enumerate(names if truths is None else truths):
        write_image(root / "truths" / f"{name}.png", k, 2)
    return root / "images", root / "truths"


@pytest.fixture
def pairs(tmp_path):
    return write(tmp_path, ["0", "1", "2"])


@pytest.fixture
def fitted(monkeypatch):
    """What SEALSuperpixels.fit was given, in place of a training: (X, y, validation)."""
    given = []

    def fit(self, X, y, *, validation=None):
        X, y = list(X), list(y)
        if validation is not None:
            validation = tuple(map(list, validation))
        given.append((X, y, validation))
        raise ValueError("that is all")

    monkeypatch.setattr(SEALSuperpixels, "fit", fit)
    return given


def seal(*arguments, truths=(), out="own.safetensors"):
    for folder in truths:
        arguments += ("--truths", folder)
    return run("train", "seal", *arguments, "--out", out)


def which(images):
    """The numbers in DATA of images."""
    return [next(k for k, d in enumerate(DATA.images) if np.array_equal(d, i)) for i in images]


def assert_own_truths(X, y):
    for k, annotations in zip(which(X), y):
        for labels, expected in zip(annotations, DATA.ground_truths[k]):
            np.testing.assert_array_equal(labels, expected)


# --- whose ground truth it is -------------------------------------------------------------------


def test_equal_names_in_different_folders_find_their_own(tmp_path, fitted):
    images, truths = write(tmp_path, ["x/a", "y/a", "a"])
    result = seal(images, "--recursive", truths=[truths])
    (X, y, _), *_ = fitted
    assert sorted(which(X)) == [0, 1, 2]
    assert [len(annotations) for annotations in y] == [2, 2, 2]
    assert_own_truths(X, y)
    assert "note" not in result.stderr


@pytest.mark.parametrize("nested", [True, False])
def test_folders_named_one_by_one_are_told_apart_by_their_names(tmp_path, fitted, nested):
    images, truths = write(tmp_path, ["x/a", "y/a"])
    roots = [truths] if nested else [truths / "y", truths / "x"]  # in any order
    seal(images / "x", images / "y", truths=roots)
    (X, y, _), *_ = fitted
    assert which(X) == [0, 1]
    assert_own_truths(X, y)


def test_files_named_one_by_one_too(tmp_path, fitted):
    images, truths = write(tmp_path, ["x/a", "y/a"])
    seal(images / "y" / "a.png", images / "*" / "a.png", truths=[truths])
    (X, y, _), *_ = fitted
    assert which(X) == [1, 0]
    assert_own_truths(X, y)


def test_one_truth_for_two_images_is_an_error_that_names_both(tmp_path):
    images, truths = write(tmp_path, ["x/a", "y/a"], ["a"])
    result = seal(images, "--recursive", truths=[truths])
    assert result.exit_code == 2
    words = flat(result.stderr)
    assert str(images / "x" / "a.png") in words
    assert str(images / "y" / "a.png") in words
    assert str(truths / "a_0.png") in words


def test_two_folders_that_do_not_say_which_are_an_error(tmp_path):
    images, truths = write(tmp_path, ["x/a", "y/a"], ["p/a", "q/a"])
    result = seal(images / "x", images / "y", truths=[truths / "p", truths / "q"])
    assert result.exit_code == 2
    assert f"{images / 'x' / 'a.png'} or of {images / 'y' / 'a.png'}" in flat(result.stderr)
    result = seal(images / "x", truths=[truths])
    assert result.exit_code == 2
    assert "may have the ground truth" in flat(result.stderr)


def test_a_truth_of_another_folder_is_not_taken(tmp_path, fitted):
    images, truths = write(tmp_path, ["x/a", "x/b", "y/c"], ["y/a", "x/b", "c"])
    result = seal(images, "--recursive", truths=[truths])
    (X, _, _), *_ = fitted
    assert which(X) == [1, 2]
    words = flat(result.stderr)
    assert f"there is no ground truth in {truths} for {images / 'x' / 'a.png'}; left out" in words
    assert f"no image belongs to {truths / 'y' / 'a_0.png'}, {truths / 'y' / 'a_1.png'}" in words


def test_several_folders_of_truths_for_one_image_are_several_annotators(tmp_path, fitted):
    images, _ = write(tmp_path, ["a"], [])
    for k in range(2):
        write_image(tmp_path / f"annotator{k}" / "a.png", 0, 1)
    seal(images, truths=[tmp_path / "annotator0", tmp_path / "annotator1"])
    assert len(fitted[0][1][0]) == 2


def test_names_that_begin_alike(tmp_path, fitted):
    images, truths = write(tmp_path, ["a", "a_b"])
    seal(images, truths=[truths])
    (X, y, _), *_ = fitted
    assert [len(annotations) for annotations in y] == [2, 2]
    assert_own_truths(X, y)


def test_truths_beside_their_images(tmp_path, fitted):
    for k in range(2):
        write_image(tmp_path / f"{k}.jpg", k)
        np.save(tmp_path / f"{k}.npy", np.stack(DATA.ground_truths[k]))
    result = seal(tmp_path / "*.jpg", truths=[tmp_path])
    (_, y, _), *_ = fitted
    np.testing.assert_array_equal(y[1], DATA.ground_truths[1])
    assert "note" not in result.stderr


def test_no_image_has_a_ground_truth(tmp_path):
    images, truths = write(tmp_path, ["a"], ["other"])
    result = seal(images, truths=[truths])
    assert result.exit_code == 2
    assert (
        f"no image has a ground truth in {truths}; for {images / 'a.png'} it is named a.* or"
        in (flat(result.stderr))
    )


def test_many_notes_are_one(tmp_path, fitted):
    images, truths = write(tmp_path, ["a"])
    for k in range(30):
        write_image(truths / f"other{k:02}.png", 0, 1)
    words = flat(seal(images, truths=[truths]).stderr)
    assert f"{truths / 'other09.png'} and 20 more; not read" in words
    assert "other10.png" not in words


# --- images held out ----------------------------------------------------------------------------


def test_images_of_another_folder_are_held_out(tmp_path, fitted):
    images, truths = write(tmp_path, ["train/0", "train/1", "val/2"])
    held_out = ("--validation", images / "val")
    seal(images / "train", *held_out, "--validation-truths", truths / "val", truths=[truths])
    seal(images / "train", *held_out, truths=[truths])  # all truths in one tree
    for X, _, (X_held_out, y_held_out) in fitted:
        assert which(X) == [0, 1]
        assert which(X_held_out) == [2]
        assert_own_truths(X_held_out, y_held_out)


@pytest.mark.parametrize(
    "command",
    ["seal", *(pytest.param(c, marks=pytest.mark.slow) for c in ("del", "trainable-slic"))],
)
def test_the_score_of_images_held_out_is_kept(tmp_path, command):
    images, truths = write(tmp_path, ["train/0", "train/1", "val/2"])
    short = () if command == "trainable-slic" else ("--steps", 2)
    arguments = ("train", command, images / "train", "--truths", truths, "--device", "cpu", *short)
    model = tmp_path / "own.safetensors"
    result = run(*arguments, "--validation", images / "val", "--out", model)
    assert result.exit_code == 0, result.stderr
    assert "2 images and 1 held out, " in flat(result.stdout)
    kinds = {"seal": SEALSuperpixels, "del": DELSegmenter, "trainable-slic": TrainableSLIC}
    history = kinds[command].from_pretrained(model).history_
    name = "validation_loss" if command == "trainable-slic" else "score"
    assert all(np.isfinite(entry[name]) for entry in history)


def test_what_cannot_be_held_out_is_wrong_usage(tmp_path):
    images, truths = write(tmp_path, ["train/0", "train/1", "val/2"])
    for arguments, words in (
        (("--validation-truths", truths), "are of the images that --validation names"),
        (("--validation", images / "val", "--validation-fraction", 0.5), "give one"),
        (("--validation", images / "train" / "1.png"), "1.png is among the images to learn from"),
        (("--validation", images / "nowhere"), "there is no file, directory or match"),
    ):
        result = seal(images / "train", *arguments, truths=[truths])
        assert result.exit_code == 2
        assert words in flat(result.stderr)


# --- what is written ----------------------------------------------------------------------------


def test_the_history_is_written_beside_the_model(pairs, tmp_path):
    images, truths = pairs
    out = tmp_path / "new" / "folder" / "own.safetensors"
    arguments = (images, "--steps", 4, *SHORT[2:], "--validation-fraction", 0.3)
    result = seal(*arguments, truths=[truths], out=out)
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "own.curve.png",
        "own.history.csv",
        "own.safetensors",
    ]
    history = SEALSuperpixels.from_pretrained(out).history_
    with open(out.parent / "own.history.csv", newline="") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    assert rows == history
    assert next(iter(rows[0])) == "step"
    with Image.open(out.parent / "own.curve.png") as image:
        assert min(image.size) > 300


def test_columns_of_a_history_are_those_of_all_entries(pairs, tmp_path):
    images, truths = pairs
    arguments = ("train", "trainable-slic", images, "--truths", truths, "--distance", "mlp")
    arguments += ("--epochs", 2, "--validation-fraction", 0.3, "--device", "cpu")
    result = run(*arguments, "--out", tmp_path / "own.v2")
    assert result.exit_code == 0, result.stderr
    with open(tmp_path / "own.v2.history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["step"] == "0"
    assert rows[0]["loss"] == ""
    assert rows[0]["validation_cross_entropy"] == ""
    assert float(rows[-1]["validation_cross_entropy"]) > 0


# --- stopped ------------------------------------------------------------------------------------

STOPPED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
sys.argv[0] = "sklearn-spx"
from sklearn_spx.cli import main
from sklearn_spx.methods.seal.training import SEALTask
loss, calls = SEALTask.loss, []
def pressed(self, net, batch):
    calls.append(1)
    if len(calls) == 4:
        signal.raise_signal(signal.SIGINT)
    return loss(self, net, batch)
SEALTask.loss = pressed
main(prog_name="sklearn-spx")
"""


def stopped(*arguments):
    command = [sys.executable, "-c", STOPPED, "train", "seal", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def bracketed(tmp_path):
    return write(tmp_path / "a [bold] name", ["0", "1"])


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_keeps_the_history(bracketed, tmp_path):
    images, truths = bracketed
    arguments = [images, "--truths", truths, "--steps", 10, *SHORT[2:]]
    arguments += ["--out", tmp_path / "own.safetensors", "--checkpoint", tmp_path / "run.pt"]
    done = stopped(*arguments)
    assert done.returncode == 130
    words = flat(done.stderr)
    assert f"training stopped after step 4 of 10; the same fit goes on from {tmp_path}" in words
    assert f"sklearn-spx train seal '{images}' --truths" in words  # ready to be pasted
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.glob("own*")) == [
        "own.curve.png",
        "own.history.csv",
    ]
    with open(tmp_path / "own.history.csv", newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2", "3", "4"]
    result = run("train", "seal", *arguments)
    assert result.exit_code == 0, result.stderr
    assert "step 5 of 10" in result.stderr
    assert len(SEALSuperpixels.from_pretrained(tmp_path / "own.safetensors").history_) == 10


@pytest.mark.slow
def test_ctrl_c_without_a_checkpoint(bracketed, tmp_path):
    images, truths = bracketed
    arguments = [images, "--truths", truths, "--steps", 10, *SHORT[2:]]
    done = stopped(*arguments, "--out", tmp_path / "own.safetensors")
    assert done.returncode == 130
    assert "stopped; without --checkpoint the net is not kept" in flat(done.stderr)
    assert "Traceback" not in done.stderr
    assert (tmp_path / "own.history.csv").exists()


def test_a_checkpoint_of_another_training_is_wrong_usage(pairs, tmp_path):
    images, truths = pairs
    arguments = (images, *SHORT, "--checkpoint", tmp_path / "run.pt")
    out = tmp_path / "own.safetensors"
    assert seal(*arguments, truths=[truths], out=out).exit_code == 0
    result = seal(*arguments, "--learning-rate", 0.5, truths=[truths], out=out)
    assert result.exit_code == 2
    assert "learning_rate is 0.002 there, 0.5 here" in flat(result.stderr)
    (images / "2.png").unlink()
    result = seal(*arguments, truths=[truths], out=out)
    assert result.exit_code == 2
    assert "the images differ" in flat(result.stderr)
    (tmp_path / "run.pt").write_bytes(b"none")
    result = seal(*arguments, truths=[truths], out=out)
    assert result.exit_code == 2
    assert "this is no file that torch.save wrote" in flat(result.stderr)


# --- wrong files --------------------------------------------------------------------------------


def test_files_that_cannot_be_used_are_all_named(pairs, tmp_path):
    images, truths = pairs
    write_image(images / "3 [bold].png", 3)
    write_image(truths / "3 [bold].png", 3, 1)
    (images / "0.png").write_bytes(b"broken")
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(truths / "1_1.png")
    (truths / "3 [bold].png").write_bytes(b"broken")
    result = seal(images, *SHORT, truths=[truths], out=tmp_path / "own")
    assert result.exit_code == 1
    words = flat(result.stderr)
    assert f"failed {images / '0.png'}: cannot be identified as an image" in words
    assert f"failed {truths / '1_1.png'}: has shape (5, 5), its image (24, 36)" in words
    assert f"failed {truths / '3 [bold].png'}: " in words
    assert not list(tmp_path.glob("own*"))


def test_images_of_another_number_of_channels_are_named(pairs, tmp_path):
    images, truths = pairs
    (images / "1.png").unlink()
    np.save(images / "1.npy", DATA.images[1][:, :, :2])
    result = seal(images, *SHORT, truths=[truths], out=tmp_path / "own")
    assert result.exit_code == 1
    assert f"failed {images / '1.npy'}: has 2 channels where SEALSuperpixels expects 3" in flat(
        result.stderr
    )


@pytest.mark.parametrize("distance", ["linear", "embedding"])
def test_a_truth_of_another_size_is_named(pairs, tmp_path, distance):
    images, truths = pairs
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(truths / "1_1.png")
    arguments = ("train", "trainable-slic", images, "--truths", truths, "--distance", distance)
    result = run(*arguments, "--out", tmp_path / "own")
    assert result.exit_code == 1
    assert f"failed {truths / '1_1.png'}: has shape (5, 5), but its image (24, 36)" in flat(
        result.stderr
    )


def test_files_held_out_that_cannot_be_used_are_named(tmp_path):
    images, truths = write(tmp_path, ["train/0", "train/1", "val/2", "val/3"])
    (images / "val" / "2.png").write_bytes(b"broken")
    (images / "val" / "3.png").unlink()
    np.save(images / "val" / "3.npy", DATA.images[3][:, :, :2])
    held_out = ("--validation", images / "val")
    result = seal(images / "train", *held_out, *SHORT, truths=[truths], out=tmp_path / "own")
    assert result.exit_code == 1
    assert f"failed {images / 'val' / '2.png'}: cannot be identified" in flat(result.stderr)
    (images / "val" / "2.png").unlink()
    result = seal(images / "train", *held_out, *SHORT, truths=[truths], out=tmp_path / "own")
    assert result.exit_code == 1
    assert f"failed {images / 'val' / '3.npy'}: has 2 channels" in flat(result.stderr)


def test_crops_may_be_larger_than_images(pairs, tmp_path):
    images, truths = pairs
    for command in ("seal", "del"):
        arguments = ("train", command, images, "--truths", truths, *SHORT, "--crop-size", 500)
        result = run(*arguments, "--out", tmp_path / "own")
        assert result.exit_code == 0, result.stderr


# --- wrong usage --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "images/0.png/own"], "--out: images/0.png cannot be made"),
        (["--out", "images"], "'images' is a directory"),
        (["--out", "own", "--checkpoint", "own"], "--out and --checkpoint are one file, own"),
        (["--out", "own", "--checkpoint", "nowhere/run.pt"], "there is no folder nowhere"),
        (["--out", "own", "--checkpoint", "images"], "'images' is a directory"),
        (["--out", "own", "--jobs", 0], "0 is neither a number of images nor -1"),
        (["--out", "own", "--pretrained", "no [bold]"], "'no [bold]' is neither a file nor"),
        (["--out", "own", "--pretrained", "images/0.png"], "images/0.png"),
        (["--out", "own", "--steps", 3, "--epochs", 3], "max_steps or max_epochs, not both"),
        (["--out", "own", "--early-stopping"], "early_stopping needs images held out"),
        (["--out", "own", "--validation-fraction", 0.9], "leaves none to learn from"),
    ],
)
def test_wrong_usage(pairs, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = run("train", "seal", "images", "--truths", "truths", *arguments)
    assert result.exit_code == 2
    assert words in flat(result.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "truths"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no folder to fail in")
def test_folders_that_cannot_be_written_to(pairs, tmp_path):
    images, truths = pairs
    result = seal(images, *SHORT, truths=[truths], out="/proc/own")
    assert result.exit_code == 2
    assert "--out: the directory /proc cannot be written to" in flat(result.stderr)
    checkpoint = ("--checkpoint", "/proc/run.pt")
    result = seal(images, *SHORT, *checkpoint, truths=[truths], out=tmp_path / "own")
    assert result.exit_code == 2
    assert "--checkpoint: the folder /proc cannot be written to" in flat(result.stderr)


def test_a_history_that_cannot_be_written_costs_no_model(pairs, tmp_path):
    images, truths = pairs
    (tmp_path / "own.history.csv").mkdir()
    result = seal(images, *SHORT, truths=[truths], out=tmp_path / "own.safetensors")
    assert result.exit_code == 0
    assert "note how the training went is not written" in flat(result.stderr)
    assert (tmp_path / "own.safetensors").exists()


@pytest.mark.parametrize("command", [(), ("seal",), ("del",), ("trainable-slic",)])
def test_help_says_what_exit_codes_mean(command):
    words = flat(run("train", *command, "--help").stdout)
    assert "0 all went well, 1 a file cannot be used (all such are named), 2 wrong usage, 130" in (
        words
    )


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from sklearn_spx.cli import main\n"
        "for command in ([], ['seal'], ['del'], ['trainable-slic']):\n"
        "    main(['train', *command, '--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'matplotlib', 'numba', 'sklearn', 'scipy', 'kymatio'}\n"
        "print('imported:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "imported: []" in done.stdout


def test_a_warning_is_a_note(pairs, tmp_path):
    images, truths = pairs
    for path in images.iterdir():
        Image.new("RGB", (36, 24)).save(path)
    arguments = ("train", "trainable-slic", images, "--truths", truths)
    result = run(*arguments, "--out", tmp_path / "own")
    assert result.exit_code == 0, result.stderr
    assert "note the learned superpixels are the initial grid" in flat(result.stderr)
    assert "UserWarning" not in result.stderr


# --- what is shown ------------------------------------------------------------------------------


def test_plain_lines_where_there_is_no_terminal(pairs, tmp_path):
    images, truths = pairs
    arguments = (images, "--steps", 3, *SHORT[2:], "--validation-fraction", 0.3)
    result = seal(*arguments, truths=[truths], out=tmp_path / "own")
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 3
    for step, line in enumerate(lines, 1):
        assert re.fullmatch(
            rf"step {step} of 3: loss [\d.]+, score [\d.]+, rate [\d.e-]+, [\d.e+]+ steps/s, "
            r"[\d:]+ left",
            line,
        )


def test_plain_lines_when_nothing_is_recorded_for_long(monkeypatch):
    monkeypatch.setattr(_train_progress, "_SILENCE", -1.0)
    console = Console(file=io.StringIO(), width=200)
    line = _train_progress.shown(console)
    line.start(10, 20, [{"step": 10, "loss": 1.0, "score": 0.25}])
    line.step(11, 0.5, 0.001)
    line.stop()
    assert "step 11 of 20: loss 0.5000, score 0.2500, rate 0.001, " in console.file.getvalue()


def test_a_live_line_on_a_terminal():
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    line = _train_progress.shown(console)
    line.start(10, 20, [])
    line.step(11, 0.5, 0.001)
    line.entry({"step": 11, "loss": 0.5, "score": 0.25})
    line.step(12, 0.75, 0.001)
    line.bar.refresh()
    line.stop()
    shown = console.file.getvalue()
    assert "step 12 of 20" in shown
    assert "loss 0.7500, score 0.2500, rate 0.001" in shown


@pytest.mark.parametrize(("seconds", "words"), [(5.2, "0:05"), (65, "1:05"), (7325, "2:02:05")])
def test_clock(seconds, words):
    assert _train_progress._clock(seconds) == words


# --- what segment reads -------------------------------------------------------------------------


def test_train_seal_writes_what_segment_reads(pairs, tmp_path):
    images = pairs[0]
    truths, model = pairs[1], tmp_path / "own.safetensors"
    checkpoint = tmp_path / "run.pt"
    arguments = ("train", "seal", images, "--truths", truths, "--out", model, "--steps", 1)
    result = run(*arguments, "--checkpoint", checkpoint, "--device", "cpu")
    assert "3 images, 1 steps" in flat(result.stdout)
    assert checkpoint.exists()
    out = tmp_path / "out"
    result = run(
        "segment", images, "--method", "seal", "--model", model, "--n-segments", 9, "--out", out
    )
    assert result.exit_code == 0
    assert "3 of 3 images, 9 regions each" in flat(result.stdout)
    # the same command, the run being over, writes the same
    before = SEALSuperpixels.from_pretrained(model)
    run(*arguments, "--checkpoint", checkpoint, "--device", "cpu")
    after = SEALSuperpixels.from_pretrained(model)
    assert after.history_ == before.history_
    for first, second in zip(after.affinities(DATA.images[:3]), before.affinities(DATA.images[:3])):
        np.testing.assert_array_equal(first, second)


def test_train_seal_weighs_boundaries_and_writes_smaller_files(pairs, tmp_path):
    images = pairs[0]
    truths, model = pairs[1], tmp_path / "own.safetensors"
    arguments = ("train", "seal", images, "--truths", truths, "--out", model, "--steps", 1)
    run(*arguments, "--device", "cpu", "--boundary-weight", "balanced")
    whole = model.stat().st_size
    assert SEALSuperpixels.from_pretrained(model).boundary_weight == "balanced"
    run(*arguments, "--device", "cpu", "--boundary-weight", "2.5", "--half")
    assert SEALSuperpixels.from_pretrained(model).boundary_weight == 2.5
    assert model.stat().st_size < 0.6 * whole
    run(*arguments, "--device", "cpu", "--eight-bits")
    assert model.stat().st_size < 0.3 * whole
    (affinities,) = SEALSuperpixels.from_pretrained(model).affinities(DATA.images[:1])
    assert np.isfinite(affinities).all()
    result = run(*arguments, "--boundary-weight", "-1")
    assert result.exit_code == 2
    assert "-1 is neither balanced nor a number above 0" in flat(result.stderr)


@pytest.mark.parametrize("distance", ["linear", "embedding"])
def test_train_trainable_slic_writes_what_segment_reads(pairs, tmp_path, distance):
    images = pairs[0]
    truths, model = pairs[1], tmp_path / "own.safetensors"
    arguments = ["train", "trainable-slic", images, "--truths", truths, "--out", model]
    arguments += ["--distance", distance, "--device", "cpu", "--half"]
    if distance == "embedding":
        arguments += ["--steps", 1, "--checkpoint", tmp_path / "run.pt"]
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    assert "3 images, 0." in flat(result.stdout)
    arguments = ["segment", images, "--method", "trainable-slic", "--model", model]
    result = run(*arguments, "--n-segments", 9, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "run.pt").exists() == (distance == "embedding")
    if distance == "embedding":  # it goes on
        arguments = ["train", "trainable-slic", images, "--truths", truths, "--device", "cpu"]
        arguments += ["--pretrained", model, "--steps", 1]
        run(*arguments, "--learning-rate", 1e-9, "--out", tmp_path / "more.safetensors")
        before, after = map(TrainableSLIC.from_pretrained, (model, tmp_path / "more.safetensors"))
        first, second = (m.features_.weights_["unet.head.weight"] for m in (before, after))
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_train_trainable_slic_says_which_options_go_together(pairs, tmp_path):
    images = pairs[0]
    truths = pairs[1]
    arguments = ("train", "trainable-slic", images, "--truths", truths, "--out", tmp_path / "own")
    result = run(*arguments, "--device", "cpu", "--steps", 3)
    assert result.exit_code == 2
    assert "max_steps means nothing here" in flat(result.stderr)
