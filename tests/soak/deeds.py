"""What happens to the server. Each deed leaves it free to settle; what was saved last is known."""

import contextlib
import os
import signal
import time

import hostile
import project

# Hostile connections that are kept open at once.
KEPT = 100


class World:
    def __init__(self, server, pages, root, random):
        self.server, self.pages, self.root, self.random = server, pages, root, random
        self.saved = dict.fromkeys(project.FILES, 0)
        self.branch, self.number, self.kept, self.done = project.BRANCHES[-1], 0, [], {}

    def act(self):
        deed = self.random.choices([deed for deed, _ in DEEDS], [weight for _, weight in DEEDS])[0]
        deed(self)
        self.done[deed.__name__] = self.done.get(deed.__name__, 0) + 1

    def save(self, what, way=None):
        name, text, _ = project.FILES[what]
        self.number += 1
        self.saved[what] = self.number
        (way or self.random.choice(project.WAYS))(self.root / name, text(self.number))

    def keep(self, line):
        self.kept.append(line)
        while len(self.kept) > KEPT:
            self.kept.pop(0).close()

    def let_go(self):
        while self.kept:
            self.kept.pop().close()


def save_some(world):
    for _ in range(world.random.randrange(1, 6)):
        world.save(world.random.choice(("page", "style")))
        time.sleep(world.random.random() * 0.05)


def save_program(world):
    world.save("program")


def check_out(world):
    world.branch = next(branch for branch in project.BRANCHES if branch != world.branch)
    project.git(world.root, "switch", "--quiet", world.branch)


def crash(world):
    with contextlib.suppress(OSError):
        world.server.get("/crash")


def stop_program(world):
    """It stands still for a moment, while somebody asks it."""
    pids = world.server.programs()
    signals(pids, signal.SIGSTOP)
    line = hostile.half_head(world.server, world.random)
    time.sleep(world.random.random())
    signals(pids, signal.SIGCONT)
    line.close()


def stop_server(world):
    os.kill(world.server.pid, signal.SIGSTOP)
    for _ in range(world.random.randrange(5)):
        world.save(world.random.choice(tuple(project.FILES)))
    time.sleep(world.random.random() * 2)
    os.kill(world.server.pid, signal.SIGCONT)


def be_hostile(world):
    for _ in range(world.random.randrange(1, 8)):
        line = world.random.choice(hostile.ALL)(world.server, world.random)
        if hasattr(line, "close"):
            world.keep(line)


def change_tabs(world):
    for _ in range(world.random.randrange(1, 20)):
        world.pages.replace(world.random.randrange(len(world.pages.open)))


def ask(world):
    for _ in range(20):
        world.server.get(world.random.choice(("/page.html", "/style.css", "/number", "/api/posts", "/missing")))


DEEDS = ((save_some, 8), (save_program, 3), (check_out, 2), (crash, 1), (stop_program, 1), (stop_server, 1), (be_hostile, 6),
         (change_tabs, 2), (ask, 4))


def signals(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
