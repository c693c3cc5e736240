"""Files of what was done: label images, classes, GeoJSON, COCO, and what a classifier learns from.

regions, classes of one image -> Item -> files by name -> the folder of --out, and a download
"""

import io
import json
import os
import zipfile
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..io import geotiff, write_labels
from ..regions import region_graph, to_coco, to_geojson
from ..utils.files import replacing
from .document import UNKNOWN
from .images import enlarged
from .problems import Problem

__all__ = ["KINDS", "begin_export", "make_files", "write_new"]

KINDS = {
    "regions": "Regions (label image)",
    "classes": "Classes (PNG)",
    "geojson": "GeoJSON",
    "coco": "COCO",
    "training": "Training set",
}
MAX_16_BIT = 65535
LARGEST_ZIP = 2**31  # bytes


class Item(NamedTuple):
    """One image as it is to be saved: at the size at which it was segmented."""

    name: str
    path: Any  # for its place on earth; None of an upload
    full_shape: tuple
    factor: int
    regions: NDArray[np.int32]
    classes: NDArray[np.uint8]
    about: str


def begin_export(session, kind, number):
    """Queue the files of one image, or with None of all that are segmented; return the Job."""
    documents = session.documents()
    if number is not None:
        session.images.source(number)
    numbers = [n for n in ([number] if number is not None else documents) if n in documents]
    states = []
    for n in numbers:
        document = documents[n]
        with document.lock:
            layers = document.layers
            if layers is not None and layers.partition.alive.size:
                states.append((session.images.source(n), document.full_shape, layers))
    if not states:
        raise Problem("nothing is segmented yet, so there is nothing to save", HTTPStatus.CONFLICT)
    classes = [dict(one) for one in session.classes]

    def given():
        items = []
        names = _unlike([Path(source.name).stem for source, _, _ in states])
        for name, (source, full_shape, layers) in zip(names, states):
            groups = np.append(layers.partition.groups, np.int32(-1)).astype(np.int32)
            # renumbered in the worker
            items.append(
                Item(
                    name,
                    source.path,
                    full_shape,
                    layers.factor,
                    groups[layers.regions],
                    layers.classes,
                    layers.about,
                )
            )
        return kind, items, [source.name for source, _, _ in states], classes

    def done(found):
        files, notes = found
        written = [] if session.out is None else [write_new(session.out, *f) for f in files]
        if len(files) == 1:
            name, content = files[0]
        else:
            name, content = f"{kind}.zip", _zipped(files)
        return {
            "written": [str(path) for path in written],
            "download": session.keep_download(name, content),
            "name": name,
            "notes": notes,
        }

    return session.jobs.submit("export", "export", given, done)


def make_files(kind, items, file_names, classes):
    """Return (list of (name, bytes), list of what has to be told)."""
    files, notes = [], []
    reduced_by = sorted({item.factor for item in items} - {1})
    if reduced_by and kind != "training":
        notes.append(
            "Segmented at a smaller size: borders are as coarse as "
            f"{' or '.join(map(str, reduced_by))} pixels of the image."
        )
    if kind == "coco":
        return [("coco.json", _coco(items, file_names, classes))], notes
    for item in items:
        if kind == "regions":
            files.append(_regions(item))
        elif kind == "classes":
            files.append((f"{item.name}_classes.png", _classes(item, classes)))
        elif kind == "geojson":
            content, note = _geojson(item, classes)
            files.append((f"{item.name}.geojson", content))
            notes += [note] if note else []
        else:
            files.append((f"{item.name}_regions.tif", _as_file(item.regions, ".tif")))
            files.append((f"{item.name}_marks.tif", _as_file(_marks(item), ".tif")))
    if kind in ("classes", "training"):
        files.append(("classes.json", _legend(items, file_names, classes, kind)))
    return files, notes


def write_new(folder, name, content):
    """Write a file that is not there yet, whole or not at all; return its path.

    Where there is one of its name, a number is added.
    """
    stem, ending = os.path.splitext(name)
    number = 1
    while True:
        path = Path(folder, name if number == 1 else f"{stem}-{number}{ending}")
        try:
            path.open("xb").close()  # takes the name, so that nobody else does
            break
        except FileExistsError:
            number += 1
    try:
        with replacing(path) as file:
            file.write(content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _unlike(names):
    """Names of which no two are alike, by a number where need be."""
    taken, found = set(), []
    for name in names:
        number, other = 1, name
        while other.casefold() in taken:
            number += 1
            other = f"{name}-{number}"
        taken.add(other.casefold())
        found.append(other)
    return found


def _full(item, layer):
    return enlarged(layer, item.factor, item.full_shape)


def _as_file(labels, ending):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"labels{ending}")
        write_labels(path, labels)
        return path.read_bytes()


def _regions(item):
    labels = _full(item, item.regions)
    fits = labels.min() >= 0 and labels.max() <= MAX_16_BIT
    ending = ".png" if fits else ".tif"
    return f"{item.name}_labels{ending}", _as_file(labels, ending)


def _marks(item):
    return np.where(item.classes == UNKNOWN, -1, item.classes.astype(np.int32))


def _classes(item, classes):
    """A PNG whose indices are classes from 1, in their colours; 0 is unlabelled."""
    from PIL import Image

    indices = np.where(item.classes == UNKNOWN, 0, item.classes + np.uint8(1)).astype(np.uint8)
    picture = Image.fromarray(_full(item, indices))
    palette = bytearray(768)
    for k, one in enumerate(classes):
        palette[3 * k + 3 : 3 * k + 6] = bytes.fromhex(one["color"][1:])
    picture.putpalette(bytes(palette))
    file = io.BytesIO()
    picture.save(file, "PNG", bits=8)
    return file.getvalue()


def _legend(items, file_names, classes, kind):
    """What the numbers of a class image mean, and how regions came to be."""
    first = 1 if kind == "classes" else 0
    unlabelled = 0 if kind == "classes" else -1
    found = {
        "unlabelled": unlabelled,
        "classes": [{"number": k + first, **one} for k, one in enumerate(classes)],
        "images": [
            {"file": name, "name": item.name, "regions": item.about, "reduced_by": item.factor}
            for name, item in zip(file_names, items)
        ],
    }
    return json.dumps(found, indent=1).encode()


def _region_classes(item, n_classes):
    """Of each region, by label: the class of most of its labelled pixels, -1 if it has none."""
    from ..kernels.region_statistics import number_regions

    index, ids = number_regions(item.regions)
    known = (index >= 0) & (item.classes != UNKNOWN)
    places = index[known] * np.int64(n_classes) + item.classes[known]
    counts = np.bincount(places, minlength=len(ids) * n_classes).reshape(len(ids), n_classes)
    return np.where(counts.any(axis=1), counts.argmax(axis=1), -1)


def _geojson(item, classes):
    regions = _full(item, item.regions)
    found = _region_classes(item, len(classes))
    names = [classes[c]["name"] if c >= 0 else None for c in found.tolist()]
    graph = region_graph(regions)
    place, note = _place(item)
    table = {"pixels": graph.sizes, "class": np.array(names, object)}
    collection = to_geojson(regions, table, **place)
    return json.dumps(collection, separators=(",", ":"), allow_nan=False).encode(), note


def _place(item):
    """Where on earth a GeoTIFF is, for ``to_geojson``, and what is lost."""
    if not geotiff.is_geotiff(item.path):
        return {}, None
    if not geotiff.has_rasterio():
        return {}, f"{item.name} is in pixels, since rasterio is not installed: {geotiff.HINT}"
    try:
        transform, crs = geotiff.place_of(item.path)
    except ValueError as reason:
        return {}, f"{item.name} is in pixels: {reason}"
    return {"transform": transform, "crs": crs}, None


def _coco(items, file_names, classes):
    names = ["unlabelled", *(one["name"] for one in classes)]
    found = to_coco(
        (_full(item, item.regions) for item in items),
        file_names,
        segmentation="polygons",
        categories=names,
        region_categories=[_region_classes(item, len(classes)) + 1 for item in items],
    )
    return json.dumps(found, separators=(",", ":")).encode()


def _zipped(files):
    if sum(len(content) for _, content in files) > LARGEST_ZIP:
        raise Problem("the files are too large for one download; give sklearn-spx view --out")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
        for name, content in files:
            zipped.writestr(name, content)
    return archive.getvalue()
