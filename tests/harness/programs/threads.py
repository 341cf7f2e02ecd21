"""A program with threads that have names and do what they are told, one command at a time; in between all of it rests.

Options: `threads`, the names of the threads; several may have the same. Commands: `thread`, the number of one of them, and
`burn` seconds of CPU time, `rest` so many times, `touch` so many new pages, `write` so many bytes to the file `file`.
"""

import ctypes
import mmap
import os
import queue
import threading
import time

from . import OPTIONS, obey, tell

_PR_SET_NAME = 15
_libc = ctypes.CDLL(None)
_pages = []


class Thread:
    """A thread of the kernel's, with its name."""

    def __init__(self, name):
        self._work, self._done = queue.SimpleQueue(), queue.SimpleQueue()
        threading.Thread(target=self._run, args=[name.encode()], daemon=True).start()
        self.do()

    def do(self, **work):
        self._work.put(work)
        if failed := self._done.get():
            raise failed

    def _run(self, name):
        _libc.prctl(_PR_SET_NAME, name)
        while True:
            work = self._work.get()
            failed = None
            try:
                self._carry_out(**work)
            except Exception as error:
                failed = error
            self._done.put(failed)

    def _carry_out(self, burn=0, rest=0, touch=0, write=0, file=None):
        end = time.thread_time() + burn
        while time.thread_time() < end:
            pass
        for _ in range(rest):
            time.sleep(0.001)
        if touch:
            pages = mmap.mmap(-1, touch * mmap.PAGESIZE)
            for number in range(touch):
                pages[number * mmap.PAGESIZE] = 1
            _pages.append(pages)
        if write:
            with open(file, "wb", buffering=0) as out:
                out.write(bytes(write))
                os.fsync(out.fileno())


def main():
    threads = [Thread(name) for name in OPTIONS["threads"]]
    tell("listening", port=0)
    obey(lambda thread, **work: threads[thread].do(**work))
    threading.Event().wait()


main()
