"""Many processes that do nothing, until this one is ended: `herd.py COUNT [MEMBERS]` prints a line when they are there.

They are real programs, called `idler`, and so many of them `member`.
"""

import os
import shutil
import signal
import sys
import tempfile

children = []


def end(*_):
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    sys.exit()


signal.signal(signal.SIGTERM, end)
count, members = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
with tempfile.TemporaryDirectory() as directory:
    for name in ("idler", "member"):
        shutil.copy("/bin/sleep", directory)
        os.rename(f"{directory}/sleep", f"{directory}/{name}")
    for number in range(count):
        # Between the others, as they are on a host.
        name = "member" if number * members // count != (number + 1) * members // count else "idler"
        children.append(os.posix_spawn(f"{directory}/{name}", [name, "infinity"], {}))
print("there", flush=True)
signal.pause()
