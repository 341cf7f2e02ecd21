"""A parent: it starts children as it is told, waits for them, and knows what they have used.

Commands: `spawn` so many children, one after the other, each running `argv`; `burn` seconds of CPU time itself; `zombies`,
so many children that have ended and are not waited for, until `reap`; `flap`, a child that runs `argv` and is started again
every `every` seconds, until `rest`. Each is answered by the event `used`: seconds of CPU time and minor faults of the
parent and of the children that it has waited for.
"""

import os
import resource
import threading
import time

from . import obey, tell


class Parent:
    def __init__(self):
        self._zombies = []
        self._resting = threading.Event()
        self._flapping = None

    def carry_out(self, spawn=0, burn=0, zombies=0, reap=False, flap=False, rest=False, argv=(), every=0):
        for _ in range(spawn):
            os.waitpid(os.posix_spawn(argv[0], argv, {}), 0)
        end = time.process_time() + burn
        while time.process_time() < end:
            pass
        self._zombies += [os.posix_spawn("/bin/true", ["true"], {}) for _ in range(zombies)]
        if reap:
            for child in self._zombies:
                os.waitpid(child, 0)
            self._zombies.clear()
        if flap:
            self._flapping = threading.Thread(target=self._flap, args=[argv, every], daemon=True)
            self._flapping.start()
        if rest:
            self._resting.set()
            self._flapping.join()
        self._tell()

    def _flap(self, argv, every):
        while not self._resting.is_set():
            began = time.monotonic()
            os.waitpid(os.posix_spawn(argv[0], argv, {}), 0)
            self._resting.wait(max(0, began + every - time.monotonic()))

    def _tell(self):
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        seconds = sum(usage.ru_utime + usage.ru_stime for usage in used)
        tell("used", seconds=seconds, faults=sum(usage.ru_minflt for usage in used))


tell("listening", port=0)
obey(Parent().carry_out)
threading.Event().wait()
