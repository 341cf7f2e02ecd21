"""A wall clock that a test steps, by Debian's libfaketime; the monotonic clock stays true."""

import glob
import os


class SteppedClock:
    """`env` makes a process follow it; `step("+1y")` moves it from now on, relative to the true time."""

    def __init__(self, directory):
        self.file = directory / "faketime"
        self.step("+0")

    @property
    def env(self):
        (library,) = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        return {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
            "FAKETIME_DONT_RESET": "1",
            "NO_FAKE_STAT": "1",
        }

    def step(self, offset):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(offset + "\n")
        os.replace(fresh, self.file)
