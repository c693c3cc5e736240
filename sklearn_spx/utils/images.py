"""What the estimators ask of X, y and masks: sequences of unequal images, or one stacked array.

An image has two axes and perhaps channels; a volume, where ``spacing`` has three numbers, has three
axes, (depth, height, width). A volume that was checked has channels in any case, so that the number
of dimensions tells the two apart.

Nothing is cast here and nothing read before its turn: a lazy collection stays lazy. Every
complaint names the image, what was found and what is accepted; a mistake that is often made gets
the line that mends it.
"""

import os

import numpy as np

from ..kernels.checks import as_labels, as_mask, check_not_masked

__all__ = [
    "LARGEST_VALUE",
    "check_boundaries",
    "check_image",
    "check_magnitude",
    "check_mask",
    "check_no_alpha",
    "check_not_masked",
    "check_same_length",
    "check_sequence",
    "check_target",
    "grid_of",
    "hint_at_alpha",
    "n_channels",
]

LARGEST_VALUE = 1e9  # of an image that a net, or a learned distance, is given
_FEW = 4  # channels at most, where an axis of an array may be that of the channels
_MANY = 16  # channels at most that an image of few rows may have
_ALPHA = 0.9  # of the pixels are quite clear or quite opaque, where a channel is alpha
# Pillow's modes whose arrays are not gray or colours
_MODES = {"P": "palette", "PA": "palette", "CMYK": "CMYK", "YCbCr": "YCbCr", "LAB": "Lab"}
_AXES = {2: "height, width", 3: "depth, height, width"}
_WANTS_SPACING = (
    "a volume (depth, height, width, channels), it needs an estimator with spacing, as "
    "spacing=(1, 1, 1)"
)


# --- collections ----------------------------------------------------------------------------------


def check_sequence(X, name, item, axes=2):
    """Return ``X`` as something with a length and integer indices, or say why it is not one.

    ``axes`` is 3 where the images are volumes.
    """
    form, what = _AXES[axes], item
    if item == "image":
        form += ", channels"
        item = "volume" if axes == 3 else item
    accepted = f"accepted is a sequence of {item}s ({form}) or a stacked array (n, {form})"
    if hasattr(X, "iloc"):  # a pandas Series is indexed by label, not by position
        X = X.to_numpy()
    if hasattr(X, "ndim") and hasattr(X, "shape"):
        _check_stack(X, name, what, item, axes, accepted)
    elif isinstance(X, (str, bytes, os.PathLike)):
        raise TypeError(f"{name} is a path, {os.fspath(X)!r}; {_reader(name, what, several=False)}")
    elif isinstance(X, (dict, set)) or not (hasattr(X, "__len__") and hasattr(X, "__getitem__")):
        way_out = ""
        if isinstance(X, dict):
            way_out = f". If its values are the {item}s, pass list({name}.values())"
        elif hasattr(X, "__iter__"):
            way_out = f". If it yields {item}s, pass list({name})"
        elif hasattr(X, "convert"):
            way_out = f". If it is one {item}, pass [{name}]"
        raise TypeError(f"{name} is of type {type(X).__name__}; {accepted}{way_out}")
    if len(X) == 0:
        raise ValueError(f"{name} is empty; {accepted}")
    return X


def _check_stack(X, name, what, item, axes, accepted):
    """Check the axes of an array, of numpy or another package, whose items are called ``item``."""
    shape = tuple(X.shape)
    found = f"{name} is an array of shape {shape} and dtype {X.dtype}"
    is_objects = isinstance(X, np.ndarray) and X.dtype == object
    if X.ndim > axes + 2 or (is_objects and X.ndim != 1):
        way_out = f". If an item is {_WANTS_SPACING}" if (X.ndim, axes) == (5, 2) else ""
        raise ValueError(f"{found}; {accepted}{way_out}")
    if not is_objects and X.ndim <= axes:
        raise ValueError(f"{found}; {accepted}. If it is one {item}, pass [{name}]")
    if what != "image" or 0 in shape:
        return
    is_tensor = hasattr(X, "permute")  # torch's images are (channels, height, width)
    if X.ndim == axes + 1 and shape[-1] <= _FEW < min(shape[:-1]):
        wide = "pixels" if axes == 2 else "samples"
        raise ValueError(
            f"{found}, which reads as {shape[0]} gray {item}s {shape[-1]} {wide} wide. "
            f"If it is one {item} of {shape[-1]} channels, pass [{name}]"
        )
    if X.ndim == 3 and is_tensor and shape[0] <= _FEW < min(shape[1:]):
        raise ValueError(
            f"{found}, which reads as {shape[0]} gray images. If it is one image, channels first, "
            f"pass [{name}.permute(1, 2, 0).numpy()]; if not, {name}.numpy()"
        )
    if X.ndim == axes + 2 and shape[1] <= _FEW < shape[2] and shape[-1] > _MANY:
        order = (0, *range(2, axes + 2), 1)
        line = f"{name}.permute{order}.numpy()" if is_tensor else f"np.moveaxis({name}, 1, -1)"
        raise ValueError(
            f"{found}: channels come last here, (n, {_AXES[axes]}, channels). Pass {line}"
        )


def _reader(name, item, several=True):
    """The line that reads files."""
    function = "read_image" if item == "image" else "read_labels"
    if several:
        lazily = ", or lazily sklearn_spx.io.ImageFolder(folder)" if item == "image" else ""
        return f"pass [sklearn_spx.io.{function}(path) for path in {name}]{lazily}"
    folder = "sklearn_spx.io.ImageFolder(folder)" if item == "image" else "a list of label images"
    return f"pass [sklearn_spx.io.{function}({name})], or for a folder {folder}"


def check_same_length(X, other, name):
    """Raise unless ``other`` holds as many items as ``X``."""
    if len(other) != len(X):
        raise ValueError(f"{name} holds {len(other)} items for the {len(X)} images of X")


# --- images ---------------------------------------------------------------------------------------


def check_image(image, name, mask=None, mask_name="mask", axes=2):
    """Return ``image`` as an array (H, W) or (H, W, C) of its own dtype, finite and not empty.

    With ``axes`` of 3 it is a volume (D, H, W) or (D, H, W, C), and returned as the latter. Of a
    masked one the inside has to be finite; the outside may hold anything.
    """
    _check_item(image, name, "image")
    mode = getattr(image, "mode", None)
    if hasattr(image, "convert") and mode in _MODES:
        raise ValueError(
            f"{name} is a {_MODES[mode]} image, whose numbers are no colours; pass "
            f'{name}.convert("RGB")'
        )
    _check_no_masked_pixels(image, name, mask_name, axes)
    image = _as_array(image, name)
    check_form(image, name, axes)
    if axes == 3 and image.ndim == 3:
        image = image[..., None]
    check_finite(image, name, mask, mask_name)
    return image


def _check_no_masked_pixels(image, name, mask_name, axes):
    """Raise where pixels are masked by a masked array: masks are given beside images."""
    any_channel = ".any(axis=-1)" if getattr(image, "ndim", axes) > axes else ""
    outside = f"np.ma.getmaskarray({name}){any_channel}"
    check_not_masked(image, name, f"{name}.data, and as {mask_name} ~{outside}")


def check_form(image, name, axes=2):
    """Raise unless what has ``shape`` and ``dtype`` can be an image; no value is looked at."""
    shape, form = image.shape, _AXES[axes]
    if image.dtype.kind not in "buif":
        raise TypeError(
            f"{name} has dtype {image.dtype}; accepted are boolean, integer and real "
            "floating-point images"
        )
    if image.ndim not in (axes, axes + 1):
        way_out = ""
        if (image.ndim, axes) == (4, 2):
            way_out = f". If it is a batch, pass its images: list({name}); if {_WANTS_SPACING}"
        elif (image.ndim, axes) == (2, 3):
            way_out = ", as spacing has three numbers; for images give two, or None"
        raise ValueError(
            f"{name} has shape {shape}; accepted are ({form}) and ({form}, channels){way_out}"
        )
    if 0 in shape:
        raise ValueError(f"{name} has shape {shape}: it is empty")
    if image.ndim == 3 == axes and shape[2] <= _FEW < min(shape[:2]):
        raise ValueError(
            f"{name} has shape {shape}, which reads as a volume {shape[2]} samples wide. If it is "
            f"an image of {shape[2]} channels, spacing has two numbers, or is None; if it is such "
            f"a volume, pass {name}[..., None]"
        )
    if image.ndim == axes + 1 and shape[0] <= _FEW < shape[1] and shape[-1] > _MANY:
        rows = "rows" if axes == 2 else "slices"
        way_out = ""
        if axes == 2:
            way_out = (
                "; or, if it is a volume (depth, height, width), give it to an estimator with "
                "spacing, as spacing=(1, 1, 1)"
            )
        raise ValueError(
            f"{name} has shape {shape}, which reads as {shape[0]} {rows} of {shape[-1]} channels: "
            f"channels come last here. Pass np.moveaxis({name}, 0, -1){way_out}"
        )


def check_finite(image, name, mask=None, mask_name="mask", way_out="a mask may leave them out"):
    """Raise unless all values are finite, inside the mask if there is one."""
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        values, where = image, ""
        if mask is not None:
            values, where = image[check_mask(mask, mask_name, grid_of(image))], " inside its mask"
        bad = values.size - int(np.isfinite(values).sum())
        if bad:
            raise ValueError(
                f"{name} holds {bad} values that are NaN or infinite{where}; {way_out}"
            )


def check_no_alpha(image, name, mask=None):
    """Raise where the last of two or four channels looks like alpha."""
    channels = n_channels(image)
    if channels not in (2, 4):
        return
    last = image[..., -1] if mask is None else image[..., -1][mask]
    full = 1 if image.dtype.kind in "bf" else np.iinfo(image.dtype).max
    n_opaque = np.count_nonzero(last == full)
    if n_opaque and n_opaque + np.count_nonzero(last == 0) >= _ALPHA * last.size:
        colours = "gray and alpha" if channels == 2 else "RGBA"
        raise ValueError(
            f"{name} has {channels} channels, the last of which looks like alpha ({colours}). "
            f"Without it: {name}[..., :{channels - 1}]. If it is a band like the others, put it "
            f"first: np.roll({name}, 1, axis=-1)"
        )


def hint_at_alpha(found, expected):
    """What to do about channels too many, where they may be alpha; else nothing."""
    if (found, expected) in ((4, 3), (2, 1)):
        return f". If the last one is alpha, pass image[..., :{expected}]"
    return ""


def check_magnitude(image, name):
    """Raise where float32 sums of squares, as nets and learned distances take them, overflow."""
    if (image.dtype.kind == "f" and image.dtype != np.float16) or image.dtype.itemsize == 8:
        greatest = max(abs(float(image.min())), abs(float(image.max())))
        if greatest > LARGEST_VALUE:
            raise ValueError(
                f"{name} holds values up to {greatest:.3g}; what is learned takes at most "
                f"{LARGEST_VALUE:.0e}: rescale the images"
            )


def n_channels(image):
    """Number of channels of an image (H, W) or (H, W, C), or of a volume (D, H, W, C)."""
    return 1 if image.ndim == 2 else image.shape[-1]


def grid_of(image):
    """Shape of the pixels of an image (H, W) or (H, W, C), or of a volume (D, H, W, C)."""
    return image.shape if image.ndim == 2 else image.shape[:-1]


# --- ground truths and masks ----------------------------------------------------------------------


def check_target(target, name, shape):
    """Return the label images of one image's annotators: a list of int32 arrays of a shape."""
    _check_item(target, name, "label image")
    if isinstance(target, np.ndarray):
        several = target.dtype == object or (
            target.ndim == len(shape) + 1
            and (target.shape[1:] == shape or target.shape[: len(shape)] != shape)
        )
    else:
        several = isinstance(target, (list, tuple)) and (
            not target
            or np.ndim(target[0]) >= len(shape)
            or isinstance(target[0], (str, os.PathLike))
        )
    if not several:
        return [check_labels(target, name, shape)]
    annotations = list(target)
    if not annotations:
        raise ValueError(f"{name} holds no annotation")
    return [check_labels(a, f"{name}[{k}]", shape) for k, a in enumerate(annotations)]


def check_labels(labels, name, shape):
    """Return one label image as int32, of a shape (H, W) or (D, H, W)."""
    _check_item(labels, name, "label image")
    check_not_masked(labels, name, f"{name}.filled(-1): what is negative is unknown")
    labels = _as_array(labels, name)
    if labels.shape == (*shape, 1):
        labels = labels[..., 0]
    if labels.ndim == 3 and labels.shape[:2] == tuple(shape):
        n = labels.shape[2]
        if n in (3, 4) and labels.dtype == np.uint8:
            way_out = (
                "is a picture, not a label image. If its colours are the labels, "
                "sklearn_spx.io.read_labels(path) reads them from the file, and here "
                f"{name}[..., :3].astype(int) @ (1, 256, 65536) numbers them, alike in all images"
            )
        else:
            way_out = (
                f"is not a label image. If it has a mask for each class, pass {name}.argmax(-1); "
                f"if it has the annotations of {n} people, list(np.moveaxis({name}, -1, 0))"
            )
        raise ValueError(f"{name} has shape {labels.shape}: it {way_out}")
    if labels.dtype.kind == "f" and labels.size:
        inside = labels[np.isfinite(labels)]
        if (inside == np.rint(inside)).all():
            unknown = "" if inside.size == labels.size else ", NaN as -1, which is unknown"
            line = (
                f"{name}.astype(int)"
                if not unknown
                else f"np.nan_to_num({name}, nan=-1).astype(int)"
            )
            raise TypeError(
                f"{name} has dtype {labels.dtype}; accepted are integer label images. Pass "
                f"{line}{unknown}"
            )
    if labels.ndim == len(shape) and labels.shape != tuple(shape) and labels.size:
        turned = labels.shape == tuple(shape)[::-1]
        swapped = "rows and columns are swapped" if len(shape) == 2 else "its axes are (x, y, z)"
        raise ValueError(
            f"{name} has shape {labels.shape}, but its image {tuple(shape)}"
            + (f". Pass {name}.T if {swapped}" if turned else "")
        )
    return as_labels(labels, name, shape)


def check_boundaries(targets):
    """Raise unless one of the annotations, given image by image, has two segments."""
    for annotations in targets:
        for annotation in annotations:
            known = annotation[annotation >= 0]
            if known.size and (known != known[0]).any():
                return
    raise ValueError(
        "y shows no boundary: each ground truth is one segment, or unknown, so there is nothing "
        "to learn; are they label images?"
    )


def check_mask(mask, name, shape):
    """Return one image's mask as a boolean array, of a shape (H, W) or (D, H, W), or None."""
    if mask is None:
        return None
    check_not_masked(mask, name, f"{name}.filled(False)")
    return as_mask(_as_array(mask, name), shape, name)


# --- items ----------------------------------------------------------------------------------------


def _check_item(item, name, what):
    """Raise where an item is a path."""
    if isinstance(item, (str, bytes, os.PathLike)):
        collection = name.partition("[")[0]
        raise TypeError(f"{name} is a path, {os.fspath(item)!r}; {_reader(collection, what)}")


def _as_array(item, name):
    try:
        return np.asarray(item)
    except Exception as error:  # whatever an image class of somebody else's raises
        raise ValueError(f"{name} cannot be read as an array: {error}") from error
