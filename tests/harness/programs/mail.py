"""An SMTP server that tells of every command it gets. Options: `starttls`, `implicit` (TLS from the start),
`replies` (what to say to a command in place of carrying it out)."""

import asyncio
import functools

from aiosmtpd.smtp import SMTP

from . import OPTIONS, obey, tell, tls_context

COMMANDS = ("HELO", "EHLO", "STARTTLS", "NOOP", "QUIT", "MAIL", "RCPT", "DATA", "RSET", "AUTH", "HELP", "VRFY", "EXPN")


class Messages:
    """Takes every message."""

    async def handle_DATA(self, server, session, envelope):
        text = envelope.content.decode(errors="replace")
        tell("message", sender=envelope.mail_from, to=envelope.rcpt_tos, text=text)
        return "250 taken"


class Told(SMTP):
    """Tells of each command before it is carried out."""


def told(command, carry_out):
    @functools.wraps(carry_out)
    async def wrapper(self, argument):
        over = self.transport.get_extra_info("ssl_object")
        tell("command", command=command, argument=argument or "", tls=over.version() if over else None)
        if command in OPTIONS["replies"]:
            await self.push(OPTIONS["replies"][command])
        else:
            await carry_out(self, argument)

    return wrapper


for name in COMMANDS:
    setattr(Told, f"smtp_{name}", told(name, getattr(SMTP, f"smtp_{name}")))


async def main():
    loop = asyncio.get_running_loop()
    context = tls_context()

    def connection():
        starttls = context if OPTIONS["starttls"] and not OPTIONS["implicit"] else None
        return Told(Messages(), hostname="mail.test", ident="test", tls_context=starttls, loop=loop)

    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=context if OPTIONS["implicit"] else None)
    tell("listening", port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


obey()
asyncio.run(main())
