"""Who restarts the apps: Everlit, peers that are installed, and a restarter with nothing but the order of things right."""

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

TOKEN = re.compile(rb'token = "([\w-]{22,})"')


def both(app):
    """Build, and become the app only if that worked."""
    return f"{app.language.build} && exec {app.language.run}" if app.language.build else f"exec {app.language.run}"


class Subject:
    """Restarts an app on `app_port`. Who stands before it as well listens on `port`."""

    fronts = False
    languages = ("go", "rust", "node", "python")

    def __init__(self, program):
        self.program = program

    def prepare(self, app, app_port, port):
        pass

    def saved(self, process):
        pass

    def channel(self, server):
        """Where reloads are told: the arguments of a channel; None when it tells none."""

    def is_change(self, text):
        return True


class Everlit(Subject):
    name = program = "everlit"
    fronts = True

    def command(self, app, app_port, port):
        build = ["--build", app.language.build] if app.language.build and app.language.name != "rust" else []
        run = ["--run", app.language.run] if app.language.name != "rust" else []
        return [self.program, "dev", app.root, "--port", port, "--strict-port", *build, *run]

    def channel(self, server):
        token = TOKEN.search(server.get("/__everlit/client.js")[1]).group(1).decode()
        return (f"/__everlit/ws?token={token}",)

    def is_change(self, text):
        return json.loads(text)["type"] in ("styles", "assets", "patch", "reload")


class Watchexec(Subject):
    name = program = "watchexec"

    def command(self, app, app_port, port):
        return [self.program, "--restart", "--watch", app.root, "--filter", app.source.name, "--shell=none", "--quiet", "--",
                "/bin/sh", "-c", both(app)]


class Nodemon(Subject):
    name = program = "nodemon"

    def command(self, app, app_port, port):
        return [self.program, "--quiet", "--signal", "SIGTERM", "--watch", app.source, "--ext", app.source.suffix[1:],
                "--exec", both(app)]


class Entr(Subject):
    name = program = "entr"

    def command(self, app, app_port, port):
        return ["/bin/sh", "-c", f"echo {shlex.quote(str(app.source))} | exec {self.program} -rn /bin/sh -c {shlex.quote(both(app))}"]


class Air(Subject):
    """With its proxy, which tells pages to reload by server-sent events."""

    name = program = "air"
    fronts = True
    languages = ("go",)

    def prepare(self, app, app_port, port):
        (app.root / ".air.toml").write_text(
            f'[build]\ncmd = "{app.language.build}"\nbin = "{app.language.run}"\ninclude_ext = ["go"]\n'
            f"[proxy]\nenabled = true\nproxy_port = {port}\napp_port = {app_port}\n[log]\nsilent = true\n")

    def command(self, app, app_port, port):
        return [self.program, "-c", ".air.toml"]

    def channel(self, server):
        return ("/__air_internal/sse", True)


class Templ(Subject):
    """`templ generate --watch` with its proxy."""

    name = program = "templ"
    fronts = True
    languages = ("go",)

    def command(self, app, app_port, port):
        return [self.program, "generate", "--watch", f"--proxy=http://127.0.0.1:{app_port}", f"--proxyport={port}", "--proxybind=127.0.0.1",
                "--open-browser=false", f"--cmd=sh -c '{both(app)}'"]

    def channel(self, server):
        return ("/_templ/reload/events", True)


class Beside(Subject):
    """Builds beside the running app and only then restarts it; it is told of each save, so that it watches nothing."""

    name = "build beside"

    def command(self, app, app_port, port):
        return [sys.executable, Path(__file__).with_name("beside.py"), app.language.build, app.language.run]

    def saved(self, process):
        process.send_signal(1)


PEERS = (Watchexec, Nodemon, Entr, Air, Templ)


def chosen(binary, folders, names):
    """Everlit, the restarter of our own, and the peers that are there; who is missing is named."""
    found = [Everlit(binary), Beside(None)]
    places = [*(str(folder) for folder in folders), None]
    for peer in PEERS:
        program = next(filter(None, (shutil.which(peer.program, path=place) for place in places)), None)
        if program:
            found.append(peer(Path(program).resolve() if peer is not Nodemon else program))
        else:
            print(f"left out: {peer.name}, as there is no `{peer.program}` on the PATH or in --peers", flush=True)
    if unknown := set(names) - {subject.name for subject in found}:
        print(f"left out: {', '.join(sorted(unknown))}, asked for and not there", flush=True)
    return [subject for subject in found if not names or subject.name in names]
