"""Mosaics of photographed textures: regions that differ in texture and not in gray.

Brick, grass and gravel come with scikit-image. A patch of one fills each region of an image,
upright or turned, coarse or fine, brought to the same mean and contrast as all others. So a pixel
says nothing about its region, and its surroundings say all.
"""

import numpy as np
from scipy import ndimage
from sklearn.utils import Bunch, check_random_state

from ..kernels import enforce_connectivity
from ..kernels.checks import check_count

_MEAN, _CONTRAST = 128, 42  # of every patch, and its standard deviation
_SMALLEST = 0.02  # of an image: what is smaller, as an island, is part of a neighbour
_WAVE = 0.12  # how far borders wander, as a share of the image's side


def make_texture_mosaics(
    n_images: int = 10,
    shape: tuple[int, ...] = (192, 256),
    *,
    n_regions: int = 7,
    half: str | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Generate gray images of photographed textures, with their exact segmentation.

    Parameters
    ----------
    n_images : int, default=10
        Number of images.
    shape : tuple of int, default=(192, 256)
        Height and width of the images in pixels, 2 to 480.
    n_regions : int, default=7
        Seeds of the regions of an image; a few more or fewer come out.
    half : {"left", "right"} or None, default=None
        Half of each photograph that patches are cut from, so that what is learned from one can be
        tested on the other. None: all of it.
    random_state : int, RandomState instance or None, default=None
        Seed of the images. With the same integer, image ``i`` is the same whatever ``n_images`` is.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        images : list of ndarray of shape (height, width), dtype uint8
            The gray images.
        ground_truths : list of ndarray of shape (height, width), dtype int32
            Labels 0 to n - 1, every region 4-connected.

    Raises
    ------
    ValueError, TypeError
        If a number, ``shape`` or ``half`` is not accepted; the message names it.

    Examples
    --------
    >>> from sklearn_spx.datasets import make_texture_mosaics
    >>> data = make_texture_mosaics(2, (48, 64), random_state=0)
    >>> data.images[0].shape, data.images[0].dtype
    ((48, 64), dtype('uint8'))
    >>> int(data.ground_truths[0].max()) + 1 >= 2
    True
    """
    n_images = check_count(n_images, "n_images")
    n_regions = check_count(n_regions, "n_regions", 2)
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise ValueError(f"shape must be (height, width), got {shape!r}")
    shape = tuple(check_count(n, "shape", 2) for n in shape)
    if max(shape) > 480:
        raise ValueError(f"shape must be at most 480 pixels a side, got {shape}")
    if half not in (None, "left", "right"):
        raise ValueError(f'half must be "left", "right" or None, got {half!r}')
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    textures = _textures(half)
    images, ground_truths = [], []
    for i in range(n_images):
        rng = np.random.default_rng([seed, i])
        labels = _regions(shape, n_regions, rng)
        ground_truths.append(labels)
        images.append(_painted(labels, textures, rng))
    return Bunch(images=images, ground_truths=ground_truths)


def _textures(half):
    """Brick upright and turned, grass, coarse gravel and fine."""
    from skimage import data

    def cut(photograph, zoom):
        width = photograph.shape[1] // 2
        if half is not None:
            photograph = photograph[:, :width] if half == "left" else photograph[:, width:]
        blurred = ndimage.gaussian_filter(photograph.astype(np.float32), 0.4 / zoom)
        return ndimage.zoom(blurred, zoom, order=1)

    brick, grass, gravel = data.brick(), data.grass(), data.gravel()
    fine = cut(brick, 0.25)
    return [fine, np.rot90(fine), cut(grass, 0.33), cut(gravel, 0.33), cut(gravel, 0.16)]


def _regions(shape, n_regions, rng):
    """Voronoi cells of random seeds, their borders wandering; each a 4-connected region."""
    size = np.array(shape)
    seeds = rng.random((n_regions, 2)) * size
    places = np.indices(shape).astype(np.float64)
    for axis in places:
        wave = ndimage.gaussian_filter(rng.normal(size=shape), max(shape) / 16, mode="wrap")
        axis += _WAVE * max(shape) / 2 * wave / (wave.std() or 1)
    squares = ((places[:, None] - seeds.T[:, :, None, None]) ** 2).sum(axis=0)
    nearest = squares.argmin(axis=0)
    return enforce_connectivity(nearest, round(_SMALLEST * nearest.size))


def _painted(labels, textures, rng):
    """Fill each region with a patch of a texture that no neighbour has, where there is one."""
    height, width = labels.shape
    n = labels.max() + 1
    beside = [set() for _ in range(n)]
    for a, b in ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])):
        for one, other in np.unique(np.stack([a[a != b], b[a != b]], axis=1), axis=0):
            beside[one].add(other)
            beside[other].add(one)
    chosen = {}
    image = np.empty(labels.shape, np.float32)
    for k in range(n):
        taken = {chosen[other] for other in beside[k] if other in chosen}
        free = [t for t in range(len(textures)) if t not in taken] or list(range(len(textures)))
        chosen[k] = int(rng.choice(free))
        patch = _patch(textures[chosen[k]], height, width, rng)
        image[labels == k] = patch[labels == k]
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _patch(texture, height, width, rng):
    """A random window of a texture, mirrored at its borders where it is too small."""
    rows = (rng.integers(2 * texture.shape[0]) + np.arange(height)) % (2 * texture.shape[0])
    columns = (rng.integers(2 * texture.shape[1]) + np.arange(width)) % (2 * texture.shape[1])
    rows = np.minimum(rows, 2 * texture.shape[0] - 1 - rows)
    columns = np.minimum(columns, 2 * texture.shape[1] - 1 - columns)
    patch = texture[np.ix_(rows, columns)]
    even = patch - ndimage.gaussian_filter(patch, 24, mode="reflect")  # no light and dark sides
    return _MEAN + _CONTRAST * even / max(float(even.std()), 1e-6)
