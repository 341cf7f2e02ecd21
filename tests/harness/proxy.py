"""An HTTP proxy as companies have them: it takes whole requests and opens tunnels. All names lead to one receiver."""

import contextlib
import socket
import threading

from .faulty import pump


class Proxy:
    """`asked` is what was asked of it: (method, target, Proxy-Authorization)."""

    def __init__(self, receiver, refuses=False):
        self.receiver = receiver
        self.refuses = refuses
        self.asked = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, credentials=""):
        return f"http://{credentials}127.0.0.1:{self.port}"

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError, ValueError), client:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                byte = client.recv(1)
                if not byte:
                    return
                head += byte
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:-2])
            headers = {name.lower(): text for name, text in headers.items()}
            self.asked.append((method, target, headers.get("proxy-authorization")))
            if self.refuses:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection((self.receiver.host, self.receiver.port), 5) as server:
                server.settimeout(None)
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: here\r\n\r\n")
                else:
                    path = "/" + target.split("://", 1)[1].split("/", 1)[1]
                    server.sendall(head.replace(target.encode(), path.encode(), 1))
                threading.Thread(target=self._back, args=(server, client), daemon=True).start()
                pump(client, server)

    @staticmethod
    def _back(server, client):
        with contextlib.suppress(OSError, ValueError):
            pump(server, client)
