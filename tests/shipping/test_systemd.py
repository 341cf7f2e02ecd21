"""What systemd and logind of a booted Debian say: the agent in its sandbox beside Debian's node_exporter as root."""

import shutil
import socket
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from harness.agent import BINARY, ROOT
from harness.machine import Machine
from harness.scrape import OPENMETRICS, Scrape, strict
from harness.wait import until

UNIT = "vigie.service"
OURS = "http://127.0.0.1:9750/metrics"
THEIRS = "http://127.0.0.1:9100/metrics"

pytestmark = pytest.mark.timeout(300)

# Debian has node_exporter 1.5, the agent follows a newer one. What the newer one has besides:
NEWER = {"node_systemd_virtualization_info"}
# … and its default filter, which leaves targets in.
EXCLUDE = r"--collector.systemd.unit-exclude=.+\.(automount|device|mount|scope|slice)"

CONFIG = {
    "collectors": {
        "system": {
            "enable": ["logind"],
            "systemd": {"enable_task_metrics": True, "enable_start_time_metrics": True},
        }
    }
}
FLAGS = ["--collector.disable-defaults", "--collector.systemd", EXCLUDE, "--collector.logind"]
FLAGS += [f"--collector.systemd.enable-{name}-metrics" for name in ("restarts", "task", "start-time")]

UNITS = {
    "broken.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    "flaky.service": "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=100ms\n"
    "ExecStart=/bin/sh -c 'test -e /run/calm && exec sleep infinity; exit 1'\n",
    "echo.socket": "[Socket]\nListenStream=/run/echo\nAccept=yes\nMaxConnections=1\n",
    "echo@.service": "[Service]\nStandardInput=socket\nExecStart=/bin/cat\n",
    "tick.timer": "[Timer]\nOnActiveSec=1s\nAccuracySec=1ms\n",
    "tick.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "odd\\x2dname@one.service": "[Service]\nExecStart=/bin/sleep infinity\nTasksMax=7\n",
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A booted machine on which both run."""
    made = Machine(tmp_path_factory.mktemp("machine"))
    try:
        install(made)
        yield made
        print(made.run("journalctl", "--no-pager", "-u", UNIT, "-n", "60", check=False).stdout)
    finally:
        made.stop()


def install(machine):
    for source, path in ((BINARY, "/usr/bin/vigie"), (shutil.which("prometheus-node-exporter"), "/usr/bin/theirs")):
        machine.put(source, path)
        machine.run("chmod", "755", path)
    machine.put(ROOT / "systemd/vigie.sysusers", "/usr/lib/sysusers.d/vigie.conf")
    machine.put(ROOT / "systemd/vigie.service", f"/etc/systemd/system/{UNIT}")
    machine.write("/etc/vigie/vigie.yaml", yaml.safe_dump(CONFIG))
    for name, text in UNITS.items():
        machine.write(f"/etc/systemd/system/{name}", text)
    machine.run("systemd-sysusers")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", UNIT, timeout=30)
    machine.run("systemd-run", "--unit=theirs", "/usr/bin/theirs", "--web.listen-address=127.0.0.1:9100", *FLAGS)
    until(lambda: machine.run("curl", "-sSf", THEIRS, check=False).returncode == 0, "node_exporter answers")


def ours(machine):
    """A page on which nothing is older than this call: values younger than a second are used again."""
    time.sleep(1.1)
    return Scrape(machine.run("curl", "-sSf", OURS).stdout)


def theirs(machine):
    return Scrape(machine.run("curl", "-sSf", THEIRS).stdout)


def series(page):
    own = ("node_systemd_", "node_logind_")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for sample in page.samples
        if sample.name.startswith(own) and sample.name not in NEWER
    }


def of(page, name, /, **labels):
    return page.value(f"node_systemd_{name}", **labels)


def test_series_types_and_steady_values_are_upstreams(machine):
    # A session for logind: of the kind that a remote log-in makes.
    machine.run("systemd-run", "--unit=leader", "/bin/sleep", "infinity")
    pid = machine.property("leader.service", "MainPID")
    arguments = ["0", pid, "sshd", "tty", "user", "", "", "0", "", "", "true", "", "far", "0"]
    manager = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"]
    machine.run("busctl", "call", *manager, "CreateSession", "uusssssussbssa(sv)", *arguments)
    machine.run("systemctl", "start", "odd\\x2dname@one.service", "echo.socket", "tick.timer")
    machine.run("systemctl", "start", "broken.service", check=False)

    def nothing_differs():
        before, mine, after = series(theirs(machine)), series(ours(machine)), series(theirs(machine))
        steady = {key: value for key, value in before.items() if after.get(key) == value}
        wrong = {key: (mine.get(key), value) for key, value in steady.items() if mine.get(key) != value}
        surplus = mine.keys() - before.keys() - after.keys()
        assert (wrong, surplus) == ({}, set())
        return mine

    mine = until(nothing_differs, "nothing differs")
    assert len(mine) > 300 and sum(1 for name, _ in mine if name == "node_logind_sessions") >= 70
    remote = {"seat": "", "remote": "true", "type": "tty", "class": "user"}
    assert ours(machine).value("node_logind_sessions", **remote) == 1

    mine, upstream = ours(machine).families, theirs(machine).families
    told = {name: (family.kind, family.help) for name, family in upstream.items() if name.startswith("node_")}
    told = {name: what for name, what in told.items() if name.startswith(("node_systemd_", "node_logind_"))}
    assert {name: (mine[name].kind, mine[name].help) for name in told} == told
    assert {name for name in mine if name.startswith(("node_systemd_", "node_logind_"))} - told.keys() == NEWER


def test_a_unit_that_fails_shows_as_failed(machine):
    machine.run("systemctl", "start", "broken.service", check=False)
    page = ours(machine)
    assert of(page, "unit_state", name="broken.service", state="failed", type="oneshot") == 1
    assert of(page, "unit_state", name="broken.service", state="active", type="oneshot") == 0
    assert of(page, "units", state="failed") >= 1 and of(page, "system_running") == 0
    machine.run("systemctl", "reset-failed", "broken.service")
    until(
        lambda: (
            not ours(machine).series("node_systemd_unit_state", name="broken.service", state="failed")
            or of(ours(machine), "unit_state", name="broken.service", state="failed", type="oneshot") == 0
        ),
        "it has not failed any more",
    )


@pytest.fixture
def page_server(tmp_path):
    """Serves the files of the test's directory; the machine has no network to be scraped through."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_alert_that_is_shipped_names_the_unit_that_failed(machine, prometheus, page_server, tmp_path):
    machine.run("systemctl", "start", "broken.service", check=False)
    (tmp_path / "page.txt").write_text(ours(machine).text)
    machine.run("systemctl", "reset-failed", "broken.service")
    rules = [ROOT / "packaging/rules/alerts.yaml"]
    server = prometheus([page_server], rules=rules, metrics_path="/page.txt")
    alerts = until(lambda: server.query('ALERTS{alertname="NodeSystemdServiceFailed"}'), "the alert", 30)
    # A busy machine may fail to start others as well.
    assert "broken.service" in [labels["name"] for labels, _ in alerts]


def test_a_service_that_is_restarted_counts_its_restarts(machine):
    machine.run("rm", "-f", "/run/calm")
    machine.run("systemctl", "start", "flaky.service", check=False)
    try:
        first = until(lambda: of(ours(machine), "service_restart_total", name="flaky.service"), "it is restarted")
        until(lambda: of(ours(machine), "service_restart_total", name="flaky.service") > first, "it counts on")
        machine.write("/run/calm", "")
        until(lambda: machine.property("flaky.service", "SubState") == "running", "it runs at last")
        restarts = float(machine.property("flaky.service", "NRestarts"))
        assert of(ours(machine), "service_restart_total", name="flaky.service") == restarts
    finally:
        machine.run("systemctl", "stop", "flaky.service")


def test_a_socket_counts_its_connections(machine):
    machine.run("systemctl", "start", "echo.socket")

    def counts():
        page = ours(machine)
        names = ("accepted_connections_total", "current_connections", "refused_connections_total")
        return [of(page, f"socket_{name}", name="echo.socket") for name in names]

    assert counts() == [0, 0, 0]
    path = str(machine.path("/run/echo"))
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
        first.connect(path)
        first.sendall(b"hello\n")
        assert first.recv(16) == b"hello\n"
        assert counts() == [1, 1, 0]
        # One is all that it takes at a time.
        second.connect(path)
        assert second.recv(16) == b""
        assert counts() == [1, 1, 1]
    until(lambda: counts()[1] == 0, "the connection has gone")


def test_what_a_unit_is_follows_its_file_after_a_reload(machine):
    machine.run("systemctl", "start", "odd\\x2dname@one.service")
    name = "odd\\x2dname@one.service"
    assert of(ours(machine), "unit_state", name=name, state="active", type="simple") == 1
    text = UNITS[name].replace("[Service]\n", "[Service]\nType=exec\n")
    machine.write(f"/etc/systemd/system/{name}", text)
    machine.run("systemctl", "daemon-reload")
    page = ours(machine)
    assert of(page, "unit_state", name=name, state="active", type="exec") == 1
    assert not page.series("node_systemd_unit_state", name=name, type="simple")


@contextmanager
def another(machine, config, *options):
    """A second agent, which root runs; gives where it is scraped."""
    machine.write("/root/another.yaml", yaml.safe_dump(config | {"server": {"listen": "127.0.0.1:9751"}}))
    options = ["--unit=another", "--collect", "-p", "StateDirectory=another", *options]
    machine.run("systemd-run", *options, "/usr/bin/vigie", "run", "--config.file=/root/another.yaml")
    try:
        url = "http://127.0.0.1:9751/metrics"
        until(lambda: machine.run("curl", "-sSf", url, check=False).returncode == 0, "it answers")
        yield url
    finally:
        machine.run("systemctl", "stop", "another.service")


def test_process_1_and_the_bus_have_less_to_do_than_with_upstream(machine):
    """With the same metrics: those of the defaults here."""
    upstream = "http://127.0.0.1:9101/metrics"
    flags = ["--collector.disable-defaults", "--collector.systemd", EXCLUDE]
    flags += ["--collector.systemd.enable-restarts-metrics", "--web.listen-address=127.0.0.1:9101"]
    machine.run("systemd-run", "--unit=plain", "--collect", "/usr/bin/theirs", *flags)
    bus = machine.property("dbus.service", "MainPID")

    def busy():
        """Milliseconds that both have run."""
        times = machine.run("cat", "/proc/1/schedstat", f"/proc/{bus}/schedstat").stdout.splitlines()
        return sum(int(line.split()[0]) for line in times) / 1e6

    def cost(url):
        until(lambda: machine.run("curl", "-sSf", url, check=False).returncode == 0, "it answers")
        begun = busy()
        for _ in range(5):
            time.sleep(1.1)  # values younger than a second are used again
            machine.run("curl", "-sSf", url)
        return (busy() - begun) / 5

    try:
        with another(machine, {}) as url:
            mine, theirs = cost(url), cost(upstream)
    finally:
        machine.run("systemctl", "stop", "plain.service")
    print(f"process 1 and dbus-daemon: {mine:.2f} ms a scrape, with node_exporter {theirs:.2f} ms")
    assert mine < theirs / 3


def units_of_another(machine, config, *options):
    with another(machine, config, *options) as url:
        page = Scrape(machine.run("curl", "-sSf", url).stdout)
    assert page.value("node_scrape_collector_success", collector="systemd") == 1
    return {sample.labels["name"] for sample in page.series("node_systemd_unit_state")}


def test_root_can_do_without_the_bus(machine):
    expected = {sample.labels["name"] for sample in ours(machine).series("node_systemd_unit_state")}
    config = {"collectors": {"system": {"systemd": {"private": True}}}}
    assert units_of_another(machine, config, "-p", "InaccessiblePaths=/run/dbus") == expected | {"another.service"}


def test_in_a_container_it_is_the_host_that_is_told_of(machine):
    expected = {sample.labels["name"] for sample in ours(machine).series("node_systemd_unit_state")}
    config = {"collectors": {"system": {"rootfs": "/mnt"}}}
    container = ["-p", "BindReadOnlyPaths=/:/mnt:rbind", "-p", "InaccessiblePaths=/run/dbus"]
    assert units_of_another(machine, config, *container) == expected | {"another.service"}


def test_more_units_than_are_allowed_are_left_out_and_that_is_said(machine):
    machine.run("systemctl", "start", "broken.service", check=False)
    with another(machine, {"collectors": {"system": {"systemd": {"max_units": 5}}}}) as url:
        for _ in range(2):
            page = Scrape(machine.run("curl", "-sSf", url).stdout)
            time.sleep(1.1)
        log = machine.run("journalctl", "--no-pager", "-u", "another.service").stdout
    units = {sample.labels["name"] for sample in page.series("node_systemd_unit_state")}
    assert len(units) == 5 and "broken.service" in units
    everything = {sample.labels["name"] for sample in ours(machine).series("node_systemd_unit_state")}
    assert page.value("vigie_systemd_units_left_out") == len(everything | {"another.service"}) - 5
    assert log.count("units are not exposed") == 1, log


def test_openmetrics_can_be_read_by_the_strict_parser(machine):
    text = machine.run("curl", "-sSf", "-H", f"Accept: {OPENMETRICS}", OURS).stdout
    assert "node_systemd_socket_refused_connections_total" in text
    assert strict(text)


def test_it_does_without_a_bus_and_goes_on_when_the_bus_is_back(machine):
    machine.run("systemctl", "stop", "dbus.socket", "dbus.service")
    try:
        page = ours(machine)
        assert page.value("node_scrape_collector_success", collector="systemd") == 0
        assert not page.series("node_systemd_unit_state")
    finally:
        machine.run("systemctl", "start", "dbus.socket", "dbus.service")
    until(lambda: ours(machine).series("node_systemd_unit_state"), "the units are back", timeout=30)
    log = machine.run("journalctl", "--no-pager", "-u", UNIT, "-p", "warning").stdout
    assert "systemd" not in log.replace("systemd[1]", ""), log
