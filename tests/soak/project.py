"""The project that is served: files, a program, and two branches that differ in hundreds of files."""

import os
import subprocess

CONFIG = """
[app]
run = "exec python3 app.py"
watch = ["app.py"]
probation = "0s"
"""

# It answers the number it was saved with, or ends when it is asked to.
PROGRAM = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NUMBER = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash":
            os._exit(3)
        text = f"number {NUMBER}.{os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

BRANCHES = ("first", "second")
BRANCH_FILES = 300


def page(number):
    return f"<!doctype html><html><head><link rel=stylesheet href=/style.css></head><body>number {number}.</body></html>\n"


def style(number):
    return f"body::after {{ content: 'number {number}.' }}\n"


def program(number):
    return PROGRAM.replace("NUMBER = 0", f"NUMBER = {number}")


# What is saved: the file, the text of it with a number in it, and where that is served.
FILES = {
    "page": ("static/page.html", page, "/page.html"),
    "style": ("static/style.css", style, "/style.css"),
    "program": ("app.py", program, "/number"),
}


def make(root):
    def write(name, text):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    write("everlit.toml", CONFIG)
    write("data/posts.json", "[]\n")
    write(".gitignore", ".everlit/\n__pycache__/\n")
    for name, text, _ in FILES.values():
        write(name, text(0))
    git(root, "init", "--quiet", "--initial-branch", BRANCHES[0])
    for branch in BRANCHES:
        if branch != BRANCHES[0]:
            git(root, "switch", "--quiet", "--create", branch)
        for number in range(BRANCH_FILES):
            write(f"static/branch/{number % 10}/{number}.css", f"/* {branch} {number} */\n")
        git(root, "add", "static/branch")
        git(root, "commit", "--quiet", "--message", branch)


def git(root, *words):
    subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.test", *words], cwd=root, check=True)


def in_place(path, text):
    path.write_text(text)


def renamed_over(path, text):
    beside = path.with_name(f".{path.name}.swp")
    beside.write_text(text)
    os.rename(beside, path)


def replaced(path, text):
    path.unlink()
    path.write_text(text)


WAYS = (in_place, renamed_over, replaced)
