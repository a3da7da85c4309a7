"""Requests that nobody means well by. Each ends without harm to others; none of them is answered with what is not public."""

import contextlib

from server import Wrong

# How long an answer to them is waited for.
PATIENCE_S = 5

TRAVERSALS = (
    "/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2fetc/passwd", "/page.html/../../app.py",
    "//etc/passwd", "/static/../everlit.toml", "/.git/config", "/.everlit/", "/%00", "/page.html%00.css", "/\\..\\..\\etc\\passwd")

SECRETS = (b"root:", b"[core]", b"[app]", b"http.server import")


def head(server, *lines):
    return "\r\n".join([*lines, f"Host: localhost:{server.port}", "", ""]).encode()


def malformed(server, random):
    texts = (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 100, b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + random.randbytes(200),
        head(server, "POST /api/posts HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        head(server, "POST /number HTTP/1.1", "Transfer-Encoding: chunked") + b"zz\r\nhello\r\n",
        head(server, "GET / HTTP/1.1", "Host: evil.example"), random.randbytes(2000))
    return exchange(server, random.choice(texts))


def traversal(server, random):
    exchange(server, head(server, f"GET {random.choice(TRAVERSALS)} HTTP/1.1", "Connection: close"))


def huge_head(server, random):
    exchange(server, head(server, "GET / HTTP/1.1", f"Cookie: a={'x' * random.randrange(60_000, 2_000_000)}", "Connection: close"))


def half_head(server, _random):
    """Left open until the server has enough of it."""
    line = server.connect()
    line.sendall(b"GET / HTTP/1.1\r\nHost: local")
    return line


def half_body(server, _random):
    line = server.connect()
    line.sendall(head(server, "POST /api/posts HTTP/1.1", "Content-Type: application/json", "Content-Length: 1000") + b'{"a":')
    return line


def slow_reader(server, _random):
    """Asks for more than the system takes for it, and reads nothing."""
    line = server.connect()
    line.sendall(head(server, "GET /page.html HTTP/1.1") * 200)
    return line


def leaver(server, _random):
    line = server.connect()
    line.sendall(head(server, "GET /number HTTP/1.1"))
    line.close()


def wrong_socket(server, random):
    lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    answer = exchange(server, head(server, f"GET /__everlit/ws?token={random.randbytes(12).hex()} HTTP/1.1", *lines, "Connection: close"))
    if answer.startswith(b"HTTP/1.1 101"):
        raise Wrong("a socket opens for whoever knows no token")


ALL = (malformed, traversal, huge_head, half_head, half_body, slow_reader, leaver, wrong_socket)


def exchange(server, data):
    """What is answered within moments, if anything is."""
    answer = b""
    with contextlib.suppress(OSError), server.connect(PATIENCE_S) as line:
        line.sendall(data)
        line.settimeout(0.3)
        while more := line.recv(1 << 16):
            answer += more
    if any(secret in answer for secret in SECRETS):
        raise Wrong(f"a file that is not public was sent: {answer[:300]!r}")
    return answer
