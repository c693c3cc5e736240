"""The order of the examples of a section: the one to begin with, then the shorter ones first."""

from sphinx_gallery.sorting import NumberOfCodeLinesSortKey

FIRST = {"plot_baselines.py", "plot_seal.py", "plot_region_classifier.py", "plot_volume.py"}


class ReadingOrder(NumberOfCodeLinesSortKey):
    def __call__(self, filename):
        return filename not in FIRST, super().__call__(filename)
