"""Reasons of sockets of this host that take rights, or their want, to make."""

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


FAULTS = {
    "closed to others": (closed_to_others, "unix_denied", "connect", "Permission denied"),
    "in a closed directory": (closed_directory, "unix_denied", "connect", "Permission denied"),
    "for datagrams": (datagrams, "unix_error", "connect", "wrong type for socket"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_socket_that_cannot_be_used_has_its_reason_until_it_can(fault, unstarted, http_receiver, request):
    make, reason, phase, *says = fault

    def agent(config):
        made = unstarted(config)
        made.wrapped_in = WITHOUT_RIGHTS
        return made.start()

    watched = Watched(agent, http_receiver, make(request.getfixturevalue))
    watched.fails_with(reason, phase, *says).recovers()
