"""A hard limit on the memory of a process: a control group of version 1 or 2, or else a resource limit."""

import itertools
import os
import re
import subprocess
from pathlib import Path

V1 = Path("/sys/fs/cgroup/memory")
V2 = Path("/sys/fs/cgroup")

_numbers = itertools.count()


def limited(limit):
    """The strictest limit of `limit` bytes that this machine can set; without swap."""
    for kind in (GroupV2, GroupV1):
        try:
            return kind(limit)
        except OSError:
            pass
    return ResourceLimit(limit)


class Group:
    """`command` goes before what is to be limited."""

    def __init__(self, parent, limits):
        self.directory = parent / f"vigie-test-{os.getpid()}-{next(_numbers)}"
        self.directory.mkdir()
        try:
            for name, value, required in limits:
                if required or (self.directory / name).exists():
                    (self.directory / name).write_text(str(value))
        except OSError:
            self.directory.rmdir()
            raise
        self.command = ["sh", "-c", f'echo $$ >{self.directory}/cgroup.procs && exec "$@"', "limited"]

    def _read(self, name):
        return (self.directory / name).read_text()

    def _field(self, name, field):
        found = re.search(rf"^{field} (\d+)$", self._read(name), re.M)
        return int(found.group(1)) if found else 0

    def remove(self):
        """When nothing runs in it any more."""
        self.directory.rmdir()


class GroupV1(Group):
    kind = "cgroup v1"

    def __init__(self, limit):
        if not (V1 / "memory.limit_in_bytes").exists():
            raise FileNotFoundError(V1)
        limits = [("memory.limit_in_bytes", limit, True), ("memory.memsw.limit_in_bytes", limit, False)]
        super().__init__(V1, [*limits, ("memory.swappiness", 0, False)])

    @property
    def kills(self):
        return self._field("memory.oom_control", "oom_kill")

    @property
    def used(self):
        """What cannot be taken back: the page cache of files is not in it."""
        return self._field("memory.stat", "rss") + int(self._read("memory.kmem.usage_in_bytes"))


class GroupV2(Group):
    kind = "cgroup v2"

    def __init__(self, limit):
        if "memory" not in (V2 / "cgroup.controllers").read_text().split():
            raise FileNotFoundError("no memory controller")
        (V2 / "cgroup.subtree_control").write_text("+memory")
        super().__init__(V2, [("memory.max", limit, True), ("memory.swap.max", 0, False)])

    @property
    def kills(self):
        return self._field("memory.events", "oom_kill")

    @property
    def used(self):
        return sum(self._field("memory.stat", name) for name in ("anon", "kernel", "sock"))


class ResourceLimit:
    """RLIMIT_DATA: an allocation past it fails, which ends the process. Sockets are not in it."""

    kind = "RLIMIT_DATA"
    kills = 0
    used = 0

    def __init__(self, limit):
        self.command = ["prlimit", f"--data={limit}", "--"]
        subprocess.run([*self.command, "true"], check=True, timeout=10)

    def remove(self):
        pass
