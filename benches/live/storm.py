"""A storm: 1,000 files are replaced within a second, as by `git switch`, a stylesheet and the page last.

sound: a message came after the last write, and what is served then is the final state.
"""

import time

from project import PAGE, STYLE, checkout, content, lay_out, replaced
from server import attempt, collect, first_notice, prime, serving
from startup import turns

FILES = 1000
SECONDS = 1.0

# The storm is over once nothing was said for so long.
QUIET = 2.0
LIMIT = 60.0


def run(subjects, work, options, note):
    for number in range(options.rounds):
        for subject in turns(subjects, number):
            root = work / f"storm-{subject.name}-{number}"
            lay_out(root, checkout(FILES))
            note(subject, "1,000 files", attempt(storm, subject, root, work / "run", f"round {number}"))


def storm(subject, root, work, word):
    with serving(subject, root, work) as server:
        prime(server)
        listener = server.listen()
        first_notice(listener, root / (STYLE if "html" not in subject.kinds else PAGE))
        until_quiet(listener)
        before, began = len(listener.got), time.perf_counter()
        for number, name in enumerate(checkout(FILES)):
            saved = replaced(root / name, content(name, word))
            collect([listener], began + (number + 1) * SECONDS / FILES)
        until_quiet(listener)
        messages = listener.got[before:]
        listener.close()
        fresh = not subject.reads_files or all(word.encode() in server.get(f"/{name}")[1] for name in (STYLE, PAGE))
        delay = {"last_ms": (messages[-1] - saved) * 1000} if messages else {}
        unsound = not (messages and messages[-1] > saved and fresh)
        return {"messages": len(messages), **delay, "unsound": int(unsound)}


def until_quiet(listener):
    end = time.perf_counter() + LIMIT
    while time.perf_counter() < end:
        seen = len(listener.got)
        if not collect([listener], time.perf_counter() + QUIET, lambda: len(listener.got) > seen):
            return
