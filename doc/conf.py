"""Sphinx: ``pip install '.[doc]' && sphinx-build -W doc doc/_build``."""

import sklearn_spx

project = "sklearn_spx"
author = "the sklearn_spx developers"
copyright = f"2026, {author}"
release = version = sklearn_spx.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
html_theme = "pydata_sphinx_theme"
html_title = "sklearn_spx"
exclude_patterns = ["_build"]
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_default_options = {"members": True, "inherited-members": False}
intersphinx_mapping = {
    "sklearn": ("https://scikit-learn.org/stable", None),
    "skimage": ("https://scikit-image.org/docs/stable", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "joblib": ("https://joblib.readthedocs.io/en/stable", None),
}
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "doc_module": "sklearn_spx",
    "show_memory": False,
}
