"""Requests that nobody should send: each has a clear answer, and none reaches what is not shown."""

import contextlib
import io
import json
import socket
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from sklearn_spx.view import server as server_module

from .serving import Client, serving

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of one image, a link out of it, and a file outside."""
    root = tmp_path_factory.mktemp("view")
    inside = root / "images"
    inside.mkdir()
    image = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    Image.fromarray(image).save(inside / "a.png")
    Image.fromarray(image).save(root / "secret.png")
    (inside / "b.png").symlink_to(root / "secret.png")
    (inside / "c.png").symlink_to(inside / "a.png")
    return inside


@pytest.fixture(scope="module")
def server(folder):
    with serving([folder]) as found:
        yield found


@pytest.fixture
def client(server):
    return Client(server)


def raw(client, text, close=False):
    """The first bytes that come back for what is sent as it is."""
    host, port = client.host.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(text)
        if close:
            connection.shutdown(socket.SHUT_WR)
        found = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while piece := connection.recv(65536):
                found += piece
    return found


def error_of(content):
    found = json.loads(content)
    assert list(found) == ["error"]
    return found["error"]


def test_the_page_and_its_headers(client):
    status, headers, content = client.send("GET", "")
    assert status == 200
    assert b"sklearn_spx" in content
    assert headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers


def test_loopback_alone(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("token", ["", "x", "wrong" * 8, "%00", "..", "é".encode().hex()])
@pytest.mark.parametrize("path", ["", "main.js", "api/state", "api/images/0/tiles/0/0/0"])
def test_without_the_secret_nothing_is_said(client, token, path):
    status, _, content = client.send("GET", path, token=token)
    assert status == 403
    assert "secret" in error_of(content)
    assert client.token.encode() not in content


def test_tokens_differ_and_are_long(folder):
    with serving([]) as one, serving([]) as two:
        assert one.token != two.token
        assert len(one.token) >= 32


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example", "", "0.0.0.0"]
)
def test_other_names_of_the_host(client, host):
    """A site whose name is made to mean this machine does not get past its own name."""
    status, _, content = client.send("GET", "api/state", headers={"Host": host})
    assert status == 421
    assert "no server of" in error_of(content)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", ""])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_sites(client, method, origin):
    headers = {**JSON, "Origin": origin}
    status, _, content = client.send(method, "api/train", "{}", headers)
    assert status == 403
    assert "may not ask" in error_of(content)


def test_sites_that_hide_their_origin(client):
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.send("GET", "api/state", headers=headers)[0] == 403


def test_the_page_itself_may_ask(client):
    headers = {"Origin": f"http://{client.host}", "Sec-Fetch-Site": "same-origin"}
    assert client.send("GET", "api/state", headers=headers)[0] == 200
    local = client.host.replace("127.0.0.1", "localhost")
    headers = {"Host": local, "Origin": f"http://{local}"}
    assert client.send("GET", "api/state", headers=headers)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png",
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..\\..\\secret.png",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "static/main.js",
        "main.js/",
        "main.js%00.html",
        "__init__.py",
        "../server.py",
        "%C0%AE%C0%AE/server.py",
        "api/../main.js",
        "api/images/../../state",
        "api/images/0/..%2f..%2f..%2fetc%2fpasswd",
        "api/images/-1",
        "api/images/0x0",
        "api/images/%D9%A3",
        "api/images/99999999999999999999",
        "api/images/7",
        "api/images/7/thumbnail",
        "api/images/0/tiles/0/9/9",
        "api/images/0/tiles/9/0/0",
        "api/jobs/1",
        "api/downloads/1",
        "api/nothing",
        "api",
        "api/",
    ],
)
def test_paths_that_lead_nowhere(client, path):
    status, _, content = client.send("GET", path)
    assert status == 404
    assert "there is no" in error_of(content)


def test_a_link_out_of_the_folder_is_not_followed(client):
    names = {image["name"]: image["id"] for image in client.get("state")["images"]}
    assert list(names) == ["a.png", "b.png", "c.png"]
    for path in ("", "/thumbnail", "/tiles/0/0/0"):
        status, _, content = client.send("GET", f"api/images/{names['b.png']}{path}")
        assert status == 403
        assert "leads out of its folder" in error_of(content)
    assert client.get(f"images/{names['c.png']}")["width"] == 90  # a link inside is one of it


def test_a_link_that_is_laid_after_the_start(folder, tmp_path):
    late = tmp_path / "late"
    late.mkdir()
    Image.new("RGB", (9, 9)).save(late / "x.png")
    with serving([late]) as server:
        (late / "x.png").unlink()
        (late / "x.png").symlink_to(folder / "a.png")
        assert Client(server).send("GET", "api/images/0")[0] == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "X"])
def test_other_methods(client, method):
    status, headers, _ = client.send(method, "api/state")
    assert status == 501
    assert "Access-Control-Allow-Methods" not in headers


def test_get_and_post_are_not_mistaken(client):
    assert client.send("GET", "api/train")[0] == 405
    assert client.send("POST", "api/state", "{}", JSON)[0] == 405
    assert client.send("POST", "", "{}", JSON)[0] == 405


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"version": NaN}', "NaN"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "expected is a JSON object"),
        (b'"x"', "expected is a JSON object"),
        (b'{"other": 1}', "no field 'other'"),
        (b"{}", "is missing"),
        (b'{"method": 3}', "method is 3"),
        (b'{"method": "rm"}', "method is 'rm'"),
        (b'{"method": "slic", "parameters": []}', "expected is a JSON object"),
        (b'{"method": "slic", "parameters": {"n_jobs": 9}}', "no field 'n_jobs'"),
        (b'{"method": "slic", "parameters": {"n_segments": "9"}}', "n_segments is '9'"),
        (b'{"method": "slic", "parameters": {"n_segments": true}}', "n_segments is True"),
        (b'{"method": "slic", "parameters": {"n_segments": 1e9}}', "n_segments is"),
        (b'{"method": "slic", "parameters": {"compactness": 1e999}}', "compactness is inf"),
        (b'{"method": "del", "parameters": {"weights": "/etc/passwd"}}', "weights is"),
        (b'{"method": "slic", "factor": 7}', "factor is 7"),
    ],
)
def test_bodies_that_say_nothing_sensible(client, body, says):
    status, _, content = client.send("POST", "api/images/0/segment", body, JSON)
    assert status == 400
    assert says in error_of(content)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_a_form_of_another_site_could_send(client, kind):
    status, _, content = client.send("POST", "api/train", "{}", {"Content-Type": kind})
    assert status == 415
    assert "expected is application/json" in error_of(content)


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (b"Content-Length: x", b"411"),
        (b"Content-Length: -1", b"411"),
        (b"Content-Length: +5", b"411"),
        (b"Content-Length: 2\r\nContent-Length: 9", b"411"),
        (b"Content-Length: 99999999999999999999999", b"411"),
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 2", b"411"),
        (b"X: y", b"411"),
        (b"Content-Length: 99999999", b"413"),
    ],
)
def test_lengths(client, length, status):
    lines = [
        f"POST /{client.token}/api/train HTTP/1.1".encode(),
        f"Host: {client.host}".encode(),
        b"Content-Type: application/json",
        length,
    ]
    found = raw(client, b"\r\n".join(lines) + b"\r\n\r\n{}")
    assert found.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in found  # what follows a body of unknown length is no request
    assert found.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "text",
    [b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01" * 40 + b"\r\n\r\n"],
)
def test_what_is_no_request(client, text):
    raw(client, text, close=True)
    assert client.get("state")["images"]


def test_an_upload_that_is_too_large(client, monkeypatch):
    monkeypatch.setattr(server_module, "LARGEST_UPLOAD", 1000)
    status, answer = client.upload("a.png", b"x" * 100_000)
    assert status == 413
    assert "at most" in answer["error"]
    assert "command line" in answer["error"]


def test_an_upload_that_is_cut_short(client):
    head = (
        f"POST /{client.token}/api/images?name=a.png HTTP/1.1\r\nHost: {client.host}\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 5000\r\n\r\n"
    )
    found = raw(client, head.encode() + b"x" * 3000, close=True)
    assert found.startswith(b"HTTP/1.1 400")
    assert b"2000 bytes are missing" in found
    assert len(client.get("state")["images"]) == 3


def test_a_sender_that_falls_silent(client, monkeypatch):
    monkeypatch.setattr(server_module._Handler, "timeout", 0.3)
    head = (
        f"POST /{client.token}/api/train HTTP/1.1\r\nHost: {client.host}\r\n"
        "Content-Type: application/json\r\nContent-Length: 5\r\n\r\n"
    )
    assert b"cut short" in raw(client, head.encode())


def bomb():
    """A PNG of some hundred bytes that says that it has ten thousand million pixels."""

    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 100_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def test_a_bomb(client):
    status, answer = client.upload("bomb.png", bomb())
    assert status == 422
    assert answer["error"].startswith("bomb.png: ")
    assert "pixels" in answer["error"]


@pytest.mark.parametrize(
    "content",
    [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04" + b"\0" * 90],
    ids=["empty", "text", "a PNG cut short", "a broken .npz"],
)
def test_files_that_are_no_images(client, content):
    before = len(client.get("state")["images"])
    status, answer = client.upload("..%2F..%2Fx.png", content)
    assert status == 422
    assert answer["error"].startswith("x.png: ")
    assert "/tmp" not in answer["error"]
    assert len(client.get("state")["images"]) == before


def test_an_upload(client, server):
    file = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(file, "PNG")
    status, answer = client.upload("..%2F..%2Fa%20b.png", file.getvalue())
    assert status == 200
    assert answer["name"] == "a b.png"
    assert client.get(f"images/{answer['id']}")["height"] == 20
    status, headers, tile = client.send("GET", f"api/images/{answer['id']}/tiles/0/0/0")
    assert status == 200
    assert headers["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(tile)).size == (30, 20)


@pytest.mark.parametrize("name", ["%00.png", "", "a%0Ab.png", "%1b[2J"])
def test_names_that_are_none(client, name):
    status, answer = client.upload(name, b"x")
    if name:
        assert status == 400
        assert "name is" in answer["error"]
    else:
        assert status == 422


def test_what_was_uploaded_is_deleted_at_the_end():
    file = io.BytesIO()
    Image.new("RGB", (30, 20)).save(file, "PNG")
    with serving([]) as server:
        client = Client(server)
        assert client.upload("a.png", file.getvalue())[0] == 200
        path = server.session.images.sources[0].path
        assert path.exists()
    assert not path.parent.exists()


def test_a_fault_of_ours_says_nothing_of_itself(client, monkeypatch, capsys):
    monkeypatch.setattr(type(client.server.session), "documents", lambda self: 1 / 0)
    status, _, content = client.send("GET", "api/state")
    assert status == 500
    assert "ZeroDivision" not in error_of(content)
    assert "ZeroDivision" in capsys.readouterr().err


def test_the_secret_is_not_on_the_screen(client, capfd):
    client.get("state")
    client.send("GET", "api/state", token="x")
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
