"""What a service manager is told over NOTIFY_SOCKET."""

import signal
import socket

import pytest
from harness.wait import until


class Manager:
    """The socket a service manager listens on."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.told = []

    def heard(self):
        """Every assignment so far, in order."""
        while True:
            try:
                self.told.extend(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return self.told

    def wait(self, assignment):
        until(lambda: assignment in self.heard(), f"{assignment} is said")


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path / "notify")
    yield made
    made.socket.close()


def test_ready_reloading_and_stopping_are_said(agent, manager):
    started = agent(env={"NOTIFY_SOCKET": str(manager.path)})
    manager.wait("READY=1")
    started.process.signal(signal.SIGHUP)
    manager.wait("RELOADING=1")
    assert any(line.startswith("MONOTONIC_USEC=") for line in manager.heard())
    until(lambda: manager.heard().count("READY=1") >= 2, "ready again")
    started.terminate()
    assert "STOPPING=1" in manager.heard()


def test_ready_is_not_said_before_it_is(unstarted, manager):
    started = unstarted(env={"NOTIFY_SOCKET": str(manager.path)})
    started.spawn()
    manager.wait("READY=1")
    started.url = until(started._address, "it listens")
    assert started.get("/-/ready").status == 200


def test_the_watchdog_is_fed_and_not_by_a_stopped_process(agent, manager):
    started = agent(env={"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "400000"})
    until(lambda: manager.heard().count("WATCHDOG=1") >= 5, "the watchdog is fed")
    started.process.freeze()
    fed = manager.heard().count("WATCHDOG=1")
    started.process.thaw()
    until(lambda: manager.heard().count("WATCHDOG=1") > fed, "it is fed again")


def test_without_a_manager_nothing_is_said_and_nothing_is_wrong(agent):
    assert "NOTIFY_SOCKET" not in agent().log
