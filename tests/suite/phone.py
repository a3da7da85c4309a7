"""A phone, as far as adb and a page can tell: the device's side of the ADB protocol, and a localhost of its own.

    phone.py FOLDER MODEL [locked] [old]

It listens for the adb server on a port of 127.0.0.1 of this machine, which it prints, and moves to a network of its own before it does
anything else. There it has the services that an adb server asks a phone for: `reverse:`, `shell:` and `localabstract:`. Commands run in a real
shell; `am` writes down what it is told. Its browser is a Chromium without a window, with its DevTools where Chrome for Android has them. A `locked` phone waits until its user allows the computer; an `old` one cannot bind its loopback alone.

Its cable, its screen and its other programs are in the hands of whoever connects to FOLDER/hand and writes a line:

    cut                   the cable is pulled: all connections end, new ones are refused
    plug                  and put in again
    allow                 its user allows the computer
    browse URL            its browser is started at a page
    listen PORT           another program takes a port
    close PORT            and gives it back
    dial PORT             the rest of the connection is one from the phone to its own localhost
    dial-wifi PORT        the same, from a neighbour on its network
"""

import ctypes
import fcntl
import json
import os
import queue
import socket
import struct
import subprocess
import sys
import threading
import time

folder, model, *ways = sys.argv[1:]

HEADER = struct.Struct("<4sIIIII")
VERSION, LARGEST = 0x01000001, 256 * 1024
TOKEN, PUBLIC_KEY = 1, 3
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
SET_FLAGS, SET_ADDRESS, SET_MASK, UP = 0x8914, 0x8916, 0x891C, 0x1
# A second address of the phone, beside 127.0.0.1: what its Wi-Fi would be.
WIFI = "10.99.0.1"
# Of the phone's own: where its browser has its DevTools.
DEVTOOLS = 9222


class Refused(Exception):
    """What the phone says when it does not do something."""


def leave_the_machine():
    """From here on every socket is one of the phone's; those that are open stay where they are."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_USER | NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket() as any_socket:
        for name, address, mask in (("lo", "127.0.0.1", "255.0.0.0"), ("lo:1", WIFI, "255.255.255.0")):
            for what, value in ((SET_ADDRESS, address), (SET_MASK, mask)):
                place = struct.pack("<HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(any_socket, what, struct.pack("16s16s8x", name.encode(), place))
            fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH22x", name.encode(), UP))


def block(text):
    return b"%04x%s" % (len(text), text)


def pour(source, sink):
    """Until one of them ends."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Stream:
    """One of the conversations on a cable. One piece is under way at a time in each direction."""

    def __init__(self, cable, ours, theirs=0):
        self.cable, self.ours, self.theirs = cable, ours, theirs
        self.heard, self.taken, self.is_open = queue.Queue(), threading.Semaphore(0), True

    def write(self, data):
        for start in range(0, len(data), LARGEST):
            if not self.is_open:
                return
            self.cable.send(b"WRTE", self.ours, self.theirs, data[start : start + LARGEST])
            self.taken.acquire()

    def read(self):
        """The next piece; nothing at the end."""
        data = self.heard.get()
        if data:
            self.cable.send(b"OKAY", self.ours, self.theirs)
        return data

    def ended(self):
        self.is_open = False
        self.heard.put(b"")
        self.taken.release()

    def close(self):
        if self.is_open:
            self.ended()
            self.cable.streams.pop(self.ours, None)
            self.cable.send(b"CLSE", self.ours, self.theirs)

    def carry(self, plain):
        """What goes in at a socket comes out at the other end of the stream, and back."""

        def back():
            while data := self.read():
                plain.sendall(data)
            plain.close()

        returning = threading.Thread(target=tolerant, args=(back,), daemon=True)
        returning.start()
        try:
            while data := plain.recv(65536):
                self.write(data)
        except OSError:
            pass
        self.close()
        returning.join()


def tolerant(work, *args):
    """A connection that breaks off ends what was about it, and nothing else."""
    try:
        work(*args)
    except (OSError, struct.error):
        pass


class Cable:
    """One connection of the adb server. The reverse rules are the connection's."""

    def __init__(self, plain):
        self.plain, self.sending = plain, threading.Lock()
        self.streams, self.last, self.rules = {}, 0, {}

    def send(self, what, first, second, data=b""):
        magic = int.from_bytes(what, "little") ^ 0xFFFFFFFF
        header = HEADER.pack(what, first, second, len(data), sum(data) & 0xFFFFFFFF, magic)
        with self.sending:
            self.plain.sendall(header + data)

    def hear(self):
        what, first, second, length, _, _ = HEADER.unpack(self.exactly(HEADER.size))
        return what, first, second, self.exactly(length)

    def exactly(self, length):
        data = b""
        while len(data) < length:
            more = self.plain.recv(length - len(data))
            if not more:
                raise OSError("unplugged")
            data += more
        return data

    def stream(self, theirs=0):
        self.last += 1
        self.streams[self.last] = stream = Stream(self, self.last, theirs)
        return stream

    def live(self):
        try:
            self.hear()
            if "locked" in ways and not allowed.is_set():
                self.ask_the_user()
            facts = {"ro.product.name": "phone", "ro.product.model": model, "ro.product.device": "phone", "features": "shell_v2,cmd"}
            banner = "device::" + "".join(f"{name}={value};" for name, value in facts.items()).rstrip(";")
            self.send(b"CNXN", VERSION, LARGEST, banner.encode())
            while True:
                self.obey(*self.hear())
        except OSError:
            pass
        finally:
            for listener in [rule[0] for rule in self.rules.values()]:
                listener.shutdown(socket.SHUT_RDWR)
                listener.close()
            for stream in list(self.streams.values()):
                stream.ended()
            self.plain.close()

    def ask_the_user(self):
        """The computer shows its key; who has it is none of this phone's business."""
        kind = 0
        while kind != PUBLIC_KEY:
            self.send(b"AUTH", TOKEN, 0, os.urandom(20))
            what, kind, _, _ = self.hear()
        allowed.wait()

    def obey(self, what, theirs, ours, data):
        stream = self.streams.get(ours)
        if what == b"OPEN":
            asked = self.stream(theirs)
            threading.Thread(target=tolerant, args=(self.answer, asked, data.rstrip(b"\0").decode()), daemon=True).start()
        elif what == b"OKAY" and stream:
            # The first one on a stream of ours says that it was taken.
            is_first, stream.theirs = not stream.theirs, theirs
            if is_first:
                stream.heard.put(b"open")
            else:
                stream.taken.release()
        elif what == b"WRTE" and stream:
            stream.heard.put(data)
        elif what == b"CLSE" and stream:
            self.streams.pop(ours, None)
            stream.ended()

    def answer(self, stream, service):
        kind, _, rest = service.partition(":")
        if kind == "reverse":
            self.send(b"OKAY", stream.ours, stream.theirs)
            try:
                stream.write(self.reverse(rest))
            except Refused as why:
                stream.write(b"FAIL" + block(str(why).encode()))
        elif kind.split(",")[0] == "shell":
            self.send(b"OKAY", stream.ours, stream.theirs)
            self.shell(stream, rest, "v2" in kind.split(","))
        elif kind == "localabstract":
            self.join(stream, rest)
        stream.close()

    def join(self, stream, name):
        plain = socket.socket(socket.AF_UNIX)
        try:
            plain.connect(f"\0{name}")
        except OSError:
            # The stream is closed before it was opened.
            return plain.close()
        self.send(b"OKAY", stream.ours, stream.theirs)
        stream.carry(plain)

    def shell(self, stream, command, is_second):
        path = f"{folder}/bin:{os.environ['PATH']}"
        ran = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, env={"PATH": path, "PHONE": folder})
        if not is_second:
            return stream.write(ran.stdout + ran.stderr)
        for kind, data in ((1, ran.stdout), (2, ran.stderr), (3, bytes([ran.returncode & 0xFF]))):
            if data:
                stream.write(struct.pack("<BI", kind, len(data)) + data)

    def reverse(self, request):
        if request == "list-forward":
            return block("".join(f"UsbFfs {name} {target}\n" for name, (_, target) in self.rules.items()).encode())
        if request == "killforward-all":
            for name in list(self.rules):
                self.remove(name)
            return b"OKAY"
        verb, _, rest = request.partition(":")
        if verb == "killforward":
            self.remove(rest)
            return b"OKAY"
        if verb != "forward":
            raise Refused("unknown request")
        place, target = rest.removeprefix("norebind:").split(";")
        return b"OKAY" + self.forward(place, target)

    def forward(self, place, target):
        host, port = self.place(place)
        name = f"tcp:{port}"
        if name in self.rules and self.rules[name][1] == target:
            # Nothing is said of a port that nobody had to look for.
            return b""
        if name in self.rules:
            self.remove(name)
        listener = listen(host, port)
        self.rules[name] = (listener, target)
        threading.Thread(target=tolerant, args=(self.accept, listener, target), daemon=True).start()
        return block(str(port).encode())

    def place(self, place):
        words = place.split(":")
        if words[0] != "tcp" or len(words) == 3 and "old" in ways:
            raise Refused(f"Invalid source port: '{place}'")
        return ("127.0.0.1" if len(words) == 3 else "0.0.0.0"), int(words[-1])

    def remove(self, place):
        name = f"tcp:{place.split(':')[-1]}"
        if name not in self.rules:
            raise Refused(f"listener '{place}' not found")
        listener, _ = self.rules.pop(name)
        # Alone, closing would leave the one who waits for connections waiting.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()

    def accept(self, listener, target):
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=tolerant, args=(self.lead, plain, target), daemon=True).start()

    def lead(self, plain, target):
        stream = self.stream()
        self.send(b"OPEN", stream.ours, 0, target.encode() + b"\0")
        if stream.heard.get() == b"open":
            stream.carry(plain)
        plain.close()


def listen(host, port):
    listener = socket.socket()
    # As Android's: a port whose last connections are not forgotten can be had again.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise Refused(f"cannot bind listener: {error.strerror}") from None
    return listener


class Browser:
    """A Chromium that lasts as long as the phone does."""

    SWITCHES = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-default-apps",
        "--hide-scrollbars",
        "--window-size=600,800",
        # No bar about the switches, which comes at any time and takes its place from the page.
        "--test-type",
    ]

    def run(self, url):
        profile = f"{folder}/profile"
        port = f"--remote-debugging-port={DEVTOOLS}"
        environment = dict(os.environ, HOME=folder, TMPDIR=folder)
        subprocess.run(
            ["setpriv", "--pdeathsig", "KILL", "chromium", *self.SWITCHES, port, f"--user-data-dir={profile}", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    def lead(self):
        """Only Android's Chrome takes a name for its socket: who connects to that is led to the port instead."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("\0chrome_devtools_remote")
        listener.listen()
        while True:
            near, _ = listener.accept()
            threading.Thread(target=tolerant, args=(self.join, near), daemon=True).start()

    def join(self, near):
        with near, socket.create_connection(("127.0.0.1", DEVTOOLS)) as far:
            threading.Thread(target=pour, args=(far, near), daemon=True).start()
            pour(near, far)

    def wait_ready(self):
        while True:
            try:
                return socket.create_connection(("127.0.0.1", DEVTOOLS)).close()
            except OSError:
                time.sleep(0.05)


class Hand:
    """Who holds the phone."""

    def __init__(self):
        self.programs = {}

    def obey(self, hand):
        line = b""
        while not line.endswith(b"\n"):
            line += hand.recv(1)
        verb, *rest = line.decode().split()
        if verb.startswith("dial"):
            try:
                far = socket.create_connection((WIFI if verb == "dial-wifi" else "127.0.0.1", int(rest[0])))
            except OSError as error:
                return hand.sendall(f"{error.strerror}\n".encode())
            hand.sendall(b"ok\n")
            threading.Thread(target=pour, args=(far, hand), daemon=True).start()
            pour(hand, far)
        else:
            getattr(self, verb)(*rest)
            hand.sendall(b"ok\n")
        return None

    def cut(self):
        plugged.clear()
        for cable in list(cables):
            cables.discard(cable)
            cable.plain.shutdown(socket.SHUT_RDWR)

    def plug(self):
        plugged.set()

    def allow(self):
        allowed.set()

    def browse(self, url):
        browser = Browser()
        threading.Thread(target=browser.run, args=(url,), daemon=True).start()
        browser.wait_ready()
        threading.Thread(target=browser.lead, daemon=True).start()

    def listen(self, port):
        self.programs[port] = listen("0.0.0.0", int(port))

    def close(self, port):
        self.programs.pop(port).close()


def wait_for_the_server(socket_port):
    while True:
        plain, _ = socket_port.accept()
        if not plugged.is_set():
            plain.close()
            continue
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cable = Cable(plain)
        cables.add(cable)
        threading.Thread(target=cable.live, daemon=True).start()


def install_am():
    os.makedirs(f"{folder}/bin")
    with open(f"{folder}/bin/am", "w") as am:
        # One line of JSON for each call, written at once.
        words = "import json, os, sys; open(os.environ['PHONE'] + '/am', 'a').write(json.dumps(sys.argv[1:]) + '\\n')"
        am.write(f"#!/bin/sh\n{sys.executable} -c \"{words}\" \"$@\"\necho Starting: Intent\n")
    os.chmod(f"{folder}/bin/am", 0o755)


cables, plugged, allowed = set(), threading.Event(), threading.Event()
plugged.set()
install_am()
socket_port = socket.create_server(("127.0.0.1", 0))
leave_the_machine()
threading.Thread(target=wait_for_the_server, args=(socket_port,), daemon=True).start()
hands, person = socket.socket(socket.AF_UNIX), Hand()
hands.bind(f"{folder}/hand")
hands.listen()
print(json.dumps({"port": socket_port.getsockname()[1]}), flush=True)
# It ends when whoever started it does.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
while True:
    holding, _ = hands.accept()

    def held(holding=holding):
        with holding:
            tolerant(person.obey, holding)

    threading.Thread(target=held, daemon=True).start()
