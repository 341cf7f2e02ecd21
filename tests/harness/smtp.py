"""A real SMTP server (aiosmtpd), and the one that refuses.

    Smtp(directory, certificate=None, starttls=True, implicit=False, replies={})   # or the fixture `smtp`
    server.host, server.port, server.address
    server.commands                      # of all clients: [{"command": "EHLO", "argument": "…", "tls": None}, …]
    server.recorded("message")           # sender, to, text
    refusing()                           # a Peer that says 554 in place of a greeting; `.stop()` is the caller's

STARTTLS is offered where there is a certificate. `replies`: `{"STARTTLS": "454 not now"}` says that in place of
carrying the command out. The greeting is `220 mail.test test`.
"""

from .peer import Peer, says
from .program import Program


class Smtp(Program):
    """See the module. `implicit`: TLS from the first byte on."""

    def __init__(self, directory, certificate=None, starttls=True, implicit=False, replies=None):
        options = {"starttls": starttls and certificate is not None, "implicit": implicit, "replies": replies or {}}
        super().__init__(directory, "mail", certificate, **options)

    @property
    def commands(self):
        return self.recorded("command")


def refusing(banner=b"554 mail.test no SMTP service here\r\n"):
    return Peer(says(banner))
