"""What Pillow reads: JPEG, PNG, GIF, BMP, WebP, PPM and PGM."""

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ._alpha import without_alpha
from ._deep_png import is_deep_png, read_deep_png
from ._limits import check_size
from ._orientation import ORIENTATION, upright
from ._pages import chosen_pages, stacked
from ._pnm import pnm_header, read_pnm

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "PPM")
AS_STORED = ("L", "RGB", "I", "F")  # beside those that begin with I;16
LINE = (
    'import numpy as np, PIL.Image; image = PIL.Image.open({path!r}).convert("RGBA"); '
    'image = np.asarray(PIL.Image.alpha_composite(PIL.Image.new("RGBA", image.size, "white"), '
    'image).convert("RGB"))'
)


def read_picture(file, path, page, as_labels):
    """Return a picture's pixels; with ``as_labels`` those of a palette are its indices."""
    head = file.read(2**16)
    file.seek(0)
    header = pnm_header(head)
    if header is not None and header.brightest != 255:
        chosen_pages(page, 1, "image")
        array = read_pnm(file, header, as_labels)
        return array[None] if page == "all" else array
    with _opened(file) as image:
        check_size(image.width * image.height, f"the {image.format} image")
        if as_labels and image.format in ("JPEG", "MPO"):
            raise ValueError(
                "is a JPEG, which blurs numbers; label images are PNG, TIFF, .npy, .npz or .mat"
            )
        if is_deep_png(head):
            array = upright(read_deep_png(file, path, image), image.getexif().get(ORIENTATION, 1))
            chosen_pages(page, 1, "frame")
            return array[None] if page == "all" else array
        # in an MPO, as phones write, what follows the picture are previews and maps of depth
        n_frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        frames = []
        for k in chosen_pages(page, n_frames, "frame"):
            image.seek(k)
            image.load()  # a truncated file is an error here
            frames.append(_pixels(ImageOps.exif_transpose(image), path, as_labels))
    return stacked(frames, "frame") if page == "all" else frames[0]


def _opened(file):
    try:
        return Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(
            f"{error}; if you trust the file, set PIL.Image.MAX_IMAGE_PIXELS to None"
        ) from None
    except UnidentifiedImageError:
        raise ValueError(
            "cannot be identified as an image; accepted are JPEG, PNG, GIF, BMP, WebP, PPM, PGM, "
            "TIFF, .npy, .npz and .mat"
        ) from None


def _pixels(image, path, as_labels):
    if image.mode == "P" and as_labels:
        return np.array(image)
    if image.mode == "1":
        return np.array(image) if as_labels else np.array(image.convert("L"))
    if image.mode.startswith("I;16") and "transparency" in image.info:
        gray = np.array(image)  # which Pillow would cut to 8 bits for an alpha channel
        alpha = np.where(gray == image.info["transparency"], 0, 65535).astype(np.uint16)
        return without_alpha(np.stack([gray, alpha], axis=2), LINE.format(path=str(path)))
    if image.has_transparency_data:
        mode = "LA" if image.mode in ("L", "LA", "La") else "RGBA"
        return without_alpha(np.array(image.convert(mode)), LINE.format(path=str(path)))
    if image.mode not in AS_STORED and not image.mode.startswith("I;16"):
        image = image.convert("RGB")  # palettes, CMYK, YCbCr, ...
    return np.array(image)
