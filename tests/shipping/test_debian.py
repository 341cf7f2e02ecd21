"""The package on a booted Debian: installed by apt, run by systemd under its sandbox, removed without a trace."""

import os
import re
import signal
import subprocess
import time

import pytest
import yaml
from harness.agent import BINARY, ROOT
from harness.machine import Machine
from harness.scrape import Scrape
from harness.wait import until

UNIT = "vigie.service"
URL = "http://127.0.0.1:9750"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def package():
    """The package, built around the binary under test."""
    done = subprocess.run(
        [ROOT / "packaging/deb/build", "--fast"],
        env=os.environ | {"VIGIE_BIN": str(BINARY)},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "target/deb/vigie.deb"


@pytest.fixture(scope="module")
def machine(tmp_path_factory, package):
    """A booted machine with the package on its disk, not installed before a test asks for that."""
    made = Machine(tmp_path_factory.mktemp("machine"))
    try:
        made.put(package, "/root/vigie.deb")
        yield made
    finally:
        made.stop()


@pytest.fixture
def installed(machine):
    """The machine with the package as it is after its installation, whatever tests before this one did."""
    if machine.path("/usr/bin/vigie").exists():
        machine.run("rm", "-rf", "/etc/vigie/conf.d/test.yaml", f"/etc/systemd/system/{UNIT}.d")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "reset-failed", UNIT)
        machine.run("systemctl", "restart", UNIT)
    else:
        install(machine)
    yield machine
    print(machine.run("journalctl", "--no-pager", "-u", UNIT, "-n", "60", check=False).stdout)


def install(machine, *options):
    machine.run("apt-get", "install", "-q", "-y", "--no-install-recommends", *options, "/root/vigie.deb", timeout=120)


def scrape(machine):
    return Scrape(machine.run("curl", "-sSf", f"{URL}/metrics").stdout)


def main_pid(machine):
    """The agent's process as the machine numbers it; 0 when it does not run."""
    return int(machine.property(UNIT, "MainPID"))


def configure(machine, config):
    machine.write("/etc/vigie/conf.d/test.yaml", yaml.safe_dump(config))


def traces(machine):
    """Every path of the machine and every account, less what apt, dpkg and the journal keep for themselves."""
    prune = [
        "/proc",
        "/sys",
        "/dev",
        "/run",
        "/tmp",
        "/var/tmp",
        "/root",
        "/var/lib/apt",
        "/var/lib/dpkg",
        "/var/cache",
    ]
    prune += ["/var/log", "/var/lib/systemd", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"]
    expression = " -o ".join(f"-path {path} -prune" for path in prune)
    paths = machine.run("sh", "-c", f"find / {expression} -o -print").stdout.split("\n")
    accounts = machine.run("sh", "-c", "cat /etc/passwd /etc/group /etc/shadow /etc/gshadow").stdout.split("\n")
    return set(paths), sorted(accounts)


def test_it_is_removed_without_a_trace(machine):
    """The first one here: it wants a machine on which it never was."""
    assert not machine.path("/etc/vigie").exists()
    before = traces(machine)
    install(machine)
    assert traces(machine) != before
    machine.run("apt-get", "remove", "-q", "-y", "vigie")
    assert machine.path("/etc/vigie/vigie.yaml").exists(), "the configuration stays until it is purged"
    assert not machine.path("/usr/bin/vigie").exists()
    machine.run("apt-get", "purge", "-q", "-y", "vigie")
    after = traces(machine)
    assert after[0] - before[0] == set() and before[0] - after[0] == set()
    assert after[1] == before[1]
    assert machine.run("systemctl", "list-units", "--all", "--no-legend", "vigie*").stdout.strip() == ""
    assert machine.run("pgrep", "-x", "vigie", check=False).returncode == 1
    for path in ("/var/lib/vigie", "/run/vigie", "/var/lib/systemd/deb-systemd-helper-enabled/vigie.service.dsh-also"):
        assert not machine.path(path).exists(), path


def test_it_starts_notifies_and_is_scraped(installed):
    assert installed.property(UNIT, "ActiveState") == "active"
    assert installed.property(UNIT, "UnitFileState") == "enabled"
    assert installed.run("curl", "-sSf", f"{URL}/-/ready").returncode == 0
    page = scrape(installed)
    assert page.value("vigie_build_info") == 1 and page.series("node_load1")
    assert installed.property(UNIT, "StatusText")


def test_it_runs_without_privilege(installed):
    status = installed.run("cat", f"/proc/{main_pid(installed)}/status").stdout
    uid = re.search(r"^Uid:\s+(\d+)", status, re.M).group(1)
    assert installed.run("id", "-nu", uid).stdout.strip() == "vigie"
    assert re.search(r"^CapEff:\s+0+$", status, re.M) and re.search(r"^CapBnd:\s+0+$", status, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M) and re.search(r"^Seccomp:\s+2$", status, re.M)


def test_systemd_rates_it_as_hardened_where_it_runs(installed):
    rating = installed.run("systemd-analyze", "security", UNIT, check=False).stdout
    assert float(re.search(r"Overall exposure level for \S+ ([\d.]+)", rating).group(1)) <= 1.5


def test_the_sandbox_hides_nothing_of_the_machine(installed):
    """What root sees outside the sandbox, the unit sees too: the same groups, mounts, disks and values."""
    command = ["systemd-run", "--unit=free", "--setenv=STATE_DIRECTORY=/tmp/free"]
    installed.run(*command, "/usr/bin/vigie", "run", "--web.listen-address=127.0.0.1:9751")
    until(lambda: installed.run("curl", "-sSf", "http://127.0.0.1:9751/-/ready", check=False).returncode == 0, "ready")

    def both():
        """The pages of both; units may come and go between them, but not every time."""
        free = Scrape(installed.run("curl", "-sSf", "http://127.0.0.1:9751/metrics").stdout)
        bound = scrape(installed)
        assert host(bound).keys() == host(free).keys()
        return free, bound

    def host(page):
        # In which states threads and connections are differs from one moment to the next.
        passing = ("node_scrape_collector_duration", "node_processes_", "node_tcp_")
        found = {}
        for sample in page.samples:
            if sample.name.startswith("node_") and not sample.name.startswith(passing):
                found[(sample.name, frozenset(sample.labels.items()))] = sample.value
        return found

    try:
        free, bound = until(both, "the same series", every=1.1)
    finally:
        installed.run("systemctl", "stop", "free")
    for name in ("node_filesystem_readonly", "node_filesystem_size_bytes", "node_scrape_collector_success"):
        different = {key: value for key, value in host(free).items() if key[0] == name and host(bound)[key] != value}
        assert not different, different
    # Other groups are of hardware that not every machine has.
    for group in (
        *("cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netclass", "netdev", "processes", "stat"),
        "systemd",
    ):
        assert bound.value("node_scrape_collector_success", collector=group) == 1, group


def test_it_reads_the_logs_that_adm_reads_and_sees_processes_of_others(installed):
    installed.write("/var/log/app.log", "one\ntwo\n")
    installed.run("chgrp", "adm", "/var/log/app.log")
    installed.run("chmod", "640", "/var/log/app.log")
    configure(
        installed,
        {
            "collectors": {
                "logs": [{"name": "app", "include": ["/var/log/app.log"], "start_at": "beginning"}],
                "processes": {"groups": [{"name": "journald", "match": {"comm": ["systemd-journal"]}}]},
            }
        },
    )
    installed.run("systemctl", "reload", UNIT)
    until(lambda: scrape(installed).total("vigie_events_total", source="app", outcome="read") == 2, "the log is read")
    assert scrape(installed).value("namedprocess_namegroup_num_procs", groupname="journald") == 1


def test_reload_applies_a_change_and_refuses_a_mistake(installed):
    pid = main_pid(installed)
    configure(installed, {"collectors": {"system": {"disable": ["loadavg"]}}})
    installed.run("systemctl", "reload", UNIT)
    until(lambda: not scrape(installed).series("node_load1"), "loadavg is off")

    configure(installed, {"collectors": {"sistem": {}}})
    refused = installed.run("systemctl", "reload", UNIT, check=False)
    assert refused.returncode != 0
    assert "collectors.sistem" in installed.run("journalctl", "--no-pager", "-u", UNIT).stdout
    assert installed.property(UNIT, "ActiveState") == "active" and main_pid(installed) == pid
    assert not scrape(installed).series("node_load1")


def test_the_watchdog_kills_a_hung_agent_and_starts_another(installed):
    installed.write(f"/etc/systemd/system/{UNIT}.d/test.conf", "[Service]\nWatchdogSec=1s\n")
    installed.run("systemctl", "daemon-reload")
    installed.run("systemctl", "restart", UNIT)
    pid = main_pid(installed)
    time.sleep(2.5)
    assert main_pid(installed) == pid, "it feeds the watchdog"
    installed.run("kill", "-STOP", pid)
    until(lambda: main_pid(installed) not in (0, pid), "another one runs", 40)
    until(lambda: scrape(installed).series("node_load1"), "it is scraped")
    assert "watchdog" in installed.run("journalctl", "--no-pager", "-u", UNIT).stdout.lower()


def test_a_killed_agent_is_started_again(installed):
    pid = main_pid(installed)
    installed.run("kill", f"-{signal.SIGKILL}", pid)
    until(lambda: main_pid(installed) not in (0, pid), "another one runs", 30)


def test_a_wrong_configuration_is_not_tried_again_and_again(installed):
    installed.run("systemctl", "stop", UNIT)
    configure(installed, {"collectors": {"sisteme": {}}})
    assert installed.run("systemctl", "start", UNIT, check=False).returncode != 0
    time.sleep(2.5)
    assert installed.property(UNIT, "ActiveState") == "failed"
    assert installed.property(UNIT, "ExecMainStatus") == "78"
    assert installed.property(UNIT, "NRestarts") == "0"


def test_it_stops_within_its_grace_period(installed):
    begun = time.monotonic()
    installed.run("systemctl", "stop", UNIT)
    assert time.monotonic() - begun < 10
    assert installed.property(UNIT, "Result") == "success"
    assert installed.property(UNIT, "ExecMainStatus") == "0"


def test_a_newer_package_keeps_the_configuration_and_restarts_the_agent(installed):
    pid = main_pid(installed)
    config = installed.path("/etc/vigie/vigie.yaml")
    config.write_text(config.read_text() + "# mine\n")
    install(installed, "--reinstall")
    assert config.read_text().endswith("# mine\n")
    assert installed.property(UNIT, "ActiveState") == "active" and main_pid(installed) != pid


def test_the_drop_in_for_all_processes_lets_it_see_what_only_root_sees(installed):
    installed.run("mkdir", "-p", f"/etc/systemd/system/{UNIT}.d")
    example = "/usr/share/doc/vigie/examples/all-processes.conf"
    installed.run("cp", example, f"/etc/systemd/system/{UNIT}.d/")
    configure(
        installed,
        {"collectors": {"processes": {"groups": [{"name": "journald", "match": {"exe": ["systemd-journald"]}}]}}},
    )
    installed.run("systemctl", "daemon-reload")
    installed.run("systemctl", "restart", UNIT)
    page = scrape(installed)
    assert page.value("namedprocess_namegroup_num_procs", groupname="journald") == 1
    assert page.value("namedprocess_namegroup_open_filedesc", groupname="journald") > 5


def test_the_package_holds_what_it_should(package):
    listing = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, timeout=30, check=True).stdout
    files = {line.split()[5].lstrip(".") for line in listing.splitlines() if not line.endswith("/")}
    assert {
        "/usr/bin/vigie",
        "/etc/vigie/vigie.yaml",
        "/usr/lib/systemd/system/vigie.service",
        "/usr/lib/sysusers.d/vigie.conf",
        "/usr/lib/tmpfiles.d/vigie.conf",
        "/usr/share/bash-completion/completions/vigie",
    } | {f"/usr/share/vigie/rules/{path.name}" for path in (ROOT / "packaging/rules").glob("*.yaml")} <= files
    assert {line.split()[1] for line in listing.splitlines()} <= {"0/0", "root/root"}
    conffiles = subprocess.run(
        ["dpkg-deb", "-I", package, "conffiles"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    assert conffiles.split() == ["/etc/vigie/vigie.yaml"]
