"""A purge: 5,000 of 55,000 folders are removed at once, as by `rm -rf`, while a stylesheet is saved again and again.

calm_ms: what a save took before, the median. slowest_ms: the slowest one while folders went, which is one set with them. after_ms: the first one after.
"""

import shutil
import statistics
import subprocess
import time

from project import STYLE, content, in_place, lay_out, small
from server import Failed, attempt, collect, first_notice, prime, serving
from startup import turns

KEPT = 50_000
DELETED = 5_000

# A message that takes longer will not come.
LIMIT = 30.0

CALM_SAVES = 20
# Longer than between the steps of a storm.
PAUSE = 0.06


def run(subjects, work, options, note):
    for number in range(options.rounds):
        for subject in turns([subject for subject in subjects if "css" in subject.kinds], number):
            root = work / f"purge-{subject.name}-{number}"
            lay_out(root, small())
            make_folders(root / "kept", KEPT)
            make_folders(root / "gone", DELETED)
            note(subject, "5,000 of 55,000 folders", attempt(delete, subject, root, work / "run"))
            shutil.rmtree(root)


def make_folders(top, count):
    for number in range(count):
        (top / f"area{number // 100:03}" / f"part{number:05}").mkdir(parents=True, exist_ok=True)


def delete(subject, root, work):
    with serving(subject, root, work) as server:
        prime(server)
        listener = server.listen()
        first_notice(listener, root / STYLE)
        # What is behind the first answer is over by then.
        collect([listener], time.perf_counter() + 2.0)
        calm = [noticed_in(listener, root / STYLE, f"calm {number}") for number in range(CALM_SAVES)]
        slowest, number = 0.0, 0
        with subprocess.Popen(["rm", "-rf", root / "gone"]) as deletion:
            while deletion.poll() is None:
                number += 1
                slowest = max(slowest, noticed_in(listener, root / STYLE, f"meanwhile {number}"))
        after = noticed_in(listener, root / STYLE, "after")
        listener.close()
        return {"calm_ms": statistics.median(calm), "slowest_ms": slowest, "after_ms": after}


def noticed_in(listener, path, word):
    """Saves a file; milliseconds until the message."""
    time.sleep(PAUSE)
    seen = len(listener.got)
    saved = in_place(path, content(path.name, word))
    if not collect([listener], saved + LIMIT, lambda: len(listener.got) > seen):
        raise Failed(f"the save `{word}` was not noticed")
    return (listener.got[seen] - saved) * 1000
