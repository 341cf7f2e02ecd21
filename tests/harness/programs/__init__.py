"""Servers written in Python, each a process of its own: `python -m harness.programs.NAME OPTIONS`.

What they share is here: OPTIONS is JSON, events go to the file `events` as JSON lines (`listening`, with the port, is
the first), commands come as JSON lines on the standard input. At its end the program ends, whatever became of the
test that started it. See harness/program.py for the other side.
"""

import json
import os
import ssl
import sys
import threading

OPTIONS = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
_lock = threading.Lock()


def tell(event, **fields):
    """Appends an event to the file."""
    with _lock, open(OPTIONS["events"], "a") as file:
        file.write(json.dumps({"event": event} | fields) + "\n")


def tls_context():
    """Of the certificate in the options, or None."""
    certificate = OPTIONS["certificate"]
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate["cert_file"], certificate["key_file"])
    if certificate["mutual"]:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate["ca_file"])
    return context


def obey(carry_out=None):
    """Carries out commands, on a thread, until the test or its process ends; each is answered by the event `done`."""

    def read():
        for line in sys.stdin:
            command = json.loads(line)
            number = command.pop("number")
            carry_out(**command)
            tell("done", number=number)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
