"""Free ports, for the peers that cannot be told to pick one themselves."""

import socket


def free_port():
    """A loopback port that nobody listens on; also the way to a port that refuses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
