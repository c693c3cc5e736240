"""TIFF, by tifffile: any depth, any number of bands, pages by choice."""

import numpy as np
import tifffile
from PIL import Image

from ._alpha import without_alpha
from ._limits import check_shape, check_size
from ._orientation import ORIENTATION, upright
from ._pages import chosen_pages, stacked

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
ALPHA = (1, 2)  # of the tag ExtraSamples: premultiplied and not
PILLOW_HAS = (2, 3, 4, 5, 6, 7, 50000)  # compressions: CCITT, LZW, JPEG, Zstandard
AXES = ("YX", "YXS", "SYX")


def read_tiff(file, path, page, as_labels):
    """Return a page's samples (height, width) or (height, width, bands), of their own dtype."""
    try:
        # the pages of this file alone: OME metadata may name others
        tiff = tifffile.TiffFile(file, is_ome=False)
    except (tifffile.TiffFileError, ValueError, OverflowError) as error:
        raise ValueError(f"is a broken TIFF: {error}") from error
    with tiff:
        pages = [p for p in tiff.pages if not (p.is_reduced or p.is_mask)]  # no thumbnails
        if not pages:
            raise ValueError("is a TIFF without an image")
        planes = _planes_behind_one_page(tiff, pages)
        chosen = chosen_pages(page, len(pages) if planes is None else planes, "page")
        if planes is None:
            arrays = [_page(pages[k], file, path, as_labels) for k in chosen]
        else:
            check_shape((planes, *pages[0].shape), "the TIFF")
            every = tiff.series[0].asarray().reshape(planes, *pages[0].shape)
            arrays = [_arranged(every[k], pages[0], path, as_labels) for k in chosen]
    return stacked(arrays, "page") if page == "all" else arrays[0]


def _planes_behind_one_page(tiff, pages):
    """Return how many images follow a single page that stands for them, or None."""
    if len(pages) > 1 or not (tiff.is_imagej or tiff.is_shaped):
        return None
    size, one = tiff.series[0].size, pages[0].size
    return size // one if size > one else None


def _page(page, file, path, as_labels):
    check_size(page.imagewidth * page.imagelength, "the TIFF page")
    check_shape(page.shape, "the TIFF page")
    if page.axes not in AXES:
        raise ValueError(
            f"has a page of axes {page.axes} and shape {page.shape}; accepted are images of "
            "height, width and bands"
        )
    if page.photometric in (SEPARATED, YCBCR) and page.dtype == np.uint8:
        return _read_by_pillow(page, file)
    try:
        return _arranged(page.asarray(), page, path, as_labels)
    except Exception as error:  # each codec has its own
        if "imagecodecs" not in str(error) and not isinstance(error, ImportError):
            raise
        if page.compression in PILLOW_HAS and _pillow_keeps(page):
            return _read_by_pillow(page, file)
        how = getattr(page.compression, "name", page.compression)
        raise ValueError(
            f"is packed in a way ({how}, {page.bitspersample} bits) that only imagecodecs unpacks: "
            "pip install imagecodecs"
        ) from error


def _pillow_keeps(page):
    """Whether Pillow's samples are those stored: it cuts 16-bit colours to 8 bits."""
    gray = page.samplesperpixel == 1 and page.photometric in (MIN_IS_BLACK, MIN_IS_WHITE)
    plain = page.dtype in (np.uint8, np.bool_) or (gray and page.dtype == np.uint16)
    return plain and (gray or page.samplesperpixel == 3) and page.photometric != PALETTE


def _read_by_pillow(page, file):
    file.seek(0)
    with Image.open(file, formats=("TIFF",)) as image:
        image.seek(page.index)
        image.load()  # it honours the orientation itself
        if image.mode in ("CMYK", "YCbCr"):
            image = image.convert("RGB")
        return np.array(image.convert("L") if image.mode == "1" else image)


def _arranged(array, page, path, as_labels):
    """Return a page's array as an image: bands last, upright, palettes and signs resolved."""
    if page.axes == "SYX":
        array = np.moveaxis(array, 0, -1)
    tag = page.tags.get(ORIENTATION)
    array = upright(array, 1 if tag is None else int(tag.value))
    kind = page.photometric
    if kind not in (MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE):
        raise ValueError(
            f"has a page of photometric interpretation {getattr(kind, 'name', kind)}; "
            "accepted are gray, RGB, palettes, and 8-bit CMYK and YCbCr"
        )
    if array.ndim == 3 and page.extrasamples and page.extrasamples[-1] in ALPHA:
        paste = f"import tifffile; image = tifffile.imread({str(path)!r})[..., :-1]"
        array = without_alpha(array, paste)
    if not as_labels:
        if page.bitspersample == 1:
            array = array.astype(np.uint8) * np.uint8(255)
        if kind == PALETTE:
            array = (np.asarray(page.colormap) >> 8).astype(np.uint8).T[array]
        elif kind == MIN_IS_WHITE and array.dtype.kind == "u":
            bits = 8 if page.bitspersample == 1 else page.bitspersample
            array = array.dtype.type(2**bits - 1) - array
    return array
