"""The system bus, as containers and broken machines have it: none, one without systemd, one that never answers."""

import re
import socket
import threading
import time

import pytest
from harness.process import Process
from harness.wait import soon, until

CONFIG = """<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <policy context="default"><allow user="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>
"""


@pytest.fixture
def with_bus(agent, tmp_path):
    """Starts an agent whose system bus is at `tmp_path/bus`, whether or not there is one."""

    def start(**system):
        bus = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path / 'bus'}"}
        return agent({"collectors": {"system": {"enable": ["logind"], **system}}}, env=bus)

    return start


def success(page, group):
    return page.value("node_scrape_collector_success", collector=group)


def complaints(started):
    return [
        line for line in started.log.splitlines() if re.search("WARN|ERROR", line) and re.search("systemd|logind", line)
    ]


def assert_nothing_is_told(started):
    """As upstream: no series, no success; and, unlike upstream, no complaint."""
    for _ in range(3):
        page = started.scrape()
        assert success(page, "systemd") == 0 and success(page, "logind") == 0
        assert not [sample for sample in page.samples if sample.name.startswith(("node_systemd_", "node_logind_"))]
        assert page.series("node_load1")
        time.sleep(1.1)  # past the second for which values are used again
    assert complaints(started) == []


def test_a_host_without_a_bus_has_no_units_and_says_nothing_of_it(with_bus):
    assert_nothing_is_told(with_bus())


def test_a_bus_without_systemd_has_no_units_and_nothing_is_started_on_it(with_bus, tmp_path):
    (tmp_path / "bus.conf").write_text(CONFIG.format(path=tmp_path / "bus"))
    daemon = Process(["dbus-daemon", "--nofork", f"--config-file={tmp_path / 'bus.conf'}"], tmp_path / "bus.log")
    try:
        until(lambda: (tmp_path / "bus").exists(), "the bus listens")
        assert_nothing_is_told(with_bus())
        daemon.check_running()
        assert "Activating" not in daemon.log
    finally:
        daemon.stop()


def test_a_bus_that_never_answers_holds_nobody_up_but_its_own_groups(with_bus, tmp_path):
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(tmp_path / "bus"))
        bus.listen(8)
        started = with_bus(deadline="300ms")
        begun = time.monotonic()
        page = started.scrape()
        assert time.monotonic() - begun < 10
        assert success(page, "systemd") == 0 and success(page, "logind") == 0
        assert page.series("node_load1") and success(page, "uname") == 1
        # It is not asked again while it waits: the next scrapes do not wait with it.
        assert soon(started.scrape, 0.25, "nobody waits again").series("node_load1")
        assert len(complaints(started)) == 2, complaints(started)


def refuse_all(bus):
    """Lets nobody log in, until the socket is closed."""
    while True:
        try:
            connection, _ = bus.accept()
        except OSError:
            return
        with connection:
            connection.recv(64)
            connection.sendall(b"REJECTED ANONYMOUS\r\n")


def test_a_bus_that_lets_nobody_in_is_an_error_that_is_said_once(with_bus, tmp_path):
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(tmp_path / "bus"))
        bus.listen(8)
        daemon = threading.Thread(target=refuse_all, args=[bus])
        daemon.start()
        try:
            started = with_bus()
            for _ in range(3):
                assert success(started.scrape(), "systemd") == 0
                time.sleep(1.1)
            said = complaints(started)
            assert len(said) == 2 and all("REJECTED" in line for line in said), said
        finally:
            bus.shutdown(socket.SHUT_RDWR)
            daemon.join(timeout=5)
