"""The app under load. POST_LOG gets a line for each POST that was done, APP_PORT is a port to insist on."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "v0"

log = os.open(os.environ["POST_LOG"], os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        os.write(log, self.rfile.read(int(self.headers["Content-Length"])) + b"\n")
        self.do_GET()

    def do_GET(self):
        body = f"<!doctype html><html><head></head><body>[{VERSION}]</body></html>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


Server(("127.0.0.1", int(os.environ.get("APP_PORT") or os.environ["PORT"])), Handler).serve_forever()
