"""Start: from exec to the first answer, to the first edit that is noticed, and what the server weighs then."""

import time

from project import DEEP, STYLE, large, lay_out, small
from server import attempt, first_notice, serving

PROJECTS = {"20 files": small, "50,000 files": large}

# How long after its first message a server may still be busy with its start before it is weighed.
SETTLE = 1.0


def run(subjects, work, options, note):
    for case, files in PROJECTS.items():
        roots = {subject: work / f"start-{subject.name}" for subject in subjects}
        for root in roots.values():
            lay_out(root, files())
        for number in range(options.rounds):
            for subject in turns(subjects, number):
                note(subject, case, attempt(start, subject, roots[subject], work / "run"))


def start(subject, root, work):
    with serving(subject, root, work) as server:
        listener = server.listen()
        noticed = first_notice(listener, root / (DEEP if subject.sees_all else STYLE)) - server.started
        listener.close()
        time.sleep(SETTLE)
        return {"first_answer_ms": server.ready * 1000, "noticed_ms": noticed * 1000, "pss_mib": server.pss_kib() / 1024}


def turns(subjects, number):
    """Each round another one begins."""
    at = number % len(subjects)
    return subjects[at:] + subjects[:at]
