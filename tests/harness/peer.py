"""A TCP server that does to each connection what a function says, over TLS too: the peers that no real server is.

    Peer(reset())                       # a reset as soon as the connection stands
    Peer(reset(after=100))              # after so many bytes were received
    Peer(says(b"HTTP/1.1 200 OK…", then=reset()))
    Peer(silent())                      # half-open: takes everything, never answers
    Peer(drip(b"220 ready\\r\\n"))        # a byte a second
    Peer(answers(b"…", certificate))    # what comes is read first; with TLS
    Peer(shut())                        # closes in order, without a word
    Peer(silent(), path=…)              # on a unix socket
    Refused()                           # a port that refuses, and that no one else gets

A fault is a function that gets a `Call`. For what happens between a client and a real server see faulty.py, for a
connection that never stands silence.Blackhole, for packets that vanish later network.Namespace.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path

CHUNK = 64 << 10


@dataclass
class Call:
    """A connection: its socket (TLS or not), what was received of it so far, and whether the peer has ended."""

    socket: socket.socket
    received: bytearray
    ended: threading.Event

    def receive(self, size=CHUNK):
        data = self.socket.recv(size)
        self.received += data
        return data

    def say(self, data):
        self.socket.sendall(data)

    def wait(self, seconds):
        """True when the peer has ended meanwhile."""
        return self.ended.wait(seconds)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def reset(after=0):
    """A reset, at once or when so many bytes have come."""

    def fault(call):
        while len(call.received) < after:
            if not call.receive(after - len(call.received)):
                return
        call.reset()

    return fault


def shut():
    """The end of the stream, at once."""
    return lambda call: None


def silent():
    """Whatever comes is taken, nothing is answered."""

    def fault(call):
        while call.receive():
            pass

    return fault


def says(data, then=silent()):  # noqa: B008 a function without state
    """Says this first, as SMTP or SSH servers do, then goes on with another fault."""

    def fault(call):
        call.say(data)
        then(call)

    return fault


def answers(data, end=b"\r\n\r\n", then=shut()):  # noqa: B008
    """Says this when what ends a request has come, then goes on with another fault; the request is not kept open."""

    def fault(call):
        while end not in call.received:
            if not call.receive():
                return
        call.say(data)
        then(call)

    return fault


def drip(data, every=1.0):
    """A byte of this every so many seconds; what comes meanwhile is not read."""

    def fault(call):
        for byte in data:
            call.say(bytes([byte]))
            if call.wait(every):
                return
        silent()(call)

    return fault


class Peer:
    """Listens on a free port of `host`, or a unix socket; `calls` are the connections, `at` is when each came."""

    def __init__(self, fault, certificate=None, host="127.0.0.1", path=None):
        self.fault = fault
        self.tls = certificate
        self.calls = []
        self.at = []
        self.handshakes_failed = []  # why, each
        self._context = certificate.server_context() if certificate else None
        self._ended = threading.Event()
        self.path = path
        if path:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen(64)
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.create_server((host, 0), family=family, backlog=64)
            self.host, self.port = self._listener.getsockname()[:2]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.address}"

    def does(self, fault):
        """What becomes of connections from now on."""
        self.fault = fault

    @property
    def received(self):
        """What came of each connection."""
        return [bytes(call.received) for call in self.calls]

    def stop(self):
        self._ended.set()
        # A listener that is closed under accept() goes on to accept: it is woken first.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()
        if self.path:
            Path(self.path).unlink(missing_ok=True)
        for call in self.calls:
            with contextlib.suppress(OSError):
                call.socket.shutdown(socket.SHUT_RDWR)

    close = stop

    def _accept(self):
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.at.append(time.monotonic())
            if not self.path:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            call = Call(connection, bytearray(), self._ended)
            self.calls.append(call)
            threading.Thread(target=self._serve, args=(call, self.fault), daemon=True).start()

    def _serve(self, call, fault):
        with contextlib.suppress(OSError, ValueError):
            if self._context:
                try:
                    call.socket = self._context.wrap_socket(call.socket, server_side=True)
                except (ssl.SSLError, OSError) as error:
                    self.handshakes_failed.append(str(error))
                    return
            fault(call)
            self._end(call.socket)
        call.socket.close()

    @staticmethod
    def _end(connection):
        """Ends in order: closing with bytes unread would be a reset."""
        connection.settimeout(5)
        if isinstance(connection, ssl.SSLSocket):
            connection = connection.unwrap()
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(CHUNK):
            pass


class Refused:
    """A port of `host` that is taken and on which nobody listens: who connects is refused, for as long as it stands."""

    def __init__(self, host="127.0.0.1"):
        self._holder = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._holder.bind((host, 0))
        self.host, self.port = self._holder.getsockname()[:2]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.url = f"http://{self.address}"

    def stop(self):
        self._holder.close()

    close = stop
