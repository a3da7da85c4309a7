"""Overhead: what Everlit adds to a build and to the app's own start. No peer takes part: each limit is absolute.

The build and the app are `probe.c`, which take next to no time themselves. save to build: from the end of the save to the first line
of the build command. build to answer: from the build's last line to the first answer of the new version through Everlit, less what the
bare app takes from exec to its first answer.
"""

import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from processes import Failed, Server, free_port, serving

# How long one save may take to be answered.
SEEN_LIMIT = 10.0

# Between two saves, so that nothing of the one before is left to do.
PAUSE = 0.15

WARM_UP = 5


def run(subjects, work, options, note):
    everlit = next((subject for subject in subjects if subject.name == "everlit"), None)
    if not everlit:
        return
    if not shutil.which("cc"):
        raise SystemExit("missing: cc; install it, on Debian or Ubuntu with: sudo apt-get install gcc libc6-dev")
    work.mkdir(parents=True)
    probe = work / "probe"
    subprocess.run(["cc", "-O2", "-o", probe, Path(__file__).with_name("probe.c")], check=True)
    note(everlit, "probe", measured(everlit, probe, work, options))


def measured(everlit, probe, work, options):
    root, stamps, port = work / "project", work / "stamps", free_port()
    root.mkdir()
    page = root / "page.txt"
    page.write_text("save 0")
    (root / "everlit.toml").write_text(
        f'[app]\nbuild = ["{probe}", "build", "{stamps}"]\nrun = ["{probe}", "serve", "page.txt"]\nwatch = ["page.txt"]\n')
    command = [everlit.program, "dev", root, "--port", port, "--strict-port"]
    starts, answers = [], []
    with serving(Server(command, root, work / "log", port, dict(os.environ))) as server:
        server.wait_ready()
        time.sleep(1)
        for number in range(1, options.saves + WARM_UP + 1):
            # In turn, so that both see the same minutes.
            bare = bare_start(probe, root, work)
            saved, answered = save_and_see(server, page, f"save {number}")
            began, ended = last_stamps(stamps)
            if number > WARM_UP:
                starts.append((began - saved) * 1000)
                answers.append((answered - ended - bare) * 1000)
            time.sleep(PAUSE)
    return {**spread("save_to_build", starts), **spread("build_to_answer", answers)}


def bare_start(probe, root, work):
    """From exec to the first answer, without anybody around it."""
    port = free_port()
    with serving(Server([probe, "serve", "page.txt"], root, work / "bare", port, {**os.environ, "PORT": str(port)})) as server:
        return server.wait_ready()


def save_and_see(server, page, text):
    beside = page.with_name(".page.swp")
    beside.write_text(text)
    saved = time.perf_counter()
    beside.replace(page)
    while time.perf_counter() < saved + SEEN_LIMIT:
        if server.get("/")[1] == text.encode():
            return saved, time.perf_counter()
    raise Failed(f"`{text}` was not answered within {SEEN_LIMIT:.0f} s")


def last_stamps(stamps):
    """Python's perf_counter is the same clock."""
    return [int(number) / 1e9 for number in stamps.read_text().splitlines()[-1].split()]


def spread(name, values):
    ordered = sorted(values)
    return {f"{name}_p50_ms": statistics.median(ordered), f"{name}_p95_ms": ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]}
