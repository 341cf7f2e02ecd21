"""Checks against other projects' test data: `python -m harness.conformance DIR [SEED]`.

A check passes or fails. What is only partly reached fails when less of it is reached than before.
"""

import json
import random
import re
import sys
import tarfile
import tempfile
from collections import Counter
from pathlib import Path

from . import golden, mutations
from .agent import Agent
from .receiver import HttpReceiver
from .scrape import OPENMETRICS, strict
from .sections import tail, tailing
from .wait import until


def unpacked(archive, directory):
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="data")
    return Path(directory)


def check_access_log(data, work, seed):
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


def check_requests_from_access_log(data, work, seed):
    """The requests of a real access log as metrics agree with what is counted by hand."""
    log = data / "logs/apache_combined.log"
    # As awk would: the sixth word without its quote, the ninth one, and the seventh up to its query.
    words = [line.split() for line in log.read_text().splitlines()]
    known = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "QUERY"}
    expected = Counter((row[5][1:] if row[5][1:] in known else "_OTHER", row[8]) for row in words)
    roots = Counter(row[6].partition("?")[0] for row in words)["/"]
    agent = Agent(
        work / "requests", {"collectors": {"logs": [tail(log, parse="apache_combined", metrics=[{"http": {}}])]}}
    )
    agent.start()
    try:
        name = "http_requests_total"
        until(lambda: agent.scrape().total(name) >= len(words), "all requests are counted", 60)
        rows = agent.scrape().series(name)
    finally:
        agent.stop()
    counted = Counter()
    for row in rows:
        counted[row.labels["method"], row.labels["status"]] += int(row.value)
    assert counted == expected, counted - expected or expected - counted
    assert sum(row.value for row in rows if row.labels["route"] == "/") == roots
    routes = {row.labels["route"] for row in rows}
    assert len(routes) <= 201
    return f"{sum(counted.values())} requests, {len(counted)} methods and statuses, {len(routes)} routes"


def check_exposition(data, work, seed):
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


def check_golden_host(data, work, seed):
    """As many samples of the golden scrape as ever, from the same made-up host."""
    host = unpacked(data / "node_exporter/fixtures.tar.gz", work / "host")
    return golden.check(host, (data / "node_exporter/e2e-output.txt").read_text(), work)


def check_mutated_host(data, work, seed):
    """Whatever is wrong with some of that host's files, the others are told as ever."""
    return mutations.check(unpacked(data / "node_exporter/fixtures.tar.gz", work / "mutated"), work, seed)


def main(data, seed=None):
    seed = int(seed or random.randrange(1 << 32))
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for check in (
            check_access_log,
            check_requests_from_access_log,
            check_exposition,
            check_golden_host,
            check_mutated_host,
        ):
            try:
                print(f"{check.__name__}: {check(Path(data), Path(work), seed)}")
                passed += 1
            except Exception as error:  # noqa: BLE001, the next check is worth running whatever this one met
                print(f"{check.__name__}: FAILED: {error!r}")
                failed += 1
    print(f"conformance: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
