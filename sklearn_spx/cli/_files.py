"""Finding, reading and writing the files of the command line."""

import glob
from pathlib import Path

import click
import numpy as np

IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".npy")
LABELS = (".npz", ".npy", ".png", ".tif", ".tiff")  # the first of them that is there is taken
TRUTHS = (".mat", *LABELS)
MAX_16_BIT = np.iinfo(np.uint16).max


def find(arguments, suffixes, what):
    """Return the files that ``arguments`` name: files, directories, globs; no file twice."""
    found = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            files = [p for p in sorted(path.iterdir()) if p.suffix.lower() in suffixes]
            if not files:
                raise click.UsageError(
                    f"there is no {what} in the directory {argument}; read are {' '.join(suffixes)}"
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


def read_image(path):
    """Return a file's pixels: gray or RGB, 8 or 16 bit or float, as they are stored."""
    if path.suffix.lower() == ".npy":
        return np.load(path, allow_pickle=False)
    from PIL import Image

    with Image.open(path) as image:
        if image.mode == "1":
            image = image.convert("L")
        elif image.mode not in ("L", "RGB", "I", "F") and not image.mode.startswith("I;16"):
            image = image.convert("RGB")  # palettes, alpha, CMYK, ...
        return np.array(image)


def read_label_images(path):
    """Return the label images of a file as a list of integer arrays (height, width)."""
    suffix = path.suffix.lower()
    if suffix == ".mat":
        from ..datasets.bsds500 import read_annotations

        return read_annotations(path)
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            arrays = [file["labels"]] if "labels" in file else [file[name] for name in file]
    elif suffix == ".npy":
        arrays = [np.load(path, allow_pickle=False)]
    else:
        from PIL import Image

        with Image.open(path) as image:
            arrays = [np.array(image)]  # of a palette: its indices
    label_images = []
    for array in arrays:
        if array.dtype.kind not in "bui" or array.ndim not in (2, 3) or array.shape[-1] == 0:
            raise ValueError(
                f"holds an array of shape {array.shape} and dtype {array.dtype}; label images "
                "are integers of shape (height, width)"
            )
        if array.ndim == 3 and suffix not in (".npz", ".npy"):
            raise ValueError("is a colour image; label images are gray, 8 or 16 bit, or indexed")
        label_images.extend([array] if array.ndim == 2 else array)
    if not label_images:
        raise ValueError("holds no array")
    return label_images


def write_segmentation(folder, stem, image, labels):
    """Write NAME.npz, _labels.png and _overlay.png; return whether 16 bits hold the labels.

    Where they do not there is no label PNG, nor one left over from before.
    """
    from PIL import Image

    from ..inspection.draw import overlay

    np.savez_compressed(folder / f"{stem}.npz", labels=labels)
    Image.fromarray(overlay(image, labels)).save(folder / f"{stem}_overlay.png")
    png = folder / f"{stem}_labels.png"
    if labels.max() > MAX_16_BIT:
        png.unlink(missing_ok=True)
        return False
    Image.fromarray(labels.astype(np.uint16)).save(png)
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
