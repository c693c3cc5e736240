"""Does an estimator of images keep the contract?  scikit-learn's checks, for images.

scikit-learn's own suite feeds tables and skips estimators that take none. The checks of it that
need no data run here as they are; the others have a version of their own on small images.
"""

import inspect
import pickle
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from joblib import dump, load
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks as sk

__all__ = ["check_estimator", "parametrize_with_checks"]

_SKLEARN_CHECKS = (
    sk.check_estimator_cloneable,
    sk.check_estimator_tags_renamed,
    sk.check_valid_tag_types,
    sk.check_estimator_repr,
    sk.check_no_attributes_set_in_init,
    sk.check_estimators_unfitted,
    sk.check_do_not_raise_errors_in_init_or_set_params,
    sk.check_mixin_order,
    sk.check_transformers_unfitted,
    sk.check_parameters_default_constructible,
    sk.check_get_params_invariance,
    sk.check_set_params,
    sk.check_param_validation,
    sk.check_fit1d,
)


def check_estimator(
    estimator: Any, *, expected_failed_checks: dict[str, Any] | None = None
) -> None:
    """Run every check on an estimator of images.

    Parameters
    ----------
    estimator : estimator object
        An estimator whose ``X`` is images and whose output is label images, with parameters
        that make it fast on images of 1,200 pixels.

    expected_failed_checks : dict or None, default=None
        Names of checks that must fail, each with its reason.

    Raises
    ------
    AssertionError
        If a check fails, or one that must fail passes; the message names it.

    Examples
    --------
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.utils.estimator_checks import check_estimator
    >>> check_estimator(SLICSuperpixels(n_segments=20))
    """
    expected = dict(expected_failed_checks or {})
    for check in _checks():
        name = _name(check)
        try:
            check(type(estimator).__name__, clone(estimator))
        except Exception as error:
            if name not in expected:
                # an assertion without words says what was asked by its line
                said = str(error) or traceback.extract_tb(error.__traceback__)[-1].line
                raise AssertionError(f"{type(estimator).__name__} fails {name}: {said}") from error
        else:
            if name in expected:
                raise AssertionError(f"{name} passes, though expected to fail: {expected[name]}")


def parametrize_with_checks(
    estimators: Sequence[Any], *, expected_failed_checks: Callable[..., Any] | None = None
) -> Any:
    """Decorate a pytest test with (estimator, check) for each estimator and check.

    Parameters
    ----------
    estimators : list of estimator objects
        See ``check_estimator``.

    expected_failed_checks : callable or None, default=None
        Given an estimator, the dict of names of checks that must fail, with reasons.

    Returns
    -------
    decorator : pytest.MarkDecorator
        For a test with arguments ``estimator`` and ``check``, which calls ``check(estimator)``.

    Examples
    --------
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.utils.estimator_checks import parametrize_with_checks
    >>> @parametrize_with_checks([SLICSuperpixels(n_segments=20)])
    ... def test_contract(estimator, check):
    ...     check(estimator)
    """
    import pytest

    cases = []
    for estimator in estimators:
        expected = expected_failed_checks(estimator) if expected_failed_checks else {}
        for check in _checks():
            name = _name(check)
            marks: tuple[Any, ...] = ()
            if name in expected:
                marks = (pytest.mark.xfail(reason=expected[name], strict=True),)
            bound = partial(_run, check)
            cases.append(
                pytest.param(estimator, bound, id=f"{type(estimator).__name__}-{name}", marks=marks)
            )
    return pytest.mark.parametrize(("estimator", "check"), cases)


def _run(check, estimator):
    check(type(estimator).__name__, clone(estimator))


def _checks():
    own = [f for n, f in globals().items() if n.startswith("check_") and f is not check_estimator]
    return [*_SKLEARN_CHECKS, *own]


def _name(check):
    return check.__name__


# --- the small world of the checks ------------------------------------------------------------


def _data(n_images=3, channels=3):
    """Ragged images of a few flat shapes with noise, and their exact ground truth."""
    rng = np.random.default_rng(0)
    images, truths = [], []
    for i in range(n_images):
        height, width = 30 + 2 * i, 40 - 3 * i
        y, x = np.mgrid[:height, :width]
        truth = (x > width // 2).astype(np.int32) + 2 * (
            (y - height / 2) ** 2 + (x - width / 3) ** 2 < 60
        )
        truth = np.unique(truth, return_inverse=True)[1].reshape(truth.shape).astype(np.int32)
        colours = rng.integers(40, 215, (truth.max() + 1, channels))
        image = colours[truth] + rng.normal(0, 8, (height, width, channels))
        images.append(np.clip(image, 0, 255).astype(np.uint8))
        truths.append(truth)
    return images, truths


def _same(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a, b)


def _assert_label_image(labels, shape, connectivity=4, mask=None):
    from scipy.ndimage import generate_binary_structure
    from scipy.ndimage import label as components

    assert isinstance(labels, np.ndarray)
    assert labels.dtype == np.int32
    assert labels.flags.c_contiguous
    assert labels.shape == shape
    inside = np.ones(shape, bool) if mask is None else mask
    np.testing.assert_array_equal(labels == -1, ~inside)
    found = np.unique(labels[inside])
    np.testing.assert_array_equal(found, np.arange(found.size), "labels have a gap")
    structure = generate_binary_structure(2, 1 if connectivity == 4 else 2)
    for label in found:
        assert components(labels == label, structure)[1] == 1, f"label {label} is not connected"


def _connectivity(estimator):
    return getattr(estimator, "connectivity", 4)


@contextmanager
def _raises(kinds, *words):
    try:
        yield
    except kinds as error:
        for word in words:
            assert word in str(error), f"should name {word!r}: {error}"  # noqa: PT017
    else:
        raise AssertionError(f"no {kinds} was raised")


class _Lazy:
    """A collection with a length and indices, and nothing else."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


# --- containers and label images --------------------------------------------------------------


def check_label_images(name, estimator):
    X, y = _data()
    assert estimator.fit(X, y) is estimator
    assert estimator.n_channels_in_ == 3
    labels = estimator.transform(X)
    assert isinstance(labels, list)
    for found, image in zip(labels, X, strict=True):
        _assert_label_image(found, image.shape[:2], _connectivity(estimator))


def check_predict_equals_transform(name, estimator):
    X, y = _data()
    expected = estimator.fit(X, y).transform(X)
    _same(estimator.predict(X), expected)
    _same(clone(estimator).fit_transform(X, y), expected)
    _same(clone(estimator).fit_predict(X, y), expected)


def check_containers(name, estimator):
    X, y = _data()
    expected = estimator.fit(X, y).transform(X)
    objects = np.empty(len(X), dtype=object)
    for i, image in enumerate(X):
        objects[i] = image
    for container in (tuple(X), _Lazy(X), objects):
        labels = clone(estimator).fit(container, y).transform(container)
        assert isinstance(labels, np.ndarray if container is objects else list)
        _same(labels, expected)


def check_stacked_array(name, estimator):
    X, y = _data()
    X = np.stack([image[:30, :34] for image in X])
    y = np.stack([truth[:30, :34] for truth in y])
    labels = estimator.fit(X, y).transform(X)
    assert isinstance(labels, np.ndarray)
    assert labels.shape == (3, 30, 34)
    _same(labels, estimator.transform(list(X)))


def check_gray_images(name, estimator):
    X, y = _data(channels=1)
    assert estimator.fit(X, y).n_channels_in_ == 1
    expected = estimator.transform(X)
    flat = [image[:, :, 0] for image in X]
    _same(clone(estimator).fit(flat, y).transform(flat), expected)
    _assert_label_image(expected[0], flat[0].shape, _connectivity(estimator))


def check_many_channels(name, estimator):
    for channels in (2, 5):
        X, y = _data(channels=channels)
        labels = clone(estimator).fit(X, y).transform(X)
        _assert_label_image(labels[0], X[0].shape[:2], _connectivity(estimator))


def check_dtypes(name, estimator):
    X, y = _data()
    for dtype in (np.uint16, np.int64, np.float32, np.float64, bool):
        cast = [image > 128 if dtype is bool else image.astype(dtype) for image in X]
        labels = clone(estimator).fit(cast, y).transform(cast)
        _assert_label_image(labels[0], X[0].shape[:2], _connectivity(estimator))
    single = [(image / 255).astype(np.float32) for image in X]
    double = [image.astype(np.float64) for image in single]
    _same(
        clone(estimator).fit(single, y).transform(single),
        clone(estimator).fit(double, y).transform(double),
    )


def check_memory_layout(name, estimator):
    X, y = _data()
    expected = estimator.fit(X, y).transform(X)
    fortran = [np.asfortranarray(image) for image in X]
    strided = [np.repeat(image, 2, axis=1)[:, ::2] for image in X]
    swapped = [image.astype(">u2").astype(np.uint8) for image in X]
    for other in (fortran, strided, swapped):
        _same(estimator.transform(other), expected)


def check_readonly_memmap(name, estimator):
    X, y = _data()
    expected = clone(estimator).fit(X, y).transform(X)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "data.joblib"
        dump((X, y), path)
        mapped, mapped_y = load(path, mmap_mode="r")
        assert not mapped[0].flags.writeable
        _same(estimator.fit(mapped, mapped_y).transform(mapped), expected)
        del mapped, mapped_y


def check_input_unchanged(name, estimator):
    X, y = _data()
    X = [image / 255 for image in X]
    before = pickle.dumps((X, y))
    estimator.fit(X, y).transform(X)
    assert pickle.dumps((X, y)) == before


def check_tiny_images(name, estimator):
    X, y = _data()
    estimator.fit(X, y)
    for shape in ((1, 1), (1, 7), (7, 1), (2, 2)):
        image = np.arange(shape[0] * shape[1] * 3, dtype=np.uint8).reshape(*shape, 3)
        try:
            labels = estimator.transform([image])
        except ValueError as error:
            assert "X[0]" in str(error)  # noqa: PT017
        else:
            _assert_label_image(labels[0], shape, _connectivity(estimator))


def check_constant_image(name, estimator):
    X, y = _data()
    image = np.full((30, 40, 3), 7, np.uint8)
    labels = estimator.fit(X, y).transform([image])
    _assert_label_image(labels[0], (30, 40), _connectivity(estimator))


# --- bad input --------------------------------------------------------------------------------


def check_bad_collections(name, estimator):
    X, y = _data()
    estimator.fit(X, y)
    for method in (estimator.transform, lambda bad: clone(estimator).fit(bad, y)):
        for bad in ([], X[0], X[0][:, :, 0], np.zeros((0, 8, 8)), np.float64(3)):
            with _raises((ValueError, TypeError), "X"):
                method(bad)
        for bad in ("image.png", {"a": X[0]}, None, iter(X), 3):
            with _raises(TypeError, "X"):
                method(bad)


def check_bad_images(name, estimator):
    X, y = _data()
    estimator.fit(X, y)
    nan = X[1] / 255
    nan[2, 3, 0] = np.nan
    infinite = X[1] / 255
    infinite[0, 0, 1] = np.inf
    bad_images = (
        nan,
        infinite,
        np.zeros((0, 5, 3)),
        np.zeros((4, 4, 3, 2)),
        np.zeros(5),
        X[1].astype(complex),
        X[1].astype(str),
        "image.png",
        None,
    )
    for bad in bad_images:
        for method in (estimator.transform, lambda X: clone(estimator).fit(X, y)):
            with _raises((ValueError, TypeError), "X[1]"):
                method([X[0], bad, X[2]])


def check_channel_mismatch(name, estimator):
    X, y = _data()
    estimator.fit(X, y)
    other = [X[0], X[1][:, :, :2], X[2]]
    with _raises(ValueError, "X[1]", "2", "3"):
        estimator.transform(other)
    with _raises(ValueError, "X[1]", "2", "3"):
        clone(estimator).fit(other, y)


def check_not_fitted(name, estimator):
    X, y = _data()
    for call in (estimator.transform, estimator.predict, lambda X: estimator.score(X, y)):
        with _raises(NotFittedError):
            call(X)


def check_on_error(name, estimator):
    X, y = _data()
    estimator.set_params(on_error="warn").fit(X, y)
    expected = estimator.transform(X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        labels = estimator.transform([X[0], np.zeros(3), X[2]])
    assert any("X[1]" in str(w.message) for w in caught)
    assert labels[1] is None
    _same([labels[0], labels[2]], [expected[0], expected[2]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clone(estimator).fit([X[0], np.zeros(3), X[2]], y)
    assert any("X[1]" in str(w.message) for w in caught)


# --- state ------------------------------------------------------------------------------------


def check_pickle(name, estimator):
    X, y = _data()
    expected = estimator.fit(X, y).transform(X)
    _same(pickle.loads(pickle.dumps(estimator)).transform(X), expected)


def check_state_is_small(name, estimator):
    X, y = _data(2)
    few = len(pickle.dumps(clone(estimator).fit(X, y)))
    many = len(pickle.dumps(clone(estimator).fit(X * 4, y * 4)))
    assert many < few + X[0].size, "fitted state grows with the images"


def check_fit_is_idempotent(name, estimator):
    X, y = _data()
    expected = estimator.fit(X, y).transform(X)
    _same(estimator.fit(X, y).transform(X), expected)


def check_transform_keeps_state(name, estimator):
    X, y = _data()
    before = pickle.dumps(estimator.fit(X, y))
    estimator.transform(X)
    assert pickle.dumps(estimator) == before


def check_order_and_subset(name, estimator):
    X, y = _data()
    expected = estimator.fit(X, y).transform(X)
    _same(estimator.transform(X[::-1]), expected[::-1])
    _same(estimator.transform(X[1:2]), expected[1:2])


def check_n_jobs(name, estimator):
    X, y = _data()
    expected = estimator.fit(X, y).transform(X)
    _same(estimator.set_params(n_jobs=2).transform(X), expected)


def check_transformer_n_iter(name, estimator):
    # scikit-learn's check of this name fits a table of 30 rows
    if hasattr(estimator, "max_iter"):
        X, y = _data()
        assert estimator.fit(X, y).n_iter_ >= 1


# --- masks, scores, model selection -----------------------------------------------------------


def check_masks(name, estimator):
    X, y = _data()
    masks = [np.zeros(image.shape[:2], bool) for image in X]
    masks[0][5:25, 8:30] = True
    masks[1][:10] = masks[1][20:] = True
    masks[2] = None
    labels = estimator.fit(X, y, masks=masks).transform(X, masks=masks)
    for found, image, mask in zip(labels, X, masks, strict=True):
        _assert_label_image(found, image.shape[:2], _connectivity(estimator), mask)
    for bad in (np.zeros((3, 3), bool), np.zeros(X[0].shape[:2], bool), X[0] / 255):
        with _raises((ValueError, TypeError), "masks[1]"):
            estimator.transform(X[:2], masks=[None, bad])
    with _raises(ValueError, "masks"):
        estimator.transform(X, masks=masks[:2])


def check_masks_are_routed(name, estimator):
    X, y = _data()
    masks = [np.ones(image.shape[:2], bool) for image in X]
    for mask in masks:
        mask[:5] = False
    with config_context(enable_metadata_routing=True):
        estimator.set_fit_request(masks=True).set_transform_request(masks=True)
        pipeline = make_pipeline(estimator).fit(X, y, masks=masks)
        labels = pipeline.transform(X, masks=masks)
    np.testing.assert_array_equal(labels[0] == -1, ~masks[0])


def check_score(name, estimator):
    X, y = _data()
    score = estimator.fit(X, y).score(X, y)
    assert isinstance(score, float)
    assert 0 <= score <= 1
    np.testing.assert_allclose(estimator.score(X, [[t, t] for t in y]), score)
    single = [estimator.score(X[i : i + 1], y[i : i + 1]) for i in range(3)]
    np.testing.assert_allclose(score, np.mean(single))
    np.testing.assert_allclose(estimator.score(X, y, sample_weight=[0, 1, 0]), single[1])
    np.testing.assert_allclose(make_pipeline(estimator).score(X, y), score)
    with _raises(ValueError, "y[1]"):
        estimator.score(X, [y[0], y[0], y[2]])


def check_model_selection(name, estimator):
    X, y = _data(4)
    search = GridSearchCV(estimator, {"verbose": [0]}, cv=2, error_score="raise").fit(X, y)
    assert 0 <= search.best_score_ <= 1
    labels = cross_val_predict(estimator, X, y, cv=2)
    assert [found.shape for found in labels] == [image.shape[:2] for image in X]


# --- documentation ----------------------------------------------------------------------------


def check_docstring(name, estimator):
    from numpydoc.docscrape import ClassDoc

    X, y = _data()
    doc = ClassDoc(type(estimator))
    documented = [parameter.name for parameter in doc["Parameters"]]
    parameters = list(inspect.signature(type(estimator)).parameters)
    assert documented == parameters, f"parameters are {parameters}, documented {documented}"
    estimator.fit(X, y)
    attributes = {attribute.name for attribute in doc["Attributes"]}
    real = {a for a in vars(estimator) if a.endswith("_") and not a.startswith("_")}
    real |= {a for a in dir(type(estimator)) if a.endswith("_") and not a.startswith("_")}
    assert attributes == real, f"attributes are {sorted(real)}, documented {sorted(attributes)}"
    assert doc["Examples"], "an example is missing"


def check_html_repr(name, estimator):
    assert name in estimator._repr_html_()
