"""Parameters of a class under headings, with a list of them at the top, by ``parameters.toml``.

Docstrings list parameters in the order of the signature, as numpydoc has it, and stay as they are:
it is the page alone whose list is cut and set in groups.  Each parameter can be linked to.
"""

import tomllib
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

FILE = Path(__file__).parents[1] / "parameters.toml"


def set_in_groups(app, doctree):
    """Of each class on a page that the file names, the list of parameters in groups."""
    groups = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for found in doctree.findall(addnodes.desc):
        if found["objtype"] != "class":
            continue
        signature, content = found[0], found[-1]
        name = signature["fullname"]
        app.env.note_dependency(str(FILE))
        if name in groups:
            _group(content, signature["ids"][0], name, groups[name])


def _group(content, identifier, name, groups):
    fields = next(node for node in content if isinstance(node, nodes.field_list))
    field = next(one for one in fields if one[0].astext() == "Parameters")
    items = {item[0].astext(): item for item in field[1][0]}
    grouped = [parameter for members in groups.values() for parameter in members]
    if sorted(grouped) != sorted(items):
        raise ValueError(
            f"{FILE.name} does not have each parameter of {name} once: "
            f"{sorted(set(grouped) ^ set(items)) or 'one stands twice'}"
        )
    overview, body = nodes.definition_list(classes=["parameter-overview"]), nodes.field_body()
    for heading, members in groups.items():
        term, links = nodes.term(text=heading), nodes.paragraph()
        overview += nodes.definition_list_item("", term, nodes.definition("", links))
        body += nodes.paragraph("", heading, classes=["parameter-group"])
        body += nodes.definition_list()
        for parameter in members:
            items[parameter][0]["ids"].append(f"{identifier}-{parameter}")
            body[-1] += items[parameter]
            link = nodes.reference("", "", refid=f"{identifier}-{parameter}", internal=True)
            link += nodes.literal(text=parameter)
            links += [nodes.Text(" "), link] if len(links) else [link]
    field[1].replace_self(body)
    content.insert(content.index(fields), overview)


def setup(app):
    app.connect("doctree-read", set_in_groups)
    return {"parallel_read_safe": True}
