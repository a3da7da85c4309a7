"""Pages that listen: reload sockets, as many as a person with many tabs and phones has."""

import contextlib
import json
import re
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "benches" / "live"))

from channel import Channel, Closed  # noqa: E402

COUNT = 50

# What makes a page change.
CHANGES = ("reload", "patch", "styles", "assets", "data")


class Pages:
    def __init__(self, server):
        self.server, self.lost = server, 0
        script = server.get("/__everlit/client.js")[1]
        self.path = "/__everlit/ws?token=" + re.search(r'const token = "([^"]+)"', script)[1]
        self.open = [self.opened() for _ in range(COUNT)]

    def opened(self):
        return Channel(self.server.port, self.path)

    def take(self):
        """What each was told since the last time; one that was let go comes back."""
        told = []
        for number, channel in enumerate(self.open):
            messages = []
            try:
                while data := channel.read():
                    messages += [json.loads(text) for text in channel.texts(data)]
            except (Closed, OSError):
                self.lost += 1
                channel.close()
                self.open[number] = self.opened()
            told.append([message for message in messages if message["type"] in CHANGES])
        return told

    def replace(self, number):
        """A tab that is closed, and another that is opened."""
        self.open[number].close()
        self.open[number] = self.opened()

    def close(self):
        for channel in self.open:
            with contextlib.suppress(OSError):
                channel.close()
