"""Superpixels and segments by every library that can be run here, as functions of one image.

A method to add is an entry of ``SUPERPIXELS`` (a function of an RGB uint8 image and the number
asked for) or of ``SEGMENTS`` (a function of an image and of settings that gives a label image
for each of them, from fine to coarse). Each names the package that it needs; where that is not
installed, ``available`` leaves it out, and says so.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np

import sklearn_spx


@dataclass(frozen=True)
class Method:
    run: Callable
    package: str = "sklearn-spx"
    needs: str = "sklearn_spx"  # the module, which not every build of the package has
    images: int | None = None  # at most this many, evenly over a data set: it takes too long
    count: Callable | None = None  # superpixels of (image, number), where they are known beforehand
    settings: tuple = ()  # of a method of segments
    note: str = ""  # what a reader of its time should know

    @property
    def version(self):
        """That of the package; empty where a build of one's own has none."""
        if self.package == "sklearn-spx":
            return sklearn_spx.__version__
        for name in (self.package, self.package.removesuffix("-headless")):
            with contextlib.suppress(PackageNotFoundError):
                return version(name)
        return ""


# --- superpixels: (image, number) -> label image --------------------------------------------------


@cache
def _estimator(name, **parameters):
    return getattr(sklearn_spx, name)(**parameters)


def _ours(name, **parameters):
    def run(image, number):
        estimator = _estimator(name, **parameters).set_params(n_segments=round(number))
        return estimator.fit_transform([image])[0]

    return Method(run)


def skimage_slic(image, number):
    """SLIC of scikit-image, compactness 10, ten iterations."""
    from skimage.segmentation import slic

    return slic(image, round(number), compactness=10, max_num_iter=10, start_label=0)


def fast_slic(image, number, avx2=True):
    """SLIC of fast-slic, compactness 10, ten iterations, one thread."""
    if avx2:
        from fast_slic.avx2 import SlicAvx2 as Slic
    else:
        from fast_slic import Slic
    method = Slic(num_components=round(number), compactness=10, num_threads=1)
    return method.iterate(np.ascontiguousarray(image), max_iter=10)


def _opencv_lab(image):
    """Lab for OpenCV's methods, which convert no colours; they run on one thread then."""
    import cv2

    cv2.setNumThreads(1)
    return cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2Lab)


def opencv_slic(image, number):
    """SLIC of OpenCV, ruler 10, ten iterations."""
    import cv2

    side = max(round((image[:, :, 0].size / number) ** 0.5), 2)
    method = cv2.ximgproc.createSuperpixelSLIC(_opencv_lab(image), cv2.ximgproc.SLIC, side, 10.0)
    method.iterate(10)
    method.enforceLabelConnectivity(25)
    return method.getLabels()


def lsc(image, number):
    """Linear spectral clustering (Li and Chen 2015), OpenCV's, ratio .075, 10 iterations."""
    import cv2

    side = max(round((image[:, :, 0].size / number) ** 0.5), 2)
    method = cv2.ximgproc.createSuperpixelLSC(_opencv_lab(image), side, 0.075)
    method.iterate(10)
    method.enforceLabelConnectivity(25)
    return method.getLabels()


def seeds(image, number):
    """SEEDS (Van den Bergh et al. 2012), OpenCV's, four levels, 15 bins, 10 iterations."""
    import cv2

    height, width = image.shape[:2]
    method = cv2.ximgproc.createSuperpixelSEEDS(width, height, 3, round(number), 4, 2, 15)
    method.iterate(_opencv_lab(image), 10)
    return method.getLabels()


def snic(image, number):
    """SNIC (Achanta and Susstrunk 2017), pysnic's, compactness 10."""
    from pysnic.algorithms.snic import snic as algorithm
    from skimage.color import rgb2lab

    return np.array(algorithm(np.round(rgb2lab(image), 3).tolist(), round(number), 10.0)[0])


def _snic_count(image, number):
    """As many as pysnic's grid has seeds, each of which keeps its pixel."""
    from pysnic.helpers.grid import compute_grid

    return sum(len(row) for row in compute_grid(image.shape[:2], round(number)))


_CONTRIB = dict(package="opencv-contrib-python-headless", needs="cv2.ximgproc")

SUPERPIXELS = {
    "SLICSuperpixels": _ours("SLICSuperpixels"),
    "ERSSuperpixels": _ours("ERSSuperpixels"),
    "TrainableSLIC": _ours("TrainableSLIC", pretrained="bsds500"),
    # "bsds500" was trained on the validation images too
    "SEALSuperpixels": _ours("SEALSuperpixels", pretrained="bsds500-train"),
    "SLIC, scikit-image": Method(skimage_slic, "scikit-image", needs="skimage"),
    "SLIC, fast-slic": Method(fast_slic, "fast-slic", needs="fast_slic.avx2"),
    "SLIC, OpenCV": Method(opencv_slic, **_CONTRIB),
    "LSC, OpenCV": Method(lsc, **_CONTRIB),
    "SEEDS, OpenCV": Method(seeds, **_CONTRIB),
    "SNIC, pysnic": Method(snic, "pysnic", needs="pysnic", count=_snic_count, note="pure Python"),
}


def without_gaps(labels):
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)


def evenly(things, n=None):
    """This many of them, evenly from first to last; all where there are no more."""
    total = len(things)
    n = min(n or total, total)
    return [things[i * total // n] for i in range(n)]


def nearest(segment, image, wanted, asked=None, count=None):
    """Label image of the number of superpixels nearest to the wanted one, and what to ask for.

    Eight requests at most, the first of them ``asked``, each in proportion to what the one before
    gave, or by bisection where that leads nowhere; labels without gaps. Where ``count`` tells what
    a request would give, only the last one is made.
    """
    low, high, best, off = 1.0, 4.0 * wanted, None, np.inf
    asked = float(asked or wanted)
    request = asked
    for k in range(8):
        labels = None if count else without_gaps(segment(image, asked))
        n = count(image, asked) if count else int(labels.max()) + 1
        if abs(n - wanted) < off:
            best, off, request = labels, abs(n - wanted), asked
        if off <= 0.01 * wanted:
            break
        low, high = (asked, high) if n < wanted else (low, asked)
        in_proportion = asked * wanted / n
        inside = low < in_proportion < high
        asked = in_proportion if inside and k < 4 else (low * high) ** 0.5
    return (without_gaps(segment(image, request)) if count else best), request


# --- segments: (image, settings) -> label images, one a setting -----------------------------------


def _del_segmenter(image, thresholds):
    estimator = _estimator("DELSegmenter", pretrained="bsds500-train")
    tree = estimator.fit([image]).hierarchy([image])[0]
    return [tree.labels(t) for t in thresholds]


def _slic_merged(image, thresholds):
    """SLIC's superpixels, joined where their mean colours differ least."""
    from skimage.color import rgb2lab

    from sklearn_spx import kernels

    labels = kernels.slic(image, 600)
    edges, _ = kernels.region_adjacency(labels)
    colours, _ = kernels.region_means(rgb2lab(image), labels)
    apart = np.linalg.norm(colours[edges[:, 0]] - colours[edges[:, 1]], axis=1)
    return [kernels.merge_regions(edges, apart, len(colours), t)[labels] for t in thresholds]


def _egb(image, scales):
    return [sklearn_spx.EGBSegmenter(scale=s).fit_transform([image])[0] for s in scales]


def _felzenszwalb(image, scales):
    from skimage.segmentation import felzenszwalb

    return [felzenszwalb(image, scale=s, min_size=20) for s in scales]


def _ncuts(image, thresholds):
    from skimage import graph
    from skimage.segmentation import slic

    labels = slic(image, 400, compactness=20, start_label=0)
    found = []
    for threshold in thresholds:
        rag = graph.rag_mean_color(image, labels, mode="similarity")
        found.append(graph.cut_normalized(labels, rag, thresh=threshold, rng=0).astype(np.int32))
    return found


_SCALES = (100, 200, 400, 800, 1600, 3200)
_SKIMAGE = dict(package="scikit-image", needs="skimage")

SEGMENTS = {
    "DELSegmenter": Method(_del_segmenter, settings=tuple(np.geomspace(0.2, 0.8, 12))),
    "EGBSegmenter": Method(_egb, settings=_SCALES),
    "SLIC, merged by colour": Method(_slic_merged, settings=tuple(np.geomspace(1, 30, 12))),
    "felzenszwalb, scikit-image": Method(_felzenszwalb, settings=_SCALES, **_SKIMAGE),
    "normalised cuts, scikit-image": Method(
        _ncuts, settings=(0.002, 0.01, 0.05, 0.2, 0.5), images=8, **_SKIMAGE
    ),
}


def is_there(needs):
    """Whether a module, or one inside it, can be imported."""
    top, _, inside = needs.partition(".")
    if find_spec(top) is None:
        return False
    return not inside or hasattr(import_module(top), inside) or find_spec(needs) is not None


def available(methods, wanted=None):
    """Those of the methods that are installed, and a line for each that is not."""
    found = {}
    for name, method in methods.items():
        if wanted and not any(word in name for word in wanted):
            continue
        if is_there(method.needs):
            found[name] = method
        else:
            print(f"left out: {name} needs {method.package}")
    return found
