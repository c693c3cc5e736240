"""Finding, naming and writing the files of the command line."""

import glob
import itertools
from pathlib import Path

import click
import numpy as np

IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".npy")
LABELS = (".npz", ".npy", ".png", ".tif", ".tiff")  # the first of them that is there is taken
TRUTHS = (".mat", *LABELS)
OUTPUTS = (".npz", "_labels.png", "_overlay.png")  # after the name, of each image
MAX_16_BIT = np.iinfo(np.uint16).max


def find(arguments, suffixes, what, recursive=False, out=None):
    """Return the files that ``arguments`` name: files, directories, globs; no file twice.

    What lies in ``out``, a directory below one that is looked through, was written by us.
    """
    from ..io import ImageFolder

    found = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            try:
                files = ImageFolder(path, [f"*{suffix}" for suffix in suffixes], recursive).paths
            except FileNotFoundError:
                files = []
            if out is not None and path.resolve() in out.resolve().parents:
                files = [p for p in files if out.resolve() not in p.parent.resolve().parents]
                files = [p for p in files if out.resolve() != p.parent.resolve()]
            if not files:
                where = "in or below" if recursive else "in"
                raise click.UsageError(
                    f"there is no {what} {where} the directory {argument}; "
                    f"read are {' '.join(suffixes)}"
                )
        elif path.exists():
            files = [path]
        else:
            files = [Path(p) for p in sorted(glob.glob(argument, recursive=True))]
            files = [p for p in files if p.is_file()]
            if not files:
                raise click.UsageError(f"there is no file, directory or match for {argument!r}")
        found.extend(files)
    return list(dict.fromkeys(found))


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


def check_outputs(paths, names, out):
    """Raise where what is written would take the place of an image that is read."""
    images = {(path.stat().st_dev, path.stat().st_ino) for path in paths}
    for name in names:
        for ending in OUTPUTS:
            file = out / f"{name}{ending}"
            if file.exists() and (file.stat().st_dev, file.stat().st_ino) in images:
                raise click.UsageError(
                    f"{file} is one of the images and would be overwritten; choose another --out"
                )


def write_segmentation(folder, name, image, labels):
    """Write NAME.npz, _labels.png and _overlay.png; return whether 16 bits hold the labels.

    Where they do not there is no label PNG, nor one left over from before.
    """
    from PIL import Image

    from ..inspection.draw import overlay
    from ..utils.files import replacing

    npz, label_png, overlay_png = (folder / f"{name}{ending}" for ending in OUTPUTS)
    with replacing(npz) as file:
        np.savez_compressed(file, labels=labels)
    with replacing(overlay_png) as file:
        Image.fromarray(overlay(image, labels)).save(file, "PNG")
    if labels.max() > MAX_16_BIT:
        label_png.unlink(missing_ok=True)
        return False
    with replacing(label_png) as file:
        Image.fromarray(labels.astype(np.uint16)).save(file, "PNG")
    return True


def pair(label_paths, truth_root):
    """Return {stem: (file of labels, its files of ground truth)}; the latter may be empty.

    A stem's ground truth is ``stem.*`` of the first kind there is, or else every ``stem_*``.
    """
    chosen = {}
    for path in label_paths:
        stem = path.stem.removesuffix("_labels")
        if path.stem.endswith("_overlay"):
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
