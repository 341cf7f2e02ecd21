"""A child process whose output goes to a file, and that never outlives its test."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from .wait import until


class Process:
    """A started program; `log` is what it has written so far."""

    def __init__(self, command, log_file, env=None, cwd=None, **popen):
        self.command = [str(part) for part in command]
        self.log_file = Path(log_file)
        with open(self.log_file, "ab") as out:
            popen = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out} | popen
            self.child = subprocess.Popen(self.command, env=env, cwd=cwd, **popen)

    @property
    def pid(self):
        return self.child.pid

    @property
    def log(self):
        return self.log_file.read_text(errors="replace")

    @property
    def running(self):
        return self.child.poll() is None

    def check_running(self):
        """Fails at once, with the output, if the program has ended."""
        assert self.running, f"{self.command[0]} ended with {self.child.returncode}:\n{self.log}"

    def ready(self, condition, what, timeout=30.0):
        """Waits until it does what it was started for; if it does not, ends it and fails with its output."""

        def done():
            if not self.running:
                raise RuntimeError(f"{self.command[0]} ended with {self.child.returncode}:\n{self.log[-3000:]}")
            return condition()

        try:
            until(done, what, timeout)
        except BaseException:
            self.stop()
            raise

    def signal(self, number):
        self.child.send_signal(number)

    def freeze(self):
        """Stops all its threads, until `thaw`; a signal alone takes effect a moment later."""
        self.signal(signal.SIGSTOP)
        until(lambda: all(state == "T" for state in self._states()), f"{self.command[0]} stands still")

    def thaw(self):
        self.signal(signal.SIGCONT)

    def goes_first(self):
        """Gives it a CPU before all others, where that is allowed: a busy machine must not decide what is too late."""
        with contextlib.suppress(PermissionError):
            for task in self._tasks():
                os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(1))

    def _tasks(self):
        return Path(f"/proc/{self.pid}/task").iterdir()

    def _states(self):
        for task in self._tasks():
            yield (task / "stat").read_text().rpartition(") ")[2][0]

    def wait(self, timeout=30):
        """Waits for the end and returns the exit code (negative: the signal)."""
        return self.child.wait(timeout)

    def stop(self, timeout=15):
        """Ends the program whatever state it is in; returns its exit code."""
        if self.running:
            self.child.send_signal(signal.SIGCONT)
            self.child.terminate()
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.child.kill()
        return self.child.wait(timeout)
