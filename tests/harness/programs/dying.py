"""A process that ends or takes ever more as it is told: `exit`, `grow` (by so many bytes), `open` (so many descriptors).

With the option `leak` (`grow`, `open`, `every`) it takes so much more every so many seconds, by itself. With the option
`every` it does nothing but start itself again and again, with so many seconds from one start to the next,
and each of those exits with 3.
"""

import os
import subprocess
import sys
import threading
import time

from . import OPTIONS, obey, tell

held = []


def carry_out(exit=None, grow=0, open=0):
    if grow:
        # Touched, or the kernel gives none of it.
        held.append(bytearray(os.urandom(4096)) * (grow // 4096))
    held.extend(os.open("/dev/null", os.O_RDONLY) for _ in range(open))
    if exit is not None:
        # After it has said that it is done.
        threading.Timer(0.2, os._exit, [exit]).start()


def restart(every):
    while True:
        child = subprocess.Popen(["sh", "-c", f"sleep {every * 0.8}; exit 3", OPTIONS["tag"]])
        time.sleep(every)
        child.wait()


def leak(every, **more):
    while True:
        carry_out(**more)
        time.sleep(every)


def main():
    obey(carry_out)
    tell("listening", port=0)
    if "leak" in OPTIONS:
        leak(**OPTIONS["leak"])
    if "every" in OPTIONS:
        restart(OPTIONS["every"])
    threading.Event().wait()


sys.exit(main())
