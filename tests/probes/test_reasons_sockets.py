"""Reasons of sockets, disks and commands of this host that take rights, or their want, to make."""

import os
import socket

import pytest
from harness.failing import Fault, Watched
from harness.peer import silent

# Root may open what it likes.
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


def unix(path, mend=None):
    return Fault("unix", str(path), {"path": str(path)}, mend)


def closed_to_others(use):
    path = use("tmp_path") / "app.sock"
    use("peer")(silent(), path=path)
    path.chmod(0)
    return unix(path, lambda: path.chmod(0o666))


def closed_directory(use):
    directory = use("tmp_path") / "run"
    directory.mkdir()
    use("peer")(silent(), path=directory / "app.sock")
    directory.chmod(0)
    use("request").addfinalizer(lambda: directory.chmod(0o755))
    return unix(directory / "app.sock", lambda: directory.chmod(0o755))


def datagrams(use):
    """It listens for datagrams, as /dev/log does, and takes no connections."""
    path = use("tmp_path") / "log"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    use("request").addfinalizer(listener.close)
    listener.bind(str(path))

    def mend():
        listener.close()
        os.unlink(path)
        use("peer")(silent(), path=path)

    return unix(path, mend)


def disk(path, mend=None):
    return Fault("disk", str(path), {"path": str(path), "min_free": "0%", "min_free_inodes": "0"}, mend)


def disk_in_a_closed_directory(use):
    directory = use("tmp_path") / "mnt"
    (directory / "data").mkdir(parents=True)
    directory.chmod(0)
    use("request").addfinalizer(lambda: directory.chmod(0o755))
    return disk(directory / "data", lambda: directory.chmod(0o755))


def links_in_a_circle(use):
    path = use("tmp_path") / "data"
    path.symlink_to(path)

    def mend():
        path.unlink()
        path.mkdir()

    return disk(path, mend)


def no_program(use):
    """It may be run, and is nothing that could be."""
    path = use("tmp_path").resolve() / "check"
    path.write_bytes(b"\0garbage")
    path.chmod(0o755)

    def mend():
        path.write_text("#!/bin/sh\necho OK\n")

    return Fault("command", str(path), {"argv": [str(path)]}, mend)


FAULTS = {
    "closed to others": (closed_to_others, "unix_denied", "connect", "Permission denied"),
    "in a closed directory": (closed_directory, "unix_denied", "connect", "Permission denied"),
    "a disk in a closed directory": (disk_in_a_closed_directory, "disk_denied", "stat", "Permission denied"),
    "links in a circle": (links_in_a_circle, "disk_error", "stat", "symbolic links"),
    "no program": (no_program, "command_error", "run", "format error"),
    "for datagrams": (datagrams, "unix_error", "connect", "wrong type for socket"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_used_has_its_reason_until_it_can(fault, unstarted, http_receiver, request, tmp_path):
    make, reason, phase, *says = fault

    def agent(config):
        made = unstarted(config | {"agent": {"allow_commands": [f"{tmp_path.resolve()}/*"]}})
        made.wrapped_in = WITHOUT_RIGHTS
        return made.start()

    watched = Watched(agent, http_receiver, make(request.getfixturevalue))
    watched.fails_with(reason, phase, *says).recovers()
