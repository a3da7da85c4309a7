"""Rhythm: 200 saves at random moments, most of them while an earlier one is built, started or swapped to.

wrong: what is answered in the end is not what was saved last. processes, descriptors and memory: what there is in the end beyond what
there was before the first save, once Everlit had seen a few; processes are those of its tree, the others its own.
"""

import os
import random
import shutil
import time

from apps import LANGUAGES, App
from processes import Failed, Server, descriptors, free_port, pss_kib, serving, tree

# Seconds between two saves: from shorter than a settled save to longer than a build.
PAUSES = (0.0, 0.8)

WARM_UP = 10

SEEN_LIMIT = 60.0

# So many requests fill what is kept of the last ones, which has a bound of its own.
FILL = 3000

# What drains, and threads that end once they had nothing to do for ten seconds.
SETTLE = 14.0


def run(subjects, work, options, note):
    everlit = next((subject for subject in subjects if subject.name == "everlit"), None)
    language = next(language for language in LANGUAGES.values() if shutil.which(language.tool))
    if everlit:
        note(everlit, language.name, measured(everlit, App(language, work / "project"), work, options))


def measured(everlit, app, work, options):
    port, dice = free_port(), random.Random(7)
    env = {**os.environ, "POST_LOG": str(work / "posts")}
    env.pop("PORT", None)
    with serving(Server(everlit.command(app, 0, port), app.root, work / "log", port, env)) as server:
        server.wait_ready()
        for number in range(WARM_UP):
            app.save(f"w{number}")
            until_answered(server, f"w{number}")
        for _ in range(FILL):
            server.get("/")
        time.sleep(SETTLE)
        before = state(server)
        for number in range(options.rhythm_saves):
            app.save(f"v{number}")
            time.sleep(dice.uniform(*PAUSES))
        app.save("last")
        began = time.perf_counter()
        until_answered(server, "last")
        answered = time.perf_counter() - began
        time.sleep(SETTLE)
        after = state(server)
        is_last = b"[last]" in server.get("/")[1]
    return {
        "saves": options.rhythm_saves + 1,
        "wrong": int(not is_last),
        "processes": after[0] - before[0],
        "descriptors": after[1] - before[1],
        "memory_mib": (after[2] - before[2]) / 1024,
        "last_answered_ms": answered * 1000,
    }


def until_answered(server, version):
    deadline = time.perf_counter() + SEEN_LIMIT
    while f"[{version}]".encode() not in server.get("/")[1]:
        if time.perf_counter() > deadline:
            raise Failed(f"{version} was not answered within {SEEN_LIMIT:.0f} s")
        time.sleep(0.01)


def state(server):
    """Processes, descriptors and memory of Everlit."""
    pid = server.process.pid
    return len(tree(pid)), descriptors(pid), pss_kib(pid)
