"""Segmentations drawn for people, in the manner of scikit-learn's displays.

One column an image, one row a view of it: the borders drawn between the pixels, every region in
its mean colour or under a colour of its own, the ground truth. What a panel shows is written
into it.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from ..utils.images import check_image, check_same_length, check_sequence, check_target
from ..utils.types import Images
from . import draw

VIEWS = {
    "boundaries": "boundaries",
    "means": "mean colours",
    "fill": "regions",
    "ground_truth": "ground truth",
}


class SegmentationDisplay:
    """Images with their segmentations, side by side.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`; both draw at once. The data stay
    on the display, and :meth:`plot` draws them again, into other axes or by other views.

    Parameters
    ----------
    images : list of ndarray of shape (height, width) or (height, width, channels)
        The images. Of more than three channels the first three are shown, of two the first.
    labels : list of ndarray of shape (height, width)
        A label image for each; -1 is outside the mask. None: the image was not segmented.
    ground_truths : list or None, default=None
        For each image a label image, or a list of them (annotators).
    names : list of str or None, default=None
        A name for each image, written into its panels.
    estimator_name : str or None, default=None
        The name written beside the segmentations.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure drawn into.
    axes_ : ndarray of shape (n_views, n_images) of matplotlib Axes
        The panels.
    ax_ : matplotlib Axes
        The first panel.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.inspection import SegmentationDisplay
    >>> image = np.zeros((20, 30), dtype=np.uint8)
    >>> labels = np.repeat([[0, 1, 2]], 20, axis=0).repeat(10, axis=1)
    >>> display = SegmentationDisplay.from_predictions([image], [labels], names=["bars"])
    >>> display.axes_.shape
    (2, 1)
    """

    def __init__(
        self,
        images: list[Any],
        labels: list[Any],
        *,
        ground_truths: list[Any] | None = None,
        names: Sequence[str] | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.images = images
        self.labels = labels
        self.ground_truths = ground_truths
        self.names = names
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Images,
        y: Images | None = None,
        *,
        names: Sequence[str] | None = None,
        views: Sequence[str] | None = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Segment images by a fitted estimator and draw the result.

        Parameters
        ----------
        estimator : fitted estimator
            Any whose ``transform`` turns images into label images.
        X : sequence of n_images images
            Each (height, width) or (height, width, channels).
        y : sequence of n_images ground truths or None, default=None
            Each a label image (height, width) or a list of them, one an annotator. They get a
            view of their own, and each segmentation its achievable segmentation accuracy (ASA).
        names : sequence of n_images str or None, default=None
            Names of the images.
        views : sequence of {"boundaries", "means", "fill", "ground_truth"} or None, default=None
            The rows; "fill" lays a colour over each region. None: boundaries, means and, where
            given, ground truth.
        ax : matplotlib Axes, array-like of n_views * n_images of them, or None, default=None
            Where to draw; None makes a figure.
        line_kwargs : dict or None, default=None
            Keyword arguments of the :class:`matplotlib.lines.Line2D` of the boundaries, such as
            ``{"color": "red", "linewidth": 2}``.

        Returns
        -------
        display : SegmentationDisplay
            What was drawn.
        """
        X = check_sequence(X, "X", "image")
        return cls.from_predictions(
            X,
            estimator.transform(X),
            ground_truths=y,
            names=names,
            estimator_name=_name_of(estimator),
            views=views,
            ax=ax,
            line_kwargs=line_kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        images: Images,
        labels: Images,
        *,
        ground_truths: Images | None = None,
        names: Sequence[str] | None = None,
        estimator_name: str | None = None,
        views: Sequence[str] | None = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw images with label images that are there already.

        Parameters
        ----------
        images : sequence of n_images images
            Each (height, width) or (height, width, channels).
        labels : sequence of n_images arrays (height, width)
            Their label images; -1 is outside the mask. None: the image was not segmented.
        ground_truths : sequence of n_images ground truths or None, default=None
            Each a label image or a list of them, one an annotator. They get a view of their own,
            and each segmentation its achievable segmentation accuracy (ASA).
        names : sequence of n_images str or None, default=None
            Names of the images.
        estimator_name : str or None, default=None
            The name written beside the segmentations.
        views : sequence of {"boundaries", "means", "fill", "ground_truth"} or None, default=None
            The rows; "fill" lays a colour over each region. None: boundaries, means and, where
            given, ground truth.
        ax : matplotlib Axes, array-like of n_views * n_images of them, or None, default=None
            Where to draw; None makes a figure.
        line_kwargs : dict or None, default=None
            Keyword arguments of the :class:`matplotlib.lines.Line2D` of the boundaries, such as
            ``{"color": "red", "linewidth": 2}``.

        Returns
        -------
        display : SegmentationDisplay
            What was drawn.

        Raises
        ------
        ValueError, TypeError
            If the arguments do not fit together; the message names the image.
        """
        images = check_sequence(images, "images", "image")
        labels = check_sequence(labels, "labels", "label image")
        if len(labels) != len(images):
            raise ValueError(f"labels holds {len(labels)} items for {len(images)} images")
        shapes = [np.shape(images[i])[:2] for i in range(len(images))]
        labels = [
            None if labels[i] is None else check_target(labels[i], f"labels[{i}]", shape)[0]
            for i, shape in enumerate(shapes)
        ]
        images = [  # outside a mask an image may hold anything
            check_image(images[i], f"images[{i}]", None if found is None else found >= 0)
            for i, found in enumerate(labels)
        ]
        if ground_truths is not None:
            ground_truths = check_sequence(ground_truths, "ground_truths", "label image")
            check_same_length(images, ground_truths, "ground_truths")
            ground_truths = [
                check_target(ground_truths[i], f"ground_truths[{i}]", shape)
                for i, shape in enumerate(shapes)
            ]
        if names is not None:
            names = [str(name) for name in names]
            check_same_length(images, names, "names")
        display = cls(
            images,
            labels,
            ground_truths=ground_truths,
            names=names,
            estimator_name=estimator_name,
        )
        return display.plot(ax=ax, views=views, line_kwargs=line_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        views: Sequence[str] | None = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, array-like of n_views * n_images of them, or None, default=None
            Where to draw; None makes a figure.
        views : sequence of {"boundaries", "means", "fill", "ground_truth"} or None, default=None
            The rows; "fill" lays a colour over each region. None: boundaries, means and, where
            given, ground truth.
        line_kwargs : dict or None, default=None
            Keyword arguments of the :class:`matplotlib.lines.Line2D` of the boundaries.

        Returns
        -------
        display : SegmentationDisplay
            The display itself.
        """
        views = self._check_views(views)
        self.axes_ = self._check_axes(ax, len(views))
        self.ax_ = self.axes_[0, 0]
        self.figure_ = self.ax_.figure
        for row, view in zip(self.axes_, views):
            for i, panel in enumerate(row):
                self._draw_panel(panel, view, i, line_kwargs or {})
            row[0].set_ylabel(self._row_label(view), fontsize=10)
        return self

    def _check_views(self, views):
        if views is None:
            truth = self.ground_truths is not None
            return ("boundaries", "means") + ("ground_truth",) * truth
        views = (views,) if isinstance(views, str) else tuple(views)
        for view in views:
            if view not in VIEWS:
                raise ValueError(f"views must be among {', '.join(VIEWS)}, got {view!r}")
        if not views:
            raise ValueError("views is empty")
        if "ground_truth" in views and self.ground_truths is None:
            raise ValueError("views asks for the ground truth, but there is none")
        return views

    def _check_axes(self, ax, n_views):
        n_images = len(self.images)
        if ax is None:
            import matplotlib.pyplot as plt

            ratios = [image.shape[1] / image.shape[0] for image in self.images]
            height = min(3.2, 15 / sum(ratios))  # of a panel, in inches: all are equally high
            _, axes = plt.subplots(
                n_views,
                n_images,
                figsize=(height * sum(ratios) + 0.4, height * n_views),
                width_ratios=ratios,
                squeeze=False,
                layout="constrained",
            )
            return axes
        axes = np.atleast_1d(np.asarray(ax, dtype=object))
        if axes.size != n_views * n_images:
            raise ValueError(
                f"ax holds {axes.size} axes; {n_views} views of {n_images} images need "
                f"{n_views * n_images}"
            )
        return axes.reshape(n_views, n_images)

    def _row_label(self, view):
        if view == "ground_truth" or self.estimator_name is None:
            return VIEWS[view]
        return f"{self.estimator_name}\n{VIEWS[view]}"

    def _draw_panel(self, panel, view, i, line_kwargs):
        image, labels = self.images[i], self.labels[i]
        if view == "ground_truth":
            panel.imshow(draw.as_rgb(image) if labels is None else draw.shown(image, labels))
            annotations = self.ground_truths[i]
            for annotation in annotations:  # a border seen by more annotators is stronger
                strength = max(0.4, 1 / len(annotations))
                _draw_lines(panel, annotation, draw.GROUND_TRUTH_COLOR, line_kwargs, strength, 2)
        elif labels is None:
            panel.imshow(draw.as_rgb(image))
        elif view == "means":
            panel.imshow(draw.mean_colors(image, labels))
        elif view == "fill":
            panel.imshow(draw.fill(image, labels))
        else:
            panel.imshow(draw.dim_outside(draw.shown(image, labels), labels))
            _draw_lines(panel, labels, draw.SEGMENTATION_COLOR, line_kwargs)
        panel.set(xticks=[], yticks=[])
        for spine in panel.spines.values():
            spine.set_visible(False)
        panel.annotate(
            self._panel_text(view, i),
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(4, -4),
            textcoords="offset points",
            va="top",
            fontsize=8,
            color="white",
            bbox={"facecolor": "black", "alpha": 0.65, "edgecolor": "none", "pad": 2},
        )

    def _panel_text(self, view, i):
        name = [self.names[i]] if self.names else []
        if view == "ground_truth":
            counts = [len(np.unique(annotation)) for annotation in self.ground_truths[i]]
            if len(counts) == 1:
                return ", ".join([*name, f"{counts[0]} regions"])
            span = f"{min(counts)} to {max(counts)} regions"
            return ", ".join([*name, f"{len(counts)} annotators", span])
        labels = self.labels[i]
        if labels is None:
            return ", ".join([*name, "not segmented"])
        text = [*name, f"{np.unique(labels[labels >= 0]).size} regions"]
        if self.ground_truths is not None:
            from ..metrics import achievable_segmentation_accuracy

            accuracy = achievable_segmentation_accuracy(labels, self.ground_truths[i])
            text.append(f"ASA {accuracy:.3f}")
        return ", ".join(text)


def _name_of(estimator):
    last = estimator[-1] if hasattr(estimator, "steps") else estimator  # a pipeline
    return type(last).__name__


def _draw_lines(panel, labels, color, line_kwargs, alpha=1.0, scale=1.0):
    """Draw the borders between regions as thin bright lines on wider dark ones."""
    from matplotlib.lines import Line2D

    lines = np.pad(draw.boundary_lines(labels), ((0, 0), (0, 1), (0, 0)), constant_values=np.nan)
    x, y = lines.reshape(-1, 2).T  # one path with gaps: fast, however many lines
    inches = panel.get_position().width * panel.figure.get_figwidth()
    width = float(np.clip(0.5 * 72 * inches / labels.shape[1], 0.5, 1.2))  # half a pixel
    shared = {"solid_capstyle": "projecting", "alpha": alpha}
    bright = {"color": color, "linewidth": scale * width, "zorder": 3, **shared, **line_kwargs}
    dark = {"color": "black", "linewidth": bright["linewidth"] + 0.5, "zorder": 2, **shared}
    for style in (dark, bright):
        panel.add_artist(Line2D(x, y, **style))
