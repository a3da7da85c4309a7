"""One socket on which a server says what changed: a websocket or server-sent events."""

import base64
import os
import socket

CONNECT_LIMIT = 10.0
CHUNK = 65536

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Closed(Exception):
    """The server ended the channel."""


class Channel:
    """Blocks while it connects and never after. `accepts` are further header lines of the request."""

    def __init__(self, port, path, events=False, accepts=()):
        self.socket = socket.create_connection(("127.0.0.1", port), CONNECT_LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._split = self._split_events if events else self._split_frames
        self._rest = self._connect(port, path, events, accepts)
        self.socket.setblocking(False)

    def fileno(self):
        return self.socket.fileno()

    def close(self):
        self.socket.close()

    def _connect(self, port, path, events, accepts):
        # Without chunks the stream of events is its text and nothing else: HTTP/1.0.
        lines = [f"GET {path} HTTP/1.{0 if events else 1}", f"Host: localhost:{port}", *accepts]
        if events:
            lines.append("Accept: text/event-stream")
        else:
            key = base64.b64encode(os.urandom(16)).decode()
            lines += [f"Origin: http://localhost:{port}", "Connection: Upgrade", "Upgrade: websocket"]
            lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            if not (more := self.socket.recv(CHUNK)):
                raise Closed(f"during the handshake, after {answer[:60]!r}")
            answer += more
        head, _, rest = answer.partition(b"\r\n\r\n")
        if head.split()[1] not in (b"101", b"200"):
            raise Closed(f"refused with {head[:60]!r}")
        return rest

    def read(self):
        """The bytes that are there now, for `texts`."""
        try:
            data = self.socket.recv(CHUNK)
        except BlockingIOError:
            return b""
        if not data:
            raise Closed("by the server")
        return data

    def texts(self, data):
        """The messages that are complete with these bytes."""
        self._rest += data
        return list(self._split())

    def _split_events(self):
        *events, self._rest = self._rest.replace(b"\r\n", b"\n").split(b"\n\n")
        for event in events:
            lines = [line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:")]
            if lines:
                yield b"\n".join(lines).decode()

    def _split_frames(self):
        """None of the servers splits a message into frames."""
        while len(self._rest) >= 2:
            kind, size, start = self._rest[0] & 0x0F, self._rest[1] & 0x7F, 2
            if size > 125:
                start = 4 if size == 126 else 10
                size = int.from_bytes(self._rest[2:start], "big")
            if len(self._rest) < start + size or len(self._rest) < start:
                return
            payload, self._rest = self._rest[start:start + size], self._rest[start + size:]
            if kind == CLOSE:
                raise Closed("by the server")
            if kind == PING:
                self._pong(payload)
            if kind == TEXT:
                yield payload.decode()

    def _pong(self, payload):
        # A mask of zeros is as good as another on a loopback.
        self.socket.sendall(bytes([0x80 | PONG, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
