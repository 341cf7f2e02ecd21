"""What the units of a booted Debian use, told by the agent from within its sandbox in that machine, which is a container."""

import re

import pytest
import yaml
from harness.agent import BINARY, ROOT
from harness.machine import Machine
from harness.scrape import Scrape
from harness.wait import until

UNIT = "vigie.service"
CONFIG = {"collectors": {"system": {"container": {"units": True}}}}
BUSY = "/system.slice/busy.service"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    made = Machine(tmp_path_factory.mktemp("machine"))
    try:
        made.put(BINARY, "/usr/bin/vigie")
        made.run("chmod", "755", "/usr/bin/vigie")
        made.put(ROOT / "systemd/vigie.sysusers", "/usr/lib/sysusers.d/vigie.conf")
        made.put(ROOT / "systemd/vigie.service", f"/etc/systemd/system/{UNIT}")
        made.write("/etc/vigie/vigie.yaml", yaml.safe_dump(CONFIG))
        made.run("systemd-sysusers")
        made.run("systemctl", "daemon-reload")
        made.run("systemctl", "start", UNIT, timeout=30)
        yield made
        print(made.run("journalctl", "--no-pager", "-u", UNIT, "-n", "60", check=False).stdout)
    finally:
        made.stop()


def page(machine):
    url = "http://127.0.0.1:9750/metrics?collect[]=container"
    return Scrape(machine.run("curl", "-gsSf", url).stdout)


def ids(found):
    return {sample.labels["id"] for sample in found.series("container_last_seen")}


def cpu_seconds(machine):
    """What the kernel has counted for the busy unit."""
    file = next(
        path
        for path in (f"/sys/fs/cgroup{BUSY}/cpu.stat", f"/sys/fs/cgroup/unified{BUSY}/cpu.stat")
        if machine.path(path).exists()
    )
    return int(re.search(r"^usage_usec (\d+)$", machine.run("cat", file).stdout, re.M).group(1)) / 1e6


def test_units_are_told_by_their_names_beside_the_container_they_are_in(machine):
    found = until(lambda: (lambda found: found if "/" in ids(found) else None)(page(machine)), "it is told")
    names = {sample.labels["id"]: sample.labels.get("name") for sample in found.series("container_last_seen")}
    assert names["/system.slice/vigie.service"] == UNIT
    assert names["/init.scope"] == "init.scope"
    assert not [name for name in names.values() if name and name.endswith(".slice")]
    assert found.value("container_processes", id="/system.slice/vigie.service") == 1
    assert found.value("vigie_container_left_out") == 0


def test_the_cpu_time_of_a_unit_is_the_kernels_from_its_start_to_its_end(machine):
    machine.run("systemd-run", "--unit=busy", "/bin/sh", "-c", "while :; do :; done")

    def told_between_two_readings():
        before = cpu_seconds(machine)
        told = page(machine).value("container_cpu_usage_seconds_total", id=BUSY)
        return told > 0.5 and before - 1.5 <= told <= cpu_seconds(machine)

    until(told_between_two_readings, "what is told is at most a second old", every=0.3)
    started = page(machine).value("container_start_time_seconds", id=BUSY)
    since = machine.property("busy.service", "ExecMainStartTimestampMonotonic")
    up = float(machine.run("cat", "/proc/uptime").stdout.split()[0])
    (now,) = [sample.value for sample in page(machine).series("container_last_seen", id=BUSY)]
    assert started == pytest.approx(now - (up - int(since) / 1e6), abs=3)
    machine.run("systemctl", "stop", "busy.service")
    until(lambda: BUSY not in ids(page(machine)), "it is not told any more", every=0.3)
