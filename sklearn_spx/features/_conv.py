"""What a layer of any torch module sees at each pixel.

An image is extended at the lower and right border, mirrored, to sides that nets of five halvings
divide, and run through the module up to the layer. Its maps are coarser than the image, and where
their cells lie on it depends on kernels, strides and padding. Both are measured: the stride by how
fast the maps grow with the image, the place of a cell by where the image moves it, the centre of
its squared gradient. Then the maps are laid out on the pixels, bilinearly.
"""

import copy
import io
import threading
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from ..kernels.checks import as_image, full_scale
from ..learned import torch_device
from ..utils.threads import one_torch_thread
from ._base import ImageTransformer
from ._upsample import upsample

if TYPE_CHECKING:
    import torch

_MULTIPLE = 32  # of the sides that a module is given
_PROBES = (64, 160)  # sides of the images that a layer is measured with, 2 x 3 x 16 apart
_N_SIGNS = 4  # random draws that the place of a layer's cells is measured by
_taken = threading.local()  # outputs of the layers in this thread's run
_lock = threading.Lock()


class ConvFeatures(ImageTransformer):
    """Maps of a layer of a torch module, one value a pixel and map.

    Parameters
    ----------
    module : torch.nn.Module
        Anything that takes images (1, n_channels, height, width), float32. It runs in evaluation
        mode, without gradients, and is never changed: ``fit`` keeps a copy.

    layer : str or tuple of str, default=""
        Name of the submodule whose output, (1, n_maps, rows, columns), is taken, dotted as in
        ``module.named_modules()``. "" is the module itself. Of several layers the maps stand one
        after another. Nothing behind the last of them is run.

    channels : array-like of int or None, default=None
        Channels of the image that the module is given, in this order: ``[2, 1, 0]`` for one that
        wants blue first, ``[0, 0, 0]`` for gray images and one that wants three. None: as they are.

    scale : float or None, default=1.0
        What the full scale of the image becomes: 1 of floats, 65535 of uint16, 255 of other
        integers. None: the numbers of the image as they are.

    mean : float or array-like of float, default=0.0
        Subtracted after that; one number, or one of each channel that the module is given.

    std : float or array-like of float, default=1.0
        Divided by after that, likewise.

    n_components : int or None, default=None
        Principal components of each layer's maps to keep, learned in ``fit``. None: the maps.

    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where the module runs. "auto": a GPU if there is one.

    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise. None is 1, -1 all cores. torch runs on one thread an image.

    Attributes
    ----------
    net_ : torch.nn.Module
        The copy of ``module`` that runs.

    strides_ : list of tuple of float
        Of each layer, the pixels between neighbouring cells, down and across.

    origins_ : list of tuple of float
        Of each layer, the pixel that cell (0, 0) is centred on, to a quarter of a pixel; a whole
        one where the stride is 1.

    axes_ : list of (mean, axes) or None
        Of each layer, the mean of its maps (n_maps,) and their axes (n_maps, n_components).

    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    n_features_out_ : int
        Channels of what ``transform`` returns.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.features import ConvFeatures
    >>> from torch import nn
    >>> pool = nn.Sequential(nn.AvgPool2d(2), nn.ReLU())
    >>> image = np.arange(8, dtype=np.float32)[None, :, None].repeat(6, axis=0)
    >>> features = ConvFeatures(pool, "0").fit([image])
    >>> features.strides_, features.origins_
    ([(2.0, 2.0)], [(0.5, 0.5)])
    >>> features.transform([image])[0][0, :, 0]
    array([0.5 , 1.  , 2.  , 3.  , 4.  , 5.  , 6.  , 6.25], dtype=float32)
    """

    _parameter_constraints = {  # noqa: RUF012
        **ImageTransformer._parameter_constraints,
        "module": [HasMethods(["forward", "named_modules"])],
        "layer": [str, tuple],
        "channels": ["array-like", None],
        "scale": [Interval(Real, 0, None, closed="neither"), None],
        "mean": [Real, "array-like"],
        "std": [Real, "array-like"],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
    }

    def __init__(
        self,
        module: "torch.nn.Module",
        layer: str | tuple[str, ...] = "",
        *,
        channels: ArrayLike | None = None,
        scale: float | None = 1.0,
        mean: ArrayLike = 0.0,
        std: ArrayLike = 1.0,
        n_components: int | None = None,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        n_jobs: int | None = None,
    ) -> None:
        self.module = module
        self.layer = layer
        self.channels = channels
        self.scale = scale
        self.mean = mean
        self.std = std
        self.n_components = n_components
        self.device = device
        self.n_jobs = n_jobs

    def _fit(self, images, y=None):
        self._check_scaling()
        self.net_ = copy.deepcopy(self.module).eval().requires_grad_(False)
        self._hook()
        with one_torch_thread():
            self._measure(self._input(images[0]))
        self.axes_ = None
        if self.n_components is not None:
            self._learn_axes(images)

    def _features(self, image):
        laid = self._laid_out(self._components(image), image.shape[:2])
        return laid[0] if len(laid) == 1 else np.concatenate(laid, axis=2)

    def _features_along(self, image, axes):
        parts = self._components(image)
        axes = np.split(axes, np.cumsum([len(maps) for maps in parts])[:-1])
        parts = [np.tensordot(own.T, maps, 1) for own, maps in zip(axes, parts)]
        return sum(self._laid_out(parts, image.shape[:2]))

    def _components(self, image):
        """The maps of each layer, or their components: both before they are laid out."""
        parts = self._maps(image)
        if self.axes_ is None:
            return parts
        return [
            np.tensordot(axes.T, maps - mean[:, None, None], 1)
            for maps, (mean, axes) in zip(parts, self.axes_)
        ]

    def _laid_out(self, parts, shape):
        laid = zip(parts, self.strides_, self.origins_)
        return [upsample(maps, step, shape, origin) for maps, step, origin in laid]

    # --- what the module is given --------------------------------------------------------------

    def _check_scaling(self):
        chosen = np.arange(self.n_channels_in_) if self.channels is None else self.channels
        chosen = np.asarray(chosen)
        if chosen.ndim != 1 or chosen.dtype.kind not in "ui" or chosen.size == 0:
            raise ValueError(f"channels must be integers, got {self.channels!r}")
        if chosen.min() < 0 or chosen.max() >= self.n_channels_in_:
            raise ValueError(
                f"channels names {chosen.max() if chosen.min() >= 0 else chosen.min()}; "
                f"X has channels 0 to {self.n_channels_in_ - 1}"
            )
        for name in ("mean", "std"):
            value = np.asarray(getattr(self, name), float)
            if value.ndim > 1 or value.size not in (1, chosen.size) or not np.isfinite(value).all():
                raise ValueError(
                    f"{name} must be a number or {chosen.size} of them, one a channel that the "
                    f"module is given; got {getattr(self, name)!r}"
                )
        if not np.all(np.asarray(self.std, float) > 0):
            raise ValueError(f"std must be above 0, got {self.std!r}")

    def _input(self, image):
        """The image as the module wants it, (channels, height, width)."""
        planes = as_image(image)
        if self.channels is not None:
            planes = planes[:, :, np.asarray(self.channels)]
        factor = 1.0 if self.scale is None else self.scale / full_scale(image.dtype)
        planes = (planes * factor - np.asarray(self.mean, float)) / np.asarray(self.std, float)
        return np.ascontiguousarray(planes.transpose(2, 0, 1), dtype=np.float32)

    # --- running it ----------------------------------------------------------------------------

    @property
    def _layers(self):
        return (self.layer,) if isinstance(self.layer, str) else self.layer

    def _hook(self):
        layers = self._layers
        modules = dict(self.net_.named_modules())
        for name in layers:
            if name not in modules:
                known = ", ".join(repr(n) for n in modules if n)
                raise ValueError(f"module has no layer {name!r}; there are {known or 'none'}")
        if len(set(layers)) != len(layers) or not layers:
            raise ValueError(f"layer must name one layer or different ones, got {self.layer!r}")
        for name in layers:
            modules[name].register_forward_hook(_Take(name, len(layers)))

    def _run(self, planes):
        """Outputs of the layers, a list of (n_maps, rows, columns), for (channels, H, W)."""
        import torch

        _taken.outputs = {}
        try:
            self.net_(planes[None])
        except _Stop:
            pass
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError as error:  # torch's word for shapes that do not fit
            channels, height, width = planes.shape
            raise ValueError(
                f"module does not run on {channels} channels of {height} x {width} pixels: {error}"
            ) from error
        finally:
            outputs, _taken.outputs = _taken.outputs, None
        return [_checked(outputs, name) for name in self._layers]

    def _maps(self, image):
        import torch

        planes = self._input(image)
        height, width = planes.shape[1:]
        below, beside = -height % _MULTIPLE, -width % _MULTIPLE
        planes = np.pad(planes, ((0, 0), (0, below), (0, beside)), mode="reflect")
        with torch.inference_mode(), one_torch_thread():
            outputs = self._run(torch.from_numpy(planes).to(self._place()))
            return [output.cpu().numpy() for output in outputs]

    def _place(self):
        """The device, with the module moved there."""
        device = torch_device(self.device)
        with _lock:  # threads ask at once
            self.net_.to(device)
        return device

    # --- where its cells lie -------------------------------------------------------------------

    def _measure(self, planes):
        """Strides and origins, by what the layers make of an image with a little noise."""
        import torch

        device = self._place()
        generator = torch.Generator().manual_seed(0)
        height, width = planes.shape[1:]
        probes = []
        for side in _PROBES:
            pad = (0, 0), (0, max(side - height, 0)), (0, max(side - width, 0))
            probe = torch.from_numpy(np.pad(planes, pad, mode="reflect")[:, :side, :side].copy())
            noise = torch.randn(probe.shape, generator=generator)
            noise *= 0.1 * probe.std(dim=(1, 2), keepdim=True) + 1e-3  # no two values alike
            probes.append((probe + noise).to(device))
        with torch.no_grad():
            small = self._run(probes[0])
        image = probes[1].requires_grad_()
        with torch.enable_grad():
            large = self._run(image)
        self.strides_, self.origins_ = [], []
        for name, before, after in zip(self._layers, small, large):
            grown = [b - a for a, b in zip(before.shape[1:], after.shape[1:])]
            if min(grown) <= 0:
                raise ValueError(
                    f"layer {name!r} gives maps of {tuple(after.shape[1:])} cells whatever the "
                    "size of the image; accepted are layers whose maps grow with it"
                )
            strides = tuple((_PROBES[1] - _PROBES[0]) / n for n in grown)
            self.strides_.append(strides)
            self.origins_.append(_origin(image, after, strides, generator))
        self.n_features_out_ = sum(len(maps) for maps in large)

    def _learn_axes(self, images):
        self._place()
        moments = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self._moments)(image) for image in images
        )
        self.axes_ = []
        for layer in zip(*moments):
            n, total, square = (sum(part) for part in zip(*layer))
            if self.n_components > len(total):
                raise ValueError(
                    f"n_components is {self.n_components}; a layer has {len(total)} maps"
                )
            mean = total / n
            axes = np.linalg.eigh(square / n - np.outer(mean, mean))[1][:, ::-1]
            axes = axes[:, : self.n_components]
            peak = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
            axes = axes * np.sign(peak)  # eigenvectors have no sign of their own
            self.axes_.append((mean.astype(np.float32), axes.astype(np.float32)))
        self.n_features_out_ = self.n_components * len(self.axes_)

    def _moments(self, image):
        """Number of cells, sum and second moments of each layer's maps."""
        flat = [maps.reshape(len(maps), -1).astype(float) for maps in self._maps(image)]
        return [(cells.shape[1], cells.sum(axis=1), cells @ cells.T) for cells in flat]

    # modules are kept as torch writes them: the same bytes for the same module, which a cache asks
    # for, and back on the CPU

    def __getstate__(self):
        state = dict(super().__getstate__())
        for name in ("module", "net_"):
            if name in state:
                state[name] = _dump(state[name])
        return state

    def __setstate__(self, state):
        state = {n: _load(v) if n in ("module", "net_") else v for n, v in state.items()}
        super().__setstate__(state)


class _Take:
    """Forward hook that keeps a layer's output, and ends the run with the last one."""

    def __init__(self, name, wanted):
        self.name = name
        self.wanted = wanted

    def __call__(self, module, inputs, output):
        outputs = getattr(_taken, "outputs", None)
        if outputs is not None:
            outputs[self.name] = output
            if len(outputs) == self.wanted:
                raise _Stop


class _Stop(Exception):
    """All layers have been run."""


def _checked(outputs, name):
    if name not in outputs:
        raise ValueError(f"layer {name!r} is never run by the module")
    output = outputs[name]
    shape = getattr(output, "shape", None)
    if shape is None or len(shape) != 4 or shape[0] != 1:
        found = type(output).__name__ if shape is None else f"shape {tuple(shape)}"
        raise ValueError(
            f"layer {name!r} gives {found} for one image; accepted is (1, n_maps, rows, columns)"
        )
    return output[0].float()


def _origin(image, maps, strides, generator):
    """The pixel that cell (0, 0) is centred on: where its squared gradient is centred.

    With g_c the gradient of cell c at each pixel p, that is the mean of p - c stride weighted by
    g_c^2. Random signs e_c of all middle cells at once spare the gradient of each: the sum of
    (sum_c e_c g_c) (sum_c e_c g_c (p - c stride)) is expected to be that of g_c^2 (p - c stride).
    """
    import torch

    grid = [torch.arange(n).to(maps) for n in maps.shape[1:]]
    middle = [(abs(2 * g + 1 - len(g)) <= max(len(g) // 2, 1)).to(maps) for g in grid]
    middle = middle[0][:, None] * middle[1]
    power, moments = 0.0, np.zeros(2)
    for _ in range(_N_SIGNS if maps.requires_grad else 0):
        signs = torch.randint(0, 2, maps.shape, generator=generator).to(maps) * 2 - 1
        signs = signs * middle
        weights = [signs, signs * grid[0][:, None], signs * grid[1]]
        slopes = [
            torch.autograd.grad(maps, image, w, retain_graph=True, allow_unused=True)[0]
            for w in weights
        ]
        if slopes[0] is None:
            break
        slope, *cells = (part.double().cpu().numpy() for part in slopes)
        power += (slope**2).sum()
        rows, columns = np.ogrid[: slope.shape[1], : slope.shape[2]]
        for axis, (pixel, cell) in enumerate(zip((rows, columns), cells)):
            moments[axis] += (slope * (pixel * slope - strides[axis] * cell)).sum()
    if power == 0:  # a layer without gradients: its cells tile the image
        return tuple((step - 1) / 2 for step in strides)
    parts = [1 if step == 1 else 4 for step in strides]  # maps of full size are never blurred
    return tuple(round(n * float(m / power)) / n for n, m in zip(parts, moments))


def _dump(module):
    import torch

    file = io.BytesIO()
    torch.save(module, file)
    return file.getvalue()


def _load(data):
    import torch

    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)
