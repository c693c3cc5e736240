"""``.. container:: panels four`` around a plot: its pictures side by side, two or one on a phone.

The text for those who do not see them is written once, as ``:alt:`` of the plot: a part for each
picture, with a semicolon between them.
"""

from docutils import nodes
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def say_each(app, doctree, page):
    """Give each picture its own part of the text."""
    for found in doctree.findall(nodes.container):
        if "panels" not in found["classes"]:
            continue
        pictures = list(found.findall(nodes.image))
        parts = pictures[0].get("alt", "").split("; ") if pictures else []
        if len(parts) != len(pictures):
            LOGGER.warning(
                "%s: %d pictures, and %d parts of :alt:", page, len(pictures), len(parts)
            )
        for picture, part in zip(pictures, parts):
            picture["alt"] = part


def setup(app):
    app.connect("doctree-resolved", say_each)
    return {"parallel_read_safe": True}
