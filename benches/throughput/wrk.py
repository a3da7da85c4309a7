"""wrk, and what it says."""

import json
import subprocess
from pathlib import Path

REPORT = Path(__file__).with_name("report.lua")


def ask(port, case, seconds):
    """Requests a second, and how long one took."""
    threads = min(2, case.connections)
    command = ["wrk", "-t", str(threads), "-c", str(case.connections), "-d", f"{seconds}s", "-s", str(REPORT)]
    for header in case.headers:
        command += ["-H", header]
    done = subprocess.run([*command, f"http://127.0.0.1:{port}{case.path}"], capture_output=True, text=True, timeout=seconds + 60, check=True)
    said = json.loads(done.stdout.rpartition("FIGURES ")[2])
    if said["failed"]:
        raise SystemExit(f"{said['failed']} requests of {case.name} failed")
    return {"rps": said["requests"] / said["us"] * 1e6, "p50_us": said["p50_us"], "p99_us": said["p99_us"]}
