"""The projects that are served, and the two ways in which a file is saved."""

import os
import time

PAGE = "index.html"
STYLE = "style.css"
DEEP = "src/area49/part2499/deep.html"

# 1 KiB, as small pages are.
PAGE_BYTES = 1024


def content(name, word):
    """A file of that name which holds the word."""
    if name.endswith(".css"):
        return f'body {{ margin: 0 }}\nh1::after {{ content: "{word}" }}\n'.encode()
    if name.endswith(".js"):
        return f'document.title = "{word}";\n'.encode()
    head = f'<!doctype html><html><head><title>bench</title><link rel="stylesheet" href="/{STYLE}"></head><body><h1>{word}</h1>'
    tail = '<script type="module" src="/main.js"></script></body></html>\n'
    return (head + "<p>live</p>" * ((PAGE_BYTES - len(head) - len(tail)) // len("<p>live</p>")) + tail).encode()


def small():
    """20 files."""
    return ["package.json", PAGE, STYLE, "main.js", DEEP, *(f"pages/page{number}.html" for number in range(15))]


def large():
    """50,000 files in 5,000 folders, half of them below node_modules, which git ignores."""
    folders = [f"{top}/area{number // 50:02}/part{number:04}" for number in range(2500) for top in ("src", "node_modules")]
    files = [f"{folder}/file{number}.js" for folder in folders for number in range(10)]
    # Those that make it a project stand in for some of the last.
    own = ["package.json", ".gitignore", PAGE, STYLE, "main.js", DEEP]
    return own + files[:len(files) - len(own)]


def checkout(count):
    """The files of a branch: pages, stylesheets and scripts in 20 folders, a page last."""
    kinds = ("css", "js", "html")
    return [f"part{number % 20:02}/file{number:04}.{kinds[number % 3]}" for number in range(count - 2)] + [STYLE, PAGE]


def lay_out(root, files):
    """Writes the files, each with the word `first`."""
    special = {"package.json": b'{"private": true}\n', ".gitignore": b"node_modules/\n"}
    made = set()
    for name in files:
        path = root / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        path.write_bytes(special.get(name) or content(name, "first"))


def in_place(path, data):
    """Truncates and writes, as VS Code and nano do. The moment before the save is complete."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(file, data)
    before = time.perf_counter()
    os.close(file)
    return before


def renamed_over(path, data):
    """Writes beside it and renames over it, as vim and the JetBrains editors do. The moment before the save is complete."""
    beside = path.with_name(f".{path.name}.swp")
    beside.write_bytes(data)
    before = time.perf_counter()
    os.rename(beside, path)
    return before


def replaced(path, data):
    """Removes and creates, as `git switch` does. The moment before the save is complete."""
    os.unlink(path)
    return in_place(path, data)


SAVES = {"in place": in_place, "renamed over": renamed_over}
