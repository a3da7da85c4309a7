"""Lets everything happen to a server that may happen to one, at random, and looks whether it is still what it was.

    scripts/soak [MINUTES [SEED]]

Exits with 0 when every promise held; says which one did not otherwise, with the seed of the run.
"""

import os
import random
import sys
import tempfile
import time
from pathlib import Path

import deeds
import project
from pages import Pages
from server import Server, Wrong

# Figures are compared with those after this share of the time, when all has happened that makes a server keep something.
WARM_UP = 0.3

# Deeds between two looks.
ROUND = 12

# How much larger it may be at the end: a tenth, and what an allocator keeps more or less.
GROWTH, SLACK_KIB, SLACK_DESCRIPTORS, SLACK_THREADS = 1.10, 6 * 1024, 12, 16

# Until what was half sent is given up, by the limits that are documented.
GIVEN_UP_S = 32

# Nothing is said any more for so long when a save has been dealt with; and how long one may take.
QUIET_S, TOLD_LIMIT_S = 1.0, 20


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 3
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000
    print(f"seed {seed}, {minutes:g} minutes", flush=True)
    with tempfile.TemporaryDirectory(prefix="everlit-soak-") as folder:
        root, home = Path(folder, "project"), Path(folder, "home")
        root.mkdir()
        home.mkdir()
        project.make(root)
        server = Server(os.environ["EVERLIT"], root, home)
        try:
            figures = soak(server, root, random.Random(seed), minutes * 60)
        except (Wrong, OSError) as error:
            print(f"seed {seed}: {error}\n{server.log.read_text(errors='replace')[-4000:]}", file=sys.stderr)
            raise SystemExit(1) from error
        finally:
            if server.process.poll() is None:
                server.kill()
    print("\n".join(f"{name:24} {figure}" for name, figure in figures.items()))


def soak(server, root, chance, seconds):
    server.wait_answer("/number", "number 0.")
    world = deeds.World(server, Pages(server), root, chance)
    began, baseline, looks = time.monotonic(), None, 0
    while (passed := time.monotonic() - began) < seconds or baseline is None:
        for _ in range(ROUND):
            world.act()
            world.pages.take()
        settle(world)
        check_single(world)
        looks += 1
        if baseline is None and passed > seconds * WARM_UP:
            baseline = weigh(world)
    at_end = weigh(world)
    compare(baseline, at_end)
    world.pages.close()
    code, left = server.stop()
    require(code == 0, f"it ended with {code}")
    require(not left, f"it left {left}")
    require(not (server.home / "everlit/panic.txt").exists(), "it panicked")
    errors = server.log.read_text(errors="replace").strip()
    require(not errors, f"it said on standard error: {errors}")
    return {
        "seconds": round(time.monotonic() - began), "looks": looks, **world.done, "saves": world.number,
        "saves told once": looks, "generations": server.events.count("generation"), "crashes": server.events.count("app_exited"),
        "sockets lost": world.pages.lost,
        **{name: f"{baseline[name]} → {at_end[name]}" for name in baseline}}


def settle(world):
    """What was saved last is served, by one program, and nothing is left of those before."""
    server = world.server
    for what, (_, _, path) in project.FILES.items():
        server.wait_answer(path, f"number {world.saved[what]}.")
    last = project.BRANCH_FILES - 1
    server.wait_answer(f"/branch/{last % 10}/{last}.css", f"/* {world.branch} {last} */")
    deadline = time.monotonic() + TOLD_LIMIT_S
    while len(server.programs()) != 1 or server.zombies():
        require(time.monotonic() < deadline, f"programs {server.programs()}, zombies {server.zombies()}")
        time.sleep(0.05)


def check_single(world):
    """A save that nothing else stands beside is told to every page, once."""
    quiet(world)
    before = world.server.generation()
    what = world.random.choice(("page", "style"))
    file = project.FILES[what][0]
    # Rewritten in one call: a file that is removed first is two states, and may be told as such.
    world.save(what, project.renamed_over)

    def is_of_it(message):
        # What a busy machine brings late is of a generation before.
        return message["generation"] > before and file in message["cause"]

    told = quiet(world, is_of_it)
    counts = {sum(map(is_of_it, messages)): messages for messages in told}
    require(list(counts) == [1], f"{file}, saved as number {world.saved[what]} over generation {before}, was told {counts}")


def quiet(world, awaited=None):
    """What each page is told until nothing more comes, and until each was told what is awaited."""
    told = [[] for _ in world.pages.open]
    began = last = time.monotonic()

    def is_awaited():
        return awaited and not all(any(map(awaited, messages)) for messages in told)

    while (now := time.monotonic()) < last + QUIET_S or (is_awaited() and now < began + TOLD_LIMIT_S):
        news = world.pages.take()
        if any(news):
            last = now
        told = [before + more for before, more in zip(told, news)]
        time.sleep(0.02)
    return told


def weigh(world):
    """Its figures once what was half sent is given up."""
    world.let_go()
    until = time.monotonic() + GIVEN_UP_S
    while time.monotonic() < until:
        world.pages.take()
        time.sleep(0.5)
    settle(world)
    server = world.server
    return {"memory KiB": server.memory_kib(), "descriptors": server.descriptors(), "threads": server.threads()}


def compare(before, after):
    memory, descriptors = (before["memory KiB"], after["memory KiB"]), (before["descriptors"], after["descriptors"])
    require(memory[1] <= memory[0] * GROWTH + SLACK_KIB, f"it grew from {memory[0]} to {memory[1]} KiB")
    require(descriptors[1] <= descriptors[0] + SLACK_DESCRIPTORS, f"descriptors: {descriptors[0]}, then {descriptors[1]}")
    require(after["threads"] <= before["threads"] + SLACK_THREADS, f"threads: {before['threads']}, then {after['threads']}")


def require(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)


if __name__ == "__main__":
    main()
