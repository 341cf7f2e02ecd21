"""A TCP proxy between the agent and a server that does what networks do: slow, cut, swallow, garble.

    between = Faulty(receiver)          # anything with `host`, `port` and `tls`: nginx, redis, PostgreSQL, …
    between.url                         # in place of receiver.url; or between.address
    between.does(swallow())             # connections from now on
    between.does(cut(after=1000), 3)    # the next three

A fault is a function that gets the two sockets of a connection, `Ends`, and moves the bytes as it pleases.
"""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass

from .ports import free_port

CHUNK = 64 << 10


@dataclass
class Ends:
    """A connection: the agent's side and the receiver's side, and whether the proxy has ended."""

    agent: socket.socket
    receiver: socket.socket
    ended: threading.Event

    def close(self, reset=False):
        for end in (self.agent, self.receiver):
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    # A thread that waits in recv() holds the connection open beyond close(): this wakes it.
                    end.shutdown(socket.SHUT_RD)
                else:
                    end.shutdown(socket.SHUT_RDWR)
            end.close()

    def wait(self, seconds):
        self.ended.wait(seconds)


def pump(source, target, limit=None, rate=None, ended=None):
    """Moves bytes until the source ends or so many are through; says whether the limit ended it."""
    moved = 0
    while limit is None or moved < limit:
        size = CHUNK if rate is None else max(1, rate // 20)
        data = source.recv(size if limit is None else min(size, limit - moved))
        if not data:
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_WR)
            return False
        target.sendall(data)
        moved += len(data)
        if rate:
            ended.wait(len(data) / rate)
    return True


def _both(ends, up=None, down=None):
    """Pumps both ways until both have ended."""
    back = threading.Thread(target=quietly, args=(down or (lambda: pump(ends.receiver, ends.agent)),), daemon=True)
    back.start()
    quietly(up or (lambda: pump(ends.agent, ends.receiver)))
    back.join()


def quietly(work):
    with contextlib.suppress(OSError, ValueError):
        work()


def through():
    """Nothing happens to the bytes."""
    return _both


def slow(rate):
    """Towards the receiver so many bytes a second."""
    return lambda ends: _both(ends, up=lambda: pump(ends.agent, ends.receiver, rate=rate, ended=ends.ended))


def cut(after, reset=True):
    """Resets, or closes, the connection after so many bytes of requests."""

    def fault(ends):
        def up():
            if pump(ends.agent, ends.receiver, limit=after):
                ends.close(reset)

        _both(ends, up=up)

    return fault


def cut_answer(after=0):
    """The request arrives; of the answer so many bytes come back before the connection is reset."""

    def fault(ends):
        def down():
            if after:
                pump(ends.receiver, ends.agent, limit=after)
            elif not ends.receiver.recv(CHUNK):
                return
            ends.close(reset=True)

        _both(ends, down=down)

    return fault


def swallow():
    """Half-open: whatever the agent sends is taken and goes nowhere."""

    def fault(ends):
        while ends.agent.recv(CHUNK):
            pass

    return fault


def deaf():
    """The connection stands and nothing is ever read from it: 0 B/s."""

    def fault(ends):
        while not ends.ended.is_set():
            ends.wait(0.1)

    return fault


def late(seconds):
    """The answer comes so much later."""

    def fault(ends):
        def down():
            while data := ends.receiver.recv(CHUNK):
                ends.wait(seconds)
                ends.agent.sendall(data)

        _both(ends, down=down)

    return fault


def says(answer):
    """In place of the receiver: takes what comes within a moment, and answers with these bytes."""

    def fault(ends):
        ends.agent.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            while ends.agent.recv(CHUNK):
                pass
        ends.agent.sendall(answer)

    return fault


def first_says(answer):
    """These bytes come before the receiver's answer."""

    def fault(ends):
        def down():
            data = ends.receiver.recv(CHUNK)
            ends.agent.sendall(answer + data)
            pump(ends.receiver, ends.agent)

        _both(ends, down=down)

    return fault


class Faulty:
    """See the module."""

    def __init__(self, receiver):
        self.receiver = receiver
        self.tls = receiver.tls
        self.protocol = getattr(receiver, "protocol", None)  # as `otlp` wants it; databases have none
        self.host = "127.0.0.1"
        self.port = free_port()
        self.connections = 0
        self.at = []  # when each came
        self._fault, self._times = through(), None
        self._open = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Little is taken ahead of the receiver: what is slow or deaf is so from the first bytes on.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.address}"

    def does(self, fault, times=None):
        """What becomes of connections from now on, or of the next so many."""
        with self._lock:
            self._fault, self._times = fault, times

    def hang_up(self):
        """Closes every connection that stands."""
        with self._lock:
            standing, self._open = self._open, []
        for ends in standing:
            ends.close()

    def close(self):
        self._ended.set()
        self._listener.close()
        self.hang_up()

    stop = close

    def _accept(self):
        while not self._ended.is_set():
            try:
                agent, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self.at.append(time.monotonic())
                fault = self._fault
                if self._times is not None:
                    self._times -= 1
                    if self._times <= 0:
                        self._fault, self._times = through(), None
            threading.Thread(target=self._serve, args=(agent, fault), daemon=True).start()

    def _serve(self, agent, fault):
        try:
            receiver = socket.create_connection((self.receiver.host, self.receiver.port), 5)
        except OSError:
            agent.close()
            return
        receiver.settimeout(None)
        for end in (agent, receiver):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends = Ends(agent, receiver, self._ended)
        with self._lock:
            self._open.append(ends)
        quietly(lambda: fault(ends))
        ends.close()
