"""A file system of a test's own, which can be made read-only or full: root writes past mere modes."""

import subprocess
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

    def writable(self):
        _mount("-o", "remount,rw", self.path)

    def resize(self, size):
        _mount("-o", f"remount,size={size}", self.path)

    def allow_files(self, count):
        """So many files and directories, those that are there among them."""
        _mount("-o", f"remount,nr_inodes={count}", self.path)

    def unmount(self):
        subprocess.run(["umount", "--lazy", self.path], check=True, timeout=10)


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
