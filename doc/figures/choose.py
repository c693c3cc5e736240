"""Accuracy at 300 superpixels against the time that it takes."""

import matplotlib.pyplot as plt
from _tables import OURS, colours, read

scores = {r["method"]: r for r in read("superpixels_bsds500_val") if r["asked"] == "300"}
speed = {r["method"]: r for r in read("speed") if r["size"] == "481x321"}
colour = colours(scores)
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for axis, score in zip(axes, ("ASA", "recall")):
    for name in speed:
        if name not in scores:
            continue
        x, y = float(speed[name]["ms"]), float(scores[name][score])
        axis.errorbar(x, y, yerr=float(scores[name][f"{score} ±"]), color=colour[name], capsize=2)
        axis.plot(x, y, "o" if name in OURS else "s", color=colour[name], ms=9)
        axis.annotate(name, (x, y), xytext=(8, 5), textcoords="offset points", fontsize=9)
    axis.set_xscale("log")
    axis.margins(x=0.25, y=0.15)
    axis.set_xlabel("milliseconds, 481 x 321, one thread")
    axis.set_title(f"{score} at 300 superpixels")
    axis.grid(alpha=0.3)
