"""PNG with colours, or gray and alpha, of 16 bits, which Pillow would cut to 8: by OpenCV."""

import numpy as np

from ._alpha import without_alpha

GRAY_ALPHA = 4
CUT = (2, GRAY_ALPHA, 6)  # the format's colour types that Pillow cuts: RGB, this, RGBA


def is_deep_png(head):
    """Return whether a file that begins so is such a PNG."""
    return head.startswith(b"\x89PNG") and head[24:25] == b"\x10" and head[25] in CUT


def read_deep_png(file, path, image):
    """Return the pixels as stored, uint16. ``image`` is what Pillow made of the file."""
    try:
        import cv2
    except ImportError:
        raise ValueError(
            "holds 16-bit colours, which Pillow cuts to 8 bits; to read them whole: "
            "pip install 'sklearn-spx[opencv]', or convert the file to TIFF"
        ) from None
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError("is an animation of 16-bit colours; accepted are files of one frame")
    image.load()  # a broken file is an error here, while OpenCV gives what there is of it
    file.seek(0)
    data = file.read()
    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16 or array.ndim != 3:
        raise ValueError("cannot be read by OpenCV")
    colours = array[:, :, 2::-1]  # it has blue first
    if data[25] == GRAY_ALPHA:
        colours = colours[:, :, :1]
    if array.shape[2] == 3:
        return colours
    paste = f"import cv2; image = cv2.imread({str(path)!r}, cv2.IMREAD_UNCHANGED)[:, :, 2::-1]"
    return without_alpha(np.concatenate([colours, array[:, :, 3:]], axis=2), paste)
