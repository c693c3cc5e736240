"""Tables of the documentation, as figures read them: ``benchmarks/leaderboard.py`` wrote most."""

import csv
from pathlib import Path

PAGES = Path(__file__).parents[1]
FOLDER = PAGES / "leaderboard"
OURS = {
    "SLICSuperpixels": "#0072B2",
    "ERSSuperpixels": "#009E73",
    "TrainableSLIC": "#CC79A7",
    "SEALSuperpixels": "#D55E00",
    "DELSegmenter": "#D55E00",
    "EGBSegmenter": "#009E73",
}
OTHERS = ("#999999", "#666666", "#bbbbbb", "#444444", "#aaaa66", "#886644")


def read(name):
    with open(FOLDER / f"{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def colours(methods):
    others = iter(OTHERS)
    return {name: OURS.get(name) or next(others) for name in dict.fromkeys(methods)}
