"""A subject that runs, and what the kernel knows of it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

# How long a server may take to its first answer, a build from nothing included, and to end.
START_LIMIT = 120.0
STOP_LIMIT = 5.0
LOOK_AGAIN = 0.0005


class Failed(Exception):
    """The subject did not do what is measured."""


class Server:
    """A process that answers on `port` once it is ready."""

    def __init__(self, command, root, log, port, env):
        self.port, self.log = port, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as file:
            # A group of its own, so that all of it can be ended; some end when their standard input does, so it stays open.
            self.process = subprocess.Popen(
                [str(word) for word in command], cwd=root, env=env, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT,
                start_new_session=True)
        self.started = time.perf_counter()

    def wait_ready(self):
        """Asks until it is there; seconds since the start."""
        while time.perf_counter() < self.started + START_LIMIT:
            if self.process.poll() is not None:
                raise Failed(f"ended by itself: {self.log.read_text(errors='replace')[:300]!r}")
            with contextlib.suppress(OSError, IndexError):
                if self.get("/")[0] == 200:
                    return time.perf_counter() - self.started
            time.sleep(LOOK_AGAIN)
        raise Failed(f"no answer within {START_LIMIT:.0f} s")

    def get(self, path):
        """Status and body."""
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), START_LIMIT) as connection:
            connection.sendall(request.encode())
            answer = b""
            while more := connection.recv(1 << 16):
                answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def stop(self):
        # Whoever left the group was started by it all the same.
        started = tree(self.process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_LIMIT)
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()


@contextlib.contextmanager
def serving(server):
    try:
        yield server
    finally:
        server.stop()


def tree(pid):
    """A process and all that descend from it."""
    pids = [pid]
    for parent in pids:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                pids += [int(child) for child in task.read_text().split()]
    return pids


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def pss_kib(pid):
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
