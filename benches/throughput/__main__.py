#!/usr/bin/env python3
"""Requests a second, and what a proxy adds to one request: Everlit beside nginx, in turns, on the same cores.

    cargo build --release
    python3 benches/throughput                                   # everything, eight minutes
    python3 benches/throughput --cases text-1k,script-100k       # some of it
    python3 benches/throughput --rounds 3 --seconds 1            # a look
    python3 benches/throughput --check                           # the exit code says whether the limits hold
    python3 benches/throughput --out results.json

Linux, Python 3.11, nginx and wrk (Debian: nginx-light, wrk). Both serve the same folder, and stand before the same nginx where they
proxy. All of them run all the time; wrk asks one after the other (A B, B A, A B, …), so that both see the same seconds. A figure is
the median of the rounds, a ratio the median of the ratios of the rounds.

nginx runs as one would set it up for this: a worker for each core, sendfile, no access log, connections to the upstream kept. The
pages that Everlit sends have its script in them.

wrk, the servers and the upstream share the machine's cores, so a figure is the client's as well: compare within one run only.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "swap"))  # for its processes

from cases import CASES
from report import Figures
from subjects import Everlit, Nginx, running
from wrk import ask

ROOT = Path(__file__).resolve().parent.parent.parent
MISSING = {"nginx": "nginx-light", "wrk": "wrk"}


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # unwinds, so that servers get stopped
    options = parse_options()
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="everlit-throughput-", dir=options.scratch) as folder:
        measure(Path(folder), options, figures)
    print(f"\n{figures.table()}\n")
    if options.out:
        machine = {"kernel": platform.release(), "cpus": os.cpu_count()}
        options.out.write_text(json.dumps({"machine": machine, "figures": figures.records}, indent=1) + "\n")
    held = list(figures.checks())
    for holds, words in held:
        print(f"{'holds' if holds else 'FAILS'}  {words}")
    return 1 if options.check and not all(holds for holds, _ in held) else 0


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "everlit", help="of Everlit")
    parser.add_argument("--cases", type=cases, default=list(CASES), help=f"of {', '.join(case.name for case in CASES)}; default: all")
    parser.add_argument("--rounds", type=int, default=7, help="of each case")
    parser.add_argument("--seconds", type=int, default=3, help="of wrk, for each subject in each round")
    parser.add_argument("--scratch", type=Path, help="where the files are laid out; a tmpfs keeps the disk out of it")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a limit does not hold")
    parser.add_argument("--out", type=Path, help="file for all figures, as JSON")
    options = parser.parse_args()
    if not options.binary.is_file():
        sys.exit(f"missing: {options.binary}; build it with: cargo build --release")
    for program, package in MISSING.items():
        if not shutil.which(program):
            sys.exit(f"missing: {program}; install it, on Debian or Ubuntu with: sudo apt-get install {package}")
    return options


def cases(text):
    known = {case.name: case for case in CASES}
    if unknown := set(text.split(",")) - set(known):
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in text.split(",")]


def measure(folder, options, figures):
    everlit, nginx = Everlit(options.binary.resolve()), Nginx()
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(running(nginx, "serve", folder / "upstream"))
        subjects = {
            (subject.name, kind): stack.enter_context(running(subject, kind, folder / f"{subject.name}-{kind}", upstream.port))
            for subject in (everlit, nginx)
            for kind in ("serve", "proxy")
        }
        for case in options.cases:
            servers = {"everlit": subjects["everlit", case.kind], "nginx": subjects["nginx", case.kind]}
            if case.is_idle:
                servers["direct"] = upstream
            case.verify(servers)
            for number in range(options.rounds):
                turns = list(servers.items())
                for name, server in turns if number % 2 == 0 else reversed(turns):
                    figures.add(case, number, name, ask(server.port, case, options.seconds))
            print(json.dumps(figures.last(case)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
