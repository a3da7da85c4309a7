"""Runs everlit on a real terminal, as a shell does, and checks that it leaves the terminal as it found it.

    terminal.py EVERLIT PROJECT HOW

HOW names one of the ways to end it below. This process plays the shell: it leads the session, owns the terminal and hands it to
the job in the foreground. Exits with 0 when everlit ended with 0 and the terminal's modes are as before; says why otherwise.
"""

import base64
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import urllib.parse
import urllib.error
import urllib.request

LIMIT_S = 20
LOOK_AGAIN_S = 0.01

everlit, project, how = sys.argv[1:]


def wait_until(what, true):
    """Looks until it is true."""
    deadline = time.monotonic() + LIMIT_S
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"{how}: waited in vain until {what}")
        time.sleep(LOOK_AGAIN_S)


class Shell:
    def __init__(self):
        self.keyboard, self.terminal = os.openpty()
        os.setsid()
        fcntl.ioctl(self.terminal, termios.TIOCSCTTY, 0)
        # As shells do, so that they can take the terminal back.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        self.before = self.modes()
        self.job = subprocess.Popen(
            [everlit, "dev", project, "--port", "0", "--log", "json"],
            stdin=self.terminal,
            stdout=subprocess.PIPE,
            preexec_fn=self.into_foreground,
        )
        self.ready = json.loads(self.job.stdout.readline())
        self.said = ""
        self.wait_single()

    def into_foreground(self):
        os.setpgid(0, 0)
        os.tcsetpgrp(self.terminal, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)

    def modes(self):
        return termios.tcgetattr(self.terminal)

    def press(self, keys):
        os.write(self.keyboard, keys)

    def wait_single(self):
        wait_until("keys are read one by one", lambda: not self.modes()[3] & (termios.ICANON | termios.ECHO))

    def give_terminal(self):
        os.tcsetpgrp(self.terminal, self.job.pid)

    def suspend(self):
        """Ctrl-Z, and what a shell does next."""
        self.press(b"\x1a")
        _, status = os.waitpid(self.job.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise SystemExit(f"{how}: ended instead of being stopped")
        if self.modes() != self.before:
            raise SystemExit(f"{how}: stopped with the terminal changed")
        os.tcsetpgrp(self.terminal, os.getpgrp())
        termios.tcsetattr(self.terminal, termios.TCSANOW, self.before)

    def resume(self):
        os.kill(self.job.pid, signal.SIGCONT)

    def check_answers(self):
        with urllib.request.urlopen(self.ready["url"], timeout=LIMIT_S) as answer:
            answer.read()

    def page(self):
        """What is answered, and whether it is said to be stale."""
        with urllib.request.urlopen(self.ready["url"], timeout=LIMIT_S) as answer:
            return answer.read().decode(), answer.headers["Everlit-Generation"].endswith("; stale")

    def wait_page(self, text, stale):
        def answers():
            page, is_stale = self.page()
            return text in page and is_stale == stale

        wait_until(f"{text} answers, {'stale' if stale else 'fresh'}", answers)

    def save_second_version(self):
        self.wait_page("version 1", stale=False)
        source = os.path.join(project, "app.py")
        with open(source) as file:
            text = file.read()
        with open(source, "w") as file:
            file.write(text.replace("version 1", "version 2"))
        self.wait_page("version 2", stale=False)

    def next_event(self, name):
        for line in self.job.stdout:
            self.said += line.decode()
            event = json.loads(line)
            if event["event"] == name:
                return event
        raise SystemExit(f"{how}: ended before it said {name}")

    def check_end(self, secret):
        events = self.said + self.job.stdout.read().decode()
        if secret and secret in events:
            raise SystemExit(f"{how}: a secret was told: {events}")
        code = self.job.wait(LIMIT_S)
        after = self.modes()
        if code != 0 or after != self.before:
            raise SystemExit(f"{how}: code {code}, modes {self.before} became {after}\n{events}")


class OpenPage:
    """A page as a browser has it open: it names itself and answers a ping."""

    def __init__(self, url, path, agent):
        self.url, self.path = url, path
        script = urllib.request.urlopen(urllib.parse.urljoin(url, "/__everlit/client.js"), timeout=LIMIT_S).read().decode()
        token = re.search('const token = "([^"]+)"', script)[1]
        host = urllib.parse.urlsplit(url).netloc
        name, port = host.split(":")
        self.line = socket.create_connection((name, int(port)), LIMIT_S)
        key = base64.b64encode(os.urandom(16)).decode()
        self.line.sendall(
            f"GET /__everlit/ws?token={token} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"User-Agent: {agent}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self.source = self.line.makefile("rb")
        while self.source.readline().strip():
            pass
        self.generation = json.loads(self.frame()[1])["generation"]
        self.say_page()
        while self.frame()[0] != 9:
            pass
        self.say(10, b"")

    def frame(self):
        """The kind and the content of the next frame."""
        kind, size = self.source.read(2)
        if size == 126:
            (size,) = struct.unpack(">H", self.source.read(2))
        return kind & 15, self.source.read(size)

    def say(self, kind, content):
        """With a mask of zeros, which changes nothing."""
        size = bytes([0x80 | len(content)]) if len(content) < 126 else b"\xfe" + struct.pack(">H", len(content))
        self.line.sendall(bytes([0x80 | kind]) + size + bytes(4) + content)

    def say_page(self):
        address = urllib.parse.urljoin(self.url, self.path)
        self.say(1, json.dumps({"type": "page", "url": address, "generation": self.generation, "page": None}).encode())


def background(shell):
    """`bg`, with somebody typing to the shell meanwhile."""
    shell.suspend()
    shell.resume()
    shell.press(b"q\n")
    shell.check_answers()
    os.read(shell.terminal, 16)
    if shell.modes() != shell.before:
        raise SystemExit(f"{how}: a job in the background changed the terminal")


def q(shell):
    shell.press(b"q")


def interrupt(shell):
    shell.press(b"\x03")


def term(shell):
    shell.job.terminate()


def hang_up(shell):
    shell.job.send_signal(signal.SIGHUP)


def suspended(shell):
    shell.suspend()
    shell.give_terminal()
    shell.resume()
    shell.wait_single()
    q(shell)


def in_background(shell):
    background(shell)
    term(shell)


def foreground_again(shell):
    background(shell)
    back(shell)


def foreground_again_at_once(shell):
    """As before, but nothing is typed meanwhile."""
    shell.suspend()
    shell.resume()
    shell.check_answers()
    back(shell)


def back(shell):
    # A job that runs gets no signal at `fg`.
    shell.give_terminal()
    shell.wait_single()
    q(shell)


def closed():
    """The window of the terminal is closed: what reads or writes it fails from then on, and the shell hangs up its jobs."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    keyboard, terminal = os.openpty()
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    job = subprocess.Popen(
        [everlit, "dev", project, "--port", "0"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        preexec_fn=lambda: (os.setpgid(0, 0), signal.signal(signal.SIGHUP, signal.SIG_DFL)),
    )
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(terminal, job.pid)
    os.close(terminal)
    said = b""
    while b"local" not in said:
        said += os.read(keyboard, 1024)
    os.close(keyboard)
    os.killpg(job.pid, signal.SIGHUP)
    # A core or a panic would be another code.
    code = job.wait(LIMIT_S)
    if code != 0:
        raise SystemExit(f"{how}: code {code} after {said.decode()}")


def open_on_phones(shell):
    """The page opens on the phone that the environment leads to, whose `am` writes to the file AM."""
    shell.press(b"d")
    wait_until("the phone opens it", lambda: os.path.exists(os.environ["AM"]))
    q(shell)


def devtools_of_phone(shell):
    """DevTools open for the page on a phone: the browser of the environment, which writes what it is to open to the file OPENED, gets a link.

    What is to be done with the phone meanwhile is up to whoever reads the lines that are printed, and answers each by one.
    """
    opened = os.environ["OPENED"]

    def pause(line):
        print(line, flush=True)
        sys.stdin.readline()

    def link():
        shell.press(b"D")
        event = shell.next_event("devtools")
        wait_until("the browser is asked", lambda: os.path.exists(opened) and open(opened).read().endswith("\n"))
        link = open(opened).read().strip()
        os.remove(opened)
        return event, link

    def keys():
        shell.press(b"h")
        return shell.next_event("info")["text"]

    pause(shell.ready["url"])
    shell.press(b"D")
    said = shell.next_event("info")["text"]
    if not said.startswith("adb knows no phone") or "D DevTools" in keys():
        raise SystemExit(f"{how}: without a phone it said {said}")
    pause("plug it in")
    shell.press(b"D")
    said = ""
    while "DevTools" not in said:
        said = shell.next_event("device")["what"]
    if "none of its tabs shows this project; `d` in its terminal" not in said or "D DevTools" not in keys():
        raise SystemExit(f"{how}: without a tab it said {said}")
    pause("open the page")
    event, first = link()
    pause(json.dumps([event, first]))
    if link()[1] != first:
        raise SystemExit(f"{how}: another link to the same tab")
    q(shell)
    return first.rpartition("/")[2]


def list_pages(shell):
    """Those that are open, with the generation each shows and how fast it answers; a page that is closed is not among them."""

    def listed(is_there):
        """What the key says once it is as it should be."""
        found = []

        def look():
            shell.press(b"l")
            found.append(shell.next_event("pages"))
            return is_there(found[-1])

        wait_until("the pages are listed", look)
        return found[-1]

    front = OpenPage(shell.ready["url"], "/", "Firefox/140.0")
    cart = OpenPage(shell.ready["url"], "/cart?secret", "(iPhone) Version/18.5 Safari/604.1")
    measured = lambda event: [page["latency_ms"] is not None for page in event["pages"]] == [True, True]
    pages = listed(measured)["pages"]
    known = [(page["path"], page["browser"], page["device"], page["newest"]) for page in pages]
    if known != [("/", "Firefox", "", True), ("/cart", "Safari", "iPhone", True)]:
        raise SystemExit(f"{how}: {pages}")

    with open(os.path.join(project, "index.html"), "a") as file:
        file.write("again")
    while (told := json.loads(front.frame()[1]))["type"] not in ("patch", "reload"):
        pass
    front.generation = told["generation"]
    front.say_page()
    event = listed(lambda event: event["pages"][0]["newest"])
    if event["generation"] != front.generation or event["pages"][1]["newest"]:
        raise SystemExit(f"{how}: {event}")
    cart.source.close()
    cart.line.close()
    listed(lambda event: [page["path"] for page in event["pages"]] == ["/"])
    q(shell)


def inspect(shell):
    """The browser of the environment, which writes what it is to open to the file OPENED, gets a link that gives the token once."""
    opened = os.environ["OPENED"]

    def trade(code):
        body = json.dumps({"code": code}).encode()
        request = urllib.request.Request(shell.ready["control"] + "api/session", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                return json.load(answer)["token"]
        except urllib.error.HTTPError as error:
            return error.code

    links = []
    for _ in range(2):
        shell.press(b"i")
        wait_until("the browser is asked", lambda: os.path.exists(opened) and open(opened).read().endswith("\n"))
        links.append(open(opened).read().strip())
        os.remove(opened)
    codes = [link.removeprefix(shell.ready["control"] + "#") for link in links]
    token = shell.ready["control_token"]
    got = [trade(codes[0]), trade(codes[1]), trade(codes[1])]
    if got != [401, token, 401] or token in codes or codes[0] == codes[1]:
        raise SystemExit(f"{how}: {links} gave {got}")
    q(shell)


def roll_back(shell):
    """Back to the generation before, forward again, and back from there: each answers, and the first says that it is stale."""
    shell.save_second_version()
    shell.press(b"b")
    shell.wait_page("version 1", stale=True)
    shell.press(b"b")
    shell.wait_page("version 2", stale=False)
    shell.press(b"B")
    shell.wait_page("version 1", stale=True)
    q(shell)


def roll_back_past_rebuilds(shell):
    """The same program started anew is not the generation before."""
    shell.save_second_version()
    for _ in range(3):
        before = shell.page()
        shell.press(b"r")
        wait_until("it is started anew", lambda: shell.page() != before)
    shell.press(b"b")
    shell.wait_page("version 1", stale=True)
    q(shell)


WAYS = {
    way.__name__: way
    for way in (q, interrupt, term, hang_up, suspended, in_background, foreground_again, foreground_again_at_once, roll_back, roll_back_past_rebuilds, open_on_phones, devtools_of_phone, list_pages, inspect)
}

if how == "closed":
    closed()
    raise SystemExit(0)

shell = Shell()
try:
    shell.check_end(secret=WAYS[how](shell))
finally:
    shell.job.kill()
