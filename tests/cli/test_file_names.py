"""What the commands read and write: every file as it is, none lost, none overwritten."""

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from sklearn_spx import SLICSuperpixels, metrics
from sklearn_spx.cli import _files, _train_files
from sklearn_spx.datasets import make_dead_leaves

from .test_cli import flat, run

DATA = make_dead_leaves(2, (24, 36), random_state=0)
IMAGE, TRUTH = DATA.images[0], DATA.ground_truths[0]
TRUTH = TRUTH[0] if isinstance(TRUTH, list) else TRUTH


def labels_in(path):
    with np.load(path) as file:
        return file["labels"]


# --- segment -----------------------------------------------------------------------------------


def test_deep_colours_reach_the_estimator_whole(tmp_path):
    """All in one of 256 steps: cut to 8 bits there is nothing to see."""
    deep = IMAGE.astype(np.uint16) + 20000
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="rgb")
    result = run("segment", tmp_path / "deep.tif", "--n-segments", 12, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    expected = SLICSuperpixels(12).fit_transform([deep])[0]
    np.testing.assert_array_equal(labels_in(tmp_path / "out" / "deep.npz"), expected)


def test_phone_pictures_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(IMAGE).save(tmp_path / "phone.jpg", exif=exif)
    result = run("segment", tmp_path / "phone.jpg", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert labels_in(tmp_path / "out" / "phone.npz").shape == (36, 24)


def test_a_page_is_chosen_never_taken_in_silence(tmp_path):
    path, out = tmp_path / "a.tif", tmp_path / "out"
    tifffile.imwrite(path, np.stack([IMAGE, IMAGE[::-1]]), photometric="rgb")
    result = run("segment", path, "--out", out)
    assert result.exit_code == 1
    words = f"failed {path}: holds 2 pages; choose one by --page 0 to --page 1"
    assert flat(result.stderr) == words
    result = run("segment", path, "--n-segments", 12, "--page", 1, "--out", out)
    assert result.exit_code == 0, result.output
    expected = SLICSuperpixels(12).fit_transform([IMAGE[::-1]])[0]
    np.testing.assert_array_equal(labels_in(out / "a.npz"), expected)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.png", "b.png"], ["a", "b"]),
        (["a.png", "a.tif", "b.png"], ["a_png", "a_tif", "b"]),
        (["a.png", "A.TIF"], ["a_png", "A_tif"]),
        (["x/a.png", "y/a.png"], ["x_a", "y_a"]),
        (["x/a.png", "x/a.tif", "y/a.png"], ["x_a_png", "x_a_tif", "y_a_png"]),
        (["x/z/a.png", "y/z/a.png"], ["x_z_a", "y_z_a"]),
        (["a.png", "a.tif", "a_png.jpg"], ["{}_a_png", "{}_a_tif", "a_png"]),
    ],
)
def test_names_of_outputs(tmp_path, monkeypatch, paths, names):
    monkeypatch.chdir(tmp_path)
    found = _files.output_names([Path(path) for path in paths])
    assert found == [name.format(tmp_path.name) for name in names]


def test_images_of_one_name_are_all_segmented(tmp_path):
    for k, name in enumerate(("x/a.png", "x/a.bmp", "y/deeper/a.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(DATA.images[k % 2]).save(tmp_path / name)
    out = tmp_path / "out"
    for _ in range(2):  # what lies in --out is not an image the second time
        result = run("segment", tmp_path, "--recursive", "--n-segments", 12, "--out", out)
        assert result.exit_code == 0, result.output
        assert "3 of 3 images" in flat(result.stdout)
    assert sorted(path.name for path in out.glob("*.npz")) == [
        "deeper_a_png.npz",
        "x_a_bmp.npz",
        "x_a_png.npz",
    ]
    result = run("segment", tmp_path, "--out", out)
    assert result.exit_code == 2
    assert "there is no image in the directory" in flat(result.stderr.replace("│", " "))


def test_images_are_never_overwritten(tmp_path):
    for name in ("a.png", "a_labels.png"):
        Image.fromarray(IMAGE).save(tmp_path / name)
    before = (tmp_path / "a_labels.png").read_bytes()
    result = run("segment", tmp_path, "--out", tmp_path)
    assert result.exit_code == 2
    words = "".join(result.stderr.replace("│", " ").split())
    assert "a_labels.pngisoneoftheimagesandwouldbeoverwritten" in words
    assert (tmp_path / "a_labels.png").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    out = tmp_path / "out"
    run("segment", tmp_path / "a.png", "--out", out)
    before = (out / "a.npz").read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    result = run("segment", tmp_path / "a.png", "--n-segments", 5, "--out", out)
    assert result.exit_code == 1
    assert "No space left" in flat(result.stderr)
    assert (out / "a.npz").read_bytes() == before
    assert len(list(out.iterdir())) == 4


def test_an_out_that_cannot_be_made(tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    (tmp_path / "file").touch()
    result = run("segment", tmp_path / "a.png", "--out", tmp_path / "file" / "out")
    assert result.exit_code == 2
    assert "cannot be made" in flat(result.stderr.replace("│", " "))


# --- evaluate and train ------------------------------------------------------------------------


def write(path, labels):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(labels.astype(np.uint8)).save(path)


def test_each_directory_is_a_method_with_a_table(tmp_path):
    write(tmp_path / "truths" / "0.png", TRUTH)
    write(tmp_path / "A" / "0.png", TRUTH)
    write(tmp_path / "B" / "0.png", np.zeros_like(TRUTH))
    table = tmp_path / "scores.csv"
    result = run("evaluate", tmp_path / "A", tmp_path / "B", tmp_path / "truths", "--csv", table)
    assert result.exit_code == 0, result.output
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["method"]).name for row in rows] == ["A", "B"]
    first, second = (float(row["achievable_segmentation_accuracy"]) for row in rows)
    assert first == 1
    assert second == pytest.approx(np.bincount(TRUTH.ravel()).max() / TRUTH.size)
    assert result.stdout.count("all 1") == 2
    assert f"{second:.4f}" in result.stdout
    # files are of the directory that they lie in
    files = run("evaluate", tmp_path / "A" / "0.png", tmp_path / "B" / "*.png", tmp_path / "truths")
    assert files.stdout.count("all 1") == 2


def test_methods_with_other_images_are_told(tmp_path):
    for name in ("truths/0.png", "truths/1.png", "A/0.png", "A/1.png", "B/0.png"):
        write(tmp_path / name, TRUTH)
    result = run("evaluate", tmp_path / "A", tmp_path / "B", tmp_path / "truths")
    assert result.exit_code == 0, result.output
    assert "the tables are not of the same images" in flat(result.stderr)


def test_labels_are_preferred_to_the_image_beside_them(tmp_path):
    paths = [Path("a.png"), Path("a_labels.png"), Path("a_overlay.png")]
    (path, _) = _files.pair(paths, tmp_path)["a"]
    assert path.name == "a_labels.png"


def test_void_pixels_do_not_count(tmp_path):
    truth = TRUTH.copy()
    truth[:9] = 255
    labels = np.arange(TRUTH.size).reshape(TRUTH.shape) // 40
    write(tmp_path / "truths" / "0.png", truth)
    write(tmp_path / "mine" / "0.png", labels)
    results = [
        run("evaluate", tmp_path / "mine", tmp_path / "truths", *more)
        for more in ([], ["--void", 255])
    ]
    unknown = np.where(truth == 255, -1, truth)
    for result, wanted in zip(results, (truth, unknown)):
        score = metrics.achievable_segmentation_accuracy(labels, wanted)
        assert result.exit_code == 0, result.output
        assert f"{score:.4f}" in result.stdout
    Image.fromarray(IMAGE).save(tmp_path / "0.png")
    images, truths = [str(tmp_path / "0.png")], [tmp_path / "truths"]
    annotations = _train_files.annotated(images, truths, void=255).y[0]
    np.testing.assert_array_equal(annotations[0], unknown)


def test_train_takes_void(tmp_path):
    truth = TRUTH.copy()
    truth[:9] = 255
    write(tmp_path / "truths" / "0.png", truth)
    Image.fromarray(IMAGE).save(tmp_path / "0.png")
    result = run(
        "train", "seal", tmp_path / "0.png", "--truths", tmp_path / "truths", "--void", 255,
        "--steps", 1, "--device", "cpu", "--out", tmp_path / "own.safetensors",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
