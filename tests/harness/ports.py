"""Free ports, for the peers that cannot be told to pick one themselves."""

import random
import socket
from pathlib import Path

LOWEST = 10_000


def free_port():
    """A loopback port that nobody listens on; also the way to a port that refuses.

    It is not one of those that the kernel gives to outgoing connections: such a one could be taken by any of them
    before its listener is up, and who connects to it while nobody listens can meet itself.
    """
    highest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(100):
        port = random.randrange(LOWEST, highest) if highest > LOWEST + 1000 else 0
        with socket.socket() as listener:
            # Nothing is reused: a port with connections that still wait for their end is not free enough.
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return listener.getsockname()[1]
    raise OSError("no free port in a hundred tries")
