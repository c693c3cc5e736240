"""Sphinx.  See CONTRIBUTING.md for the command; no network is needed.

``-t online`` links to the documentation of other projects, for which it reads their inventories.
"""

import sys
import warnings
from pathlib import Path

import matplotlib
from docutils.nodes import reference
from matplotlib import font_manager

import sklearn_spx

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "sklearn_spx"
author = "the sklearn_spx developers"
copyright = f"2026, {author}"
release = version = sklearn_spx.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "matplotlib.sphinxext.plot_directive",
    "matplotlib.sphinxext.mathmpl",  # MathJax would come over the network
    "myst_parser",
    "leaderboard",
    "panels",
    "parameter_groups",
]
html_theme = "pydata_sphinx_theme"
html_title = "sklearn_spx"
html_favicon = "_static/logo.svg"  # by figures/logo.py
exclude_patterns = ["_build", "figures", "_ext"]
html_theme_options = {
    "logo": {
        "text": "sklearn_spx",
        "alt_text": "sklearn_spx",
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo.svg",
    },
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "footer_start": ["copyright"],
    "footer_end": ["version"],  # the theme's switch between versions is for when there are two
}
html_sidebars = {page: [] for page in ("index", "start", "leaderboard")}
html_static_path = ["_static"]
html_css_files = ["site.css"]
plot_formats = [("png", 200)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = False
if "cmsy10" not in font_manager.get_font_names():
    # a list of fonts that another installation left in the cache; formulas of these would have
    # other signs in the place of minus, norms and Greek
    for font in Path(matplotlib.get_data_path(), "fonts", "ttf").glob("*.ttf"):
        font_manager.fontManager.addfont(font)
mathmpl_fontsize = 15.0
mathmpl_srcset = ["2x"]
warnings.filterwarnings("error", "Could not render math expression")
myst_heading_anchors = 2
suppress_warnings = ["myst.xref_missing"]  # of Markdown that is read in the repository too
templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"  # the lists of parameters say them in words
numpydoc_show_class_members = False
nitpicky = True
others = {
    "joblib": "https://joblib.readthedocs.io/en/stable",
    "matplotlib": "https://matplotlib.org/stable",
    "networkx": "https://networkx.org/documentation/stable",
    "numpy": "https://numpy.org/doc/stable",
    "skimage": "https://scikit-image.org/docs/stable",
    "sklearn": "https://scikit-learn.org/stable",
    "torch": "https://docs.pytorch.org/docs/stable",
}
if tags.has("online"):  # noqa: F821  (Sphinx defines it)
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {name: (address, None) for name, address in others.items()}
else:
    nitpick_ignore_regex = [("py:.*", rf"({'|'.join(others)})\..*")]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "subsection_order": [
        f"../examples/{section}"
        for section in (
            "first_steps",
            "superpixels",
            "regions",
            "learning",
            "kinds_of_images",
            "large",
        )
    ],
    "within_subsection_order": "gallery_order.ReadingOrder",
    "write_computation_times": False,  # pages that load scripts from elsewhere
    "doc_module": ("sklearn_spx",),  # whose pages show the examples that use them
    "backreferences_dir": "generated/backreferences",
    "show_memory": False,
    "remove_config_comments": True,
    "capture_repr": (),
    "abort_on_example_error": True,
}


def of_others(app, what, name, thing, skip, options):
    """Leave out what Python, scikit-learn and torch define: they have pages of their own."""
    from collections.abc import Sequence

    import torch
    from sklearn.base import BaseEstimator, TransformerMixin

    ours = str(getattr(thing, "__module__", "")).startswith("sklearn_spx")
    bases = (Sequence, torch.nn.Module, BaseEstimator, TransformerMixin)
    theirs = any(hasattr(base, name) for base in bases)
    return True if (theirs and not ours) or name.endswith("_request") else None


def pages_of_files(app, doctree, page):
    """Links from one Markdown file of the repository to another lead to the page that shows it."""
    pages = {"SECURITY.md": "project/security", "CONTRIBUTING.md": "project/contributing"}
    for link in doctree.findall(reference):
        if link.get("refid") in pages:
            link["refuri"] = app.builder.get_relative_uri(page, pages[link["refid"]])
            del link["refid"]


def setup(app):
    app.connect("autodoc-skip-member", of_others)
    app.connect("doctree-resolved", pages_of_files)
