"""What the benchmarks share: processes whose CPU time and memory are read from /proc, and a table of results."""

import os
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "target/release"
VIGIE = Path(os.environ.get("VIGIE_BIN", RELEASE / "vigie"))


def build():
    """The release binaries, unless VIGIE_BIN names another agent."""
    crates = ["-p", "vigie-bench"] + ([] if "VIGIE_BIN" in os.environ else ["-p", "vigie"])
    subprocess.run(["cargo", "build", "--release", "--locked", *crates], cwd=ROOT, check=True)


class Child:
    """A process that is ended with the benchmark."""

    def __init__(self, command, log, **popen):
        self.log = Path(log)
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=out, **popen)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def check(self):
        if self.process.poll() is not None:
            sys.exit(f"{self.process.args[0]} ended with {self.process.returncode}:\n{self.log.read_text()}")

    def cpu(self):
        """User and system time of all threads in seconds, by the process's own CPU clock: to the nanosecond."""
        return time.clock_gettime(~self.process.pid << 3 | 2)  # clock_getcpuclockid(3)

    def memory(self, field="VmRSS"):
        """Resident memory in MiB, from /proc/PID/status."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M).group(1)) / 1024


def get(url, timeout=10):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read().decode()


def wait_for(question, what, timeout=60, every=0.02):
    """Asks until the answer is true; returns it."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            answer = question()
        except (urllib.error.URLError, OSError):
            answer = None
        if answer:
            return answer
        if time.monotonic() > deadline:
            sys.exit(f"still waiting after {timeout} s until {what}")
        time.sleep(every)


def listening(child):
    """Where the agent says it listens."""

    def find():
        child.check()
        found = re.search(r"listening\b.*\baddress\"?[=:]\s*\"?(http://[^\s\",}]+)", child.log.read_text())
        return found and found.group(1).rstrip("/")

    return wait_for(find, "the agent listens", every=0.002)


def total(page, name, **labels):
    """The sum over all series of a metric that have these labels."""
    result = 0.0
    for line in page.splitlines():
        if re.match(rf"{name}[{{ ]", line) and all(f'{k}="{v}"' in line for k, v in labels.items()):
            result += float(line.rsplit(" ", 1)[1])
    return result


def median(values):
    return statistics.median(values)
