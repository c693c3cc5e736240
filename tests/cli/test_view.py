"""``sklearn-spx view``: what it prints, and how it ends."""

import http.client
import os
import signal
import subprocess
import sys
import urllib.parse

import pytest
from click.testing import CliRunner
from PIL import Image

from sklearn_spx.cli import main


def start(*arguments):
    command = [sys.executable, "-m", "sklearn_spx.cli", "view", "--no-browser", *arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env={**os.environ, "PYTHONUNBUFFERED": "1"}, **options)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends(tmp_path, how):
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    process = start(str(tmp_path), "--out", str(tmp_path / "new"))
    try:
        line = process.stdout.readline()
        assert line.startswith("open http://127.0.0.1:")
        address = urllib.parse.urlsplit(line.removeprefix("open ").strip())
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
        connection.request("GET", f"{address.path}api/state")
        assert b"a.png" in connection.getresponse().read()
        connection.close()
        assert (tmp_path / "new").is_dir()
        process.send_signal(how)
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert out.endswith("stopped\n")
    assert errors == ""


def usage(*arguments):
    result = CliRunner().invoke(main, ["view", "--no-browser", *map(str, arguments)])
    assert result.exit_code == 2
    return " ".join(result.output.split())


def test_wrong_usage(tmp_path):
    assert "there is no file" in usage(tmp_path / "nothing.png")
    assert "there is no image in the directory" in usage(tmp_path)
    (tmp_path / "file").write_text("x")
    assert "--out" in usage("--out", tmp_path / "file" / "inside")
    assert "port" in usage("--port", "70000")


def test_a_port_that_is_taken():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"--port {port} cannot be used" in usage("--port", port)


def test_the_package_does_not_import_the_page():
    code = (
        "import sys, sklearn_spx, sklearn_spx.cli; sklearn_spx.SLICSuperpixels;"
        "print([m for m in sys.modules if m.startswith('sklearn_spx.view')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
