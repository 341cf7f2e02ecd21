"""Free ports, for the peers that cannot be told to pick one themselves."""

import os
import random
import socket
from pathlib import Path

LOWEST = 10_000


def _own_share():
    """The ports that this process gives away: of workers that run side by side, each has its own.

    They are not among those that the kernel gives to outgoing connections: such a one could be taken by any of them
    before its listener is up, and who connects to it while nobody listens can meet itself.
    """
    highest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while highest <= LOWEST + 1000:
        yield 0  # the kernel gives nearly all of them: it picks
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = range(LOWEST + worker, highest, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    begin = random.randrange(len(ports))
    while True:
        # Round and round, so that a port whose peer is down for a while is not given to another.
        yield from ports[begin:]
        yield from ports[:begin]


_ports = _own_share()


def listens(host, port):
    """Whether somebody takes connections there; to be asked until it is so."""
    with socket.create_connection((host, port), timeout=1):
        return True


def free_port(kind=socket.SOCK_STREAM):
    """A loopback port that nobody listens on; also the way to a port that refuses."""
    for _ in range(100):
        port = next(_ports)
        with socket.socket(type=kind) as listener:
            # Nothing is reused: a port with connections that still wait for their end is not free enough.
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return listener.getsockname()[1]
    raise OSError("no free port in a hundred tries")
