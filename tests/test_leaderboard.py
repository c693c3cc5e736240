"""The command behind the leaderboard: its figures are those of the metrics, and it resumes."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.metrics import evaluate_segmentations

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def leaderboard():
    if not BENCHMARKS.exists():
        pytest.skip("the benchmarks are not there, as where the package alone is tested")
    pytest.importorskip("tqdm")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("leaderboard")
    finally:
        sys.path.remove(str(BENCHMARKS))


def blocks(shape, side):
    rows, columns = np.indices(shape) // side
    return (rows * (columns.max() + 1) + columns).astype(np.int32)


def test_the_best_settings_are_those_of_the_data_set_s_evaluation(leaderboard):
    data = make_dead_leaves(3, shape=(40, 60), n_annotators=2, random_state=0)
    found = [[blocks((40, 60), side) for side in (5 + i, 11, 30)] for i in range(3)]
    wanted = evaluate_segmentations(found, data.ground_truths)
    scored = [leaderboard.segment_scores(one, t) for one, t in zip(found, data.ground_truths)]
    weights = np.array([one["annotated"] for one in scored], float)
    for name, family in leaderboard.FAMILIES.items():
        values = np.array([one[name] for one in scored], float)
        ods, ois, best = leaderboard.best_settings(name, values, weights)
        assert ods == pytest.approx(wanted[family].ods)
        assert ois == pytest.approx(wanted[family].ois)
        assert best == wanted[family].ods_setting


def test_the_nearest_count_is_found_and_the_request_is_told(leaderboard):
    asked = []

    def doubles(image, number):
        asked.append(number)
        n = min(round(2 * number), 40)
        return np.arange(40).reshape(4, 10) * n // 40 + 7  # numbers with an offset

    labels, request = leaderboard.nearest(doubles, None, 10)
    assert labels.max() + 1 == 10
    assert labels.min() == 0
    assert round(2 * request) == 10
    asked.clear()
    leaderboard.nearest(doubles, None, 10, asked=request)
    assert asked == [request]


def test_a_count_that_is_known_beforehand_is_not_searched_for_by_segmenting(leaderboard):
    asked = []

    def doubles(image, number):
        asked.append(number)
        return np.arange(round(2 * number))[None]

    found = leaderboard.nearest(doubles, None, 10, count=lambda image, n: round(2 * n))
    assert found[0].max() + 1 == 10
    assert asked == [found[1]]
    assert leaderboard.nearest(doubles, None, 10)[1] == found[1]  # as without


def test_few_images_are_spread_evenly(leaderboard):
    assert leaderboard.evenly(range(100), 8) == [0, 12, 25, 37, 50, 62, 75, 87]
    assert leaderboard.evenly("abc", 8) == leaderboard.evenly("abc") == ["a", "b", "c"]


def test_the_interval_of_a_mean_is_student_s(leaderboard):
    # mean 2, deviation 1; t of two degrees of freedom is 4.303 (any table of it)
    assert leaderboard.half_interval(np.array([1.0, 2, 3])) == pytest.approx(4.303 / 3**0.5, 1e-3)


def test_what_was_scored_is_not_scored_again(leaderboard, tmp_path):
    path = tmp_path / "kept.jsonl"
    kept = leaderboard.Kept(path)
    assert kept.of(("a", 1), lambda: {"ASA": 0.5}) == {"ASA": 0.5}
    with open(path, "a") as file:
        file.write('[["b", 2], {"AS')  # interrupted
    again = leaderboard.Kept(path)
    assert again.of(("a", 1), lambda: pytest.fail("scored again")) == {"ASA": 0.5}
    assert again.of(("b", 2), lambda: {"ASA": 1.0}) == {"ASA": 1.0}
    assert leaderboard.Kept(path).found[("b", 2)] == {"ASA": 1.0}


def test_tables_have_every_method_and_its_interval(leaderboard, tmp_path):
    data = make_dead_leaves(2, shape=(30, 40), random_state=0)
    pairs = list(zip("ab", data.images, [[t] for t in data.ground_truths]))
    kept = leaderboard.Kept(tmp_path / "kept.jsonl")
    rows = leaderboard.superpixel_table("bsds500", "val", pairs, ["SLICSuperpixels"], kept)
    assert [row["asked"] for row in rows] == list(leaderboard.COUNTS)
    assert float(rows[0]["superpixels"]) == 100
    assert 0 < float(rows[0]["ASA"]) <= 1
    assert float(rows[0]["ASA ±"]) >= 0
    rows = leaderboard.segment_table("bsds500", "val", pairs, ["merged by colour"], kept)
    leaderboard.write(tmp_path / "out" / "segments.csv", rows)
    assert (tmp_path / "out" / "segments.csv").read_text().startswith("method,version,images,Fb")
    lines = (tmp_path / "kept.jsonl").read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 2 * 4 + 2


def test_a_method_that_takes_too_long_is_run_on_few_images(leaderboard, monkeypatch, tmp_path):
    data = make_dead_leaves(5, shape=(30, 40), random_state=0)
    pairs = list(zip("abcde", data.images, [[t] for t in data.ground_truths]))
    method = leaderboard.SUPERPIXELS["SLICSuperpixels"].run
    few = type(leaderboard.SUPERPIXELS["SLICSuperpixels"])(method, images=2)
    monkeypatch.setitem(leaderboard.SUPERPIXELS, "slow", few)
    merged = leaderboard.SEGMENTS["SLIC, merged by colour"]
    slow = type(few)(merged.run, settings=merged.settings, images=2)
    monkeypatch.setitem(leaderboard.SEGMENTS, "slow", slow)
    kept = leaderboard.Kept(tmp_path / "kept.jsonl")
    for table in (leaderboard.superpixel_table, leaderboard.segment_table):
        assert {row["images"] for row in table("bsds500", "val", pairs, ["slow"], kept)} == {2}
    assert {key[-1] for key in kept.found} == {"a", "c"}


def test_rows_of_methods_that_are_not_run_stay(leaderboard, tmp_path):
    path = tmp_path / "table.csv"
    leaderboard.write(path, [{"method": "a", "ASA": 1}, {"method": "b", "ASA": 2}])
    leaderboard.write(path, [{"method": "a", "ASA": 3}])
    assert path.read_text() == "method,ASA\na,3\nb,2\n"
    leaderboard.write(path, [{"method": "a", "recall": 3}])  # other columns: another table
    assert path.read_text() == "method,recall\na,3\n"


def test_times_stand_beside_those_of_scikit_image_whatever_is_run(leaderboard, monkeypatch):
    calls, made = [], type(leaderboard.SUPERPIXELS["SLICSuperpixels"])

    def cut(image, number):
        calls.append((image.shape[:2], number))
        return np.zeros(image.shape[:2], int)

    def merge(image, settings):
        calls.append((image.shape[:2], settings))
        return [np.zeros(image.shape[:2], int) for _ in settings]

    sizes = {"90x60": (60, 90, 30)}
    monkeypatch.setattr(leaderboard, "memory", lambda name, size: "7")
    monkeypatch.setitem(leaderboard.SUPERPIXELS, "cut", made(cut, note="in letters"))
    monkeypatch.setitem(leaderboard.SEGMENTS, "merge", made(merge, settings=(1, 2, 3)))
    wanted = {"cut": leaderboard.SUPERPIXELS["cut"]}
    (row,) = leaderboard.speed_table(wanted, 2, sizes)
    assert (row["note"], row["superpixels asked"]) == ("in letters", 30)
    assert float(row["time / scikit-image's slic"]) < 1
    assert calls == [((60, 90), 20)] + 6 * [((60, 90), 30)]  # three photographs
    calls.clear()
    monkeypatch.setattr(leaderboard, "SLOW", 0.0)
    (row,) = leaderboard.speed_table({"merge": leaderboard.SEGMENTS["merge"]}, 2, sizes)
    assert "superpixels asked" not in row
    assert calls == 4 * [((60, 90), (2,))]  # the middle one; what is slow, once a photograph
