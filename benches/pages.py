#!/usr/bin/env python3
"""What it costs to put the script into pages: Everlit before an app, beside nginx as a plain proxy before the same app.

    python3 benches/pages.py                                        # target/release/everlit
    python3 benches/pages.py --program target/debug/everlit --rounds 3 --seconds 2

The app is an nginx that serves one page of 8 KiB, plain and gzipped. All take turns in one run, with a worker and 32 connections each;
the figures are medians, the last column is the share of nginx's answers for each second in the same case. Needs nginx and wrk.
"""

import argparse
import gzip
import json
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

CONNECTIONS = 32
PAGE_BYTES = 8 * 1024
START_LIMIT = 20

HEAD = "<!doctype html><html><head><meta charset=utf-8><title>a page</title><link rel=stylesheet href=/a.css></head><body>"
PAGE = (HEAD + "<p>A paragraph with some words in it, as pages have them.</p>\n" * 200)[:PAGE_BYTES].encode()

# Path, what the client sends besides `Accept: text/html`, and what Everlit has to say of the answer.
CASES = {
    "a page": ("/page.html", {}, "injected"),
    "a page that the app gzips": ("/gzip", {"Accept-Encoding": "gzip"}, "injected; coding=gzip"),
    "a page that is left alone": ("/off.html", {}, "skipped; reason=disabled-by-app"),
}

APP = """
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location = /gzip {{ default_type text/html; add_header Content-Encoding gzip; try_files /page.html.gz =404; types {{ }} }}
        location = /off.html {{ add_header Everlit-Inject off; }}
    }}
"""

PROXY = """
    upstream app {{ server 127.0.0.1:{app}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
"""

NGINX = """
user root; worker_processes 1; daemon off; pid {root}/{name}.pid; error_log {root}/{name}.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 10000000; sendfile on;
    types {{ text/html html; }}
    {server}
}}
"""


def main():
    options = read_options()
    for tool in ("nginx", "wrk"):
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is missing; install it, on Debian or Ubuntu with: sudo apt-get install {tool}")
    with tempfile.TemporaryDirectory(prefix="everlit-pages-") as folder:
        root = Path(folder)
        (root / "project").mkdir()
        for name, data in {"page.html": PAGE, "off.html": PAGE, "page.html.gz": gzip.compress(PAGE)}.items():
            (root / name).write_bytes(data)
        app, proxy = free_port(), free_port()
        running = [
            start_nginx(root, "app", APP.format(port=app, root=root), app),
            start_nginx(root, "proxy", PROXY.format(port=proxy, app=app), proxy),
        ]
        everlit, port = start_everlit(options.program, root / "project", app)
        running.append(everlit)
        try:
            check(port)
            report(measure({"nginx": proxy, "everlit": port}, options))
        finally:
            for process in reversed(running):
                process.terminate()
                process.wait()


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/everlit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    return parser.parse_args()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_nginx(root, name, server, port):
    config = root / f"{name}.conf"
    config.write_text(NGINX.format(root=root, name=name, server=server))
    process = subprocess.Popen(["nginx", "-c", config, "-p", root], stderr=subprocess.DEVNULL)
    wait_for(port)
    return process


def start_everlit(program, project, app):
    command = [program, "dev", project, "--log", "json", "--port", "0", "--upstream", f"http://127.0.0.1:{app}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "ready":
            return process, int(event["url"].rstrip("/").rsplit(":", 1)[1])
    raise SystemExit("everlit did not start")


def wait_for(port):
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


def check(port):
    """Each case has to be what it is called."""
    for path, fields, said in CASES.values():
        with socket.create_connection(("127.0.0.1", port)) as client:
            sent = {"Host": f"localhost:{port}", "Accept": "text/html", "Connection": "close", **fields}
            lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
            client.sendall("\r\n".join(lines).encode())
            head = client.makefile("rb").read().split(b"\r\n\r\n")[0].decode("latin-1").lower()
        if f"everlit-inject: {said}" not in head.splitlines():
            raise SystemExit(f"{path} is not `{said}`:\n{head}")


def measure(ports, options):
    figures = {}
    for _ in range(options.rounds):
        for case, (path, fields, _) in CASES.items():
            for subject, port in ports.items():
                figures.setdefault((case, subject), []).append(load(port, path, fields, options.seconds))
    return figures


def load(port, path, fields, seconds):
    headers = {"Host": f"localhost:{port}", "Accept": "text/html", **fields}
    words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *words, f"http://127.0.0.1:{port}{path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(said)
    return next(float(line.split()[1]) for line in said.splitlines() if line.startswith("Requests/sec"))


def report(figures):
    print(f"{'case':<28}{'subject':<10}{'answers/s':>12}{'of nginx':>10}")
    for (case, subject), rates in figures.items():
        rate, beside = statistics.median(rates), statistics.median(figures[case, "nginx"])
        print(f"{case:<28}{subject:<10}{rate:>12,.0f}{rate / beside:>10.2f}")


if __name__ == "__main__":
    main()
