"""A subject that runs: started, asked, weighed, ended."""

import contextlib
import itertools
import os
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

from channel import Channel, Closed
from project import content, in_place

# How long a server may take to start and to end.
START_LIMIT = 60.0
STOP_LIMIT = 5.0

# Between two looks whether it answers by now.
LOOK_AGAIN = 0.0005


class Failed(Exception):
    """The subject did not do what is measured."""


class Server:
    """A process, its port and the moment it was started."""

    def __init__(self, subject, root, work):
        self.subject, self.root, self.port, self.log = subject, root, free_port(), work / "log"
        work.mkdir(parents=True, exist_ok=True)
        command = [str(word) for word in subject.command(root, self.port, work)]
        with open(self.log, "wb") as log:
            self.started = time.perf_counter()
            # Several servers end when their standard input does: it stays open. A group of its own, so that all of it can be ended.
            self.process = subprocess.Popen(
                command, cwd=work, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def wait_ready(self):
        """Asks for the front page until it is there; seconds since the start."""
        while time.perf_counter() < self.started + START_LIMIT:
            if self.process.poll() is not None:
                raise Failed(f"ended by itself: {first_line(self.log)}")
            with contextlib.suppress(OSError):
                if self.get(self.subject.front)[0] == 200:
                    return time.perf_counter() - self.started
            time.sleep(LOOK_AGAIN)
        raise Failed(f"no answer within {START_LIMIT:.0f} s")

    def get(self, path):
        """Status and body of a request as a browser makes it."""
        accept = "text/css,*/*;q=0.1" if path.endswith(".css") else "text/html,*/*;q=0.8" if path.endswith((".html", "/")) else "*/*"
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), START_LIMIT) as connection:
            connection.sendall(request.encode())
            answer = b""
            while more := connection.recv(1 << 20):
                answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]) if head else 0, body

    def listen(self):
        return Listener(self)

    def pss_kib(self):
        """The proportional set of the process and all it started."""
        return sum(pss_kib(pid) for pid in tree(self.process.pid))

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdin.close()


class Listener:
    """One client of a server, with the messages it got that make a page change, and when."""

    def __init__(self, server):
        self.subject, self.got = server.subject, []
        self.channel = Channel(server.port, *server.subject.channel(server))

    def fileno(self):
        return self.channel.fileno()

    def take(self, now, data):
        """Counts what these bytes, which came now, complete."""
        self.got += [now for text in self.channel.texts(data) if self.subject.is_change(text)]

    def close(self):
        self.channel.close()


def collect(listeners, until, enough=lambda: False):
    """Takes what comes until that time; true as soon as it is enough."""
    while (left := until - time.perf_counter()) > 0:
        ready, _, _ = select.select(listeners, [], [], left)
        now = time.perf_counter()
        for listener in ready:
            listener.take(now, listener.channel.read())
        if enough():
            return True
    return False


@contextlib.contextmanager
def serving(subject, root, work):
    """A server that answers."""
    server = Server(subject, root, work)
    try:
        server.ready = server.wait_ready()
        yield server
    finally:
        server.stop()


def prime(server):
    """Bundlers know of a file once a page asked for it."""
    for path in (server.subject.front, "/style.css", "/main.js"):
        server.get(path)


def attempt(measure, *arguments):
    """The figures, or that there are none; the reason is said."""
    try:
        return measure(*arguments)
    except (Failed, Closed, OSError) as error:
        print(f"failed: {arguments[0].name}, {error}", flush=True)
        return {"failed": 1}


def first_notice(listener, path):
    """Saves a file at growing intervals, lest a server that merges saves never comes to an end, until one is noticed; when."""
    deadline, pause, before = time.perf_counter() + START_LIMIT, 0.02, len(listener.got)
    for number in itertools.count():
        in_place(path, content(path.name, f"notice {number} of {time.perf_counter_ns()}"))
        if collect([listener], time.perf_counter() + pause, lambda: len(listener.got) > before):
            return listener.got[before]
        if time.perf_counter() > deadline:
            raise Failed("no edit was noticed")
        pause = min(pause * 1.5, 1.0)


def first_line(log):
    return next((line for line in log.read_text(errors="replace").splitlines() if line.strip()), "without a word")


def tree(pid):
    """A process and all that descend from it."""
    pids = [pid]
    for parent in pids:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                pids += [int(child) for child in task.read_text().split()]
    return pids


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
