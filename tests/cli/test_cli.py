"""The commands on tiny files: what they write, print and return."""

import csv
import subprocess
import sys
from inspect import signature

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy.io import savemat

from sklearn_spx import DELSegmenter, SLICSuperpixels, metrics
from sklearn_spx.cli import _demo, _files, _outputs, main
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.inspection import draw
from sklearn_spx.io import read_labels

DATA = make_dead_leaves(3, (24, 36), n_annotators=2, random_state=0)


def run(*arguments):
    apart = "mix_stderr" in signature(CliRunner).parameters  # click < 8.2 mixes unless told
    runner = CliRunner(mix_stderr=False) if apart else CliRunner()
    result = runner.invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def flat(text):
    return " ".join(text.split())


@pytest.fixture
def images(tmp_path):
    """A directory with three images and a file that is none of the kind."""
    folder = tmp_path / "images"
    folder.mkdir()
    for k, image in enumerate(DATA.images):
        Image.fromarray(image).save(folder / f"{k}.png")
    (folder / "notes.txt").write_text("not an image")
    return folder


def write_truths(folder, kind):
    """Write the two annotations of each image as one of the accepted kinds."""
    folder.mkdir()
    for k, annotations in enumerate(DATA.ground_truths):
        if kind == "mat":
            cells = np.empty((1, 2), dtype=object)
            for a, labels in enumerate(annotations):
                cells[0, a] = {"Segmentation": labels.astype(np.uint16) + 1}
            savemat(folder / f"{k}.mat", {"groundTruth": cells})
        elif kind == "npz":
            np.savez(folder / f"{k}.npz", first=annotations[0], second=annotations[1])
        elif kind == "npy":
            np.save(folder / f"{k}.npy", np.stack(annotations))
        else:
            for a, labels in enumerate(annotations):
                Image.fromarray(labels.astype(np.uint8)).save(folder / f"{k}_{a}.png")
    return folder


# --- segment -----------------------------------------------------------------------------------


def test_segment_writes_labels_overlay_and_npz(images, tmp_path):
    out = tmp_path / "out"
    result = run("segment", images, "--n-segments", 12, "--compactness", 20, "--out", out)
    assert result.exit_code == 0, result.output
    assert "3 of 3 images" in flat(result.stdout)
    estimator = SLICSuperpixels(12, compactness=20).fit(DATA.images)
    for k, expected in enumerate(estimator.transform(DATA.images)):
        with np.load(out / f"{k}.npz") as file:
            assert list(file) == ["labels"]
            np.testing.assert_array_equal(file["labels"], expected)
        with Image.open(out / f"{k}_labels.png") as png:
            assert png.mode == "I;16"
            np.testing.assert_array_equal(np.array(png), expected)
        with Image.open(out / f"{k}_overlay.png") as png:
            assert png.mode == "RGB"
            assert png.size == (72, 48)
        with Image.open(out / f"{k}_colors.png") as png:
            np.testing.assert_array_equal(np.array(png), draw.region_colors(expected))
    assert len(list(out.iterdir())) == 12


@pytest.mark.parametrize(
    "arguments",
    [["--method", "ers", "--n-segments", 7], ["--method", "egb", "--scale", 2, "--min-size", 30]],
)
def test_segment_by_other_methods(images, tmp_path, arguments):
    out = tmp_path / "out"
    result = run("segment", images / "0.png", *arguments, "--out", out)
    assert result.exit_code == 0, result.output
    with np.load(out / "0.npz") as file:
        sizes = np.bincount(file["labels"].ravel())
    if "ers" in arguments:
        assert sizes.size == 7
    else:
        assert sizes.min() >= 30


def test_segment_takes_globs_and_each_file_once(images, tmp_path):
    out = tmp_path / "out"
    result = run("segment", images / "[01].png", images / "0.png", "--out", out, "--jobs", 2)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.glob("*.npz")) == ["0.npz", "1.npz"]


def test_segment_reads_what_is_stored(tmp_path):
    deep = np.arange(400, dtype=np.uint16).reshape(20, 20) * 100
    Image.fromarray(deep).save(tmp_path / "deep.png")
    np.save(tmp_path / "channels.npy", np.random.default_rng(0).random((20, 20, 5)))
    palette = Image.fromarray(DATA.images[0]).convert("P")
    palette.save(tmp_path / "palette.gif")
    result = run("segment", tmp_path, "--n-segments", 4, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "3 of 3 images" in flat(result.stdout)


def test_segment_shows_gray_images_to_nets_of_colours(tmp_path):
    gray = DATA.images[0][:, :, 0]
    Image.fromarray(gray).save(tmp_path / "gray.png")
    result = run("segment", tmp_path / "gray.png", "--method", "del", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    expected = DELSegmenter.from_pretrained("bsds500").transform([np.stack([gray] * 3, -1)])[0]
    with np.load(tmp_path / "out" / "gray.npz") as file:
        np.testing.assert_array_equal(file["labels"], expected)


def test_an_unreadable_image_does_not_stop_the_others(images, tmp_path):
    (images / "1.png").write_bytes(b"broken")
    np.save(images / "3.npy", np.full((5, 5), np.nan))
    result = run("segment", images, "--n-segments", 5, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "2 of 4 images" in flat(result.stdout)
    assert f"failed {images / '1.png'}: cannot be identified as an image" in flat(result.stderr)
    assert f"failed {images / '3.npy'}: the image holds 25 values" in flat(result.stderr)
    assert (tmp_path / "out" / "2.npz").exists()


def test_more_labels_than_16_bits_are_a_tiff(tmp_path, monkeypatch):
    monkeypatch.setattr(_outputs, "MAX_16_BIT", 3)
    Image.fromarray(DATA.images[0]).save(tmp_path / "a.png")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a_labels.png").write_bytes(b"of an earlier run")
    result = run("segment", tmp_path / "a.png", "--n-segments", 12, "--out", out)
    assert result.exit_code == 0
    names = ["a.npz", "a_colors.png", "a_labels.tif", "a_overlay.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    expected = SLICSuperpixels(12).fit_transform([DATA.images[0]])[0]
    np.testing.assert_array_equal(read_labels(out / "a_labels.tif"), expected)
    monkeypatch.undo()
    run("segment", tmp_path / "a.png", "--n-segments", 12, "--out", out)
    names[2] = "a_labels.png"
    assert sorted(path.name for path in out.iterdir()) == names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.png"], "there is no file, directory or match for 'nowhere.png'"),
        (["*.jpg"], "there is no file, directory or match for '*.jpg'"),
        (["."], "there is no image in the directory ."),
        (["0.png", "--method", "egb", "--n-segments", 5], "takes --scale, --min-size"),
        (["0.png", "--scale", 5], "--scale means nothing to --method slic"),
        (["0.png", "--method", "trainable-slic", "--model", "no"], "--model: 'no' is neither"),
        (
            ["0.png", "--method", "seal", "--compactness", 5],
            "takes --n-segments, --model, --device",
        ),
        (
            ["0.png", "--method", "del", "--n-segments", 5, "--threshold", 0.5],
            "--threshold means nothing beside --n-segments",
        ),
        (
            ["0.png", "--method", "del", "--n-segments", 5, "--min-size", 2],
            "--min-size means nothing beside --n-segments",
        ),
        (["0.png", "--device", "gpu"], "'gpu' is not one of"),
        (["0.png", "--jobs", 0], "0 is neither a number of images nor -1"),
        (["0.png", "--color", "reddish"], "--color: 'reddish' is no colour"),
        (["0.png", "--color", "#ff000000"], "--color: '#ff000000' is transparent"),
        (["0.png", "--line-width", 0], "0 is not in the range"),
        (["0.png", "--style", "fill", "--color", "red"], "--color is for --style boundaries"),
        (
            ["0.png", "--style", "means", "--line-width", 2],
            "--line-width is for --style boundaries",
        ),
        (["0.png", "--style", "lines"], "'lines' is not one of"),
        (["0.png", "--n-segments", 0], "0 is not in the range"),
    ],
)
def test_wrong_usage_of_segment(images, tmp_path, monkeypatch, arguments, words):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty if arguments == ["."] else images)
    result = run("segment", *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert words in flat(result.stderr.replace("│", " "))
    assert not (tmp_path / "out").exists()


# --- evaluate ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mat", "npz", "npy", "png"])
def test_evaluate_what_segment_wrote(images, tmp_path, kind):
    out, table = tmp_path / "out", tmp_path / "scores.csv"
    run("segment", images, "--n-segments", 15, "--out", out)
    truths = write_truths(tmp_path / "truths", kind)
    result = run("evaluate", out, truths, "--csv", table)
    assert result.exit_code == 0, result.output
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["0", "1", "2"]
    for k, row in enumerate(rows):
        with np.load(out / f"{k}.npz") as file:
            labels = file["labels"]
        truth = DATA.ground_truths[k]
        assert int(row["annotators"]) == 2
        assert int(row["regions"]) == labels.max() + 1
        for name in ("achievable_segmentation_accuracy", "boundary_recall", "achievable_iou"):
            assert float(row[name]) == pytest.approx(getattr(metrics, name)(labels, truth))
        assert float(row["compactness"]) == pytest.approx(metrics.compactness(labels))
    mean = np.mean([float(row["achievable_segmentation_accuracy"]) for row in rows])
    assert f"{mean:.4f}" in result.stdout
    assert "all 3" in result.stdout


def test_evaluate_segments_and_one_pair_of_files(tmp_path):
    truth = write_truths(tmp_path / "truths", "npz") / "0.npz"
    np.save(tmp_path / "mine.npy", DATA.ground_truths[0][0])
    result = run("evaluate", tmp_path / "mine.npy", truth, "--scores", "segments")
    assert result.exit_code == 0, result.output
    labels, truths = DATA.ground_truths[0][0], DATA.ground_truths[0]
    for name in (
        "boundary_f_measure",
        "object_part_f_measure",
        "segmentation_covering",
        "probabilistic_rand_index",
        "variation_of_information",
    ):
        assert result.stdout.count(f"{getattr(metrics, name)(labels, truths):.4f}") == 2


def test_labels_are_taken_from_png_where_there_is_no_npz(images, tmp_path):
    out = tmp_path / "out"
    run("segment", images, "--n-segments", 15, "--out", out)
    truths = write_truths(tmp_path / "truths", "png")
    both = run("evaluate", out, truths).stdout
    for path in out.glob("*.npz"):
        path.unlink()
    assert run("evaluate", out, truths).stdout == both
    assert run("evaluate", out / "*_labels.png", truths).stdout == both


def test_an_image_that_cannot_be_scored_does_not_stop_the_others(tmp_path):
    truths = write_truths(tmp_path / "truths", "npz")
    mine = tmp_path / "mine"
    mine.mkdir()
    np.save(mine / "0.npy", DATA.ground_truths[0][0])
    np.save(mine / "1.npy", DATA.ground_truths[1][0][:9])
    np.save(mine / "2.npy", np.zeros((24, 36)))
    np.save(mine / "other.npy", DATA.ground_truths[0][0])
    (mine / "broken.png").write_bytes(b"broken")
    result = run("evaluate", mine, truths)
    assert result.exit_code == 1
    errors = flat(result.stderr)
    assert f"1.npy: has shape (9, 36), its ground truth {truths / '1.npz'} (24, 36)" in errors
    assert "2.npy: holds an array of shape (24, 36) and dtype float64" in errors
    assert "other.npy: there is no ground truth other.* or other_*.*" in errors
    assert "4 of 5 images have no scores" in errors
    assert "all 1" in result.stdout


def test_annotators_of_another_image_are_not_taken(tmp_path):
    """Beside an image a_1, a_1.png is no annotation of image a."""
    for name in ("a.npy", "a_1.npy"):
        (tmp_path / name).touch()
    truths = tmp_path / "truths"
    truths.mkdir()
    for name in ("a_0.png", "a_1.png", "a_2.png"):
        (truths / name).touch()
    pairs = _files.pair([tmp_path / "a.npy", tmp_path / "a_1.npy"], truths)
    assert [path.name for path in pairs["a"][1]] == ["a_0.png", "a_2.png"]
    assert [path.name for path in pairs["a_1"][1]] == ["a_1.png"]


def test_wrong_usage_of_evaluate(tmp_path):
    np.save(tmp_path / "0.npy", DATA.ground_truths[0][0])
    np.save(tmp_path / "1.npy", DATA.ground_truths[0][0])
    result = run("evaluate", tmp_path, tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "does not exist" in flat(result.stderr)
    result = run("evaluate", tmp_path, tmp_path / "0.npy")
    assert result.exit_code == 2
    assert "one file of ground truth for 2 label images" in flat(result.stderr)


# --- demo --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_demo_prints_a_table_and_writes_what_it_names(tmp_path, monkeypatch):
    monkeypatch.setattr(_demo, "N_TRAIN", 2)
    monkeypatch.setattr(_demo, "N_TEST", 2)
    monkeypatch.setattr(_demo, "LONGER_SIDE", 60)
    monkeypatch.setattr(_demo, "N_PHOTOGRAPH", 20)
    drawn, draw = {}, _demo._draw_photographs

    def record(path, images, segmented, view):
        drawn.update({name: int(labels[0].max()) + 1 for name, labels in segmented.items()})
        draw(path, images, segmented, view)

    monkeypatch.setattr(_demo, "_draw_photographs", record)
    out = tmp_path / "demo"
    result = run("demo", "--out", out)
    assert result.exit_code == 0, result.output
    names = ("SLICSuperpixels", "SEALSuperpixels", "DELSegmenter", "ERSSuperpixels")
    for method in (*names, "TrainableSLIC"):
        assert method in result.stdout
    written = sorted(path.name for path in out.iterdir())
    assert written == sorted(name for name, _ in _demo.OUTPUTS)
    for name in written:
        assert name in result.stdout
        if name.endswith(".png"):
            with Image.open(out / name) as image:
                assert min(image.size) > 200
    with open(out / "scores.csv", newline="") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert all(float(row["regions"]) == _demo.N_MOSAIC for row in rows.values())
    asa = {name: float(row["achievable_segmentation_accuracy"]) for name, row in rows.items()}
    assert asa["TrainableSLIC"] > asa["SLICSuperpixels"]
    assert drawn["SLICSuperpixels"] == drawn["SEALSuperpixels"] == _demo.N_PHOTOGRAPH
    assert drawn["DELSegmenter"] < _demo.N_PHOTOGRAPH  # by its threshold

    # what it says at the end works
    Image.fromarray(DATA.images[0]).save(tmp_path / "own.png")
    model = out / "my-distance.safetensors"
    result = run(
        "segment", tmp_path / "own.png", "--method", "trainable-slic", "--model", model,
        "--n-segments", 9, "--out", tmp_path / "segmented",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "segmented" / "own.npz") as file:
        assert 4 <= file["labels"].max() + 1 <= 16


# --- the program -------------------------------------------------------------------------------


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from sklearn_spx.cli import main\n"
        "for command in ([], ['demo'], ['segment'], ['evaluate'], ['info']):\n"
        "    main([*command, '--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'matplotlib', 'numba', 'sklearn', 'scipy', 'kymatio'}\n"
        "print('imported:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "imported: []" in done.stdout
    for command in ("demo", "segment", "evaluate", "info"):
        assert command in done.stdout


def test_version():
    import sklearn_spx

    assert sklearn_spx.__version__ in run("--version").stdout
