"""A control group as a container runtime makes one, in every hierarchy that this machine has."""

import secrets

from .cgroup import V2
from .wait import until

CONTROLLERS = ("cpu", "cpuacct", "memory", "pids", "blkio")


def _unified():
    places = [place for place in (V2, V2 / "unified") if (place / "cgroup.controllers").exists()]
    return places[0] if places else None


class Container:
    """`command` goes before what is to run in it; limits are set in whichever version has the controller."""

    def __init__(self):
        self.id = secrets.token_hex(32)
        self.path = f"/docker-{self.id}.scope"
        self.unified = _unified()
        self.directories = []
        for place in {(V2 / name).resolve() for name in CONTROLLERS if (V2 / name / "tasks").exists()}:
            self._make(place)
        if self.unified:
            self._turn_on(self.unified)
            self._make(self.unified)
        entering = "".join(f"echo $$ >{directory}/cgroup.procs && " for directory in self.directories)
        self.command = ["sh", "-c", f'{entering}exec "$@"', "contained"]

    def _make(self, place):
        directory = place / self.path[1:]
        directory.mkdir()
        self.directories.append(directory)

    def _turn_on(self, place):
        for controller in (place / "cgroup.controllers").read_text().split():
            if controller in ("cpu", "memory", "pids", "io"):
                (place / "cgroup.subtree_control").write_text(f"+{controller}")

    def file(self, *names):
        """The first of these files that is there."""
        found = [directory / name for name in names for directory in self.directories if (directory / name).exists()]
        return found[0] if found else None

    def number(self, *names):
        return int(self.file(*names).read_text())

    def limit(self, memory=None, cpu=None):
        """`memory` in bytes, without swap; `cpu` in parts of one, of 100 ms."""
        if memory:
            self.file("memory.max", "memory.limit_in_bytes").write_text(str(memory))
            for name in ("memory.swap.max", "memory.swappiness"):
                if swap := self.file(name):
                    swap.write_text("0")
        if cpu:
            quota = self.file("cpu.max", "cpu.cfs_quota_us")
            quota.write_text(f"{int(cpu * 100_000)} 100000" if quota.name == "cpu.max" else str(int(cpu * 100_000)))

    def remove(self):
        """When nothing runs in it any more."""
        for directory in self.directories:
            if directory.exists():
                until(lambda directory=directory: self._removed(directory), f"{directory} is empty")

    @staticmethod
    def _removed(directory):
        try:
            directory.rmdir()
        except OSError:
            return False
        return True
