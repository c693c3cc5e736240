"""A server in a thread, and a client that says nothing that it is not told to."""

import contextlib
import http.client
import json
import threading
import time
import zlib

import numpy as np

from sklearn_spx.view import PageServer


@contextlib.contextmanager
def serving(paths, out=None):
    """A server that is closed at the end."""
    server = PageServer(paths, out)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.close()


class Client:
    """One connection a request."""

    def __init__(self, server):
        self.server = server
        self.host, self.token = server.hosts[0], server.token

    def send(self, method, path, body=None, headers=None, token=None):
        """Return (status, headers, body) of a path below the token's."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        token = self.token if token is None else token
        try:
            connection.request(method, f"/{token}/{path}", body, headers or {})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.headers.get("Content-Encoding") == "deflate":
            content = zlib.decompress(content)
        return answer.status, answer.headers, content

    def get(self, path, **headers):
        """JSON of a question that has to be answered."""
        status, _, content = self.send("GET", f"api/{path}", headers=headers)
        assert status == 200, content
        return json.loads(content)

    def post(self, path, body=None, expect=200):
        """JSON of what a request is answered by."""
        status, _, content = self.send(
            "POST",
            f"api/{path}",
            json.dumps({} if body is None else body),
            {"Content-Type": "application/json"},
        )
        assert status == expect, content
        return json.loads(content)

    def upload(self, name, content):
        """(status, JSON) of a file that is sent."""
        headers = {"Content-Type": "application/octet-stream"}
        status, _, answer = self.send("POST", f"api/images?name={name}", content, headers)
        return status, json.loads(answer)

    def finish(self, job, seconds=180):
        """What is told of a job that is over."""
        end = time.monotonic() + seconds
        while job["state"] not in ("done", "failed", "cancelled"):
            assert time.monotonic() < end, job
            job = self.get(f"jobs/{job['job']}?wait=1&stage={job['stage'].replace(' ', '%20')}")
        return job

    def layer(self, number, name, dtype=np.uint8):
        """A layer as an array."""
        about = self.get(f"images/{number}")
        status, _, content = self.send("GET", f"api/images/{number}/layers/{name}")
        assert status == 200, content
        return np.frombuffer(content, dtype).reshape(about["rows"], about["columns"])
