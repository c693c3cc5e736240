"""What each question of the browser is answered by: fields checked, the work handed on."""

from http import HTTPStatus
from urllib.parse import quote

import numpy as np

from ..interactive import TOO_FEW_CLASSES
from . import edits, fields, methods
from .document import UNKNOWN, Box
from .export import KINDS, begin_export
from .images import TILE, reduced, reductions
from .partition import make_partition
from .problems import Problem
from .routes import Answer, route
from .strokes import draw_stroke

__all__ = ["describe"]

LONGEST_WAIT = 10.0  # seconds that an answer about a job may be held back


# --- the page -----------------------------------------------------------------------------------


@route("GET", "state")
def state(session, arguments, query, body):
    """What the page begins with."""
    documents = session.documents()
    images = [
        {"id": s.number, "name": s.name, "segmented": _is_segmented(documents.get(s.number))}
        for s in list(session.images.sources)
    ]
    return Answer(
        {
            "images": images,
            "classes": session.classes,
            "methods": methods.described(),
            "exports": [{"id": key, "name": name} for key, name in KINDS.items()],
            "out": None if session.out is None else str(session.out),
        }
    )


def _is_segmented(document):
    return document is not None and document.layers is not None


@route("POST", "classes/#")
def set_class(session, arguments, query, body):
    """Name and colour a class."""
    fields.known(body, ("name", "color"))
    session.set_class(arguments[0], fields.text(body, "name"), fields.color(body, "color"))
    return Answer({"classes": session.classes})


# --- images -------------------------------------------------------------------------------------


@route("POST", "images", takes_file=True)
def upload(session, arguments, query, body):
    """Take a file."""
    source = session.upload(query.get("name", "image"), body)
    return Answer({"id": source.number, "name": source.name, "segmented": False})


@route("GET", "images/#")
def image(session, arguments, query, body):
    """All about an image but its pixels."""
    document = session.document(arguments[0])
    with document.lock:
        return Answer(describe(document))


def describe(document):
    """What the browser is told of a document; under its lock."""
    height, width = document.full_shape
    factors, proposed = reductions(document.full_shape)
    found = {"width": width, "height": height, "tile": TILE, "factors": factors}
    found |= {"proposed": proposed, "version": document.version, "segmented": False}
    found |= {"undo": document.undone, "redo": document.redone}
    if document.layers is None:
        return found
    layers = document.layers
    rows, columns = layers.regions.shape
    return found | {
        "segmented": bool(layers.partition.alive.size),
        "rows": rows,
        "columns": columns,
        "factor": layers.factor,
        "about": layers.about,
        "cut": layers.partition.cut,
        "regions": layers.partition.n_regions,
        "predicted": document.prediction is not None,
    }


@route("GET", "images/#/thumbnail")
def thumbnail(session, arguments, query, body):
    """A small picture."""
    source = session.images.source(arguments[0])
    return Answer(session.images.thumbnail(source), "image/jpeg")


@route("GET", "images/#/tiles/#/#/#")
def tile(session, arguments, query, body):
    """One square of one level."""
    number, *place = arguments
    return Answer(*session.images.load(session.images.source(number)).tile(*place))


@route("GET", "images/#/layers/regions")
def regions(session, arguments, query, body):
    """Atoms, int32."""
    return _layer(session, arguments[0], query, lambda d: d.layers.regions.astype("<i4"))


@route("GET", "images/#/layers/classes")
def classes(session, arguments, query, body):
    """Classes, uint8."""
    return _layer(session, arguments[0], query, lambda d: d.layers.classes)


@route("GET", "images/#/layers/predicted")
def predicted(session, arguments, query, body):
    """Predicted classes, uint8."""
    return _layer(session, arguments[0], query, lambda d: _prediction(d)[0])


@route("GET", "images/#/layers/certainty")
def certainty(session, arguments, query, body):
    """Certainty of the predicted classes, 255 for 1, uint8."""
    return _layer(session, arguments[0], query, lambda d: _prediction(d)[1])


def _prediction(document):
    if document.prediction is None:
        raise Problem("there is no prediction of this image", HTTPStatus.NOT_FOUND)
    return document.prediction


def _layer(session, number, query, find):
    document = session.document(number)
    with document.lock:
        if document.layers is None:
            raise Problem("the image is not segmented yet", HTTPStatus.CONFLICT)
        array, version = find(document), document.version
    if "box" in query:
        numbers = [int(n) for n in query["box"].split(",") if n.isascii() and n.isdigit()]
        box = Box(*numbers) if len(numbers) == 4 else None
        if box is None or box.bottom > array.shape[0] or box.right > array.shape[1]:
            raise Problem(f"box is {query['box'][:60]!r}; expected is top,left,bottom,right")
        array = box.of(array)
    headers = {"X-Version": str(version)}
    return Answer(array.tobytes(), "application/octet-stream", deflate=True, headers=headers)


@route("GET", "images/#/tree")
def tree(session, arguments, query, body):
    """The merge tree, little-endian: four counts, heights, pairs, ranks, joins, alive."""
    document = session.document(arguments[0])
    with document.lock:
        if document.layers is None:
            raise Problem("the image is not segmented yet", HTTPStatus.CONFLICT)
        partition, version = document.layers.partition, document.version
    pairs, ranks = partition.tree
    joins = np.array(partition.joins, "<i4").reshape(-1, 2)
    counts = [len(partition.alive), len(partition.heights), len(pairs), len(joins)]
    parts = (
        np.array(counts, "<i4"),
        partition.heights.astype("<f8"),
        pairs.astype("<i4"),
        ranks.astype("<i4"),
        joins,
        partition.alive.astype("u1"),
    )
    content = b"".join(part.tobytes() for part in parts)
    headers = {"X-Version": str(version)}
    return Answer(content, "application/octet-stream", deflate=True, headers=headers)


# --- what takes long ----------------------------------------------------------------------------


@route("POST", "images/#/segment")
def segment(session, arguments, query, body):
    """Segment an image by a method."""
    fields.known(body, ("method", "parameters", "factor"))
    number, (key, parameters) = arguments[0], methods.read_choice(body)
    source, document = session.images.source(number), session.document(number)
    factors, proposed = reductions(document.full_shape)
    factor = fields.integer(body, "factor", 1, max(factors), proposed)
    if factor not in factors:
        raise Problem(f"factor is {factor}; this image is reduced by {factors}")

    def given():
        loaded = session.images.load(source)
        mask = None if loaded.mask is None else reduced(loaded.mask, factor)
        return key, parameters, reduced(loaded.image, factor), mask

    def done(found):
        atoms, *merging, cut = found
        about = ", ".join(
            [methods.METHODS[key].name, *(f"{name} {value}" for name, value in parameters.items())]
        )
        partition = make_partition(int(atoms.max()) + 1, *merging, cut)
        with document.lock:
            changed = document.start(atoms, partition, factor, about)
            return {"changed": changed, **describe(document)}

    return _told(session.jobs.submit(f"segment {number}", "segment", given, done))


@route("POST", "images/#/split")
def split(session, arguments, query, body):
    """Split a region into superpixels."""
    fields.known(body, ("version", "x", "y", "pieces"))
    number, point = arguments[0], fields.path({"point": [[body.get("x"), body.get("y")]]}, "point")
    n_pieces = fields.integer(body, "pieces", 2, 1000, 2)
    source, document = session.images.source(number), session.document(number)
    with document.lock:
        document.check(_version(body))
        layers, version = document.layers, document.version
        region = _region_at(layers, point)

    def given():
        image, _ = document.working(session.images.load(source))
        box, inside = edits.part_of(layers, region)
        return image[box], inside, n_pieces

    def done(pieces):
        with document.lock:
            document.check(version)
            found = edits.put_pieces(document.layers, region, pieces)
            return {"changed": document.commit("split", found), **describe(document)}

    return _told(session.jobs.submit(f"split {number}", "split", given, done))


@route("POST", "train")
def train(session, arguments, query, body):
    """Learn classes from what is labelled in all images, and predict them in all."""
    fields.known(body, ())
    documents = {
        number: document
        for number, document in session.documents().items()
        if _is_segmented(document) and document.layers.partition.alive.size
    }
    states = {number: document.layers for number, document in documents.items()}
    marked = [n for n, layers in states.items() if (layers.classes != UNKNOWN).any()]
    n_classes = len({c for n in marked for c in np.unique(states[n].classes).tolist()} - {UNKNOWN})
    if n_classes < 2:
        raise Problem(TOO_FEW_CLASSES.format(n_classes), HTTPStatus.CONFLICT)
    order = [*marked, *(n for n in states if n not in marked)]

    def given():
        items = []
        for number in order:
            layers = states[number]
            loaded = session.images.load(session.images.source(number))
            groups = np.append(layers.partition.groups, np.int32(-1)).astype(np.int32)
            item = (reduced(loaded.image, layers.factor), groups[layers.regions])
            items.append((*item, layers.classes) if number in marked else item)
        return items[: len(marked)], items[len(marked) :]

    def done(found):
        predicted = []
        for number, prediction in zip(order, found):
            document = documents[number]
            with document.lock:
                if document.layers.regions.shape == prediction[0].shape:
                    document.prediction = prediction
                    predicted.append(number)
        return {"predicted": predicted, "learned_from": len(marked), "classes": n_classes}

    return _told(session.jobs.submit("train", "train", given, done))


@route("POST", "export")
def export(session, arguments, query, body):
    """Make files of what was done."""
    fields.known(body, ("kind", "image"))
    kind = fields.choice(body, "kind", KINDS)
    number = None if body.get("image") is None else fields.integer(body, "image", 0, 10**9)
    return _told(begin_export(session, kind, number))


@route("GET", "downloads/#")
def download(session, arguments, query, body):
    """A file that was made."""
    name, content = session.download(arguments[0])
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Answer(content, "application/octet-stream", headers=headers)


@route("GET", "jobs/#")
def job(session, arguments, query, body):
    """How far a job is; with ``wait`` the answer comes when there is news."""
    found = session.jobs.job(arguments[0])
    wait = query.get("wait", "0")
    seconds = float(wait) if wait.isascii() and wait.isdigit() else 0.0
    return Answer(session.jobs.wait(found, query.get("stage"), min(seconds, LONGEST_WAIT)))


@route("POST", "jobs/#/cancel")
def cancel(session, arguments, query, body):
    """Give a job up."""
    fields.known(body, ())
    found = session.jobs.job(arguments[0])
    session.jobs.cancel(found)
    return _told(found)


def _told(job):
    return Answer(job.told())


# --- edits --------------------------------------------------------------------------------------


@route("POST", "images/#/edit")
def edit(session, arguments, query, body):
    """Label, mark, join or cut what a line goes over."""
    fields.known(body, ("version", "tool", "path", "radius", "class"))
    tool = fields.choice(body, "tool", ("label", "mark", "join", "cut"))
    points = fields.path(body, "path")
    radius = fields.number(body, "radius", 0, 2000, 0)
    chosen = None
    if tool in ("label", "mark"):
        chosen = fields.integer(body, "class", 0, UNKNOWN)
        session.check_class(chosen)
    document = session.document(arguments[0])
    with document.lock:
        document.check(_version(body))
        layers = document.layers
        stroke = draw_stroke(points, radius, layers.factor, layers.regions.shape)
        if tool == "label":
            found = edits.label(layers, stroke, chosen)
        elif tool == "mark":
            found = edits.mark(layers, stroke, chosen)
        elif tool == "join":
            found = edits.join(layers, stroke)
        else:
            found = edits.split_by_line(layers, stroke)
        return _committed(document, tool, found)


@route("POST", "images/#/accept")
def accept(session, arguments, query, body):
    """Take the prediction over where no class is."""
    fields.known(body, ("version", "least"))
    least = fields.number(body, "least", 0, 1, 0)
    document = session.document(arguments[0])
    with document.lock:
        document.check(_version(body))
        found = edits.accept(document.layers, _prediction(document), least)
        return _committed(document, "accept", found)


@route("POST", "images/#/cut")
def cut(session, arguments, query, body):
    """Move the threshold."""
    fields.known(body, ("version", "cut"))
    document = session.document(arguments[0])
    with document.lock:
        document.check(_version(body))
        most = len(document.layers.partition.heights)
        document.set_cut(fields.integer(body, "cut", 0, most))
        return Answer(describe(document))


@route("POST", "images/#/undo")
def undo(session, arguments, query, body):
    """Take a step back."""
    return _replayed(session, arguments, body, "undo")


@route("POST", "images/#/redo")
def redo(session, arguments, query, body):
    """Take a step again."""
    return _replayed(session, arguments, body, "redo")


def _replayed(session, arguments, body, which):
    fields.known(body, ("version",))
    document = session.document(arguments[0])
    with document.lock:
        document.check(_version(body))
        changed = getattr(document, which)()
        return Answer({"changed": changed, **describe(document)})


def _committed(document, name, layers):
    return Answer({"changed": document.commit(name, layers), **describe(document)})


def _version(body):
    return fields.integer(body, "version", 0, 2**53)


def _region_at(layers, point):
    stroke = draw_stroke(point, 0, layers.factor, layers.regions.shape)
    atoms = stroke.of(layers.regions)
    if not atoms.size or atoms[0] < 0:
        raise Problem("there is no region there")
    return int(layers.partition.groups[atoms[0]])
