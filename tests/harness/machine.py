"""A throw-away Debian with a real systemd, booted in a container; what happens in it is gone with it."""

import fcntl
import re
import shutil
import subprocess
from pathlib import Path

from .agent import ROOT
from .process import Process
from .wait import until

BASE = ROOT / "target/debian/root"


class Machine:
    """Boots over a read-only root, with a network of its own that has nothing but loopback."""

    def __init__(self, directory):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        # Without registration all such machines share one control group of the host: one at a time.
        self._turn = open("/run/vigie-test-machine.lock", "w")
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        self.nspawn = Process(
            [
                "systemd-nspawn",
                "--quiet",
                "--register=no",
                "--keep-unit",
                "--boot",
                "--private-network",
                "--volatile=overlay",
                "--console=pipe",
                "--machine=vigie-test",
                f"--directory={BASE}",
            ],
            directory / "nspawn.log",
        )
        try:
            self.leader = until(self._leader, "systemd runs in the machine")
            until(self._up, "the machine is up", 60)
        except BaseException:
            self.stop()
            raise

    def _leader(self):
        """The machine's process 1. The children before it only set its namespaces up."""
        self.nspawn.check_running()
        children = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        for child in children:
            status = Path(f"/proc/{child}/status").read_text()
            if status.startswith("Name:\tsystemd\n") and re.search(r"^NSpid:\t\d+\t1$", status, re.M):
                return int(child)
        return None

    def _up(self):
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def run(self, *command, check=True, timeout=60):
        """Runs a command in the machine, as its root."""
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"}
        done = subprocess.run(
            ["nsenter", f"--target={self.leader}", "--all", "--wd=/", *map(str, command)],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def path(self, path):
        """A path in the machine, as the host reaches it."""
        return Path(f"/proc/{self.leader}/root") / str(path).lstrip("/")

    def write(self, path, text):
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(text)

    def put(self, source, path):
        """Copies a file of the host into the machine."""
        shutil.copyfile(source, self.path(path))

    def property(self, unit, name):
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def stop(self):
        try:
            self.nspawn.stop(timeout=30)
        finally:
            self._turn.close()
