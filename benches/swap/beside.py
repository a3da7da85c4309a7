"""usage: beside.py BUILD RUN. On SIGHUP: build, stop the app, start it anew."""

import shlex
import signal
import subprocess
import sys

build, run = sys.argv[1:]
# Blocked from the start, so that no save is lost; the app must not inherit that.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def is_built():
    return not build or subprocess.run(build, shell=True).returncode == 0


def start():
    return subprocess.Popen(shlex.split(run), preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP}))


is_built()
app = start()
while signal.sigwait({signal.SIGHUP}):
    if is_built():
        app.terminate()
        app.wait()
        app = start()
