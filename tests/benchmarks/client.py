"""Scraping for the benchmarks: a client that costs little, and what a scrape costs whom it asks."""

import ctypes
import re
import socket
import sys
import threading
import time
from urllib.parse import urlsplit

from measure import wait_for


class Client:
    """One connection that is kept, as Prometheus does. It does as little as can be done, so that what is timed is who answers."""

    def __init__(self, url, path="/metrics", encoding="identity", network=None):
        host, port = urlsplit(url).netloc.split(":")
        self.address, self.network, self.socket = (host, int(port)), network, None
        self.request = f"GET {path} HTTP/1.1\r\nhost: {host}\r\naccept-encoding: {encoding}\r\n\r\n".encode()

    def scrape(self):
        """The body as it was sent, in chunks if it came in chunks."""
        if self.socket is not None:
            try:
                return self._scrape()
            except (ConnectionResetError, BrokenPipeError):
                pass  # who waits for long for the next question may hang up
        self._connect()
        return self._scrape()

    def _scrape(self):
        self.socket.sendall(self.request)
        answer = bytearray()
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._more()
        head = bytes(answer[:end]).lower()
        if not head.startswith(b"http/1.1 200"):
            sys.exit(f"{self.request}: {bytes(answer[:500])}")
        length = re.search(rb"content-length: (\d+)", head)
        while not (answer.endswith(b"\r\n0\r\n\r\n") if length is None else len(answer) >= end + 4 + int(length[1])):
            answer += self._more()
        return bytes(answer[end + 4 :])

    def _more(self):
        if data := self.socket.recv(1 << 18):
            return data
        raise ConnectionResetError

    def _connect(self):
        """A socket belongs to the network that the thread is in that makes it."""
        failed = []

        def connect():
            try:
                if self.network:
                    with open(f"/run/netns/{self.network}") as namespace:
                        ctypes.CDLL(None).setns(namespace.fileno(), 0)
                self.socket = socket.create_connection(self.address, timeout=120)
            except OSError as error:
                failed.append(error)

        thread = threading.Thread(target=connect)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]


def answers(client):
    """The first answer, as soon as there is one: a refused connection is tried again."""
    return wait_for(client.scrape, "it answers")


class Cost:
    """What a scrape costs: milliseconds of CPU time and until it is answered, and the size of the page."""

    def __init__(self):
        self.cpu, self.took, self.size = [], [], 0

    def add(self, child, client):
        before, began = child.cpu(), time.monotonic()
        self.size = len(client.scrape())
        self.took.append((time.monotonic() - began) * 1000)
        # What goes on behind the answer counts as well.
        time.sleep(0.02)
        self.cpu.append((child.cpu() - before) * 1000)
