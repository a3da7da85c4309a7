"""Saves: from the moment a file is complete to the message, one edit at a time.

All servers run side by side and take turns, each with a project of its own, so that they see the same minutes. The next edit of a
server comes at a random moment after its message, so that it meets every state of a timer.

missed: no message came. extra: messages beyond the first of an edit. early: it came before the file was complete. stale: asked for
upon the message, the file was the old one.
"""

import contextlib
import random
import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from project import PAGE, SAVES, STYLE, content, lay_out, small
from server import collect, first_notice, prime, serving

FILES = {"css": STYLE, "html": PAGE}

# A message that takes longer counts as missed: no peer waits half of it.
ANSWER_LIMIT = 3.0

# Seconds from a message to the next edit of that server.
PAUSE = (0.050, 0.150)

# What may still come after the start, and after the last edit.
SETTLE = 2.0


@dataclass
class Case:
    """Edits of one kind, saved in one way."""

    kind: str
    save: str
    took_ms: list = field(default_factory=list)
    faults: Counter = field(default_factory=Counter)

    def figures(self):
        counts = {fault: self.faults[fault] for fault in ("missed", "extra", "early", "stale")}
        if not self.took_ms:
            return counts
        ordered = sorted(self.took_ms)
        p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
        return {"p50_ms": statistics.median(ordered), "p95_ms": p95, "max_ms": ordered[-1], **counts}


class Turns:
    """One server and the edits it has yet to be told of."""

    def __init__(self, server, listener, edits, dice):
        self.server, self.listener, self.dice = server, listener, dice
        self.cases = [Case(kind, save) for kind in server.subject.kinds for save in SAVES]
        self.left = self.cases * max(1, edits // len(self.cases))
        dice.shuffle(self.left)
        self.current, self.seen = None, len(listener.got)
        self.rest()

    def rest(self):
        self.due = time.perf_counter() + self.dice.uniform(*PAUSE)

    def settle(self):
        """Whatever came since the last edit's message was one too many."""
        if self.current:
            self.current.faults["extra"] += len(self.listener.got) - self.seen
        self.seen = len(self.listener.got)

    def edit(self, listeners, writer):
        self.settle()
        case = self.current = self.left.pop()
        word, name = f"edit {len(self.left)}", FILES[case.kind]
        # In a thread of its own: a slow close must not delay the reading.
        saved = writer.submit(SAVES[case.save], self.server.root / name, content(name, word))
        if collect(listeners, time.perf_counter() + ANSWER_LIMIT, lambda: len(self.listener.got) > self.seen):
            took = self.listener.got[self.seen] - saved.result()
            self.seen += 1
            case.took_ms.append(max(took, 0) * 1000)
            case.faults["early"] += took < 0
            case.faults["stale"] += self.server.subject.reads_files and word.encode() not in self.server.get(f"/{name}")[1]
        else:
            case.faults["missed"] += 1
        self.rest()


def run(subjects, work, options, note):
    dice = random.Random(4)
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(ThreadPoolExecutor(1))
        everybody = []
        for subject in subjects:
            lay_out(work / subject.name, small())
            server = stack.enter_context(serving(subject, work / subject.name, work / f"{subject.name}-run"))
            prime(server)
            listener = server.listen()
            stack.callback(listener.close)
            first_notice(listener, server.root / FILES[subject.kinds[0]])
            everybody.append((server, listener))
        listeners = [listener for _, listener in everybody]
        collect(listeners, time.perf_counter() + SETTLE)
        turns = [Turns(server, listener, options.edits, dice) for server, listener in everybody]
        while waiting := [turn for turn in turns if turn.left]:
            turn = min(waiting, key=lambda turn: turn.due)
            collect(listeners, turn.due)
            turn.edit(listeners, writer)
        collect(listeners, time.perf_counter() + SETTLE)
    for turn in turns:
        turn.settle()
        for case in turn.cases:
            note(turn.server.subject, f"{case.kind} {case.save}", case.figures())
