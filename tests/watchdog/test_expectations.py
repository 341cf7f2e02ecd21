"""What is expected of groups, ports, files and units: a series from the first scrape on, and a record of each change."""

import shutil
import socket
import subprocess
import sys

import pytest
from harness.sections import otlp
from harness.wait import holds, until

MET = "vigie_expectation_met"
WHY = "vigie_expectation_unmet_info"


def watching(receiver=None, groups=(), interval="100ms", **watchdog):
    config = {"collectors": {"processes": {"groups": list(groups)}, "watchdog": {"interval": interval} | watchdog}}
    return config | ({"exporters": {"otlp": [otlp(receiver)]}} if receiver else {})


def changes(receiver):
    """What was told so far: (name, kind, whether it is met), in the order of arrival."""
    told = [item.attributes for item in receiver.logs if "vigie.expectation.met" in item.attributes]
    return [
        (told["vigie.expectation.name"], told["vigie.expectation.kind"], told["vigie.expectation.met"]) for told in told
    ]


def is_met(agent, name, kind):
    return agent.value(MET, name=name, kind=kind) == 1


def reason(agent, name, kind):
    return [sample.labels["reason"] for sample in agent.scrape().series(WHY, name=name, kind=kind)]


@pytest.fixture
def program(tmp_path):
    """`program("name", code)` starts a Python program under that name."""
    started = []

    def start(name, code):
        path = tmp_path / name
        if not path.exists():
            path.symlink_to(sys.executable)
        started.append(subprocess.Popen([path, "-c", code], stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


def group(name, program, **expect):
    return {"name": name, "match": {"cmdline": [f"/{program} -c"]}, "expect": expect}


def test_a_process_that_ends_and_comes_back_is_told_both_times(agent, http_receiver, tmp_path):
    sleeper = tmp_path / "vigie-api"
    shutil.copy("/bin/sleep", sleeper)
    groups = [{"name": "api", "match": {"exe": [str(sleeper)]}, "expect": {"min": 1, "max": 1}}]
    child = subprocess.Popen([sleeper, "600"])
    try:
        started = agent(watching(http_receiver, groups))
        until(lambda: is_met(started, "api", "min"), "it is there")
        child.kill()
        child.wait()
        until(lambda: changes(http_receiver) == [("api", "min", False)], "its end is told")
        until(lambda: reason(started, "api", "min") == ["too_few"], "the page says why")
        child = subprocess.Popen([sleeper, "600"])
        until(lambda: changes(http_receiver) == [("api", "min", False), ("api", "min", True)], "its return is told")
        until(lambda: reason(started, "api", "min") == [], "the page says no reason any more")
    finally:
        child.kill()
        child.wait()


def test_what_a_group_uses_counts_only_after_a_while(agent, http_receiver, program):
    burner = "while True: pass"
    opener = "import time; files = [open('/dev/null') for _ in range(50)]; time.sleep(600)"
    zombie = "import os, time; os.fork() or os._exit(0); time.sleep(600)"
    groups = [
        group("burner", "vigie-burner", cpu={"above": 0.02, "for": "1s"}, min=1),
        group("opener", "vigie-opener", fds={"above": 40, "for": "500ms"}, rss={"above": "1KiB"}),
        group("zombie", "vigie-zombie", zombies={"above": 0}, threads={"above": 100}),
    ]
    started = agent(watching(http_receiver, groups))
    until(lambda: is_met(started, "burner", "cpu"), "nothing is used")
    program("vigie-opener", opener)
    program("vigie-zombie", zombie)
    program("vigie-burner", burner)
    expected = {("burner", "cpu"), ("opener", "fds"), ("opener", "rss"), ("zombie", "zombies")}
    until(
        lambda: {(name, kind) for name, kind, met in changes(http_receiver) if not met and kind != "min"} == expected,
        "all is told",
        90,
    )
    # One that gets no turn on a busy machine is as expected for a while.
    for name, kind in expected:
        until(lambda name=name, kind=kind: reason(started, name, kind) == ["above"], f"{name} is above its {kind}")
    assert is_met(started, "zombie", "threads")


def test_a_process_that_does_nothing_hangs_unless_its_probe_says_otherwise(agent, http_receiver, program):
    server = """
import http.server, sys
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
print(server.server_port, flush=True)
import time; time.sleep(600)
"""
    child = program("vigie-server", server)
    port = int(child.stdout.readline())
    groups = [
        group("probed", "vigie-server", hung={"for": "500ms", "probe": "home"}),
        group("idle", "vigie-idle", hung={"for": "500ms"}),
    ]
    program("vigie-idle", "import time; time.sleep(600)")
    config = watching(http_receiver, groups)
    probe = {"name": "home", "interval": "200ms", "timeout": "300ms", "http": {"url": f"http://127.0.0.1:{port}/"}}
    config["collectors"]["probes"] = [probe]
    started = agent(config)
    until(lambda: reason(started, "idle", "hung") == ["no_progress"], "the idle one hangs")
    # It takes connections and never answers.
    until(lambda: reason(started, "probed", "hung") == ["probe_fails"], "the probed one hangs")


def test_a_port_is_watched_whoever_listens(agent, http_receiver):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ports = [
            {"name": "web", "port": port},
            {"name": "elsewhere", "port": port, "address": "127.0.0.9"},
            {"name": "udp", "port": port, "protocol": "udp"},
        ]
        started = agent(watching(http_receiver, ports=ports))
        until(lambda: is_met(started, "web", "port"), "somebody listens")
        until(lambda: reason(started, "elsewhere", "port") == ["not_listening"], "nobody listens there")
        assert reason(started, "udp", "port") == ["not_listening"]
    until(lambda: ("web", "port", False) in changes(http_receiver), "nobody listens any more")


def test_a_file_is_watched_for_all_that_is_expected_of_it(agent, http_receiver, tmp_path):
    dump = tmp_path / "dump"
    dump.write_bytes(b"abc")
    dump.chmod(0o640)
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    files = [
        {
            "name": "dump",
            "path": str(dump),
            "max_age": "1h",
            "min_size": "1B",
            "max_size": "3B",
            "sha256": digest,
            "mode": "0640",
            "owner": str(dump.stat().st_uid),
            "group": str(dump.stat().st_gid),
        },
        {"name": "lock", "path": str(tmp_path / "lock"), "exists": False},
    ]
    kinds = ["exists", "max_age", "min_size", "max_size", "sha256", "mode", "owner", "group"]
    started = agent(watching(http_receiver, files=files))
    until(lambda: all(is_met(started, "dump", kind) for kind in kinds), "all is as it should be")
    assert is_met(started, "lock", "exists")
    (tmp_path / "lock").touch()
    dump.chmod(0o644)
    dump.write_bytes(b"abcd")
    expected = {("lock", "exists", False), *(("dump", kind, False) for kind in ("mode", "max_size", "sha256"))}
    until(lambda: set(changes(http_receiver)) == expected, "each change is told")
    dump.unlink()
    until(lambda: all(reason(started, "dump", kind) == ["file_missing"] for kind in kinds), "it is gone")


def test_what_is_wrong_for_a_moment_only_is_not_told(agent, http_receiver, tmp_path):
    (tmp_path / "there").touch()
    path = tmp_path / "moment"
    path.touch()
    files = [{"name": "moment", "path": str(path), "for": "30s"}, {"name": "there", "path": str(tmp_path / "there")}]
    started = agent(watching(http_receiver, files=files))
    until(lambda: is_met(started, "moment", "exists"), "it is there")
    path.unlink()
    (tmp_path / "there").unlink()
    until(lambda: ("there", "exists", False) in changes(http_receiver), "looks go on")
    holds(lambda: is_met(started, "moment", "exists"), "it may be away", 0.5)


def test_series_are_there_at_the_first_scrape_and_without_a_bus_units_are_not_known(agent, tmp_path):
    units = [{"name": "nginx", "unit": "nginx.service"}]
    config = watching(units=units, interval="1h")
    started = agent(config, env={"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/none"})
    assert started.value(MET, name="nginx", kind="unit", collector="watchdog") == 0
    until(lambda: reason(started, "nginx", "unit") == ["no_bus"], "there is no bus")
