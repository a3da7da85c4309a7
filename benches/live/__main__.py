#!/usr/bin/env python3
"""From save to browser: Everlit beside the least that is possible, and beside its peers, in the same run.

    cargo build --release
    python3 benches/live                           # all five workloads, a quarter of an hour
    python3 benches/live saves --edits 400         # one of start, saves, storm, purge, crowd
    python3 benches/live --peer vite --peer webpack-dev-server --peers ~/bench/node_modules/.bin
    python3 benches/live --out results.json

start   exec to the first answer, to the first edit noticed, memory: 20 files, and 50,000 files in 5,000 folders
saves   save to message on the reload socket: a stylesheet and a page, written in place and renamed over
storm   1,000 files replaced within a second: number of messages, delay of the last, final state
purge   5,000 of 55,000 folders removed: what a save takes meanwhile and after
crowd   one save to 1,000 and to 5,000 sockets: until all have it, memory of each

Linux, Python 3.11 and a C compiler (`cc`). The floor is `floor.c`: inotify to websocket, nothing else. Peers are taken from the
folders named with --peers or from the PATH: those of npm by `npm install vite webpack webpack-cli webpack-dev-server esbuild`, the
crate by `cargo install live-server`. Projects are laid out on a tmpfs, lest the disk is measured. One JSON line for each figure, then
a table of medians beside the floor's, and what must hold of Everlit; the exit code says whether it does.

Compare within one run only. The subjects take turns, so that all see the same minutes. Memory is the proportional set of a server
and all it started; what the kernel holds for its sockets and watches is not in it.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from pathlib import Path

import crowd
import purge
import saves
import startup
import storm
import subjects
from channel import Closed
from project import lay_out, small
from report import Figures
from server import Failed, serving

ROOT = Path(__file__).resolve().parent.parent.parent
WORKLOADS = {"start": startup, "saves": saves, "storm": storm, "purge": purge, "crowd": crowd}

MEMORY_DISK = Path("/dev/shm")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # unwinds, so that servers get stopped
    options = parse_options()
    place = MEMORY_DISK if MEMORY_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="everlit-live-", dir=place) as folder:
        folder = Path(folder)
        chosen = choose(options, folder)
        figures = Figures([subject.name for subject in chosen])
        for workload in options.workloads or WORKLOADS:
            WORKLOADS[workload].run(chosen, folder / workload, options, noting(figures, workload))
    print(f"\n{figures.table()}\n")
    if options.out:
        machine = {"kernel": platform.release(), "cpus": os.cpu_count()}
        options.out.write_text(json.dumps({"machine": machine, "figures": figures.records}, indent=1) + "\n")
    held = list(figures.checks())
    for holds, words in held:
        print(f"{'holds' if holds else 'FAILS'}  {words}")
    return 0 if all(holds for holds, _ in held) else 1


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", help=f"of {', '.join(WORKLOADS)}; default: all")
    parser.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "everlit", help="of Everlit")
    parser.add_argument("--peer", action="append", default=[], choices=subjects.PEERS, help="who else takes part; may be repeated")
    parser.add_argument("--peers", action="append", default=[], type=Path, help="a folder of their programs; may be repeated")
    parser.add_argument("--rounds", type=int, default=5, help="of start, storm, purge and crowd")
    parser.add_argument("--edits", type=int, default=2000, help="of saves, for each subject")
    parser.add_argument("--out", type=Path, help="file for all figures, as JSON")
    options = parser.parse_args()
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"no such workload: {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    return options


def choose(options, folder):
    """Everlit, the floor, and the peers that are there; who is missing is named."""
    if not options.binary.is_file():
        sys.exit(f"missing: {options.binary}; build it with: cargo build --release")
    if not subjects.find("cc", []):
        sys.exit("missing: cc; install it, on Debian or Ubuntu with: sudo apt-get install gcc libc6-dev")
    chosen = [subjects.Everlit(options.binary.resolve()), subjects.Floor(folder)]
    for peer in (subjects.PEERS[name] for name in options.peer):
        if not (program := subjects.find(peer.program, options.peers)):
            print(f"left out: {peer.name}, as there is no `{peer.program}` on the PATH or in --peers", flush=True)
        elif works(peer := peer(Path(program).resolve()), folder):
            chosen.append(peer)
    return chosen


def works(peer, folder):
    """Whether a peer serves a small project and takes a listener; why not is said."""
    root = folder / peer.name
    lay_out(root, small())
    try:
        with serving(peer, root, folder / f"{peer.name}-run") as server:
            server.listen().close()
            return True
    except (Failed, Closed, OSError, AttributeError) as error:
        print(f"left out: {peer.name}, as it does not work here: {error}", flush=True)
        return False


def noting(figures, workload):
    """Keeps the figures of a workload and prints each."""

    def note(subject, case, measured):
        print(json.dumps(figures.add(workload, subject.name, case, measured)), flush=True)

    return note


if __name__ == "__main__":
    sys.exit(main())
