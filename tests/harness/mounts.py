"""File systems of a test's own: one that can be made read-only or full (root writes past mere modes), and one that does not
answer."""

import ctypes
import os
import queue
import struct
import subprocess
import threading
from pathlib import Path

from .wait import until


def _mount(*args):
    done = subprocess.run(["mount", *map(str, args)], capture_output=True, text=True, timeout=10)
    if done.returncode != 0:
        raise OSError(f"mount {args}: {done.stderr.strip()}")
    return True


class Tmpfs:
    """A tmpfs on `path` until it is unmounted."""

    def __init__(self, path, size="16m"):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.path)

    def read_only(self):
        """Refuses writes from now on; waits for a moment in which nobody writes."""
        until(lambda: _mount("-o", "remount,ro", self.path), f"{self.path} is read-only", every=0.01)

    def seen_read_only(self):
        """Whoever comes this way may only read; the file system itself would take writes."""
        _mount("-o", "remount,bind,ro", self.path)

    def writable(self):
        _mount("-o", "remount,rw", self.path)

    def resize(self, size):
        _mount("-o", f"remount,size={size}", self.path)

    def allow_files(self, count):
        """So many files and directories, those that are there among them."""
        _mount("-o", f"remount,nr_inodes={count}", self.path)

    def unmount(self):
        subprocess.run(["umount", "--lazy", self.path], check=True, timeout=10)


class Namespace:
    """A mount namespace of a test's own: what is mounted in it, nobody else on the machine sees.

    A thread that has left the process's namespace is what keeps it; what is mounted goes with that thread and the
    processes that were started in the namespace.
    """

    _NEWNS, _FS, _PRIVATE = 0x20000, 0x200, 1 << 18 | 1 << 14  # CLONE_NEWNS, CLONE_FS, MS_PRIVATE | MS_REC

    def __init__(self):
        self._work = queue.Queue()
        self._made = queue.Queue()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._do(lambda: self._libc.unshare(self._NEWNS | self._FS))
        self._do(lambda: self._libc.mount(b"none", b"/", None, self._PRIVATE, None))

    def mount(self, source, path, kind, options):
        arguments = [os.fsencode(part) for part in (source, path, kind)]
        self._do(lambda: self._libc.mount(*arguments, 0, options.encode()))

    @property
    def _task(self):
        return f"/proc/{os.getpid()}/task/{self._thread.native_id}"

    @property
    def wrapper(self):
        """A command that runs another one in it."""
        return ["nsenter", f"--mount={self._task}/ns/mnt", "--wd=."]

    def mountinfo(self):
        return Path(f"{self._task}/mountinfo").read_text()

    def close(self):
        self._work.put(None)
        self._thread.join(10)

    def _do(self, call):
        self._work.put(call)
        if error := self._made.get(timeout=10):
            raise error

    def _serve(self):
        while call := self._work.get():
            failed = call() != 0
            self._made.put(OSError(ctypes.get_errno(), "mount") if failed else None)


class SilentFuse:
    """A FUSE file system that answers nobody who asks how full it is, until `answer` is called.

    It speaks the kernel's protocol (linux/fuse.h) itself: what is asked is a header of 40 bytes and the rest, an answer a
    header of 16 bytes (length, error, number of the question) and the rest.
    """

    INIT, STATFS = 26, 17

    def __init__(self, namespace, path):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0,allow_other"
        namespace.mount("silent", self.path, "fuse.silent", options)
        self.asked = 0
        self._lock = threading.Lock()
        self._answers = False
        self._owed = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def answer(self):
        """Answers all who have asked, and everybody from now on: a mebibyte, half of it free."""
        with self._lock:
            self._answers = True
            for unique in self._owed:
                self._tell_how_full(unique)
            self._owed.clear()

    def close(self):
        """To be called when the namespace has gone."""
        self._thread.join(10)
        os.close(self._device)

    def _serve(self):
        while True:
            try:
                question = os.read(self._device, 1 << 17)
            except OSError:  # ENODEV: it is unmounted
                return
            _, opcode, unique = struct.unpack_from("<IIQ", question)
            with self._lock:
                if opcode == self.INIT:
                    major, minor, read_ahead = struct.unpack_from("<III", question, 40)
                    answer = struct.pack("<IIIIHHII", major, min(minor, 31), read_ahead, 0, 12, 9, 1 << 16, 1)
                    self._tell(unique, answer + bytes(36))
                elif opcode == self.STATFS:
                    self.asked += 1
                    if self._answers:
                        self._tell_how_full(unique)
                    else:
                        self._owed.append(unique)
                else:
                    self._tell(unique, b"", error=-38)  # ENOSYS

    def _tell_how_full(self, unique):
        self._tell(unique, struct.pack("<QQQQQIIII", 256, 128, 128, 16, 8, 4096, 255, 4096, 0) + bytes(24))

    def _tell(self, unique, answer, error=0):
        os.write(self._device, struct.pack("<IiQ", 16 + len(answer), error, unique) + answer)


def fill(path):
    """Writes a file until there is no room left where it is."""
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


def files(path):
    """How many files and directories there are, with the root."""
    return 1 + sum(1 for _ in Path(path).rglob("*"))
