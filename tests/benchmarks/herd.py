"""Many processes that do nothing, until this one is ended: `herd.py COUNT` prints a line when they are there."""

import os
import signal
import sys

children = []


def end(*_):
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    sys.exit()


signal.signal(signal.SIGTERM, end)
for _ in range(int(sys.argv[1])):
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pause()
        os._exit(0)
    children.append(child)
print("there", flush=True)
signal.pause()
