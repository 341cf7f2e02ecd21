"""A real Prometheus evaluates the rules that are shipped, on what the agent tells: none of them asks for what is not there."""

import json
import re

import pytest
import yaml
from harness.agent import ROOT
from harness.container import Container
from harness.process import Process
from harness.sections import tail
from harness.wait import until

RULES = sorted((ROOT / "packaging/rules").glob("*.yaml"))
COMPARISON = re.compile(r"\s*(?:==|!=|>=|<=|>|<)\s*-?[\d.]+")

# What only a host that systemd runs has.
SYSTEMD = 'node_systemd_unit_state{name="web.service",state="failed",type="simple"} 0\n'


def rules(kind):
    """The rules of one kind, `record` or `alert`, in all files."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def alternatives(expression):
    """What an alert compares, without the comparisons: each has to be there, whether it is high or low."""
    return [COMPARISON.sub("", side) for side in re.split(r"\bor\b", expression)]


def understood_log(path):
    """A source of everything that rules are about: a request that failed, and an exception."""
    request = {"http.request.method": "GET", "url.path": "/pay", "http.response.status_code": 500, "took": 0.1}
    trace = 'Traceback (most recent call last):\n  File "/srv/shop.py", line 3, in pay\n    x\nValueError: order'
    path.write_text(json.dumps(request) + "\n" + json.dumps({"exc_info": trace}) + "\n")
    metrics = [{"http": {"duration": "took"}}, {"security": {}}]
    return tail(path, parse="json", exceptions={"enabled": True}, metrics=metrics)


@pytest.fixture
def contained(request, tmp_path):
    """A container with limits, in which something wants more CPU than it gets."""
    made = Container()
    request.addfinalizer(made.remove)
    made.limit(memory=64 << 20, cpu=0.05)
    process = Process([*made.command, "sh", "-c", "while :; do :; done"], tmp_path / "contained.log")
    request.addfinalizer(process.stop)


@pytest.fixture
def server(contained, agent, prometheus, nginx, authority, tmp_path):
    """A Prometheus with the rules, that scrapes an agent on this host, with a target that it probes."""
    system = {"textfile": {"directory": [str(tmp_path)]}, "exhaustion_window": "30s"}
    targets = tmp_path / "targets.json"
    targets.write_text(json.dumps([{"targets": [nginx(authority.issue()).url + "/"]}]))
    http = {"tls_config": {"ca_file": str(authority.ca_file)}}
    probe = {"name": "shop", "http": http, "target_files": [str(targets)], "interval": "1s"}
    restart = {"restart_unit": "sleep.service", "dry_run": True}
    sleep = {"name": "sleep", "match": {"comm": ["sleep"]}, "expect": {"min": 0}, "actions": [restart]}
    watchdog = {"sensitive": {"paths": [str(targets)]}}
    collectors = {"system": system, "probes": [probe], "processes": {"groups": [sleep]}, "watchdog": watchdog}
    collectors["jobs"] = {"jobs": [{"name": "backup", "every": "1d"}]}
    collectors["logs"] = [understood_log(tmp_path / "app.log")]
    running = agent({"collectors": collectors})
    if not running.scrape().series("node_systemd_unit_state"):
        (tmp_path / "systemd.prom").write_text(SYSTEMD)
    return prometheus([running.url.removeprefix("http://")], rules=RULES)


def test_comparisons_are_taken_out_and_nothing_else():
    skew = "(off_seconds > 0.05 and deriv(off_seconds[5m]) >= 0)\nor (off_seconds < -0.05)"
    assert alternatives(skew) == ["(off_seconds and deriv(off_seconds[5m]))\n", " (off_seconds)"]
    assert alternatives('a{fs!="", s=~"x|y"} / b == 1') == ['a{fs!="", s=~"x|y"} / b']


def test_every_rule_is_evaluated_and_finds_its_series(server):
    def all_evaluated():
        known = server.rules()
        return len(known) == len(rules("record") + rules("alert")) and all(rule["health"] == "ok" for rule in known)

    until(all_evaluated, "the server evaluates every rule", 30)
    assert [rule["lastError"] for rule in server.rules() if "lastError" in rule] == []
    for rule in rules("record"):
        until(lambda rule=rule: server.query(rule["record"]), rule["record"], 30)
    for rule in rules("alert"):
        for expression in alternatives(rule["expr"]):
            until(lambda expression=expression: server.query(expression), f"{rule['alert']}: {expression}", 30)


def test_what_is_recorded_is_what_it_is_called(server):
    (cpus,) = until(lambda: server.query("instance:node_num_cpu:sum"), "the number of CPUs", 30)
    (direct,) = server.query('count(node_cpu_seconds_total{mode="idle"})')
    assert cpus[1] == direct[1]
    for ratio in ("instance:node_cpu_utilisation:rate5m", "instance:node_memory_utilisation:ratio"):
        ((_, value),) = until(lambda ratio=ratio: server.query(ratio), ratio, 30)
        assert 0 <= value <= 1, ratio
    shares = until(lambda: server.query("instance_device:node_filesystem_utilisation:ratio"), "file systems", 30)
    assert all(labels["mountpoint"] and 0 <= value <= 1 for labels, value in shares)


def test_an_alert_without_its_series_would_be_seen(server):
    until(lambda: server.query("node_load1"), "a scrape", 30)
    assert server.query("node_no_such_series") == []
    assert server.query("node_load1 and on (device) node_disk_io_now") == []
