"""The server: started, asked, looked at, ended."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

START_LIMIT_S = 60
STOP_LIMIT_S = 10
ANSWER_LIMIT_S = 40

MARK = "SOAK_MARK"


class Wrong(Exception):
    """Something is not as it was promised."""


class Server:
    def __init__(self, binary, root, home):
        self.mark, self.home, self.events, self.log = f"{os.getpid()}-{time.time_ns()}", home, [], home / "stderr"
        environment = {**os.environ, MARK: self.mark, "XDG_STATE_HOME": str(home)}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [binary, "dev", str(root), "--port", "0", "--log", "json"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment)
        self.pid = self.process.pid
        ready = json.loads(self.process.stdout.readline())
        self.port = int(ready["url"].rstrip("/").rsplit(":", 1)[1])
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line)["event"])

    def connect(self, limit_s=ANSWER_LIMIT_S):
        return socket.create_connection(("127.0.0.1", self.port), limit_s)

    def get(self, path):
        """Status and body."""
        head, body = self.ask(path)
        return int(head.split()[1]), body

    def generation(self):
        """The one that answers."""
        return int(re.search(r"(?mi)^everlit-generation: (\d+)", self.ask("/page.html")[0])[1])

    def ask(self, path):
        """Head and body."""
        with self.connect() as line:
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while more := line.recv(1 << 20):
                answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head:
            raise Wrong(f"no answer to {path}")
        return head.decode("latin1"), body.decode(errors="replace")

    def wait_answer(self, path, words):
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            self.check_alive()
            status, body = self.get(path)
            if words in body:
                return body
            if time.monotonic() > deadline:
                raise Wrong(f"{path} answers {status} {body[:200]!r}, not {words!r}")
            time.sleep(0.05)

    def check_alive(self):
        if self.process.poll() is not None:
            raise Wrong(f"it ended with {self.process.returncode}: {self.log.read_text(errors='replace')[-2000:]}")

    def programs(self):
        """The processes of the program, without those that keep them."""
        return [pid for pid, words in self.marked() if words.startswith("python3")]

    def marked(self):
        """What it started and itself: all that have the mark in their environment."""
        wanted, found = f"{MARK}={self.mark}".encode(), []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                    found.append((int(folder.name), words))
        return found

    def zombies(self):
        children = [child for task in Path(f"/proc/{self.pid}/task").glob("*/children") for child in task.read_text().split()]
        states = {child: stat(child) for child in children}
        return [child for child, state in states.items() if state == "Z"]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def memory_kib(self):
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    def stop(self):
        """The exit code, and what is left of all it started."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        code = self.process.wait(STOP_LIMIT_S)
        deadline = time.monotonic() + STOP_LIMIT_S
        while (left := self.marked()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return code, left

    def kill(self):
        self.process.kill()
        self.process.wait()


def stat(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    return ""
