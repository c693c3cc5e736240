"""Dead leaves: synthetic photographs whose ground truth is known to the pixel.

Shapes fall on the ground, each hiding what lies below it, and what stays visible is the image
(Matheron's dead leaves). Sizes follow a power law, as those of objects in photographs do. A leaf
has one to four parts. Colours come from a small palette, so that neighbours often share one; a
third of the leaves even take exactly the colour of what they fall on, and then only their texture
tells them apart. Light falls off over the scene, leaves are shaded and cast shadows: edges that
are in the image and not in the ground truth. Lens blur and sensor noise come last.

Geometry comes first and alone decides the ground truth: a map of the part that owns each pixel.
The image is painted from that map, so the two agree everywhere. Textures are sums of cosine waves
whose parameters are looked up by pixel, hence painting needs no loop over the leaves.
"""

import numpy as np
from scipy import ndimage
from skimage.color import lab2rgb
from skimage.measure import label as connected_components
from sklearn.utils import Bunch, check_random_state

from ..kernels.checks import check_count

N_LEAVES = 20  # that fall on the ground; most stay visible
N_WAVES = 6  # of one texture
CAMOUFLAGED = 0.35  # share of the leaves that take the colour of what they fall on


def make_dead_leaves(
    n_images: int = 10,
    shape: tuple[int, ...] = (128, 192),
    *,
    n_annotators: int = 1,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Generate images, or volumes, of occluding, textured shapes with their exact segmentation.

    Colour alone does not separate the regions: neighbours share colours and differ in the
    orientation, scale or contrast of their texture, while shading and cast shadows make edges
    that belong to no region.

    Parameters
    ----------
    n_images : int, default=10
        Number of images.
    shape : tuple of int, default=(128, 192)
        Height and width of the images in pixels, or depth, height and width of volumes. The shapes
        grow with the image, their textures do not.
    n_annotators : int, default=1
        Number of segmentations of each image. The first has every part of every leaf; the others
        see less detail: they draw a leaf as one region, or leave out small leaves. Each
        annotator's regions are unions of regions of the first.
    random_state : int, RandomState instance or None, default=None
        Seed of the images. With the same integer, image ``i`` is the same whatever ``n_images``
        and ``n_annotators`` are.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        images : list of ndarray of shape (height, width, 3), dtype uint8
            The RGB images; of volumes (depth, height, width, 3).
        ground_truths : list of ndarray of shape (height, width), dtype int32
            One label image per image, or, when ``n_annotators`` is above 1, a list of
            ``n_annotators`` of them. Labels are 0 to n - 1 and every region is 4-connected; of
            volumes they are (depth, height, width), and regions 6-connected.

    Raises
    ------
    ValueError, TypeError
        If a number or ``shape`` is not accepted; the message names it.

    References
    ----------
    .. [1] A. Lee, D. Mumford, J. Huang, "Occlusion models for natural images: a statistical study
       of a scale-invariant dead leaves model", International Journal of Computer Vision, 2001.

    Examples
    --------
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> data = make_dead_leaves(n_images=2, shape=(48, 64), n_annotators=3, random_state=0)
    >>> data.images[0].shape, data.images[0].dtype
    ((48, 64, 3), dtype('uint8'))
    >>> [int(annotation.max()) + 1 >= 2 for annotation in data.ground_truths[0]]
    [True, True, True]
    >>> make_dead_leaves(n_images=1, shape=(8, 24, 32), random_state=0).images[0].shape
    (8, 24, 32, 3)
    """
    n_images = check_count(n_images, "n_images")
    n_annotators = check_count(n_annotators, "n_annotators")
    if not isinstance(shape, (tuple, list)) or len(shape) not in (2, 3):
        raise ValueError(f"shape must be (height, width) or (depth, height, width), got {shape!r}")
    shape = tuple(check_count(n, "shape") for n in shape)
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)

    if len(shape) == 3:
        from ._dead_volumes import make_volume as make
    else:
        make = _make_image
    images, ground_truths = [], []
    for i in range(n_images):
        rng = np.random.default_rng([seed, i])
        image, annotations = make(shape, n_annotators, rng)
        images.append(image)
        ground_truths.append(annotations[0] if n_annotators == 1 else annotations)
    return Bunch(images=images, ground_truths=ground_truths)


def _make_image(shape, n_annotators, rng):
    """Return a uint8 RGB image (H, W, 3) and the label images of its annotators."""
    scene = _drop_leaves(*shape, rng)
    return _paint(scene, rng), annotate(scene, n_annotators, rng)


# --- geometry ----------------------------------------------------------------------------------


def _drop_leaves(height, width, rng):
    """Let leaves fall; return who owns each pixel and what is known of every part and leaf."""
    scale = np.sqrt(height * width)
    owner = np.zeros((height, width), np.int32)  # the part that a pixel shows
    leaf_of_part, lies_on, frames = [0], [-1], [(width / 2, height / 2, scale)]
    rows, columns = np.ogrid[:height, :width]
    x, y = columns - width / 2, rows - height / 2
    leaf_of_part += _split(owner, np.ones_like(owner, bool), 1, 0, x, y, scale, rng)

    # radii: density r^-3 between the two bounds, the law of sizes in photographs
    low, high = 0.08, 0.42
    radii = scale * (low**-2 - rng.random(N_LEAVES) * (low**-2 - high**-2)) ** -0.5
    radii[: N_LEAVES // 4] = scale * rng.uniform(0.2, high, N_LEAVES // 4)
    for radius in radii:
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        top, left = max(int(y - 1.7 * radius), 0), max(int(x - 1.7 * radius), 0)
        window = owner[top : int(y + 1.7 * radius) + 2, left : int(x + 1.7 * radius) + 2]
        rows, columns = np.ogrid[top : top + window.shape[0], left : left + window.shape[1]]
        inside = _outline(columns - x, rows - y, radius, rng)
        if not inside.any():
            continue
        lies_on.append(int(np.bincount(window[inside]).argmax()))
        frames.append((x, y, radius))
        leaf = len(frames) - 1
        first = len(leaf_of_part)
        window[inside] = first
        leaf_of_part.append(leaf)
        leaf_of_part += _split(window, inside, first + 1, leaf, columns - x, rows - y, radius, rng)
    owner = without_slivers(owner, max(4, round(6e-4 * owner.size)))
    return Bunch(
        owner=owner,
        leaf_of_part=np.array(leaf_of_part),
        lies_on=np.array(lies_on),  # the part below the leaf; of the ground: none
        frames=np.array(frames),  # x, y and radius of the leaf
    )


def _outline(x, y, radius, rng):
    """Return the pixels inside one random shape: a blob, a polygon or a bar."""
    angle, elongation = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(0, 0.6))
    u = (x * np.cos(angle) + y * np.sin(angle)) / (radius * elongation)
    v = (y * np.cos(angle) - x * np.sin(angle)) / (radius / elongation)
    kind = rng.choice(3, p=[0.55, 0.3, 0.15])
    if kind == 0:
        phi, waves = np.arctan2(v, u), np.arange(2, 6)
        height = rng.normal(0, 0.17, waves.size) / np.sqrt(waves - 1)
        phase = rng.uniform(0, 2 * np.pi, waves.size)
        at = np.linspace(-np.pi, np.pi, 181)
        rim = np.maximum(1 + (height * np.cos(waves * at[:, None] + phase)).sum(1), 0.25)
        return u**2 + v**2 < np.interp(phi, at, rim) ** 2
    if kind == 1:
        corners = rng.integers(3, 7)
        normals = 2 * np.pi * (np.arange(corners) + rng.uniform(-0.25, 0.25, corners)) / corners
        inside = np.ones(np.broadcast(u, v).shape, bool)
        for normal, distance in zip(normals, rng.uniform(0.65, 0.95, corners)):
            inside &= u * np.cos(normal) + v * np.sin(normal) < distance
        return inside
    return (np.abs(u) < 1.3) & (np.abs(v + 0.15 * u**2) < rng.uniform(0.12, 0.3))


def _split(window, inside, first, leaf, x, y, radius, rng):
    """Give up to three pieces of a leaf labels of their own; return the leaf of each piece."""
    n_pieces = int(rng.choice(4, p=[0.5, 0.28, 0.15, 0.07]))
    for piece in range(first, first + n_pieces):
        angle, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.35)
        u = (x * np.cos(angle) + y * np.sin(angle)) / radius
        v = (y * np.cos(angle) - x * np.sin(angle)) / radius
        if rng.random() < 0.65:
            inner = u + bend * v**2 > rng.uniform(0.0, 0.5)  # one side of a bent line
        else:
            inner = (u - 0.15) ** 2 + (1 + bend) ** 2 * v**2 < rng.uniform(0.35, 0.6) ** 2
        window[inside & inner] = piece
    return [leaf] * n_pieces


def without_slivers(owner, min_size):
    """Return ``owner`` with connected pieces below ``min_size`` pixels given to what is near."""
    for _ in range(3):
        pieces = connected_components(owner, background=-1, connectivity=1)
        small = np.bincount(pieces.ravel())[pieces] < min_size
        if not small.any() or small.all():
            break
        nearest = ndimage.distance_transform_edt(small, return_distances=False, return_indices=True)
        owner = owner[tuple(nearest)]
    return owner


# --- painting ----------------------------------------------------------------------------------


def _paint(scene, rng):
    """Return the uint8 image of a scene."""
    owner, leaf_of_part = scene.owner, scene.leaf_of_part
    leaf = leaf_of_part[owner]
    waves, colours = materials(scene, rng)

    wander = [smooth_noise(owner.shape, 14, rng) for _ in range(2)]  # wood, not wallpaper
    texture = _texture(owner, waves, wander)
    mottle = smooth_noise(owner.shape, 1.5, rng) + smooth_noise(owner.shape, 5, rng)
    tint = waves.tint[owner] * texture[..., None]
    image = colours[owner] * (1 + texture + waves.mottle[owner] * mottle)[..., None] + tint

    image *= (_shading(leaf, scene.frames, rng) * _light(leaf, rng))[..., None]
    image = ndimage.gaussian_filter(image, (rng.uniform(0.45, 0.75),) * 2 + (0,))
    noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(0.004, 0.016)
    image += noise * np.sqrt(0.25 + np.clip(image, 0, 1))  # photons: bright pixels are noisier
    return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)


def materials(scene, rng):
    """Choose colour and texture of each part: waves, contrast, tint, mottle."""
    leaf_of_part, n = scene.leaf_of_part, scene.leaf_of_part.size
    palette, common = _palette(rng)
    colours = palette[rng.choice(len(palette), n, p=common)]
    colours = colours * np.exp(rng.normal(0, 0.07, (n, 1)))
    angle = rng.uniform(0, np.pi, n)
    period = np.exp(rng.uniform(np.log(2.8), np.log(12), n))
    contrast = rng.choice([0.02, 0.06, 0.12, 0.22], n, p=[0.3, 0.3, 0.25, 0.15])
    camouflaged, related = rng.random(n) < CAMOUFLAGED, rng.random(n) < 0.5
    brighter = np.exp(rng.choice([-1, 1], n) * rng.uniform(0.12, 0.4, n))
    turn = rng.uniform(0.3, 0.7, n) * np.pi
    stretch = rng.choice([0.45, 1.0, 2.2], n, p=[0.3, 0.4, 0.3])
    for part in range(1, n):  # in the order of falling: what lies below is settled
        leaf = leaf_of_part[part]
        is_piece = leaf == leaf_of_part[part - 1]
        below = part - 1 if is_piece else scene.lies_on[leaf]
        if camouflaged[part]:  # the same colour: the texture has to tell
            colours[part] = colours[below]
            contrast[part] = max(contrast[part], 0.14)
            if contrast[below] > 0.04:
                angle[part] = angle[below] + turn[part]
                period[part] = period[below] * stretch[part]
        elif is_piece and related[part]:
            colours[part] = colours[below] * brighter[part]
    return _waves(angle, np.clip(period, 2.6, 16), contrast, rng), np.clip(colours, 0.03, 0.95)


def _palette(rng):
    """Return a few colours that belong together, as RGB rows, and how common each is."""
    n = rng.integers(4, 8)
    lightness = rng.uniform(20, 85, n)
    muted = rng.uniform(0.4, 1.2)
    cast = rng.normal([0, 5], [4, 7])  # most scenes lean to yellow or blue
    lab = np.column_stack([lightness, cast + muted * rng.normal(0, [9, 14], (n, 2))])
    return lab2rgb(lab), rng.dirichlet(np.full(n, 2.0))


def _waves(angle, period, contrast, rng):
    """Return the cosine waves of each texture: a grating, a grain, an isotropic noise."""
    n = angle.size
    spread = rng.choice([0.0, 0.25, np.pi], n, p=[0.25, 0.4, 0.35])
    angles = angle + spread * rng.uniform(-1, 1, (N_WAVES, n))
    periods = period * np.exp(np.minimum(spread, 0.35) * rng.normal(0, 1, (N_WAVES, n)))
    amplitude = rng.uniform(0.5, 1, (N_WAVES, n))
    amplitude[2:, spread == 0] = 0  # a grating: two waves of one direction,
    periods[1, spread == 0] *= 0.5  # the second an overtone of the first
    amplitude /= np.sqrt((amplitude**2).sum(0) / 2)
    frequency = 2 * np.pi / np.maximum(periods, 2.4)
    return Bunch(
        x=frequency * np.cos(angles),
        y=frequency * np.sin(angles),
        phase=rng.uniform(0, 2 * np.pi, (N_WAVES, n)),
        amplitude=amplitude,
        contrast=contrast,
        hardness=rng.uniform(0.5, 2.5, n),
        wander=rng.uniform(0, 2.5, n),
        mottle=rng.uniform(0.005, 0.06, n),
        tint=rng.normal(0, 0.12, (n, 3)),
    )


def _texture(owner, waves, wander):
    """Return the texture at each pixel, of mean nearly 0 and of its part's contrast."""
    rows, columns = np.ogrid[: owner.shape[0], : owner.shape[1]]
    bend = waves.wander[owner]
    x, y = columns + bend * wander[0], rows + bend * wander[1]
    total = np.zeros(owner.shape, np.float32)
    for along_x, along_y, phase, amplitude in zip(waves.x, waves.y, waves.phase, waves.amplitude):
        angle = along_x[owner] * x + along_y[owner] * y + phase[owner]
        total += amplitude[owner] * np.cos(angle.astype(np.float32))
    hardness = waves.hardness[owner]
    return waves.contrast[owner] * np.tanh(hardness * total) / np.tanh(1.2 * hardness)


def _shading(leaf, frames, rng):
    """Return the factor of each leaf's own shading: a slope and a dome."""
    rows, columns = np.ogrid[: leaf.shape[0], : leaf.shape[1]]
    x, y, radius = frames.T
    u, v = (columns - x[leaf]) / radius[leaf], (rows - y[leaf]) / radius[leaf]
    angle, slope = rng.uniform(0, 2 * np.pi, x.size), rng.uniform(0, 0.13, x.size)
    dome = rng.uniform(0, 0.12, x.size)[leaf] * (0.4 - np.minimum(u**2 + v**2, 2))
    return 1 + (slope * np.cos(angle))[leaf] * u + (slope * np.sin(angle))[leaf] * v + dome


def _light(leaf, rng):
    """Return the factor of the light on the scene: fall-off, cast shadows, shadows of leaves."""
    height, width = leaf.shape
    rows, columns = np.ogrid[:height, :width]
    angle = rng.uniform(0, 2 * np.pi)
    x, y = (columns - width / 2) / width, (rows - height / 2) / height
    across = x * np.cos(angle) + y * np.sin(angle)
    light = 1 + rng.uniform(-0.25, 0.25) * across
    if rng.random() < 0.5:  # something out of sight covers a part of the scene
        edge = across + 0.15 * np.sin(5 * (y * np.cos(angle) - x * np.sin(angle)) + angle)
        edge = (edge - rng.uniform(-0.3, 0.3)) / rng.uniform(0.01, 0.05)
        light = light * (1 - rng.uniform(0.15, 0.4) / (1 + np.exp(-np.clip(edge, -50, 50))))

    thickness = rng.uniform(0, 0.5, leaf.max() + 1) * (rng.random(leaf.max() + 1) < 0.5)
    shadow = np.zeros(leaf.shape)
    step_x, step_y = np.sign(np.cos(angle)) * 1.0, np.sin(angle)
    for reach in range(1, 4):
        dy, dx = round(reach * step_y), round(reach * step_x)
        above = ndimage.shift(leaf, (dy, dx), order=0, mode="nearest")
        shadow = np.maximum(shadow, (above > leaf) * thickness[above] * (1 - reach / 5))
    return light * (1 - ndimage.gaussian_filter(shadow, 0.8))


def smooth_noise(shape, sigma, rng):
    """Return Gaussian noise of standard deviation about 1, blurred over ``sigma`` pixels."""
    noise = rng.standard_normal(shape, np.float32)
    noise = ndimage.gaussian_filter(noise, sigma, mode="wrap", truncate=2.5)
    return noise / max(noise.std(), 1e-12)


# --- annotators --------------------------------------------------------------------------------


def annotate(scene, n_annotators, rng):
    """Return the label images of the annotators, of whom the first sees everything."""
    owner, leaf_of_part, lies_on = scene.owner, scene.leaf_of_part, scene.lies_on
    visible = np.bincount(leaf_of_part[owner].ravel(), minlength=lies_on.size) / owner.size
    care_for_parts = rng.random(lies_on.size)
    annotations = []
    for annotator in range(n_annotators):
        detail = 1.0 if annotator == 0 else rng.uniform(0, 0.8)
        whole = care_for_parts > detail  # these leaves are drawn without their parts
        overlooked = visible < 0.03 * (1 - detail)
        seen = np.arange(leaf_of_part.size)
        for part, leaf in enumerate(leaf_of_part):  # in the order of falling: below comes first
            if leaf > 0 and overlooked[leaf]:
                seen[part] = seen[lies_on[leaf]]
            elif whole[leaf]:
                seen[part] = seen[part - 1] if part and leaf_of_part[part - 1] == leaf else part
        regions = connected_components(seen[owner], background=-1, connectivity=1)
        annotations.append((regions - 1).astype(np.int32))
    return annotations
