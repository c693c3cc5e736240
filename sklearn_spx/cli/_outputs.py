"""What ``sklearn-spx segment`` writes for each image, and where."""

import json
import os
from typing import NamedTuple

import click
import numpy as np

from ..utils.files import why_not_writable

# style of a picture: what is added to the image's name
STYLES = {"boundaries": "_overlay", "means": "_means", "fill": "_fill"}
PHOTOGRAPHIC = ("boundaries", "fill")  # show the image itself: PNG of a large one is huge
JPEG_ABOVE = 4_000_000  # pixels of a picture
JPEG_SIDE = 65500  # at most; the format has 16 bits for it
ENDINGS = (
    ".npz",
    "_labels.png",
    "_labels.tif",
    ".geojson",
    "_colors.png",
    *(f"{added}.png" for added in STYLES.values()),
    *(f"{STYLES[style]}.jpg" for style in PHOTOGRAPHIC),
)
FORMATS = ("geojson", "coco", "geotiff")  # beside what is always written
COCO = "coco.json"
MAX_16_BIT = np.iinfo(np.uint16).max


class Look(NamedTuple):
    """How the pictures look."""

    styles: tuple = ("boundaries",)
    color: object = None
    line_width: int | None = None


class Files(NamedTuple):
    """Which files of other tools are written beside."""

    formats: tuple = ()
    simplify: float = 0.0  # how far borders of polygons may move, in pixels


NO_FILES = Files()


def make_folder(out):
    """Make the directory of the outputs, and see that files can be made in it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise click.UsageError(f"--out: {out} cannot be made: {reason.strerror}") from None
    check_writable(out, "--out")


def check_writable(folder, flag):
    """Raise before the work where files cannot be made in a directory after it."""
    if (reason := why_not_writable(folder)) is not None:
        raise click.UsageError(f"{flag}: {folder} cannot be written to: {reason}")


def check_outputs(paths, names, out):
    """Raise where what is written would take the place of an image that is read."""
    images = {(path.stat().st_dev, path.stat().st_ino) for path in paths}
    for name in names:
        for ending in ENDINGS:
            file = out / f"{name}{ending}"
            if file.exists() and (file.stat().st_dev, file.stat().st_ino) in images:
                raise click.UsageError(
                    f"{file} is one of the images and would be overwritten; choose another --out"
                )


def write_segmentation(folder, name, image, labels, look, like=None, files=NO_FILES):
    """Write labels and pictures of one image; return (paths, why a place on earth is lost or None).

    ``like`` is the GeoTIFF that the image is of. ValueError where a GeoTIFF of labels is asked for
    that cannot be.
    """
    from PIL import Image

    from ..inspection import draw
    from ..utils.files import replacing

    label_file, lost = _write_label_image(folder, name, labels, like)
    if lost is not None and "geotiff" in files.formats:
        raise ValueError(f"--out-format geotiff: {lost}")
    npz = folder / f"{name}.npz"
    with replacing(npz) as file:
        np.savez_compressed(file, labels=labels)
    written = [npz, label_file, folder / f"{name}_colors.png"]
    _save(Image.fromarray(draw.region_colors(labels)), written[-1])
    for style in look.styles:
        if style == "boundaries":
            color = draw.SEGMENTATION_COLOR if look.color is None else look.color
            picture = draw.overlay(image, labels, color, look.line_width)
        elif style == "means":
            picture = draw.mean_colors(image, labels)
        else:
            picture = draw.fill(image, labels)
        kinds = [".png"]
        if style in PHOTOGRAPHIC:
            kinds = [".jpg", ".png"] if _is_large(picture) else [".png", ".jpg"]
        chosen, *others = (folder / f"{name}{STYLES[style]}{kind}" for kind in kinds)
        _save(Image.fromarray(picture), chosen)
        for other in others:  # of an earlier run
            other.unlink(missing_ok=True)
        written.append(chosen)
    if "geojson" in files.formats:
        written.append(folder / f"{name}.geojson")
        lost = _write_geojson(written[-1], image, labels, like, files.simplify) or lost
    return written, lost


def write_coco(folder, paths, npz_files, simplify):
    """Write coco.json of all images, from the labels that were written of each; return its path."""
    from ..regions import to_coco
    from ..utils.files import replacing

    root = os.path.commonpath([path.resolve().parent for path in paths])
    names = [path.resolve().relative_to(root).as_posix() for path in paths]
    label_images = (_labels_of(npz) for npz in npz_files)  # one in memory at a time
    found = to_coco(label_images, names, segmentation="polygons", simplify=simplify)
    with replacing(folder / COCO) as file:
        file.write(json.dumps(found, separators=(",", ":")).encode())
    return folder / COCO


def _labels_of(npz):
    with np.load(npz) as file:
        return file["labels"]


def _write_geojson(path, image, labels, like, simplify):
    """Write the regions, their pixels and mean values; return why they have no place on earth."""
    from ..io.geotiff import place_of
    from ..regions import region_graph, to_geojson
    from ..utils.files import replacing

    transform = crs = lost = None
    if like is not None:
        try:
            transform, crs = place_of(like)
        except ValueError as reason:
            lost = f"{path.name} is in pixels: {reason}"
    graph = region_graph(labels, image)
    means = graph.features.T if graph.features is not None else ()
    table = {"label": graph.ids, "pixels": graph.sizes}
    table |= {f"mean_{c}": mean for c, mean in enumerate(means)}
    found = to_geojson(labels, table, simplify=simplify, transform=transform, crs=crs)
    with replacing(path) as file:
        file.write(json.dumps(found, separators=(",", ":"), allow_nan=False).encode())
    return lost


def _is_large(picture):
    height, width = picture.shape[:2]
    return height * width > JPEG_ABOVE and max(height, width) <= JPEG_SIDE


def _save(picture, path):
    from ..utils.files import replacing

    how = {"format": "PNG"}
    if path.suffix == ".jpg":
        how = {"format": "JPEG", "quality": 90, "subsampling": 0}  # colours as sharp as the lines
    with replacing(path) as file:
        picture.save(file, **how)


def _write_label_image(folder, name, labels, like):
    """Write NAME_labels.png of 16 bits, or .tif where it says more; return (path, what is lost)."""
    from PIL import Image

    from ..io import write_labels

    png, tif = folder / f"{name}_labels.png", folder / f"{name}_labels.tif"
    lost = None
    if like is not None:
        try:
            write_labels(tif, labels, like=like)
        except ValueError as reason:
            lost = str(reason)
    fits = labels.min() >= 0 and labels.max() <= MAX_16_BIT
    if like is not None and lost is None:
        written = tif
    elif fits:
        _save(Image.fromarray(labels.astype(np.uint16)), png)
        written = png
    else:
        write_labels(tif, labels)
        written = tif
    (png if written == tif else tif).unlink(missing_ok=True)  # of an earlier run
    return written, lost
