"""Images and masks of every kind: dtypes, layouts in memory, contents, islands and corners."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from skimage.measure import label as connected

DTYPES = ["?", "u1", "i1", "u2", ">u2", "i4", ">i4", "u4", "i8", "u8", "f2", "f4", ">f4", "f8", "g"]
CONTENTS = ["noise", "constant", "blocks", "ramp", "spike", "tiny", "large", "widest"]
SPIKES = [1e20, -1e20, 1e38, 3.4e38, 1e300, 1e-40, 65504.0]
MASKS = ["none", "all", "noise", "chessboard", "islands", "diagonal", "pixel", "frame"]


def unaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)[1:]
    raw[:] = np.ascontiguousarray(array).view(np.uint8).ravel()
    return raw.view(array.dtype).reshape(array.shape)


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


def spaced(array):
    wide = np.zeros((2 * array.shape[0], 3 * array.shape[1], *array.shape[2:]), array.dtype)
    wide[::2, 1::3] = array
    return wide[::2, 1::3]


LAYOUTS = {
    "plain": np.array,
    "negative strides": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "Fortran": np.asfortranarray,
    "read-only": read_only,
    "unaligned": unaligned,
    "spaced": spaced,
    "list": lambda a: a.tolist(),
}


class Scene(NamedTuple):
    """An image and a mask, in words: what Hypothesis draws, shrinks and prints."""

    seed: int
    shape: tuple
    channels: int | None
    dtype: str
    content: str
    layout: str
    mask: str
    mask_dtype: str

    @property
    def rng(self):
        return np.random.default_rng(self.seed)

    def plain_image(self):
        """The image, C-contiguous; a list where its dtype would not survive one."""
        shape = self.shape if self.channels is None else (*self.shape, self.channels)
        dtype = np.dtype(self.dtype)
        share = _share(self.content, shape, self.rng)
        if dtype.kind == "b":
            return share > 0.5
        if dtype.kind in "iu":
            low, high = 0, 255 if dtype != np.int8 else 127
            if self.content == "widest":
                low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
            values = low + share * (float(high) - float(low))
            return np.clip(values, low, np.nextafter(float(high), 0)).astype(dtype)
        with np.errstate(over="ignore"):
            scale = {"tiny": 1e-40, "large": 1e6, "widest": 1e15}.get(self.content, 1.0)
            image = (share * scale).astype(dtype)
            if self.content == "spike":
                value = dtype.type(SPIKES[self.seed % len(SPIKES)])
                image.flat[self.seed % image.size] = value if np.isfinite(value) else 1
        image[~np.isfinite(image)] = np.finfo(dtype).max
        return image

    def image(self):
        image = self.plain_image()
        if self.layout == "list" and image.dtype.str[1:] not in ("b1", "i8", "f8"):
            return image  # a list is read as int64 or float64
        return LAYOUTS[self.layout](image)

    def plain_mask(self):
        """Boolean, at least one pixel inside, or None."""
        y, x = np.indices(self.shape)
        rng = self.rng
        mask = {
            "all": np.ones(self.shape, bool),
            "noise": rng.random(self.shape) < 0.6,
            "chessboard": (y + x) % 2 == 0,
            "islands": (y % 4 < 2) & (x % 5 < 3),
            "diagonal": abs(y - x) < 1,
            "pixel": (y == self.shape[0] // 2) & (x == self.shape[1] // 2),
            "frame": (y == 0) | (x == 0) | (y == self.shape[0] - 1) | (x == self.shape[1] - 1),
        }.get(self.mask)
        if mask is not None:
            mask.flat[self.seed % mask.size] = True
        return mask

    def given_mask(self):
        mask = self.plain_mask()
        if mask is None:
            return None
        return LAYOUTS["plain" if self.layout == "list" else self.layout](
            mask.astype(self.mask_dtype)
        )

    def inside(self):
        mask = self.plain_mask()
        return np.ones(self.shape, bool) if mask is None else mask

    def n_parts(self, connectivity):
        return connected(self.inside(), connectivity=connectivity // 4, return_num=True)[1]

    def reach(self, where=np.s_[:]):
        """The greatest absolute value of the image, or of some pixels, infinite beyond float32."""
        with np.errstate(over="ignore"):
            return float(np.abs(self.plain_image()[where].astype(np.float32)).max())


def _share(content, shape, rng):
    """Values from 0 to 1."""
    y, x = np.indices(shape)[:2]
    if content == "constant":
        return np.full(shape, rng.random())
    if content == "blocks":
        return rng.integers(0, 4, (3, 3))[y * 3 // shape[0], x * 3 // shape[1]] / 3
    if content == "ramp":
        return (y + x) / sum(shape[:2])
    return rng.random(shape)


@st.composite
def scenes(draw, channels=(None, 1, 2, 3, 4, 20), dtypes=tuple(DTYPES), max_side=24):
    side = st.one_of(st.sampled_from([1, 2]), st.integers(1, max_side))
    return Scene(
        seed=draw(st.integers(0, 2**32 - 1)),
        shape=(draw(side), draw(side)),
        channels=draw(st.sampled_from(channels)),
        dtype=draw(st.sampled_from(dtypes)),
        content=draw(st.sampled_from(CONTENTS)),
        layout=draw(st.sampled_from(list(LAYOUTS))),
        mask=draw(st.sampled_from(MASKS)),
        mask_dtype=draw(st.sampled_from(["?", "u1", "i8", ">i2"])),
    )
