"""A directory for a server that refuses to run as root, and the user it runs as in place of it."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from .process import Process

USER = "nobody"


class Room:
    """Under the system's directory for temporary files, since those of the tests are root's alone."""

    def __init__(self, name):
        self.directory = Path(tempfile.mkdtemp(prefix=f"vigie-{name}-"))
        self._who = {"user": USER, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        self._give(self.directory)

    def _give(self, path):
        if self._who:
            shutil.chown(path, self._who["user"], self._who["group"])

    def _environment(self, more=None):
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), "LANG": "C.UTF-8"} | (more or {})

    def run(self, *command, timeout=60, env=None, **popen):
        """Runs a command to its end as that user; fails with its output."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.directory,
            stdin=None if "input" in popen else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
            env=self._environment(env),
            **self._who,
            **popen,
        )
        assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-3000:]}"
        return done.stdout

    def start(self, *command):
        """Starts a program as that user, at home here."""
        return Process(command, self.directory / "log", self._environment(), self.directory, **self._who)

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        self._give(path)
        return path

    def keep(self, certificate):
        """A copy of a certificate that this user may read; its key, as servers insist, nobody else."""
        files = {}
        for kind in ("cert_file", "key_file", "ca_file"):
            path = self.directory / f"{kind}.pem"
            shutil.copyfile(getattr(certificate, kind), path)
            path.chmod(0o600)
            self._give(path)
            files[kind] = path
        return replace(certificate, **files)

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)
