"""Dead leaves in three dimensions: volumes whose ground truth is known to the sample.

As in two: bodies fall, each hiding what was there, sizes follow a power law, a body has one to four
parts, colours come from a small palette, and a third of the bodies take exactly the colour of what
they lie in, so that only their texture tells them apart. Brightness drifts over the volume, as in a
scanner; blur and noise come last.

Geometry comes first and alone decides the ground truth; painting looks colours and waves up by the
part that owns a sample.
"""

import numpy as np
from scipy import ndimage
from sklearn.utils import Bunch

from ._dead_leaves import N_LEAVES, annotate, materials, smooth_noise, without_slivers

_REACH = 1.7  # radii that a body may reach


def make_volume(shape, n_annotators, rng):
    """Return a uint8 RGB volume (D, H, W, 3) and the label volumes of its annotators."""
    scene = _drop_bodies(shape, rng)
    return _paint(scene, rng), annotate(scene, n_annotators, rng)


# --- geometry ----------------------------------------------------------------------------------


def _drop_bodies(shape, rng):
    """Let bodies fall; return who owns each sample, and what is known of parts and bodies."""
    scale = np.prod(shape) ** (1 / 3)
    owner = np.zeros(shape, np.int32)  # the part that a sample shows
    leaf_of_part, lies_on = [0], [-1]
    everywhere = np.ones(shape, bool)
    leaf_of_part += _split(owner, everywhere, 1, 0, _turned(shape, (0, 0, 0), scale, rng), rng)

    # radii: density r^-3 between the two bounds, as in two dimensions
    low, high = 0.1, 0.42
    radii = scale * (low**-2 - rng.random(N_LEAVES) * (low**-2 - high**-2)) ** -0.5
    radii[: N_LEAVES // 4] = scale * rng.uniform(0.2, high, N_LEAVES // 4)
    for radius in radii:
        centre = rng.uniform(0, shape)
        first = np.maximum((centre - _REACH * radius).astype(int), 0)
        behind = (centre + _REACH * radius).astype(int) + 2
        window = owner[tuple(slice(a, b) for a, b in zip(first, behind))]
        places = _turned(window.shape, centre - first, radius, rng)
        inside = _body(places, rng)
        if not inside.any():
            continue
        lies_on.append(int(np.bincount(window[inside]).argmax()))
        leaf, part = len(lies_on) - 1, len(leaf_of_part)
        window[inside] = part
        leaf_of_part.append(leaf)
        leaf_of_part += _split(window, inside, part + 1, leaf, places, rng)
    return Bunch(
        owner=without_slivers(owner, max(8, round(6e-4 * owner.size))),
        leaf_of_part=np.array(leaf_of_part),
        lies_on=np.array(lies_on),  # the part that the body fell into; of the ground: none
    )


def _turned(shape, centre, radius, rng):
    """Coordinates of the samples in radii about a centre, along three axes of any direction."""
    axes = [
        (np.arange(n) - c).reshape([-1 if k == axis else 1 for k in range(3)]) / radius
        for axis, (n, c) in enumerate(zip(shape, centre))
    ]
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return [sum(share * along for share, along in zip(row, axes)) for row in turn]


def _body(places, rng):
    """Return the samples inside one random body: a blob, a polyhedron or a rod."""
    u, v, w = places
    kind = rng.choice(3, p=[0.55, 0.3, 0.15])
    if kind == 0:
        stretch = np.exp(rng.uniform(-0.4, 0.4, 3))
        u, v, w = (x / s for x, s in zip(places, stretch / np.prod(stretch) ** (1 / 3)))
        rim = np.ones(u.shape)
        for direction, phase in zip(rng.normal(0, 2, (4, 3)), rng.uniform(0, 2 * np.pi, 4)):
            angle = direction[0] * u + direction[1] * v + direction[2] * w + phase
            rim += 0.08 * np.cos(angle)
        return u**2 + v**2 + w**2 < rim**2
    if kind == 1:
        inside = np.ones(np.broadcast(u, v, w).shape, bool)
        normals = rng.normal(size=(rng.integers(6, 11), 3))
        for normal in normals / np.linalg.norm(normals, axis=1, keepdims=True):
            ahead = normal[0] * u + normal[1] * v + normal[2] * w
            inside &= ahead < rng.uniform(0.6, 0.9)
        return inside & (u**2 + v**2 + w**2 < 1.5**2)
    return (np.abs(u) < 1.3) & ((v + 0.15 * u**2) ** 2 + w**2 < rng.uniform(0.2, 0.4) ** 2)


def _split(window, inside, first, leaf, places, rng):
    """Give up to three pieces of a body labels of their own; return the body of each piece."""
    n_pieces = int(rng.choice(4, p=[0.5, 0.28, 0.15, 0.07]))
    for piece in range(first, first + n_pieces):
        turn, bend = np.linalg.qr(rng.normal(size=(3, 3)))[0], rng.normal(0, 0.35)
        u, v, w = (sum(share * x for share, x in zip(row, places)) for row in turn)
        if rng.random() < 0.65:
            inner = u + bend * v**2 > rng.uniform(0.0, 0.5)  # one side of a bent plane
        else:
            inner = (u - 0.15) ** 2 + (1 + bend) ** 2 * (v**2 + w**2) < rng.uniform(0.4, 0.7) ** 2
        window[inside & inner] = piece
    return [leaf] * n_pieces


# --- painting ----------------------------------------------------------------------------------


def _paint(scene, rng):
    """Return the uint8 volume of a scene."""
    owner = scene.owner
    waves, colours = materials(scene, rng)
    texture = _texture(owner, waves, rng)
    mottle = smooth_noise(owner.shape, 1.5, rng)
    volume = colours.astype(np.float32)[owner]
    shade = 1 + texture + waves.mottle.astype(np.float32)[owner] * mottle
    volume *= shade[..., None]
    volume += waves.tint.astype(np.float32)[owner] * texture[..., None]
    volume *= _drift(owner.shape, rng)[..., None]
    volume = ndimage.gaussian_filter(volume, (*(rng.uniform(0.45, 0.75),) * 3, 0))
    noise = rng.standard_normal(volume.shape, np.float32) * np.float32(rng.uniform(0.004, 0.016))
    volume += noise * np.sqrt(0.25 + np.clip(volume, 0, 1))
    return np.round(255 * np.clip(volume, 0, 1)).astype(np.uint8)


def _texture(owner, waves, rng):
    """Return the texture of each sample, of mean nearly 0 and of its part's contrast."""
    z, y, x = np.ogrid[tuple(slice(n) for n in owner.shape)]
    bend = waves.wander.astype(np.float32)[owner] * smooth_noise(owner.shape, 6, rng)
    total = np.zeros(owner.shape, np.float32)
    for along_x, along_y, phase, amplitude in zip(waves.x, waves.y, waves.phase, waves.amplitude):
        tilt = np.arcsin(rng.uniform(-1, 1, phase.size))  # of any direction in space
        frequency = np.stack(
            [
                np.cos(tilt) * along_x,
                np.cos(tilt) * along_y,
                np.sin(tilt) * np.hypot(along_x, along_y),
            ]
        ).astype(np.float32)
        of_x, of_y, of_z = frequency[:, owner]
        angle = of_x * (x + bend) + of_y * (y + bend) + of_z * (z + bend)
        angle += phase.astype(np.float32)[owner]
        total += amplitude.astype(np.float32)[owner] * np.cos(angle, dtype=np.float32)
    hardness = waves.hardness.astype(np.float32)[owner]
    contrast = waves.contrast.astype(np.float32)[owner]
    return contrast * np.tanh(hardness * total) / np.tanh(np.float32(1.2) * hardness)


def _drift(shape, rng):
    """Return the factor of a brightness that changes slowly over the volume."""
    places = [np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in shape]
    z, y, x = np.meshgrid(*places, indexing="ij", sparse=True)
    slope = rng.normal(size=3)
    slope *= rng.uniform(0, 0.25) / np.linalg.norm(slope)
    return (1 + slope[0] * z + slope[1] * y + slope[2] * x).astype(np.float32)
