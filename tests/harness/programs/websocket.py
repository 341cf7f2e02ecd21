"""A websocket server whose paths are its kinds of behaviour."""

import asyncio
import http

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from . import obey, tell, tls_context


def before(connection, request):
    """Tells of the request, and refuses where the path says so."""
    headers = {name.lower(): text for name, text in request.headers.raw_items()}
    tell("request", path=request.path, headers=headers)
    if request.path.startswith("/refuse/"):
        return connection.respond(http.HTTPStatus(int(request.path.removeprefix("/refuse/"))), "refused\n")
    return None


def choose(connection, offered):
    """The first offered that it knows; none is no error."""
    return next((name for name in offered if name in ("chat", "superchat")), None)


async def talk(connection):
    path = connection.request.path
    try:
        if path == "/greet":
            await connection.send("hello from the server")
        async for message in connection:
            binary = isinstance(message, bytes)
            tell("message", path=path, text=message.hex() if binary else message, binary=binary)
            if path.startswith("/close/"):
                await connection.close(int(path.removeprefix("/close/")), "told to close")
            elif path != "/mute":
                await connection.send(message)
    except ConnectionClosed:
        pass  # how it was closed is told below
    finally:
        tell("closed", path=path, code=connection.close_code)


async def main():
    choices = {"process_request": before, "select_subprotocol": choose}
    async with serve(talk, "127.0.0.1", 0, ssl=tls_context(), **choices) as server:
        tell("listening", port=server.sockets[0].getsockname()[1])
        await server.serve_forever()


obey()
asyncio.run(main())
