#!/usr/bin/env python3
"""Resources at scale: Everlit beside both generations of json-server, in the same run.

    scripts/clients oracles                      # installs json-server into target/clients
    cargo build --release
    benches/resources.py                         # 100,000 items of about 250 bytes, 3 rounds, five minutes
    benches/resources.py --items 10000 --rounds 1 --seconds 1
    benches/resources.py --subjects everlit --binary target/debug/everlit
    benches/resources.py --out results.json

Needs wrk (Debian: wrk) and node. One JSON line for each figure, then a table of medians, and what must hold of Everlit: item reads
cost the same at every size, and memory stays under 6 times the file. The exit code says whether it does.

Compare within one run only. The subjects take turns, so that all see the same minutes. wrk and the server share the machine's
cores: where the server is fast the figure is the client's as well. A write of Everlit is on disk when it is answered; json-server
answers before it writes, and never syncs.
"""

import argparse
import contextlib
import json
import math
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "target" / "clients" / "node_modules"

# Small, and so large that a search through all items would show.
SMALLER = (100, 10_000)

# Where reads at 100,000 items count as dearer than at 100: beyond what caches and a shared machine explain.
INDEPENDENT = 1.6
MEMORY_LIMIT = 6.0

# How long a server may take to start and to end; json-server takes seconds for a large file.
START_LIMIT = 60.0
STOP_LIMIT = 10.0

# An answer that takes longer counts as failed; json-server rewrites its file for each of 64 writers.
ANSWER_LIMIT = "60s"

READERS = 16
WRITERS = (1, 64)


class Everlit:
    """One file for each resource, in the folder `data`."""

    name = "everlit"
    prefix = "/api/posts"
    page = "/api/posts?category=c3&_sort=-views&_page=3&_limit=20"

    def __init__(self, binary):
        self.binary = binary

    def lay_out(self, folder, items):
        (folder / "data").mkdir()
        return write_json(folder / "data" / "posts.json", items)

    def command(self, folder, port):
        return [self.binary, "dev", folder, "--port", str(port), "--strict-port", "--log", "json"]


class JsonServer0:
    """The stable generation: one file for everything."""

    name = "json-server-0"
    prefix = "/posts"
    page = "/posts?category=c3&_sort=views&_order=desc&_page=3&_limit=20"
    program = PEERS / "json-server" / "lib" / "cli" / "bin.js"

    def lay_out(self, folder, items):
        return write_json(folder / "db.json", {"posts": items})

    def command(self, folder, port):
        return ["node", self.program, folder / "db.json", "--host", "127.0.0.1", "--port", str(port), "--quiet"]


class JsonServer1:
    """The beta: ids are text."""

    name = "json-server-1"
    prefix = "/posts"
    page = "/posts?category=c3&_sort=-views&_page=3&_per_page=20"
    program = PEERS / "json-server-1" / "lib" / "bin.js"

    def lay_out(self, folder, items):
        return write_json(folder / "db.json", {"posts": [{**item, "id": str(item["id"])} for item in items]})

    def command(self, folder, port):
        return ["node", self.program, folder / "db.json", "--host", "127.0.0.1", "--port", str(port)]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # unwinds, so that servers get stopped
    options = parse_options()
    subjects = chosen_subjects(options)
    figures = []

    def note(subject, round_number, **figure):
        figures.append({"subject": subject.name, "round": round_number, **figure})
        print(json.dumps(figures[-1]), flush=True)

    (ROOT / "target").mkdir(exist_ok=True)
    # Beneath the project, since the temporary folder is often no disk.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "target") as scratch:
        for number in range(options.rounds):
            turn = number % len(subjects)
            for subject in subjects[turn:] + subjects[:turn]:
                measure(subject, number, Path(scratch), options, note)

    held = report(figures, [subject.name for subject in subjects], options.items)
    if options.out:
        options.out.write_text(json.dumps({"items": options.items, "cpus": os.cpu_count(), "figures": figures}, indent=1) + "\n")
    return 0 if held else 1


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "everlit", help="of Everlit")
    parser.add_argument("--items", type=int, default=100_000, help="in the large collection")
    parser.add_argument("--rounds", type=int, default=3, help="in which each subject takes its turn")
    parser.add_argument("--seconds", type=int, default=3, help="of each load of reads; a load of writes takes twice as long")
    parser.add_argument("--subjects", default="everlit,json-server-0,json-server-1", help="comma-separated")
    parser.add_argument("--out", type=Path, help="file for all figures, as JSON")
    return parser.parse_args()


def chosen_subjects(options):
    """The subjects, or an end with the part that is missing."""
    for program, package in (("wrk", "wrk"), ("node", "nodejs")):
        if not shutil.which(program):
            sys.exit(f"missing: {program}; install it, on Debian or Ubuntu with: sudo apt-get install {package}")
    known = {subject.name: subject for subject in (Everlit(options.binary.resolve()), JsonServer0(), JsonServer1())}
    names = options.subjects.split(",")
    if unknown := set(names) - set(known):
        sys.exit(f"no such subject: {', '.join(unknown)}; there are {', '.join(known)}")
    subjects = [known[name] for name in names]
    for subject in subjects:
        if isinstance(subject, Everlit) and not subject.binary.is_file():
            sys.exit(f"missing: {subject.binary}; build it with: cargo build --release")
        if not isinstance(subject, Everlit) and not subject.program.is_file():
            sys.exit(f"missing: {subject.program}; install it with: scripts/clients oracles")
    return subjects


def measure(subject, number, scratch, options, note):
    """One turn: everything on the large collection, then item reads on the smaller ones."""
    size = options.items
    with serving(subject, scratch, size) as server:
        note(subject, number, what="start", items=size, ms=round(server.start_ms, 1))
        note(subject, number, what="memory after start", items=size, **server.memory())
        read_items(subject, server, size, number, options, note)
        page = load(server, READERS, options.seconds, "get", subject.page)
        note(subject, number, what="page", items=size, **page)
        for writers in WRITERS:
            made = load(server, writers, 2 * options.seconds, "post", subject.prefix)
            note(subject, number, what=f"post at {writers}", items=size, **made)
        note(subject, number, what="memory after load", items=size, **server.memory())
    for size in SMALLER:
        if size < options.items:
            with serving(subject, scratch, size) as server:
                read_items(subject, server, size, number, options, note)


def read_items(subject, server, size, number, options, note):
    read = load(server, READERS, options.seconds, "items", f"{subject.prefix}/", str(size))
    note(subject, number, what="item", items=size, **read)


class Server:
    """A running subject. What it stores grows by what is posted; `file_bytes` is what it started with."""

    def __init__(self, process, port, start_ms, file_bytes):
        self.process, self.port, self.start_ms, self.file_bytes = process, port, start_ms, file_bytes

    def memory(self):
        """Its proportional and resident set, and the first as a multiple of the file."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        kib = {line.split(":")[0]: int(line.split()[1]) for line in rollup[1:]}
        pss, rss = kib["Pss"] * 1024, kib["Rss"] * 1024
        return {"pss_mib": round(pss / 2**20, 1), "rss_mib": round(rss / 2**20, 1), "times_file": round(pss / self.file_bytes, 2)}


@contextlib.contextmanager
def serving(subject, scratch, size):
    """Lays a collection out, starts a subject on it, waits for its first item, and ends it."""
    folder = Path(tempfile.mkdtemp(prefix=f"{subject.name}-", dir=scratch))
    file_bytes = subject.lay_out(folder, collection(size))
    os.sync()  # what was laid out must not be written during the measurement
    port = free_port()
    with open(folder.parent / f"{folder.name}.log", "wb") as log:
        began = time.perf_counter()
        command = [str(word) for word in subject.command(folder, port)]
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
        try:
            first_answer(process, port, f"{subject.prefix}/{size // 2}", log.name)
            yield Server(process, port, (time.perf_counter() - began) * 1000, file_bytes)
        finally:
            end(process)
            shutil.rmtree(folder)


def end(process):
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdin.close()


def first_answer(process, port, target, log):
    """Asks until an item is there."""
    request = f"GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: application/json\r\nConnection: close\r\n\r\n".encode()
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended:\n{Path(log).read_text()}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=START_LIMIT) as connection:
                connection.sendall(request)
                if b" 200 " in connection.recv(64):
                    return
        except OSError:
            pass
        time.sleep(0.0005)
    sys.exit(f"{process.args[0]} did not answer within {START_LIMIT:.0f} s:\n{Path(log).read_text()}")


def load(server, connections, seconds, *arguments):
    """A load by wrk, and its figures."""
    script = Path(__file__).with_name("requests.lua")
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", ANSWER_LIMIT, "-s", str(script)]
    command += [f"http://localhost:{server.port}", "--", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + START_LIMIT)
    _, found, text = done.stdout.partition("FIGURES ")
    if not found:
        sys.exit(f"wrk failed: {done.stdout}{done.stderr}")
    raw = json.loads(text)
    if raw["failed"] and not raw["answers"]:
        sys.exit(f"no answer of port {server.port} to {arguments} succeeded")
    # Without an answer there are no percentiles: an answer takes longer than the load.
    timed = {key: round(raw[key], 3) if raw["answers"] else None for key in ("p50_ms", "p99_ms")}
    return {"per_second": round(raw["answers"] / raw["seconds"], 1), **timed, "failed": raw["failed"]}


def collection(size):
    """The same items on each run, of about 250 bytes."""
    dice = random.Random(size)
    words = "lamp shade glow brass linen copper reading floor table harbour evening light".split()
    return [{
        "id": number,
        "title": " ".join(dice.choices(words, k=4)),
        "category": f"c{number % 10}",
        "views": dice.randrange(100_000),
        "author": {"name": dice.choice(words), "town": dice.choice(words)},
        "published": number % 3 != 0,
        "text": " ".join(dice.choices(words, k=16)),
    } for number in range(1, size + 1)]


def write_json(path, value):
    """Writes and returns the size in bytes."""
    path.write_text(json.dumps(value))
    return path.stat().st_size


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def report(figures, names, items):
    """Prints the table of medians, and whether what must hold of Everlit does."""

    def median(name, what, key, size=items):
        found = [f[key] for f in figures if (f["subject"], f["what"], f["items"]) == (name, what, size) and f[key] is not None]
        return statistics.median(found) if found else math.nan

    sizes = [size for size in SMALLER if size < items] + [items]
    rows = [("start to first answer, ms", "start", "ms", items)]
    rows += [(f"item of {size:,}, per second", "item", "per_second", size) for size in sizes]
    rows += [(f"item of {size:,}, p50 ms", "item", "p50_ms", size) for size in sizes]
    rows += [("filtered and sorted page, per second", "page", "per_second", items), ("… p50 ms", "page", "p50_ms", items)]
    for writers in WRITERS:
        rows += [(f"POST at {writers}, per second", f"post at {writers}", "per_second", items)]
        rows += [(f"… {key[:3]} ms", f"post at {writers}", key, items) for key in ("p50_ms", "p99_ms")]
    rows += [(f"{what}, × the file", what, "times_file", items) for what in ("memory after start", "memory after load")]

    print(f"\n{items:,} items, medians; in brackets Everlit's figure as a multiple of the other's\n")
    lines = [["", *names]]
    for label, what, key, size in rows:
        own = median("everlit", what, key, size)
        cells = [(name, median(name, what, key, size)) for name in names]
        lines.append([label, *(cell(value, own, name != "everlit") for name, value in cells)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(text.ljust(width) if at == 0 else text.rjust(width) for at, (text, width) in enumerate(zip(line, widths))))

    if "everlit" not in names:
        return True
    failed = sum(f.get("failed", 0) for f in figures if f["subject"] == "everlit")
    growth = max(median("everlit", "item", "p50_ms", size) for size in sizes) / median("everlit", "item", "p50_ms", sizes[0])
    memory = max(median("everlit", what, "times_file") for what in ("memory after start", "memory after load"))
    checks = [
        (failed == 0, f"failed requests of Everlit: {failed}"),
        (growth <= INDEPENDENT, f"item read at {items:,} against {sizes[0]:,} items: {growth:.2f} times (limit {INDEPENDENT})"),
        (memory < MEMORY_LIMIT, f"memory: {memory:.2f} times the file (limit {MEMORY_LIMIT})"),
    ]
    print()
    for held, text in checks:
        print(f"{'holds' if held else 'FAILS'}  {text}")
    return all(held for held, _ in checks)


def cell(value, own, is_peer):
    if math.isnan(value):
        return "-"
    text = f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
    return text if not is_peer or math.isnan(own) or not value else f"{text} ({own / value:.3g}×)"


if __name__ == "__main__":
    sys.exit(main())
