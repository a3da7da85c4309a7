#!/usr/bin/env python3
"""From a save to the next version of a program: Everlit beside its peers, in the same run.

    cargo build --release
    python3 benches/swap                                  # all three workloads, half an hour
    python3 benches/swap load --languages go --ports fixed --subjects everlit,entr,nodemon
    python3 benches/swap load --peers ~/go/bin --peers ~/bench/node_modules/.bin
    python3 benches/swap --out results.json

load      500 requests a second through 50 saves, in Go, Rust, Node and Python: failed requests, duplicated POSTs, reloads
overhead  save to build, and build to the first answer, beyond the app's own start
rhythm    200 saves at random moments: the last one is answered, and nothing is left over

Linux, Python 3.11; `go`, `cargo`, `node` for the apps in these languages, `cc` for overhead. `auto` is an app that takes the port it is
given, `fixed` one that insists on its own. Peers are taken from the folders named with --peers or from the PATH; each runs in the way its
manual shows, those with a proxy (air, templ) behind it. `build beside` is the least a restarter can do right: it builds while the old app
runs, stops it, and starts the new one. One JSON line for each trial, then a table, and what must hold of Everlit; the exit code says
whether it does.

Compare within one run only: requests, builds and apps share the machine's cores.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "live"))  # for its channel

import load
import overhead
import rhythm
import subjects
from apps import LANGUAGES
from report import Figures

ROOT = Path(__file__).resolve().parent.parent.parent
WORKLOADS = {"load": load, "overhead": overhead, "rhythm": rhythm}
PORTS = ("auto", "fixed")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # unwinds, so that servers get stopped
    options = parse_options()
    chosen = subjects.chosen(options.binary.resolve(), options.peers, options.subjects)
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="everlit-swap-") as folder:
        for workload in options.workloads or WORKLOADS:
            WORKLOADS[workload].run(chosen, Path(folder) / workload, options, noting(figures, workload))
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
    parser.add_argument("--languages", type=words_of(LANGUAGES), default=list(LANGUAGES), help="of the apps, with commas between them")
    parser.add_argument("--ports", type=words_of(PORTS), default=list(PORTS), help="auto, fixed")
    parser.add_argument("--subjects", type=lambda text: text.split(","), default=[], help="who takes part; default: all that are there")
    parser.add_argument("--peers", action="append", default=[], type=Path, help="a folder of their programs; may be repeated")
    parser.add_argument("--saves", type=int, default=50, help="of load, for each trial, and of overhead")
    parser.add_argument("--requests", type=int, default=load.REQUESTS, help="of load, at least, for each trial")
    parser.add_argument("--rate", type=int, default=load.RATE, help="requests a second")
    parser.add_argument("--rhythm-saves", type=int, default=200, help="of rhythm")
    parser.add_argument("--out", type=Path, help="file for all figures, as JSON")
    options = parser.parse_args()
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"no such workload: {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    if not options.binary.is_file():
        sys.exit(f"missing: {options.binary}; build it with: cargo build --release")
    return options


def words_of(known):
    def words(text):
        given = text.split(",")
        if unknown := set(given) - set(known):
            raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
        return given

    return words


def noting(figures, workload):
    """Keeps the figures of a trial and prints them."""

    def note(subject, case, measured):
        print(json.dumps(figures.add(workload, subject.name, case, measured)), flush=True)

    return note


if __name__ == "__main__":
    sys.exit(main())
