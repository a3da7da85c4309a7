import os
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GREETING = "Hello from Python"

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>{greeting}</title>
</head>
<body>
  <h1>{greeting}</h1>
  <p>{text}</p>
</body>
</html>
"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/":
            self.answer(200, 'Is it <a href="/friday">Friday</a> yet?')
        elif self.path == "/friday":
            self.answer(200, "Yes." if date.today().weekday() == 4 else "Not yet.")
        else:
            self.answer(404, "Nothing here.")

    def answer(self, status, text):
        body = PAGE.format(greeting=GREETING, text=text).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    print(f"listening on {port}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
