"""Checks against other projects' test data: `python -m harness.conformance DIR`.

A check passes or fails; a score only tells how far the agent is, sample by sample.
"""

import json
import re
import sys
import tarfile
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from .agent import Agent
from .receiver import HttpReceiver
from .scrape import OPENMETRICS, Scrape, strict
from .sections import tailing

# Which samples of the golden scrape are whose: by the beginning of the name, the longest one first.
GROUPS = {
    "node_network_transmit_queue_length": None,  # of netclass
    "node_memory_numa_": None,  # a group of its own, off by default
    "node_memory_": "meminfo",
    "node_cpu_core_throttles": "cpu",
    "node_cpu_package_throttles": "cpu",
    "node_cpu_guest_": "cpu",
    "node_cpu_seconds": "cpu",
    "node_load": "loadavg",
    "node_boot_time_": "stat",
    "node_context_switches_": "stat",
    "node_forks_": "stat",
    "node_intr_total": "stat",
    "node_procs_": "stat",
    "node_vmstat_": "vmstat",
    "node_disk_": "diskstats",
    "node_network_receive_": "netdev",
    "node_network_transmit_": "netdev",
    "node_netstat_": "netstat",
    "node_sockstat_": "sockstat",
    "node_filefd_": "filefd",
    "node_pressure_": "pressure",
}


def unpacked(archive, directory):
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="data")
    return Path(directory)


def check_access_log(data, work):
    """Every line of a real access log arrives as it is, with its status."""
    log = data / "logs/apache_combined.log"
    (row,) = [line for line in (data / "README.md").read_text().splitlines() if "apache_combined.log" in line]
    expected = {int(status): int(count.replace(",", "")) for count, status in re.findall(r"([\d,]+) × (\d+)", row)}
    receiver = HttpReceiver()
    agent = Agent(work / "log", tailing(log, receiver, parse="apache_combined")).start()
    try:
        records = receiver.wait_logs(sum(expected.values()), 60)
        book = agent.settled("app", sum(expected.values()))
    finally:
        agent.stop()
        receiver.down()
    counts = Counter(record.attributes.get("http.response.status_code") for record in records)
    assert counts == expected, counts
    assert sorted(record.text for record in records) == sorted(log.read_text().splitlines())
    assert all(record.raw.time_unix_nano for record in records)
    assert book["delivered"] == sum(expected.values()), book
    return f"{len(records)} lines, {len(counts)} kinds of status"


def check_exposition(data, work):
    """The agent's OpenMetrics page is one of those that parse, and the judge of that knows the others."""
    cases = sorted(unpacked(data / "openmetrics/parsers.tar.gz", work / "openmetrics").glob("parsers/*/test.json"))
    right = 0
    for case in cases:
        should = json.loads(case.read_text())["shouldParse"]
        try:
            strict((case.parent / "metrics").read_text())
            right += should
        except Exception:  # noqa: BLE001, the parser raises whatever it stumbled over
            right += not should
    agent = Agent(work / "page").start()
    try:
        families = strict(agent.get("/metrics", headers={"Accept": OPENMETRICS}).text)
    finally:
        agent.stop()
    assert len(families) > 100
    return f"{len(families)} families; the judge is right about {right} of {len(cases)} expositions"


def score_golden_host(data, work):
    """How many samples of the golden scrape the agent yields on the same fake host, by group."""
    host = unpacked(data / "node_exporter/fixtures.tar.gz", work / "host")
    golden = Scrape((data / "node_exporter/e2e-output.txt").read_text())
    system = {
        "procfs": str(host / "proc"),
        "sysfs": str(host / "sys"),
        "rootfs": str(host),
        "udev_data": str(host / "udev/data"),
        "netdev": {"device_include": "lo"},
        "disable": ["filesystem", "uname"],
    }
    agent = Agent(work / "golden", {"collectors": {"system": system}}).start(ready=False)
    try:
        page = agent.scrape()
    finally:
        agent.stop()

    def samples(scrape):
        return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in scrape.samples}

    ours, found, wanted, wrong = samples(page), defaultdict(int), defaultdict(int), []
    for key, value in samples(golden).items():
        group = next((group for start, group in GROUPS.items() if key[0].startswith(start)), None)
        if group is None:
            continue
        wanted[group] += 1
        if ours.get(key) == value:
            found[group] += 1
        else:
            wrong.append((key[0], dict(key[1]), value, ours.get(key)))
    for name, labels, value, got in wrong[:40]:
        print(f"  differs: {name}{labels} is {got}, golden {value}")
    rows = ", ".join(f"{group} {found[group]}/{wanted[group]}" for group in sorted(wanted))
    return f"{sum(found.values())} of {sum(wanted.values())} samples: {rows}"


def main(data):
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for check in (check_access_log, check_exposition, score_golden_host):
            try:
                print(f"{check.__name__}: {check(Path(data), Path(work))}")
                passed += 1
            except Exception as error:  # noqa: BLE001, the next check is worth running whatever this one met
                print(f"{check.__name__}: FAILED: {error!r}")
                failed += 1
    print(f"conformance: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
