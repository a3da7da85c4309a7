"""A pytest plugin that puts Everlit in front of httpbin, for suites that were written without knowing of it.

The suite of `requests` asks the `httpbin` fixture of pytest-httpbin where to find it. The suite of httpbin itself has the application
in its own process; here what it asks goes over HTTP too. BEHIND says whether Everlit is in between (`everlit`) or not (`nothing`),
OUTCOMES is the file that gets the outcome of each test.
"""

import http.client
import json
import os
import socket
import subprocess
import tempfile
from contextlib import contextmanager

import httpbin as httpbin_package
import pytest
from pytest_httpbin import serve
from pytest_httpbin.plugin import httpbin_both, httpbin_ca_bundle, httpbin_secure  # noqa: F401
from werkzeug.test import Client
from werkzeug.wrappers import Response

# An answer takes milliseconds; httpbin's slowest take ten seconds.
ANSWER_LIMIT_S = 60

IS_BEHIND = {"everlit": True, "nothing": False}[os.environ["BEHIND"]]

outcomes = {}
came_through = {True: 0, False: 0}


@pytest.fixture(scope="session")
def httpbin():
    with serve.Server(application=counted(httpbin_package.app)) as server:
        if IS_BEHIND:
            with everlit(server.url) as front:
                yield front
        else:
            yield server


@pytest.fixture(autouse=True)
def application_over_http(request, monkeypatch):
    """Lets the test client of httpbin's own suite ask the server instead of the application."""
    if request.cls is not None and request.cls.__name__ == "HttpbinTestCase":
        server = request.getfixturevalue("httpbin")
        monkeypatch.setattr(httpbin_package.app, "test_client", lambda: Client(over_http(server), Response))


class Front:
    """Where Everlit listens, as pytest-httpbin's servers say it."""

    def __init__(self, url):
        self.url = url.replace("localhost", "127.0.0.1").rstrip("/")
        self.host, self.port = self.url.removeprefix("http://").split(":")

    def __add__(self, path):
        return self.url + path


@contextmanager
def everlit(upstream):
    with tempfile.TemporaryDirectory() as folder:
        command = [os.environ["EVERLIT"], "dev", folder, "--port", "0", "--log", "json", "--upstream", upstream]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            yield Front(json.loads(process.stdout.readline())["url"])
            assert process.poll() is None, "Everlit ended during the tests"
        finally:
            process.terminate()
            process.communicate()


def counted(application):
    """Counts what comes through Everlit and what does not."""

    def count(environ, start_response):
        came_through["everlit" in environ.get("HTTP_VIA", "")] += 1
        return application(environ, start_response)

    return count


def over_http(server):
    """A WSGI application that asks a server."""

    def ask(environ, start_response):
        method, target = environ["REQUEST_METHOD"], environ["REQUEST_URI"]
        body = environ["wsgi.input"].read()
        fields = list(headers(environ, server))
        if ("Transfer-Encoding", "chunked") in fields:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        elif body:
            fields.append(("Content-Length", len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        with socket.create_connection((server.host, int(server.port)), ANSWER_LIMIT_S) as connection:
            # At once: the server answers some requests without a look at the body, and closes.
            connection.sendall(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
            answer = http.client.HTTPResponse(connection, method=method)
            answer.begin()
            start_response(f"{answer.status} {answer.reason}", answer.getheaders())
            return [answer.read()]

    return ask


def headers(environ, server):
    """What the test client would send: `localhost` is what it calls every server."""
    for name, value in environ.items():
        if name == "HTTP_HOST":
            yield "Host", f"{server.host}:{server.port}" if value == "localhost" else value
        # One test gives a header without a name, which cannot be sent.
        elif name.startswith("HTTP_") and name not in ("HTTP_", "HTTP_CONTENT_LENGTH"):
            yield name.removeprefix("HTTP_").replace("_", "-").title(), value
        elif name == "CONTENT_TYPE" and value:
            yield "Content-Type", value


def pytest_runtest_logreport(report):
    """A test is what the worst of its phases was."""
    before = outcomes.get(report.nodeid)
    if before is None or report.outcome != "passed":
        outcomes[report.nodeid] = "failed" if "failed" in (before, report.outcome) else report.outcome


def pytest_sessionfinish():
    with open(os.environ["OUTCOMES"], "w") as file:
        json.dump({"outcomes": outcomes, "through": came_through[True], "around": came_through[False]}, file)
