"""A user's type checker learns the types of the package, installed or not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_spx

ROOT = Path(sklearn_spx.__file__).parent
CODE = Path(__file__).parent / "typing"


@pytest.mark.slow
def test_a_user_is_told_what_is_wrong_and_nothing_else(tmp_path):
    pytest.importorskip("mypy")
    environment = dict(os.environ)
    if "site-packages" not in ROOT.parts:  # there, py.typed says that there are types
        environment["MYPYPATH"] = str(ROOT.parent)
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nstrict = true\nfollow_imports = silent\n"
        "[mypy-torch.*]\nfollow_imports = skip\n"  # a minute less, and no matter here
        "[mypy-sklearn.*,joblib,numba.*]\nignore_missing_imports = true\n"
    )
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--no-error-summary", "--cache-dir"]
    run = subprocess.run(
        [*command, tmp_path / "cache", CODE / "right.py", CODE / "wrong.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    found = re.findall(r"(\w+\.py):(\d+): error: .*\[([\w-]+)\]$", run.stdout, re.M)
    lines = (CODE / "wrong.py").read_text(encoding="utf-8").splitlines()
    wanted = [
        ("wrong.py", str(number), line.split("# error: ")[1])
        for number, line in enumerate(lines, 1)
        if "# error: " in line
    ]
    assert len(wanted) > 10
    assert found == wanted, run.stdout + run.stderr


def test_the_marker_of_types_is_part_of_the_package():
    assert (ROOT / "py.typed").read_bytes() == b""
