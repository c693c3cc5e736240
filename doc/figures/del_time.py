"""F against seconds, as Figure 3 of Liu et al. 2018: the rows of a table of ``methods/del.rst``."""

import matplotlib.pyplot as plt
from _tables import PAGES

OURS, OTHERS = "#D55E00", "#666666"
# short names of neighbours on the page, and where they stand, in points
CLOSE = {
    "default": ("default", (-38, -3)),
    "scales=(1, 1.5)": ("2 sizes", (-14, 6)),
    "scales=(1, 1.5), mirror=True": ("2 sizes, mirrored", (5, 3)),
    "default, over 2,400 SEAL superpixels": ("on SEAL's", (6, -1)),
    "default, over 2,400 ERS superpixels": ("on ERS's", (-14, -12)),
}


def rows():
    """Name, F of boundaries, F of objects and parts, and seconds over those of slic."""
    table = (
        (PAGES / "methods" / "del.rst")
        .read_text(encoding="utf-8")
        .split("seconds / slic's\n", 1)[1]
    )
    lines = table.splitlines()[1:]  # below the ruler
    for line in lines[: next(i for i, line in enumerate(lines) if line.startswith("==="))]:
        *name, boundaries, _, objects, _, _, seconds = line.replace("``", "").split()
        yield " ".join(name), float(boundaries), float(objects), float(seconds)


if __name__ == "__main__":
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    titles = ("boundaries, F (ODS)", "objects and parts, F (ODS)")
    for axis, title, column in zip(axes, titles, (1, 2)):
        for row in rows():
            name, seconds = row[0], row[3]
            learned = name.startswith(("default", "scales", "merge"))
            colour = OURS if learned else OTHERS
            axis.plot(seconds, row[column], "o", color=colour)
            text, offset = CLOSE.get(name, (name, (4, 4)))
            axis.annotate(
                text,
                (seconds, row[column]),
                xytext=offset,
                textcoords="offset points",
                fontsize=7,
                color=colour,
            )
        axis.set_xscale("log")
        axis.set_xlim(0.04, 60)
        axis.margins(y=0.12)
        axis.set_xlabel("seconds an image / those of scikit-image's slic")
        axis.set_title(title, fontsize=10)
        axis.grid(alpha=0.3)
