"""Peers that are dead, or worse: one that takes connections and says nothing, one that packets vanish in."""

import socket


class Refusing:
    """Nobody listens."""

    def __init__(self, port):
        self.port = port

    def close(self):
        pass


class Silent:
    """Connections are established by the kernel; nobody ever reads from them or answers."""

    backlog = 64

    def __init__(self, port):
        self.port = port
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(self.backlog)

    def close(self):
        self._listener.close()


class Blackhole(Silent):
    """Connecting never ends: the backlog is full, so the kernel drops what asks to connect."""

    backlog = 0

    def __init__(self, port):
        super().__init__(port)
        self._fillers = []
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            self._fillers.append(filler)

    def close(self):
        for filler in self._fillers:
            filler.close()
        super().close()
