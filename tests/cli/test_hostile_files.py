"""Whatever lies in a directory or is typed: one line that says what is wrong, and an exit code."""

import json
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from sklearn_spx import io
from sklearn_spx.cli import _segment
from sklearn_spx.datasets import make_dead_leaves

from .test_cli import flat, run

IMAGE = make_dead_leaves(1, (24, 36), random_state=0).images[0]
POSIX = pytest.mark.skipif(os.name != "posix", reason="of POSIX file systems")


def save(path):
    Image.fromarray(IMAGE).save(path)
    return path


@POSIX
def test_a_directory_of_rubbish(tmp_path, recwarn):
    folder = tmp_path / "rubbish"
    folder.mkdir()
    save(folder / "good.png")
    (folder / "notes.txt").write_text("text")
    (folder / "text.png").write_text("text")
    (folder / "zero.png").touch()
    (folder / "broken.tif").write_bytes(b"II*\0\x08\0\0\0\x05\0")
    with zipfile.ZipFile(folder / "zip.png", "w") as archive:
        archive.writestr("a.txt", "text")
    (folder / "directory.png").mkdir()
    (folder / "dangling.png").symlink_to("nowhere")
    os.mkfifo(folder / "fifo.png")
    Image.new("1", (9500, 9500)).save(folder / "large.png")  # Pillow warns of it
    Image.new("1", (20000, 20000)).save(folder / "bomb.png")
    result = run("segment", folder, "--n-segments", 9, "--out", tmp_path / "out")
    assert result.exit_code == 1
    lines = result.stderr.strip().splitlines()
    names = ("bomb.png", "broken.tif", "large.png", "text.png", "zero.png", "zip.png")
    assert len(lines) == len(names)
    for line, name in zip(lines, names):
        assert line.startswith(f"failed {folder / name}: ")
    assert "1 of 7 images" in flat(result.stdout)
    assert not [w for w in recwarn if "Bomb" in w.category.__name__]


@POSIX
@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("directory.png", 2, "there is no image in the directory"),
        ("dangling.png", 2, "is a link to nowhere, which is not there"),
        ("fifo.png", 1, "fifo.png: is a FIFO; accepted is a regular file"),
        ("a" * 300, 2, "cannot be looked at: File name too long"),
        ("*.jpg", 2, "there is no file, directory or match"),
        ("/dev/zero", 1, "failed /dev/zero: is a device"),
    ],
)
def test_what_is_no_file(tmp_path, monkeypatch, name, code, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "directory.png").mkdir()
    (tmp_path / "dangling.png").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo.png")
    result = run("segment", name, "--out", "out")
    assert result.exit_code == code
    assert words in flat(result.stderr.replace("│", " "))
    assert "Traceback" not in result.output


def test_a_directory_that_must_not_be_read(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(io, "ImageFolder", refuse)
    result = run("segment", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "cannot be looked at: Permission denied" in flat(result.stderr.replace("│", " "))


def test_a_file_that_must_not_be_read(tmp_path, monkeypatch):
    def refuse(path, page=None):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(io, "read_masked", refuse)
    result = run("segment", save(tmp_path / "a.png"), "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "Permission denied" in result.stderr


@pytest.mark.parametrize("command", ["segment", "demo", "evaluate"])
def test_a_directory_that_cannot_be_written_to(tmp_path, monkeypatch, command):
    def refuse(**kwargs):
        raise PermissionError(13, "Permission denied")

    path = save(tmp_path / "a.png")
    arguments = {
        "segment": (path, "--out", tmp_path / "out"),
        "demo": ("--out", tmp_path / "out"),
        "evaluate": (path, path, "--csv", tmp_path / "a.csv"),
    }[command]
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    result = run(command, *arguments)
    assert result.exit_code == 2
    assert "cannot be written to: Permission denied" in flat(result.stderr.replace("│", " "))


@pytest.mark.parametrize("command", ["segment", "demo"])
def test_a_file_in_the_way_of_a_directory(tmp_path, command):
    path = save(tmp_path / "a.png")
    images = (path,) if command == "segment" else ()
    result = run(command, *images, "--out", path / "out")
    assert result.exit_code == 2
    assert "cannot be made: Not a directory" in flat(result.stderr.replace("│", " "))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of file sizes, as Linux has them")
@pytest.mark.slow
def test_a_disk_that_fills_up(tmp_path):
    save(tmp_path / "a.png")
    code = (
        "import resource, signal, sys\n"
        "from sklearn_spx.cli import main\n"
        "import sklearn_spx, sklearn_spx.io, sklearn_spx.inspection\n"
        "sklearn_spx.SLICSuperpixels(4).fit_transform(sklearn_spx.io.ImageFolder(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))\n"
        "main(['segment', sys.argv[1], '--n-segments', '30', '--out', sys.argv[1] + '/out'])\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"failed {tmp_path / 'a.png'}: ")
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.endswith(".part")]


# --- names -------------------------------------------------------------------------------------


def test_markup_in_names_is_printed_as_it_is(tmp_path):
    folder = tmp_path / "[red]folder[_]"
    folder.mkdir()
    save(folder / "[bold]x.png")
    (folder / "[bold]y[_].png").write_text("text")
    out = tmp_path / "[green]out"
    result = run("segment", folder, "--n-segments", 9, "--out", out)
    assert result.exit_code == 1
    assert f"failed {folder / '[bold]y[_].png'}: cannot" in flat(result.stderr)
    assert str(out) in flat(result.stdout)
    truths = tmp_path / "truths"
    truths.mkdir()
    os.replace(out / "[bold]x_labels.png", truths / "[bold]x.png")
    table = tmp_path / "[blue]table.csv"
    result = run("evaluate", out, truths, "--csv", table)
    assert result.exit_code == 0, result.output
    assert "[bold]x" in result.stdout
    assert str(table) in result.stdout
    result = run("evaluate", out, truths, truths)
    assert str(out) in "".join(result.stdout.split())  # the title of a table, which is broken


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes, as Linux has them")
@pytest.mark.parametrize("as_json", [pytest.param(False, marks=pytest.mark.slow), True])
def test_names_that_are_no_text(tmp_path, as_json):
    good, bad = (os.fsdecode(os.fsencode(tmp_path) + b"/" + name) for name in (b"a\xff", b"b\xfe"))
    save(f"{good}.png")
    with open(f"{bad}.png", "w") as file:
        file.write("text")
    with open(tmp_path / "line\n\x1b[31m.png", "w") as file:
        file.write("text")
    out = os.fsdecode(os.fsencode(tmp_path) + b"/out\xff")
    command = [sys.executable, "-m", "sklearn_spx.cli", "segment", str(tmp_path), "--out", out]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    more = ["--json"] if as_json else []
    done = subprocess.run([*command, *more], capture_output=True, env=environment, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert rb"b\udcfe.png: cannot be identified" in done.stderr
    assert rb"line\n\x1b[31m.png: cannot be identified" in done.stderr
    assert os.path.exists(os.path.join(out, os.path.basename(good) + "_labels.png"))
    if not as_json:
        return
    first = json.loads(done.stdout.splitlines()[0])
    assert first["file"] == f"{good}.png"


# --- exit codes --------------------------------------------------------------------------------


def test_help_lists_the_exit_codes():
    text = flat(run("--help").stdout)
    assert "0 all went well; 1 some file failed" in text
    assert "2 wrong usage; 130 stopped by Ctrl-C" in text


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_is_one_line(tmp_path, monkeypatch, jobs):
    for k in range(4):
        save(tmp_path / f"{k}.png")
    work = _segment._segment_file

    def interrupted(path, *arguments):
        if path.name == "2.png":
            raise KeyboardInterrupt
        return work(path, *arguments)

    monkeypatch.setattr(_segment, "_segment_file", interrupted)
    result = run("segment", tmp_path, "--jobs", jobs, "--out", tmp_path / "out")
    assert result.exit_code == 130
    # before rich 14 an empty bar leaves an empty line
    assert result.stderr.lstrip() == "stopped: 2 of 4 images are done\n"
    assert (tmp_path / "out" / "1.npz").exists()


@POSIX
@pytest.mark.slow
def test_a_signal_ends_segment(tmp_path):
    for k in range(3):
        save(tmp_path / f"{k}.png")
    code = (
        "import signal, sys, time\n"
        "from sklearn_spx.cli import _segment, main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in the background
        "work = _segment._segment_file\n"
        "def slow(path, *arguments):\n"
        "    time.sleep(0 if path.name == '0.png' else 600)\n"
        "    return work(path, *arguments)\n"
        "_segment._segment_file = slow\n"
        "main(['segment', sys.argv[1], '--json', '--out', sys.argv[1] + '/out'])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert json.loads(process.stdout.readline())["error"] is None
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert process.returncode == 130
    assert stderr.lstrip() == "stopped: 1 of 3 images are done\n"
    assert not list((tmp_path / "out").glob(".*.part"))


def test_ctrl_c_ends_evaluate(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.zeros((4, 5), int))

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklearn_spx.metrics.evaluate_superpixels", interrupted)
    result = run("evaluate", tmp_path, tmp_path)
    assert result.exit_code == 130
    assert result.stderr == "stopped\n"


# --- evaluate ----------------------------------------------------------------------------------


@pytest.fixture
def pairs(tmp_path):
    """Directories mine and truths, with a.npy in each."""
    for name in ("mine", "truths"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "a.npy", np.arange(20).reshape(4, 5) // 7)
    return tmp_path / "mine", tmp_path / "truths"


def test_label_images_coded_by_colours(pairs):
    mine, truths = pairs
    labels = np.arange(20).reshape(4, 5) // 7
    colours = np.array([[200, 0, 0], [0, 255, 7], [9, 9, 9]], np.uint8)[labels]
    Image.fromarray(colours).save(mine / "b.png")
    Image.fromarray(colours[:, :, ::-1].copy()).save(truths / "b.png")
    result = run("evaluate", mine, truths)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("1.0000") >= 6  # all agree


def test_ground_truth_of_another_size_is_named(pairs):
    mine, truths = pairs
    np.save(truths / "a.npy", np.zeros((5, 4), int))
    result = run("evaluate", mine, truths)
    assert result.exit_code == 1
    expected = f"{mine / 'a.npy'}: has shape (4, 5), its ground truth {truths / 'a.npy'} (5, 4)"
    assert expected in flat(result.stderr)


def test_ground_truth_unknown_everywhere_is_named(pairs):
    mine, truths = pairs
    np.save(truths / "a.npy", np.full((4, 5), 255))
    result = run("evaluate", mine, truths, "--void", 255)
    assert result.exit_code == 1
    assert f"{truths / 'a.npy'} is unknown everywhere" in flat(result.stderr)


def test_pictures_beside_labels_are_not_scored(pairs):
    mine, truths = pairs
    for ending in ("overlay", "colors", "means", "fill"):
        save(mine / f"a_{ending}.png")
    result = run("evaluate", mine, truths)
    assert result.exit_code == 0, result.output
    assert "all 1" in result.stdout
    save(mine / "b_colors.png")  # beside no labels: an image like any other
    result = run("evaluate", mine, truths)
    assert result.exit_code == 1
    assert "there is no ground truth b_colors.*" in flat(result.stderr)


def test_wrong_usage_of_evaluate_is_found_before_the_work(pairs, monkeypatch):
    mine, truths = pairs
    monkeypatch.setattr("sklearn_spx.metrics.evaluate_superpixels", None)
    for more, words in (
        (("--csv", mine / "nowhere" / "a.csv"), "--csv: there is no directory"),
        (("--jobs", 0), "0 is neither a number of images"),
        (("--void", "x"), "'x' is not a valid integer"),
    ):
        result = run("evaluate", mine, truths, *more)
        assert result.exit_code == 2
        assert words in flat(result.stderr.replace("│", " "))


def test_a_table_that_cannot_be_written(pairs, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sklearn_spx.cli._evaluate._write_csv", full)
    result = run("evaluate", *pairs, "--csv", pairs[0] / "a.csv")
    assert result.exit_code == 1
    assert "--csv: [Errno 28] No space left on device" in flat(result.stderr)
