"""Scores of superpixels over their number, method by method."""

import matplotlib.pyplot as plt
from _panels import CHART
from _tables import OURS, colours, read


def curves(name, title):
    rows = read(name)
    colour = colours(row["method"] for row in rows)
    images = {row["method"]: int(row["images"]) for row in rows}
    most = max(images.values())
    for score in ("ASA", "recall", "CO"):
        _, axis = plt.subplots(figsize=CHART, layout="constrained")
        for method in colour:
            own = [row for row in rows if row["method"] == method]
            axis.errorbar(
                [float(row["superpixels"]) for row in own],
                [float(row[score]) for row in own],
                yerr=[float(row[f"{score} ±"]) for row in own],
                color=colour[method],
                ls="-" if method in OURS else "--",
                lw=2 if method in OURS else 1.2,
                marker="o",
                ms=3.5,
                capsize=2,
                label=method if images[method] == most else f"{method}, {images[method]} images",
            )
        axis.set_xlabel("superpixels produced")
        axis.set_title(f"{score}, {title}, {most} images")
        axis.grid(alpha=0.3)
    names = plt.figure(figsize=CHART)  # the legend, which would hide curves
    names.legend(*axis.get_legend_handles_labels(), loc="center", frameon=False, fontsize=11)


if __name__ == "__main__":
    curves("superpixels_bsds500_val", "BSDS500")
    curves("superpixels_camvid_val", "CamVid")
