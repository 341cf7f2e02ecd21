"""A server of harness/programs in a process of its own: started, watched, told what to do, ended."""

import json
import subprocess
import sys
from pathlib import Path

from .process import Process
from .wait import until

TESTS = Path(__file__).resolve().parents[1]


class Program:
    """`events` is what it told, `port` where it listens; `options` are the program's own."""

    host = "127.0.0.1"

    def __init__(self, directory, name, certificate=None, env=None, **options):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.tls = certificate
        self._events = self.directory / "events"
        self._told = 0
        options |= {"events": str(self._events), "certificate": _files(certificate)}
        self.process = Process(
            [sys.executable, "-m", f"harness.programs.{name}", json.dumps(options)],
            self.directory / f"{name}.log",
            # Nothing of the caller's: no proxy, no settings of OpenTelemetry.
            env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"} | (env or {}),
            cwd=TESTS,
            stdin=subprocess.PIPE,
        )
        self.process.ready(lambda: self.recorded("listening"), f"{name} listens", 30)
        self.port = self.recorded("listening")[0]["port"]

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    @property
    def events(self):
        if not self._events.exists():
            return []
        whole = self._events.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def recorded(self, event):
        """The events of one kind, in the order they happened."""
        return [entry for entry in self.events if entry["event"] == event]

    def wait_recorded(self, event, count=1, timeout=15):
        return until(
            lambda: len(self.recorded(event)) >= count and self.recorded(event), f"{count} times {event}", timeout
        )

    def tell(self, **command):
        """Has a command carried out, and waits until it is."""
        self._told += 1
        number = self._told
        self.process.child.stdin.write(json.dumps(command | {"number": number}).encode() + b"\n")
        self.process.child.stdin.flush()
        until(lambda: {"event": "done", "number": number} in self.events, f"{command} is carried out", 60)

    def stop(self):
        self.process.stop()
        self.process.child.stdin.close()


def _files(certificate):
    if not certificate:
        return None
    files = {kind: str(getattr(certificate, kind)) for kind in ("cert_file", "key_file", "ca_file")}
    return files | {"mutual": certificate.mutual}
