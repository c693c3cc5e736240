"""A plugin of napari: segment, merge, brush regions and train, each a widget of its own.

image layer -> segment -> labels layer with its merge tree -> slider -> the same layer, merged
regions, stroke -> classes layer ; image, regions, classes -> train -> layer of predicted classes

napari and Qt are imported by the widgets alone (``panel``, ``segment``, ``hierarchy``, ``brush``,
``train``); nothing else of the package imports them. ``arrays``, ``task`` and ``work`` know
neither. What takes long runs in a process beside napari, as a ``Task``: followed, and given up.

Labels of napari have 0 as background. Of regions label 0 is what lies outside, and region k of a
label image is k + 1; of classes 0 is unknown, where annotations of this package have -1.
"""
