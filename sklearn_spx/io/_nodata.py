"""Where a TIFF says that it has no data: GDAL's tag, or a mask page."""

import numpy as np
import tifffile

from ._orientation import ORIENTATION, upright
from ._pages import chosen_pages

GDAL_NODATA = 42113


def without_data(file, page, stored):
    """Return where one page has no data (height, width), or None where that is nowhere said.

    ``stored`` are its numbers as they are stored, of palettes the indices.
    """
    file.seek(0)
    with tifffile.TiffFile(file, is_ome=False) as tiff:
        pages = [p for p in tiff.pages if not p.is_reduced]
        main = [k for k, p in enumerate(pages) if not p.is_mask]
        if len(main) == 1:  # of an ImageJ stack, one page stands for all
            k = main[0]
        else:
            k = main[chosen_pages(page, len(main), "page")[0]]
        tag = pages[k].tags.get(GDAL_NODATA)
        nowhere = None if tag is None else _equal(stored, str(tag.value).strip(" \0"))
        if k + 1 < len(pages) and pages[k + 1].is_mask:
            masked = np.asarray(pages[k + 1].asarray()) == 0
            tag = pages[k].tags.get(ORIENTATION)
            masked = upright(masked, 1 if tag is None else int(tag.value))
            if masked.shape != stored.shape[:2]:
                raise ValueError(
                    f"has a mask of shape {masked.shape} for {stored.shape[:2]} pixels"
                )
            nowhere = masked if nowhere is None else nowhere | masked
    return nowhere


def _equal(stored, text):
    """Return where all bands have the value that ``text`` says; NaN in one band is enough."""
    try:
        value = int(text)
    except ValueError:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"has the tag GDAL_NODATA {text!r}, which is no number") from None
    bands = stored if stored.ndim == 3 else stored[:, :, None]
    if np.isnan(value):
        return np.isnan(bands).any(axis=2) if bands.dtype.kind == "f" else None
    if bands.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return (bands == bands.dtype.type(value)).all(axis=2)
    limits = np.iinfo(np.uint8 if bands.dtype.kind == "b" else bands.dtype)
    if value != int(value) or not limits.min <= value <= limits.max:
        return None  # as with -9999 for bytes: no pixel has it
    return (bands == bands.dtype.type(int(value))).all(axis=2)
