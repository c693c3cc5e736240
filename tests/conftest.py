"""Where the real data lies, for the tests that need it."""

import os
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

if "PYTEST_XDIST_WORKER" in os.environ:  # one process a core, and so one thread in each
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by torch, which is imported later
    # pytest has loaded scikit-learn, for its filters of warnings, and with it BLAS and OpenMP
    ONE_THREAD = threadpool_limits(int(os.environ["OMP_NUM_THREADS"]))


LONG = {
    "fuzz": "long property runs",
    "slow": "what other tests show of one estimator or dtype, of all; processes killed and forked",
}


def pytest_addoption(parser):
    parser.addoption(
        "--no-missing-packages",
        action="store_true",
        help="a test that would be skipped, since a package is not installed, fails",
    )
    parser.addoption(
        "--list-missing-packages",
        metavar="FILE",
        help="write the names of the tests that were skipped, since a package is not installed",
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if wants_a_package(report) and item.config.getoption("no_missing_packages"):
        report.outcome, report.longrepr = "failed", report.longrepr[2]


def wants_a_package(report):
    return report.skipped and "could not import" in str(report.longrepr)


def pytest_configure(config):
    config.addinivalue_line("markers", "data: needs the folder that SKLEARN_SPX_DATA names")
    for name, what in LONG.items():
        config.addinivalue_line("markers", f"{name}: {what}, by `pytest -m {name}` alone")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if {"data_root", "oracle"} & set(item.fixturenames):
            item.add_marker(pytest.mark.data)
    # not by addopts, where -m of ours would be lost
    left_out = [name for name in LONG if name not in config.option.markexpr]
    long = [item for item in items if any(item.get_closest_marker(name) for name in left_out)]
    if long:
        config.hook.pytest_deselected(items=long)
        kept = set(items) - set(long)
        items[:] = [item for item in items if item in kept]


def pytest_terminal_summary(terminalreporter, config):
    reports = [r for rs in terminalreporter.stats.values() for r in rs if hasattr(r, "when")]
    if config.option.list_missing_packages:
        names = dict.fromkeys(report.nodeid for report in reports if wants_a_package(report))
        Path(config.option.list_missing_packages).write_text("".join(f"{n}\n" for n in names))
    cases = [
        (report.nodeid, n)
        for report in reports
        for key, n in getattr(report, "user_properties", ())
        if key == "fuzz_cases" and report.when == "call"
    ]
    for nodeid, n in sorted(cases):
        terminalreporter.write_line(f"{n:8,} cases  {nodeid}")
    if cases:
        terminalreporter.write_line(f"{sum(n for _, n in cases):8,} cases in all")


@pytest.fixture(scope="session")
def data_root():
    """Folder that holds BSDS500/."""
    root = os.environ.get("SKLEARN_SPX_DATA")
    if not root:
        pytest.skip("SKLEARN_SPX_DATA is not set: no real data")
    return Path(root)


@pytest.fixture(scope="session")
def oracle(data_root):
    """Load a file of reference values: ``oracle("ers_reference")``."""
    return lambda name: np.load(data_root.parent / "oracles" / f"{name}.npz")
