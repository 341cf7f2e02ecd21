"""A PID namespace with few PIDs, and processes in it that take the PID that they are given.

Option: `most`, the largest PID. The namespace has its own /proc: `/proc/PID/root/proc` of the PID that `listening` tells,
once it is `furnished`.
Command: `name`, the name of a process that computes for `burn` seconds and then rests, which takes the PID `pid` as soon as
it is the next in turn; `end` ends the one with this PID. Processes are waited for.
"""

import ctypes
import os
import signal
import threading
import time
from pathlib import Path

from . import OPTIONS, obey, tell

_CLONE_NEWNS, _CLONE_NEWPID = 0x20000, 0x20000000
_MS_PRIVATE_REC = 1 << 18 | 1 << 14
_PR_SET_NAME, _PR_SET_PDEATHSIG = 15, 1
_libc = ctypes.CDLL(None, use_errno=True)


def _must(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def _take(pid, name, burn):
    """The PIDs go round; whoever does not get the one that is wanted ends."""
    for _ in range(10 * OPTIONS["most"]):
        ready, told = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ready)
            if os.getpid() == pid:
                _libc.prctl(_PR_SET_NAME, name.encode())
                end = time.process_time() + burn
                while time.process_time() < end:
                    pass
                os.write(told, b"x")
                signal.pause()
            os._exit(0)
        os.close(told)
        is_it = os.read(ready, 1) == b"x"
        os.close(ready)
        if is_it:
            return
        os.waitpid(child, 0)
    raise RuntimeError(f"PID {pid} was never free")


def _carry_out(end=None, pid=None, name=None, burn=0):
    if end:
        os.kill(end, signal.SIGKILL)
        os.waitpid(end, 0)
    if pid:
        _take(pid, name, burn)


def main():
    _must(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWPID), "unshare")
    _must(_libc.mount(b"none", b"/", None, _MS_PRIVATE_REC, None), "make mounts private")
    inside = os.fork()
    if inside != 0:
        tell("listening", port=0, pid=inside)
        os.waitpid(inside, 0)
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _must(_libc.mount(b"proc", b"/proc", b"proc", 0, None), "mount /proc")
    Path("/proc/sys/kernel/pid_max").write_text(str(OPTIONS["most"]))
    tell("furnished")
    obey(_carry_out)
    threading.Event().wait()


main()
