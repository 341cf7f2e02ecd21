"""Units of a real systemd: their states, and one that the agent restarts."""

import pytest
import yaml
from harness.agent import BINARY, ROOT
from harness.machine import Machine
from harness.scrape import Scrape
from harness.wait import until

pytestmark = pytest.mark.timeout(300)

RUN_ONCE = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
UNITS = {
    "good.service": "[Service]\nExecStart=/bin/sleep infinity\n",
    "api.service": "[Service]\nExecStart=/bin/sleep infinity\n",
    "broken.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    "idle.service": RUN_ONCE,
    "slow.service": "[Service]\nType=oneshot\nExecStart=/bin/sleep 600\n",
}

SOON = {"after": 2, "backoff": {"initial": "1s", "max": "1s"}, "at_most": {"actions": 3, "within": "1h"}}


def unit(name, *actions):
    return {"name": name, "unit": f"{name}.service", "actions": list(actions)}


def restart(name):
    return SOON | {"restart_unit": f"{name}.service"}


CONFIG = {
    "collectors": {
        "watchdog": {
            "interval": "200ms",
            "units": [
                unit("good"),
                unit("api", restart("api")),
                unit("broken", restart("broken")),
                unit("idle"),
                unit("slow"),
                unit("absent", restart("absent")),
            ],
        }
    }
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A booted machine with two agents: one as the package has it, one as root on port 9751."""
    made = Machine(tmp_path_factory.mktemp("machine"))
    try:
        made.put(BINARY, "/usr/bin/vigie")
        made.run("chmod", "755", "/usr/bin/vigie")
        made.put(ROOT / "systemd/vigie.sysusers", "/usr/lib/sysusers.d/vigie.conf")
        made.put(ROOT / "systemd/vigie.service", "/etc/systemd/system/vigie.service")
        for name, text in UNITS.items():
            made.write(f"/etc/systemd/system/{name}", text)
        made.run("systemd-sysusers")
        made.run("systemctl", "daemon-reload")
        made.run("systemctl", "start", "good", "api")
        made.run("systemctl", "start", "broken", check=False)
        made.run("systemctl", "start", "--no-block", "slow")
        yield made
        print(made.run("journalctl", "--no-pager", "-u", "root-agent", "-u", "vigie", "-n", "60", check=False).stdout)
    finally:
        made.stop()


@pytest.fixture(scope="module")
def root_agent(machine):
    """The page of an agent that runs as root."""
    config = CONFIG | {"server": {"listen": "127.0.0.1:9751"}, "agent": {"state_dir": "/run/root-agent"}}
    machine.write("/run/root-agent.yaml", yaml.safe_dump(config))
    machine.run("mkdir", "-p", "/run/root-agent")
    machine.run("systemd-run", "--unit=root-agent", "/usr/bin/vigie", "-c", "/run/root-agent.yaml")
    url = "http://127.0.0.1:9751/metrics"
    until(lambda: machine.run("curl", "-sSf", url, check=False).returncode == 0, "the agent answers", 30)
    return lambda: Scrape(machine.run("curl", "-sSf", url).stdout)


def reasons(page):
    return {sample.labels["name"]: sample.labels["reason"] for sample in page.series("vigie_expectation_unmet_info")}


def log(machine, unit):
    return machine.run("journalctl", "--no-pager", "-u", unit).stdout


def test_each_state_has_its_reason_and_a_unit_that_is_not_there_has_its_own(root_agent):
    page = until(lambda: (page := root_agent()) and "absent" in reasons(page) and page, "units are looked at")
    found = reasons(page)
    assert found["absent"] == "unit_not_found"
    assert found["broken"] == "unit_failed"
    assert found["idle"] == "unit_inactive"
    assert found["slow"] == "unit_changing"
    assert "good" not in found
    assert page.value("vigie_expectation_met", name="good", kind="unit") == 1


def test_a_unit_that_has_ended_is_restarted(machine, root_agent):
    until(lambda: "api" not in reasons(root_agent()), "it is active")
    before = machine.property("api.service", "MainPID")
    machine.run("systemctl", "kill", "--signal=KILL", "api.service")
    until(lambda: machine.property("api.service", "MainPID") not in ("0", before), "it runs again", 30)
    until(
        lambda: root_agent().value("vigie_actions_total", name="api", action="restart_unit", outcome="succeeded") == 1,
        "it is counted",
    )
    until(lambda: "api" not in reasons(root_agent()), "it is active again")
    assert "restarted api.service" in log(machine, "root-agent")


def test_a_unit_that_cannot_be_restarted_is_given_up(machine, root_agent):
    for name in ("broken", "absent"):
        until(
            lambda name=name: root_agent().value("vigie_actions_exhausted", name=name, action="restart_unit") == 1,
            f"{name} is given up",
            60,
        )
        failed = root_agent().value("vigie_actions_total", name=name, action="restart_unit", outcome="failed")
        assert failed == 3
    told = log(machine, "root-agent")
    assert "broken.service was told to restart and is failed" in told
    assert "3 times in 1h" in told


def test_who_may_not_restart_units_is_told_so(machine):
    action = SOON | {"restart_unit": "idle.service"}
    config = {"collectors": {"watchdog": {"interval": "200ms", "units": [unit("idle", action)]}}}
    machine.write("/etc/vigie/vigie.yaml", yaml.safe_dump(config))
    machine.run("systemctl", "start", "vigie.service", timeout=30)
    until(lambda: "restart idle.service: not permitted" in log(machine, "vigie"), "it is told", 30)
    assert machine.property("idle.service", "ActiveState") == "inactive"
