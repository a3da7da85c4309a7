"""Everlit and nginx, serving a folder or standing before an upstream."""

import contextlib
import os
import socket

from cases import lay_out
from processes import START_LIMIT, Server, free_port, serving


class Everlit:
    name = "everlit"

    def __init__(self, program):
        self.program = program

    def serve(self, folder, port):
        return [self.program, "dev", folder / "site", "--port", port, "--strict-port"]

    def proxy(self, folder, port, upstream):
        (folder / "empty").mkdir()
        return [self.program, "dev", folder / "empty", "--port", port, "--strict-port", "--upstream", f"http://127.0.0.1:{upstream}"]


class Nginx:
    name = "nginx"

    def serve(self, folder, port):
        return self._command(folder, f"server {{ listen 127.0.0.1:{port}; root {folder / 'site'}; }}")

    def proxy(self, folder, port, upstream):
        return self._command(folder, f"""
            upstream app {{ server 127.0.0.1:{upstream}; keepalive 64; }}
            server {{ listen 127.0.0.1:{port}; location / {{
              proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}""")

    def _command(self, folder, servers):
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        config = folder / "nginx.conf"
        config.write_text(f"""daemon off; worker_processes auto; pid {folder}/pid; error_log {folder}/error.log; {user}
            events {{ worker_connections 4096; }}
            http {{ {temporary} access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
              types {{ text/html html; text/css css; text/javascript js; application/json json; text/plain txt; }}
              default_type application/octet-stream;
              gzip on; gzip_types text/css text/javascript application/json; {servers} }}""")
        return ["nginx", "-c", config, "-e", folder / "error.log"]


class Asked(Server):
    """A server that is asked with headers of the caller's."""

    def fetch(self, path, headers):
        """Status, head and body."""
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close", *headers]
        with socket.create_connection(("127.0.0.1", self.port), START_LIMIT) as connection:
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
            answer = b""
            while more := connection.recv(1 << 20):
                answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode("latin1"), body


@contextlib.contextmanager
def running(subject, kind, folder, upstream=None):
    """A subject that answers."""
    lay_out(folder / "site")
    port = free_port()
    command = subject.serve(folder, port) if kind == "serve" else subject.proxy(folder, port, upstream)
    with serving(Asked(command, folder, folder / "log", port, dict(os.environ))) as server:
        server.wait_ready()
        yield server
