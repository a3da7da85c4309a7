"""Who is measured: Everlit, the floor, and the peers that are installed."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

TOKEN = re.compile(rb'token = "([\w-]{22,})"')


class Everlit:
    name = "everlit"
    front = "/index.html"
    kinds = ("css", "html")
    reads_files = True
    sees_all = True

    def __init__(self, binary):
        self.binary = binary

    def command(self, root, port, work):
        return [self.binary, "dev", root, "--port", port, "--strict-port"]

    def channel(self, server):
        token = TOKEN.search(server.get("/__everlit/client.js")[1]).group(1).decode()
        return (f"/__everlit/ws?token={token}",)

    def is_change(self, text):
        return json.loads(text)["type"] in ("styles", "assets", "patch", "reload")


class Floor:
    """`floor.c`, compiled on the spot. It serves no files: what it would answer is not looked at."""

    name = "floor"
    front = "/"
    kinds = ("css", "html")
    reads_files = False
    sees_all = True

    def __init__(self, folder):
        self.binary = folder / "floor"
        source = Path(__file__).with_name("floor.c")
        subprocess.run([shutil.which("cc"), "-O2", "-pthread", "-o", self.binary, source], check=True)

    def command(self, root, port, work):
        return [self.binary, root, port]

    def channel(self, server):
        return ("/ws",)

    def is_change(self, text):
        return True


class Vite:
    name = "vite"
    program = "vite"
    front = "/index.html"
    kinds = ("css", "html")
    reads_files = True
    sees_all = True

    def __init__(self, binary):
        self.binary = binary

    def command(self, root, port, work):
        # The projects depend on nothing, so there is nothing to look for and bundle ahead.
        config = {"cacheDir": str(work / "cache"), "appType": "mpa", "optimizeDeps": {"noDiscovery": True}}
        (work / "vite.config.mjs").write_text(f"export default {json.dumps(config)}\n")
        flags = ["--host", "127.0.0.1", "--port", port, "--strictPort", "--clearScreen", "false"]
        return [self.binary, root, "--config", work / "vite.config.mjs", *flags]

    def channel(self, server):
        token = re.search(rb'wsToken = "([^"]+)"', server.get("/@vite/client")[1]).group(1).decode()
        return (f"/?token={token}", False, ("Sec-WebSocket-Protocol: vite-hmr",))

    def is_change(self, text):
        return json.loads(text)["type"] in ("update", "full-reload")


class WebpackDevServer:
    """With the project as its folder of static files, which it watches, beside a bundle of one line."""

    name = "webpack-dev-server"
    program = "webpack"
    front = "/index.html"
    kinds = ("css", "html")
    reads_files = True
    sees_all = True

    def __init__(self, binary):
        self.binary = binary

    def command(self, root, port, work):
        (work / "entry.js").write_text("console.log('entry')\n")
        static = {"directory": str(root), "watch": True}
        config = {
            "mode": "development", "context": str(work), "entry": "./entry.js", "stats": "none",
            "infrastructureLogging": {"level": "error"}, "output": {"path": str(work / "out"), "filename": "bundle.js"},
            "devServer": {"host": "127.0.0.1", "port": port, "static": static},
        }
        (work / "webpack.config.js").write_text(f"module.exports = {json.dumps(config)}\n")
        return [self.binary, "serve", "--config", work / "webpack.config.js"]

    def channel(self, server):
        return ("/ws",)

    def is_change(self, text):
        return json.loads(text)["type"] == "static-changed"


class LiveServer:
    """The crate."""

    name = "live-server"
    program = "live-server"
    front = "/index.html"
    kinds = ("css", "html")
    reads_files = True
    sees_all = True

    def __init__(self, binary):
        self.binary = binary

    def command(self, root, port, work):
        return [self.binary, "--host", "127.0.0.1", "--port", port, root]

    def channel(self, server):
        return ("/live-server-ws",)

    def is_change(self, text):
        return True


class Esbuild:
    """It watches what it was told to build, by polling, and says nothing of pages."""

    name = "esbuild"
    program = "esbuild"
    front = "/index.html"
    kinds = ("css",)
    reads_files = True
    sees_all = False

    def __init__(self, binary):
        self.binary = binary

    def command(self, root, port, work):
        out = [f"--outdir={root}", f"--servedir={root}", f"--serve=127.0.0.1:{port}"]
        return [self.binary, root / "main.js", root / "style.css", *out, "--watch=forever", "--log-level=error"]

    def channel(self, server):
        return ("/esbuild", True)

    def is_change(self, text):
        change = json.loads(text)
        return any(change.get(what) for what in ("added", "removed", "updated"))


PEERS = {peer.name: peer for peer in (Vite, WebpackDevServer, LiveServer, Esbuild)}


def find(program, folders):
    """A peer's program: from the folders, or from the PATH."""
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    return shutil.which(program, path=path)
