"""A real websocket server (websockets), plain or, with a certificate, TLS.

    Websocket(directory, certificate=None)      # or the fixture `websocket`
    server.url + "/echo"                 # ws:// or wss://; each message comes back as it is
    server.requests                      # of all clients: [{"path": "/echo", "headers": {lower-case name: text}}, …]
    server.recorded("message")           # path, text (hex if binary), binary
    server.recorded("closed")            # path, code (1000: in order; 1006: without a closing handshake)

| path | what |
|---|---|
| `/refuse/N` | the HTTP status N in place of the upgrade |
| `/greet` | says `hello from the server` first, then echoes |
| `/close/N` | closes with this code after the first message |
| `/mute` | takes messages and never answers |
| all others | echo |

Subprotocols: `chat` and `superchat`.
"""

from .program import Program


class Websocket(Program):
    """See the module."""

    def __init__(self, directory, certificate=None):
        super().__init__(directory, "websocket", certificate)

    @property
    def url(self):
        return f"{'wss' if self.tls else 'ws'}://{self.address}"

    @property
    def requests(self):
        return self.recorded("request")
