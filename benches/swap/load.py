"""Load: 500 requests a second through 50 saves, each of which builds and restarts the app.

An open loop: requests start on schedule, whatever became of the earlier ones. Every tenth is a POST with a number of its own, which the
app writes into a log; every second one comes over a connection that was kept. A save follows once the one before it is answered.

failed: no answer, or not a 200. duplicated: POSTs that the log has more than once. lost: those that were answered and are not in it.
unseen: saves whose version nobody was answered with. reloads: messages on the reload channel for each save.
"""

import asyncio
import os
import re
import shutil
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

from apps import LANGUAGES, App
from channel import Channel, Closed
from processes import Failed, Server, free_port, serving

RATE = 500
REQUESTS = 10_000
POST_EVERY = 10

# A request that takes longer is as good as failed to whoever made it.
ANSWER_LIMIT = 15.0

# How long a save may take to be answered, and the pause before the next one: a person's, cut short.
SEEN_LIMIT = 30.0
PAUSE = 0.1

# What may still come after the last save.
SETTLE = 1.0

# A kept connection that was idle for longer is not used again: the other side may be closing it at this moment (Node does after 5 s).
IDLE_LIMIT = 2.0


@dataclass
class Tally:
    """What became of all requests."""

    sent: int = 0
    failures: Counter = field(default_factory=Counter)
    answered_posts: set = field(default_factory=set)
    versions: dict = field(default_factory=dict)
    slowest: float = 0.0

    def fail(self, reason):
        self.failures[reason] += 1

    def answer(self, version, took):
        self.versions.setdefault(version, time.perf_counter())
        self.slowest = max(self.slowest, took)


class Client:
    """Makes requests to one port, over kept connections and new ones in turn."""

    def __init__(self, port, tally):
        self.port, self.tally, self.kept = port, tally, []

    async def request(self, number):
        due, connection = time.perf_counter(), None
        self.tally.sent += 1
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                connection = await self.connect(keeps=number % 2 == 0)
                is_post, keeps = number % POST_EVERY == 0, number % 2 == 0
                version = await self.ask(connection, number if is_post else None, keeps)
        except TimeoutError:
            self.tally.fail("no answer in time")
        except (OSError, EOFError, ValueError, IndexError) as error:
            self.tally.fail(str(error) if isinstance(error, ValueError) else type(error).__name__)
        else:
            self.tally.answer(version, time.perf_counter() - due)
            if is_post:
                self.tally.answered_posts.add(str(number))
            if keeps:
                self.kept.append((*connection, time.perf_counter()))
                return
        if connection:
            connection[1].close()

    async def connect(self, keeps):
        while keeps and self.kept:
            reader, writer, since = self.kept.pop()
            if not reader.at_eof() and not writer.is_closing() and time.perf_counter() < since + IDLE_LIMIT:
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, connection, post, keeps):
        """The version in the answer."""
        reader, writer = connection
        body = b"" if post is None else str(post).encode()
        head = f"{'GET' if post is None else 'POST'} / HTTP/1.1\r\nHost: localhost:{self.port}\r\nAccept: text/html\r\n"
        head += f"Connection: {'keep-alive' if keeps else 'close'}\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n" if body else "\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        status, headers = int(answer.split(b" ", 2)[1]), answer.lower()
        text = await self.body(reader, headers)
        if status != 200:
            raise ValueError(f"status {status}")
        if b"connection: close" in headers:
            writer.close()
        return re.search(rb"\[(\w+)\]", text)[1].decode() if b"[" in text else "unknown"

    @staticmethod
    async def body(reader, headers):
        if length := re.search(rb"content-length: *(\d+)", headers):
            return await reader.readexactly(int(length[1]))
        if b"transfer-encoding: chunked" not in headers:
            return await reader.read()
        text = b""
        while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
            text += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return text


def run(subjects, work, options, note):
    for name in options.languages:
        language = LANGUAGES[name]
        if not shutil.which(language.tool):
            print(f"left out: {name}, as there is no `{language.tool}` on the PATH", flush=True)
            continue
        for port in options.ports:
            for subject in subjects:
                # Who has no port to give restarts on one of its own either way.
                if name in subject.languages and (subject.name == "everlit" or port == "fixed"):
                    place = work / f"{subject.name}-{name}-{port}".replace(" ", "-")
                    note(subject, f"{name} {port}", attempt(subject, language, port, place, options))


def attempt(subject, language, port, place, options):
    try:
        return asyncio.run(trial(subject, App(language, place / "project"), port, place, options))
    except (Failed, Closed, OSError) as error:
        print(f"failed: {subject.name}, {language.name}: {error}", flush=True)
        return {"unmeasured": 1}


async def trial(subject, app, port_kind, work, options):
    app_port, port, log = free_port(), free_port(), work / "posts"
    subject.prepare(app, app_port, port)
    env = {**os.environ, "POST_LOG": str(log), "PORT": str(app_port), **({"APP_PORT": str(app_port)} if port_kind == "fixed" else {})}
    if subject.name == "everlit" and port_kind == "auto":
        env.pop("PORT")
    server = Server(subject.command(app, app_port, port), app.root, work / "log", port if subject.fronts else app_port, env)
    with serving(server):
        await asyncio.to_thread(server.wait_ready)
        tally = Tally()
        listener = Reloads(subject, server)
        client = Client(server.port, tally)
        load = asyncio.create_task(keep_asking(client, options))
        await asyncio.sleep(SETTLE)
        delays, reloads = [], []
        for number in range(1, options.saves + 1):
            version, saved, before = f"v{number}", time.perf_counter(), listener.count()
            app.save(version)
            subject.saved(server.process)
            seen = await until_seen(tally, version, saved)
            delays.append(seen - saved if seen else None)
            await asyncio.sleep(PAUSE)
            reloads.append(listener.count() - before)
        while tally.sent < options.requests:
            await asyncio.sleep(PAUSE)
        await asyncio.sleep(SETTLE)
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        listener.close()
    return figures(tally, log, delays, reloads, listener)


async def keep_asking(client, options):
    began, number, pending = time.perf_counter(), 0, set()
    try:
        while True:
            await asyncio.sleep(max(0.0, began + number / options.rate - time.perf_counter()))
            task = asyncio.create_task(client.request(number))
            pending.add(task)
            task.add_done_callback(pending.discard)
            number += 1
    finally:
        # What is under way may end: cut short, it would have neither failed nor been answered.
        await asyncio.gather(*pending, return_exceptions=True)


async def until_seen(tally, version, saved):
    while time.perf_counter() < saved + SEEN_LIMIT:
        if version in tally.versions:
            return tally.versions[version]
        await asyncio.sleep(0.002)
    return None


class Reloads:
    """The messages a page would reload for, when the subject tells any."""

    def __init__(self, subject, server):
        self.subject, self.told = subject, 0
        where = subject.channel(server)
        self.channel = Channel(server.port, *where) if where else None

    def count(self):
        if self.channel:
            self.told += sum(self.subject.is_change(text) for text in self.channel.texts(self.channel.read()))
        return self.told

    def close(self):
        if self.channel:
            self.channel.close()


def figures(tally, log, delays, reloads, listener):
    posts = Counter(log.read_text().split()) if log.exists() else Counter()
    seen = [delay for delay in delays if delay is not None]
    if tally.failures:
        print(f"failures: {dict(tally.failures)}", flush=True)
    told = {"reloads_least": min(reloads), "reloads_most": max(reloads)} if listener.channel else {}
    return {
        "requests": tally.sent,
        "failed": sum(tally.failures.values()),
        "duplicated": sum(count > 1 for count in posts.values()),
        "lost": len(tally.answered_posts - posts.keys()),
        "unseen": delays.count(None),
        **told,
        "slowest_ms": tally.slowest * 1000,
        **({"seen_ms": statistics.median(seen) * 1000} if seen else {}),
    }
