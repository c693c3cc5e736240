"""Accuracy at 300 superpixels against the time that it takes."""

import matplotlib.pyplot as plt
from _panels import CHART
from _tables import OURS, colours, read
from matplotlib.patheffects import withStroke

scores = {r["method"]: r for r in read("superpixels_bsds500_val") if r["asked"] == "300"}
speed = {r["method"]: r for r in read("speed") if r["size"] == "481x321"}
colour = colours(scores)
for score in ("ASA", "recall"):
    _, axis = plt.subplots(figsize=CHART, layout="constrained")
    points = sorted(
        (float(scores[name][score]), float(speed[name]["ms"]), name)
        for name in speed
        if name in scores
    )
    heights = [y for y, _, _ in points]
    least = (heights[-1] - heights[0]) / 15  # between names, one above the other
    place = -1.0
    for y, x, name in points:
        axis.errorbar(x, y, yerr=float(scores[name][f"{score} ±"]), color=colour[name], capsize=2)
        axis.plot(x, y, "o" if name in OURS else "s", color=colour[name], ms=7)
        place = max(y, place + least)
        text = axis.annotate(name, (x, y), xytext=(x * 1.5, place), fontsize=9, va="center")
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])  # over bars
    axis.set_xscale("log")
    times = [x for _, x, _ in points]
    axis.set_xlim(0.6 * min(times), 25 * max(times))  # names stand to the right of their dots
    axis.set_xlabel("milliseconds, 481 x 321, one thread")
    axis.set_title(f"{score} at 300 superpixels")
    axis.grid(alpha=0.3)
