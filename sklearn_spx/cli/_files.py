"""Finding, naming and writing the files of the command line."""

import contextlib
import glob
import itertools
import logging
import os
import warnings
from pathlib import Path

import click

IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".npy")
LABELS = (".npz", ".npy", ".png", ".tif", ".tiff")  # the first of them that is there is taken
TRUTHS = (".mat", *LABELS)
PICTURES = ("_overlay", "_colors", "_means", "_fill")  # what segment writes beside label images


def find(arguments, suffixes, what, recursive=False, out=None):
    """Return the files that ``arguments`` name: files, directories, globs; no file twice.

    What lies in ``out``, a directory below one that is looked through, was written by us.
    """
    found = []
    for argument in arguments:
        try:
            found.extend(_find_one(argument, suffixes, what, recursive, out))
        except OSError as error:
            raise click.UsageError(f"{argument} cannot be looked at: {error.strerror}") from None
    return list(dict.fromkeys(found))


def _find_one(argument, suffixes, what, recursive, out):
    path = Path(argument)
    if path.is_dir():
        return _find_in(path, suffixes, what, recursive, out)
    if path.exists():
        return [path]
    if os.path.lexists(path):
        raise click.UsageError(f"{argument} is a link to {os.readlink(path)}, which is not there")
    files = [Path(p) for p in sorted(glob.glob(argument, recursive=True))]
    files = [p for p in files if p.is_file()]
    if not files:
        raise click.UsageError(f"there is no file, directory or match for {argument!r}")
    return files


def _find_in(folder, suffixes, what, recursive, out):
    from ..io import ImageFolder

    try:
        files = ImageFolder(folder, [f"*{suffix}" for suffix in suffixes], recursive).paths
    except FileNotFoundError:
        files = []
    if out is not None and folder.resolve() in out.resolve().parents:
        files = [p for p in files if out.resolve() not in p.parent.resolve().parents]
        files = [p for p in files if out.resolve() != p.parent.resolve()]
    if not files:
        where = "in or below" if recursive else "in"
        raise click.UsageError(
            f"there is no {what} {where} the directory {folder}; read are {' '.join(suffixes)}"
        )
    return files


def has_8_bits(path):
    """Whether a glance at a file tells that its values are of 8 bits."""
    if path.suffix.lower() in (".jpg", ".jpeg", ".bmp", ".gif", ".webp"):
        return True
    if path.suffix.lower() != ".png" or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(25)
    except OSError:
        return False
    return head[:4] == b"\x89PNG" and head[-1] <= 8  # the bits of a channel stand there


def read_label_images(path, void=None):
    """Return the label images of a file as a list; pixels of the label ``void`` are -1."""
    from ..io import read_labels

    found = read_labels(path, void=void)
    return found if isinstance(found, list) else [found]


def output_names(paths):
    """Return the names of what is written for each of ``paths``, no two alike.

    A name is a file's stem. Where several have it, more of the path tells them apart: a.png and
    a.tif are a_png and a_tif, x/a.png and y/a.png are x_a and y_a.
    """
    alike = {}
    for path in paths:
        alike.setdefault(path.stem.casefold(), []).append(path)  # a and A are one on some disks
    taken = {key for key, group in alike.items() if len(group) == 1}
    names = {}
    for group in alike.values():
        if len(group) == 1:
            names[group[0]] = group[0].stem
            continue
        for form in _forms(group):
            keys = {name.casefold() for name in form}
            if len(keys) == len(group) and not keys & taken:
                break
        taken |= keys
        names.update(zip(group, form))
    return [names[path] for path in paths]


def _forms(paths):
    """Lists of names for files of one stem, one longer than the other; the last are numbered."""
    endings = [path.suffix[1:].lower() for path in paths]
    stems = [path.stem for path in paths]
    yield [f"{stem}_{ending}" for stem, ending in zip(stems, endings)]
    folders = [path.resolve().parent.parts[1:] for path in paths]
    for depth in range(1, max(map(len, folders)) + 1):
        longer = ["_".join((*f[-depth:], stem)) for f, stem in zip(folders, stems)]
        yield longer
        yield [f"{name}_{ending}" for name, ending in zip(longer, endings)]
    for first in itertools.count(1):
        yield [f"{stem}_{number}" for number, stem in enumerate(stems, first)]


def pair(label_paths, truth_root):
    """Return {stem: (file of labels, its files of ground truth)}; the latter may be empty.

    A stem's ground truth is ``stem.*`` of the first kind there is, or else every ``stem_*``.
    """
    chosen, stems = {}, {path.stem for path in label_paths}
    for path in label_paths:
        stem = path.stem.removesuffix("_labels")
        if _is_picture(path.stem, stems):
            continue
        rank = LABELS.index(path.suffix.lower()) if path.suffix.lower() in LABELS else len(LABELS)
        rank = (rank, not path.stem.endswith("_labels"))  # a.png may be the image itself
        if stem not in chosen or rank < chosen[stem][0]:
            chosen[stem] = (rank, path)
    chosen = {stem: path for stem, (_, path) in chosen.items()}

    if truth_root.is_file():
        if len(chosen) != 1:
            raise click.UsageError(
                f"{truth_root} is one file of ground truth for {len(chosen)} label images; "
                "name a directory"
            )
        return {stem: (path, [truth_root]) for stem, path in chosen.items()}
    there = {}
    for path in sorted(truth_root.iterdir()):
        if path.suffix.lower() in TRUTHS:
            there.setdefault(path.stem, []).append(path)
    for files in there.values():
        files.sort(key=lambda path: TRUTHS.index(path.suffix.lower()))
    pairs = {}
    for stem, path in chosen.items():
        truths = there.get(stem, [])[:1] or [
            files[0]
            for name, files in there.items()
            if name.startswith(f"{stem}_") and name not in chosen
        ]
        pairs[stem] = (path, truths)
    return pairs


def _is_picture(stem, stems):
    """Whether this is a picture that segment wrote beside labels, among the ``stems``."""
    if stem.endswith("_overlay"):
        return True
    names = [stem.removesuffix(ending) for ending in PICTURES if stem.endswith(ending)]
    return any(name in stems or f"{name}_labels" in stems for name in names)


@contextlib.contextmanager
def quiet():
    """What Pillow warns of is an error of the file; what tifffile logs, its message says."""
    from PIL import Image

    log = logging.getLogger("tifffile")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        log.setLevel(level)


def _check_jobs(context, parameter, value):
    if value == 0:
        raise click.BadParameter("0 is neither a number of images nor -1, for all cores")
    return value


def jobs_option(function):
    """--jobs of a command."""
    return click.option(
        "--jobs",
        type=int,
        default=1,
        show_default=True,
        callback=_check_jobs,
        help="Images, or crops of them, at once; -1: one a core.",
    )(function)


def n_threads(jobs, n_images):
    """Return how many images are worked on at once."""
    from joblib import effective_n_jobs

    return max(1, min(effective_n_jobs(jobs), n_images))
