"""Images to train on, each with its own ground truths, read when the estimator asks for them."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
from rich.markup import escape

from . import _files
from ._console import complain, stderr

_SHOWN = 10  # of the files that one note names


class Located(NamedTuple):
    """A file, or files, and where below a folder that was named it lies."""

    root: str  # name of the folder
    folders: tuple  # from there to the file
    stem: str
    files: tuple

    def fits(self, other):
        """Whether the shorter of both ways is the end of the longer; one may have none at all."""
        short, long = sorted((self.folders, other.folders), key=len)
        return not short or long[-len(short) :] == short

    def nearness(self, other):
        """How many folders agree, counted from the file up; the whole way is worth most."""
        mine, its = (self.root, *self.folders)[::-1], (other.root, *other.folders)[::-1]
        common = 0
        while common < min(len(mine), len(its)) and mine[common] == its[common]:
            common += 1
        return self.folders == other.folders, common


def annotated(images, truths, recursive=False, void=None):
    """Return the images that have ground truths as an :class:`Annotated`.

    An image without is named and left out, a ground truth without an image is named. Raise where
    no image has any, or it is not clear whose a ground truth is.
    """
    located = _images(images, recursive)
    found = pair(located, _truths(located, truths))
    pairs = [(image.files[0], files) for image, files in zip(located, found) if files]
    without = [image.files[0] for image, files in zip(located, found) if not files]
    where = ", ".join(map(str, truths))
    if not pairs:
        first = located[0]
        raise click.UsageError(
            f"no image has a ground truth in {where}; for {first.files[0]} it is named "
            f"{first.stem}.* or {first.stem}_*.*, * being {' '.join(_files.TRUTHS)}"
        )
    _note(without, "there is no ground truth in {where} for {names}; left out", where)
    return Annotated(pairs, void)


def note_unused(truths, *sets):
    """Name the ground truths that no image of the sets has."""
    used = {os.path.realpath(file) for items in sets for _, files in items.pairs for file in files}
    used |= {os.path.realpath(path) for items in sets for path, _ in items.pairs}
    unused = [
        path for root in truths for path in _below(root) if os.path.realpath(path) not in used
    ]
    _note(list(dict.fromkeys(unused)), "no image belongs to {names}; not read")


def _note(paths, words, where=""):
    if not paths:
        return
    names = ", ".join(map(str, paths[:_SHOWN]))
    if len(paths) > _SHOWN:
        names += f" and {len(paths) - _SHOWN} more"
    note(words.format(names=names, where=where))


def note(words):
    """Print a note, whatever is in it, to stderr."""
    stderr().print(f"[yellow]note[/] {escape(words)}")


# --- whose ground truth it is --------------------------------------------------------------------


def _images(arguments, recursive):
    located, seen = [], set()
    for argument in arguments:
        for path in _files.find([argument], _files.IMAGES, "image", recursive):
            root = Path(argument) if Path(argument).is_dir() else path.parent
            real = os.path.realpath(path)
            if real not in seen:
                located.append(_locate(path, root, path.stem, (path,)))
            seen.add(real)
    return located


def _truths(images, roots):
    """The ground truths of each stem of the images: ``stem.*``, or else every ``stem_*``."""
    stems = {image.stem for image in images}
    own = {os.path.realpath(image.files[0]) for image in images}
    groups = {}
    for root in dict.fromkeys(roots):
        for path in _below(root):
            stem = _whose(path.stem, stems)
            if stem is not None and os.path.realpath(path) not in own:
                groups.setdefault((root, path.parent, stem), []).append(path)
    return [
        _locate(files[0], root, stem, _chosen(files, stem))
        for (root, _, stem), files in groups.items()
    ]


def _below(root):
    """Files of ground truths in and below a folder; hidden ones are left out."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in _files.TRUTHS:
                yield Path(folder, name)


def _whose(name, stems):
    """The image's stem that a name of ground truth is, or begins with: the longest."""
    if name in stems:
        return name
    ends = [match.start() for match in re.finditer("_", name)]
    return next((name[:end] for end in reversed(ends) if name[:end] in stems), None)


def _chosen(files, stem):
    """Of several kinds of one name the first; ``stem_*`` only where there is no ``stem.*``."""
    by_name = {}
    for file in sorted(files, key=lambda file: _files.TRUTHS.index(file.suffix.lower())):
        by_name.setdefault(file.stem, file)
    if stem in by_name:
        return (by_name[stem],)
    return tuple(by_name[name] for name in sorted(by_name))


def _locate(path, root, stem, files):
    folders = path.parent.relative_to(root).parts
    return Located(Path(os.path.abspath(root)).name, folders, stem, files)


def pair(images, truths):
    """Return the files of ground truth of each of ``images``, none for some.

    They lie on the way that the image lies on below its folder, if any do. One without folders, of
    either side, goes by its name alone. Folders of one name decide between equals; where they do
    not, several files for one image are several annotators, and one for several is an error.
    """
    of_stem, owners, found = {}, {}, []
    for truth in truths:
        of_stem.setdefault(truth.stem, []).append(truth)
    for image in images:
        fitting = [truth for truth in of_stem.get(image.stem, []) if image.fits(truth)]
        nearest = max((image.nearness(truth) for truth in fitting), default=None)
        chosen = [truth for truth in fitting if image.nearness(truth) == nearest]
        if len({truth.folders for truth in chosen}) > 1:
            raise click.UsageError(
                f"{image.files[0]} may have the ground truth {chosen[0].files[0]} or "
                f"{chosen[1].files[0]}; name by --truths the folder that is meant"
            )
        for truth in chosen:
            other = owners.setdefault(truth, image)
            if other is not image:
                raise click.UsageError(
                    f"{truth.files[0]} may be the ground truth of {other.files[0]} or of "
                    f"{image.files[0]}; give the folders of --truths the names that those of the "
                    "images have"
                )
        found.append([file for truth in chosen for file in truth.files])
    return found


# --- read when asked for -------------------------------------------------------------------------


class Annotated:
    """Images and their annotations, as an ``X`` and a ``y`` that are read item by item."""

    def __init__(self, pairs, void=None):
        self.pairs, self.void = pairs, void
        self.X, self.y = _Items(self, self.image), _Items(self, self.annotations)
        self.sources = {}  # the file of each annotation read

    def __len__(self):
        return len(self.pairs)

    def image(self, i):
        from ..io import read_image

        return read_image(self.pairs[i][0])

    def annotations(self, i):
        found, self.sources[i] = [], []
        for file in self.pairs[i][1]:
            self.sources[i].append(file)
            labels = _files.read_label_images(file, self.void)
            self.sources[i] += [file] * (len(labels) - 1)
            found += labels
        return found

    def culprit(self, what, i, k):
        """The file that an error of image ``X[i]`` or annotation ``y[i][k]`` is about."""
        if what == "X":
            return self.pairs[i][0]
        files = self.sources.get(i) or self.pairs[i][1]
        return files[-1 if k is None else k]

    def others_that_fail(self, first):
        """Yield (file, error) for each image from ``first`` on that no estimator could take."""
        for i in range(first, len(self)):
            file = self.pairs[i][0]
            try:
                shape = self.image(i).shape[:2]
                file = self.pairs[i][1][-1]
                for k, labels in enumerate(self.annotations(i)):
                    file = self.sources[i][k]
                    if labels.shape[-2:] != shape:
                        raise ValueError(f"has shape {labels.shape}, its image {shape}")
            except Exception as error:  # whatever it is, the others are named too
                yield file, error


class _Items(Sequence):
    def __init__(self, owner, read):
        self.owner, self.read = owner, read

    def __len__(self):
        return len(self.owner)

    def __getitem__(self, i):
        return self.read(i)


def complain_of_files(error, learned, held_out):
    """Whether an error of ``fit`` is about a file: then it, and all others like it, are named."""
    match = re.match(
        r"(validation: )?([Xy])\[(\d+)\](?:\[(\d+)\])?:?(?: cannot be read:)? ", str(error)
    )
    if match is None:
        return False
    of_validation, what, i, k = match.groups()
    items = held_out if of_validation else learned
    file = items.culprit(what, int(i), None if k is None else int(k))
    errors = stderr()
    complain(errors, file, str(error)[match.end() :])
    rest = [(items, int(i) + 1)] if of_validation or held_out is None else None
    for some, first in rest or [(items, int(i) + 1), (held_out, 0)]:
        for other, problem in some.others_that_fail(first):
            if other != file:
                complain(errors, other, problem)
    return True
