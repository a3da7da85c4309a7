"""The apps: the same in four languages, with the commands that build and run them."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).with_name("apps")
VERSION = re.compile(r'(version|VERSION)([^"\n]*)"[^"]*"')

CARGO = '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n\n[[bin]]\nname = "app"\npath = "app.rs"\n'


@dataclass(frozen=True)
class Language:
    name: str
    tool: str
    source: str
    build: str
    run: str
    manifest: tuple = ()


LANGUAGES = {language.name: language for language in (
    Language("go", "go", "app.go", "go build -o bin/app .", "bin/app", (("go.mod", "module example.com/app\n\ngo 1.19\n"),)),
    Language("rust", "cargo", "app.rs", "cargo build --quiet", "target/debug/app", (("Cargo.toml", CARGO),)),
    Language("node", "node", "app.js", "", "node app.js"),
    Language("python", "python3", "app.py", "", "python3 app.py"),
)}


class App:
    """A copy of one of them in a folder of its own."""

    def __init__(self, language, root):
        self.language, self.root = language, root
        root.mkdir(parents=True)
        for name, text in language.manifest:
            (root / name).write_text(text)
        (root / ".gitignore").write_text("bin/\ntarget/\n")
        self.source = root / language.source
        shutil.copy(SOURCES / language.source, self.source)

    def save(self, version):
        """Renamed over, so that nobody reads half of it."""
        beside = self.source.with_name(f".{self.source.name}.swp")
        beside.write_text(VERSION.sub(rf'\1\2"{version}"', self.source.read_text(), count=1))
        beside.replace(self.source)
