"""What is asked for, and what must hold of the answers."""

import random
from dataclasses import dataclass

CONNECTIONS = 64


@dataclass(frozen=True)
class Case:
    """`limits` are (figure, limit, words)."""

    name: str
    kind: str
    path: str
    headers: tuple = ()
    connections: int = CONNECTIONS
    limits: tuple = ()
    contains: bytes = b""
    encoding: str = ""

    @property
    def is_idle(self):
        return self.connections == 1

    def verify(self, servers):
        """That what is measured is what is meant."""
        for name, server in servers.items():
            status, head, body = server.fetch(self.path, self.headers)
            if status != 200:
                raise SystemExit(f"{name} answers {self.path} with {status}")
            encoding = next((line[17:].strip() for line in head.lower().split("\r\n") if line.startswith("content-encoding:")), "")
            if name == "everlit" and (self.contains not in body or encoding != self.encoding):
                raise SystemExit(f"{name} answers {self.path} without {self.contains or self.encoding}")


def at_least(ratio):
    return (("ratio", ratio, f"requests a second, at least {ratio} of nginx's"),)


PAGE = ("Accept: text/html,*/*;q=0.8",)
SCRIPT = b"/__everlit/client.js"
ADDED = (
    ("added_p50_us", 60.0, "added to a request on one idle connection, p50 at most 60 µs"),
    ("added_p99_us", 200.0, "added to a request on one idle connection, p99 at most 200 µs"),
)

CASES = (
    Case("text-1k", "serve", "/note.txt", limits=at_least(1.1)),
    Case("page-1k", "serve", "/", PAGE, limits=at_least(1.1), contains=SCRIPT),
    Case("script-100k", "serve", "/app.js", limits=at_least(1.0)),
    Case("binary-4m", "serve", "/blob.bin", limits=at_least(1.0)),
    Case("encoded-100k", "serve", "/app.js", ("Accept-Encoding: gzip, br",), limits=at_least(6.0), encoding="br"),
    Case("proxied-json", "proxy", "/api/data.json", ("Accept: application/json",), limits=at_least(1.0)),
    Case("proxied-page", "proxy", "/api/", PAGE, limits=at_least(0.8), contains=SCRIPT),
    Case("idle-json", "proxy", "/api/data.json", ("Accept: application/json",), connections=1, limits=ADDED),
    Case("idle-page", "proxy", "/api/", PAGE, connections=1, limits=ADDED, contains=SCRIPT),
)


def page():
    head = '<!doctype html><html><head><meta charset="utf-8"><title>throughput</title></head><body>'
    return (head + "<p>the quick brown fox</p>" * 40).encode()[:1024]


def lay_out(folder):
    """The same files for everybody."""
    generator = random.Random(1)
    lines = [f"export const value{n} = (left, right) => left * {generator.randrange(97)} + right - {n % 89};\n" for n in range(1700)]
    text = "".join(generator.choices("abcdefghij ", k=10 * 1024 - 12))
    files = {
        "index.html": page(),
        "note.txt": ("a line of some words\n" * 64).encode()[:1024],
        "app.js": "".join(lines).encode()[: 100 * 1024],
        "blob.bin": generator.randbytes(4 << 20),
        "api/index.html": page(),
        "api/data.json": f'{{"text":"{text}"}}'.encode(),
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
