"""curl and openssl: clients that are not ours, to tell what a server really does."""

import json
import subprocess
from dataclasses import dataclass


@dataclass
class Curled:
    """What curl saw: its exit code (7 refused, 28 timeout, 56 reset, 60 not verified, …) and its own report."""

    code: int
    body: bytes
    error: str
    report: dict

    @property
    def status(self):
        return self.report["response_code"]

    @property
    def version(self):
        return self.report["http_version"]


def curl(url, *args, timeout=10):
    """One request, without a proxy and a configuration of the caller's."""
    done = subprocess.run(
        ["curl", "-q", "-sS", "--noproxy", "*", "--max-time", str(timeout), "-w", "%{stderr}\n%{json}", *args, url],
        capture_output=True,
        timeout=timeout + 10,
        check=False,
    )
    error, _, report = done.stderr.decode().rpartition("\n")
    return Curled(done.returncode, done.stdout, error, json.loads(report))


def handshake(address, *args, ca_file=None, timeout=10):
    """The output of `openssl s_client` for a handshake that verifies, and whether it went well."""
    command = ["openssl", "s_client", "-connect", address, "-verify_return_error", *args]
    command += ["-CAfile", str(ca_file)] if ca_file else []
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
    )
    return done.returncode == 0, done.stdout + done.stderr
