"""Images are turned as the tag Orientation of TIFF and EXIF says."""

ORIENTATION = 274


def upright(array, orientation):
    """Turn and mirror what is stored, by the value of the tag."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array
