"""Runs as the first process of a PID namespace with few numbers, and lets a stranger have the number of a command of everlit's.

    pid_reuse.py EVERLIT PROJECT

While everlit is stopped, its keeper and its command are killed, and strangers are started until one has the command's number. Then
everlit goes on, finds its keeper dead, and ends what that kept. Exits with 0 when the stranger lives; says why otherwise.
"""

import json
import os
import signal
import subprocess
import sys
import time

LIMIT_S = 30
NUMBERS = 500
# Lower numbers are given only once.
RESERVED = 300

everlit, project = sys.argv[1:]
with open("/proc/sys/kernel/pid_max", "w") as limit:
    limit.write(str(NUMBERS))

SERVER = """
import http.server, os
print("command", os.getpid(), os.getppid(), flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.BaseHTTPRequestHandler).serve_forever()
"""
with open(f"{project}/app.py", "w") as app:
    app.write(SERVER)
with open(f"{project}/everlit.toml", "w") as settings:
    settings.write('[app]\nrun = ["python3", "app.py"]\nwatch = ["app.py"]\n')


def events(job):
    for line in job.stdout:
        yield json.loads(line)


def until(wanted):
    for event in job_events:
        if wanted(event):
            return event
    raise SystemExit("everlit ended")


def reap():
    """As the first process has to."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid == job.pid:
            raise SystemExit("everlit ended")


def wait_gone(pid):
    deadline = time.monotonic() + LIMIT_S
    while os.path.exists(f"/proc/{pid}"):
        reap()
        if time.monotonic() > deadline:
            raise SystemExit(f"process {pid} does not go")
        time.sleep(0.01)


def stranger_with(number):
    for _ in range(NUMBERS * 10):
        pid = os.fork()
        if pid == 0:
            if os.getpid() == number:
                time.sleep(LIMIT_S * 10)
            os._exit(0)
        if pid == number:
            return
        os.waitpid(pid, 0)
    raise SystemExit(f"nobody got the number {number}")


while True:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    if pid > RESERVED:
        break

job = subprocess.Popen([everlit, "dev", project, "--port", "0", "--log", "json"], stdout=subprocess.PIPE, text=True)
job_events = events(job)
for _ in range(5):
    said = until(lambda event: event["event"] == "app_output" and event["line"].startswith("command "))
    command, keeper = map(int, said["line"].split()[1:])
    until(lambda event: event["event"] == "generation")
    os.kill(job.pid, signal.SIGSTOP)
    os.kill(keeper, signal.SIGKILL)
    os.kill(command, signal.SIGKILL)
    # The keeper stays a zombie of everlit's; its command is ours to reap.
    wait_gone(command)
    stranger_with(command)
    os.kill(job.pid, signal.SIGCONT)
    until(lambda event: event["event"] == "app_exited")
    until(lambda event: event["event"] == "generation")
    pid, status = os.waitpid(command, os.WNOHANG)
    if pid:
        raise SystemExit(f"the stranger was ended with status {status}")
    with open(f"/proc/{command}/stat") as stat:
        state = stat.read().rsplit(")", 1)[1].split()[0]
    # Running, sleeping, waiting for a disk: neither stopped nor ended.
    if state not in ("R", "S", "D"):
        raise SystemExit(f"the stranger is in state {state}")
    os.kill(command, signal.SIGKILL)
    os.waitpid(command, 0)
    # The next round is about the command that runs now; what it said stands before its generation.
    with open(f"{project}/app.py", "a") as app:
        app.write("#\n")
job.kill()
