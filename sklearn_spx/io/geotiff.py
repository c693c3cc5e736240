"""Georeferencing: which files have it, and label images that keep it, by rasterio."""

import warnings

import tifffile

from ..utils.files import open_regular
from ._orientation import ORIENTATION

__all__ = ["HINT", "as_geotiff", "has_rasterio", "is_geotiff", "place_of"]

GEO_KEY_DIRECTORY = 34735
HINT = "pip install 'sklearn-spx[geo]'"
OUTSIDE = -1  # the nodata value of label images


def is_geotiff(path):
    """Return whether a file is a TIFF whose first page is georeferenced."""
    try:
        with open_regular(path) as file, tifffile.TiffFile(file, is_ome=False) as tiff:
            return GEO_KEY_DIRECTORY in tiff.pages[0].tags
    except Exception:  # it is no TIFF, or a broken one: who reads it says so
        return False


def has_rasterio():
    """Return whether georeferencing can be kept."""
    try:
        import rasterio  # noqa: F401
    except ImportError:
        return False
    return True


def as_geotiff(labels, like):
    """Return the bytes of a GeoTIFF of int32 ``labels``, placed on earth as the file ``like`` is.

    ImportError without rasterio; ValueError where ``like`` has another size or no place on earth.
    """
    try:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
        from rasterio.io import MemoryFile
    except ImportError as error:
        raise ImportError(f"like= needs rasterio, which is not installed: {HINT}") from error

    _check_upright(like)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            source = rasterio.open(like, driver="GTiff")
        except RasterioIOError as error:
            raise ValueError(f"{like} cannot be read as a GeoTIFF: {error}") from None
        with source:
            if source.shape != labels.shape:
                raise ValueError(
                    f"{like} has {source.height} x {source.width} pixels, the labels have shape "
                    f"{labels.shape}"
                )
            points, points_crs = source.gcps
            if source.transform.is_identity and not points and source.rpcs is None:
                raise ValueError(f"{like} has no georeferencing")
            about = {
                "height": source.height,
                "width": source.width,
                "transform": None if points else source.transform,
                "crs": None if points else source.crs,
            }
            with MemoryFile() as memory:
                with memory.open(
                    driver="GTiff",
                    count=1,
                    dtype="int32",
                    nodata=OUTSIDE,
                    compress="deflate",
                    bigtiff="if_safer",
                    **about,
                ) as target:
                    if points:
                        target.gcps = (points, points_crs)
                    if source.rpcs is not None:
                        target.rpcs = source.rpcs
                    kind = source.tags().get("AREA_OR_POINT")
                    if kind is not None:
                        target.update_tags(AREA_OR_POINT=kind)
                    target.write(labels, 1)
                return memory.read()


def place_of(path):
    """Return (six numbers of the transform, name of the reference system or None) of a GeoTIFF.

    Needs rasterio. ValueError where pixels have no place by a transform.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    _check_upright(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            source = rasterio.open(path, driver="GTiff")
        except RasterioIOError as error:
            raise ValueError(f"{path} cannot be read as a GeoTIFF: {error}") from None
        with source:
            if source.transform.is_identity:
                raise ValueError(f"{path} has no transform from pixels to coordinates")
            return tuple(source.transform)[:6], source.crs and source.crs.to_string()


def _check_upright(like):
    """Raise where pixels are stored otherwise than labels, and people, see them."""
    with open_regular(like) as file:
        try:
            with tifffile.TiffFile(file, is_ome=False) as tiff:
                tag = tiff.pages[0].tags.get(ORIENTATION)
        except Exception:
            return  # rasterio says what is wrong with it
    if tag is not None and tag.value != 1:
        raise ValueError(f"{like} is stored turned or mirrored (TIFF orientation {tag.value})")
