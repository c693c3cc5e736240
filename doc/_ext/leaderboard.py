"""``.. leaderboard:: NAME``: a table of ``benchmarks/leaderboard.py`` on a page, as it was written.

``:columns:`` names the columns, with a semicolon between them; one that has an interval is shown
with it. ``:asked:`` and ``:size:`` choose rows. ``:beside: speed`` adds the columns of that table
to the rows of the methods that both have; there ``:size:`` chooses. ``:methods:`` names all that
are shown. A method that was run on fewer images than others of the table has that said beside its
name, and so is what the table notes of it.
"""

import csv
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive, directives

FOLDER = Path(__file__).parents[1] / "leaderboard"


class Leaderboard(Directive):
    required_arguments = 1
    option_spec = {  # noqa: RUF012  (docutils reads it off the class)
        "asked": directives.unchanged,
        "size": directives.unchanged,
        "beside": directives.unchanged,
        "methods": directives.unchanged,
        "columns": directives.unchanged_required,
    }

    def run(self):
        name = self.arguments[0]
        rows = self.read(name)
        if "beside" in self.options:
            others = {row["method"]: row for row in self.read(self.options["beside"])}
            rows = [row | others[row["method"]] for row in rows if row["method"] in others]
        if "methods" in self.options:
            wanted = _listed(self.options["methods"])
            rows = [row for row in rows if row["method"] in wanted]
        if not rows:
            raise self.error(f"{name} has no such rows")
        columns = ["method", *_listed(self.options["columns"])]
        missing = [column for column in columns if column not in rows[0]]
        if missing:
            raise self.error(f"{name} has no column {missing[0]!r}")
        most = max(int(row.get("images") or 0) for row in rows)
        return [_table(columns, [[_cell(row, name, most) for name in columns] for row in rows])]

    def read(self, name):
        """Rows of a table that are as the options ask."""
        path = FOLDER / f"{name}.csv"
        self.state.document.settings.env.note_dependency(str(path))
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for option in ("asked", "size"):
            if option in self.options and option in rows[0]:
                rows = [row for row in rows if row[option] == self.options[option]]
        return rows


def _listed(text):
    return [name.strip() for name in text.split(";")]


def _cell(row, name, most):
    value, around = row[name], row.get(f"{name} ±")
    if name == "method":
        value = f"{value} {row['version']}" if "," in value and row["version"] else value
        if row.get("note"):
            value = f"{value} ({row['note']})"
        few = int(row.get("images") or 0) < most
        return f"{value}: {row['images']} of {most} images" if few else value
    if around:  # no digit says more than the interval
        value, around = f"{float(value):.3f}", f"{float(around):.3f}"
        return f"{_short(value)} ± {_short(around)}"
    return _short(value)


def _short(text):
    """Without the 0 before the point, as the tables of the papers have it."""
    return text[1:] if text.startswith("0.") else text


def _table(columns, rows):
    group = nodes.tgroup(cols=len(columns))
    group += [nodes.colspec(colwidth=2 if k == 0 else 1) for k in range(len(columns))]
    head, body = nodes.thead(), nodes.tbody()
    for part, lines in ((head, [columns]), (body, rows)):
        for line in lines:
            row = nodes.row()
            for text in line:
                row += nodes.entry("", nodes.paragraph(text=text))
            part += row
    group += [head, body]
    table = nodes.table("", group)
    return nodes.container("", table, classes=["leaderboard"])


def setup(app):
    app.add_directive("leaderboard", Leaderboard)
    return {"parallel_read_safe": True}
