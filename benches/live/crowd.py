"""A crowd: one save to 1,000 and to 5,000 sockets, until all have it, and what each socket weighs.

What comes is only stamped while it comes, and read afterwards: the floor's figure is mostly what remains of this client's share.
"""

import resource
import select
import statistics
import time

from channel import Closed
from project import PAGE, STYLE, content, in_place, lay_out, small
from server import Failed, attempt, first_notice, serving
from startup import turns

CROWDS = (1000, 5000)
SAVES = 5

ANSWER_LIMIT = 10.0

# Between two saves, and for what connecting left to be done.
SETTLE = 1.0

# Descriptors beside the sockets.
SPARE = 200


def run(subjects, work, options, note):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for crowd in CROWDS:
        if crowd + SPARE > hard:
            print(f"left out: {crowd} sockets, as `ulimit -n` allows {hard} open files", flush=True)
            continue
        for number in range(options.rounds):
            for subject in turns(subjects, number):
                root = work / f"crowd-{subject.name}"
                lay_out(root, small())
                note(subject, f"{crowd:,} sockets", attempt(gather, subject, crowd, root, work / "run"))


def gather(subject, crowd, root, work):
    name = PAGE if "html" in subject.kinds else STYLE
    with serving(subject, root, work) as server:
        first = server.listen()
        first_notice(first, root / name)
        before = server.pss_kib()
        listeners = [first] + [server.listen() for _ in range(crowd - 1)]
        poll = select.epoll()
        by_socket = {listener.fileno(): listener for listener in listeners}
        for socket in by_socket:
            poll.register(socket, select.EPOLLIN)
        times = []
        for number in range(SAVES):
            arrive(poll, by_socket, 0, time.perf_counter() + SETTLE)
            saved = in_place(root / name, content(name, f"save {number} of {time.perf_counter_ns()}"))
            arrived = arrive(poll, by_socket, crowd, saved + ANSWER_LIMIT)
            if len(arrived) < crowd:
                raise Failed(f"{crowd - len(arrived)} of {crowd} sockets were not told")
            times.append([when - saved for when in arrived])
        after = server.pss_kib()
        for listener in listeners:
            listener.close()
        poll.close()
    return {
        "first_ms": statistics.median(min(each) for each in times) * 1000,
        "last_ms": statistics.median(max(each) for each in times) * 1000,
        "kib_each": (after - before) / crowd,
    }


def arrive(poll, by_socket, wanted, until):
    """When each socket first got a message; until so many have, or without a number until that time."""
    arrived, unread = {}, []
    while (left := until - time.perf_counter()) > 0:
        ready = poll.poll(min(left, 0.05), 4096)
        for socket, _ in ready:
            try:
                unread.append((time.perf_counter(), socket, by_socket[socket].channel.read()))
            except Closed:
                poll.unregister(socket)
        if not ready:
            read(unread, by_socket, arrived)
            if wanted and len(arrived) >= wanted:
                break
    read(unread, by_socket, arrived)
    return list(arrived.values())


def read(unread, by_socket, arrived):
    for when, socket, data in unread:
        listener = by_socket[socket]
        before = len(listener.got)
        listener.take(when, data)
        if len(listener.got) > before:
            arrived.setdefault(socket, when)
    unread.clear()
