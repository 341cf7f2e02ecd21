"""A real nginx's access log arrives: each request once, with what it was, over HTTP and over gRPC."""

import re
import subprocess
import threading
import time
from collections import Counter
from datetime import UTC, datetime

from harness.sections import tailing
from harness.wait import until

TIME = re.compile(r"\[([^]]+)\]")


def nginx_tail(site, receiver, **over):
    """The access log with its rotated siblings."""
    return tailing(f"{site.access_log}*", receiver, name="nginx", parse="nginx_combined", **over)


def test_each_request_arrives_exactly_once_with_what_it_was(agent, nginx, receiver):
    site = nginx()
    started = agent(nginx_tail(site, receiver))
    begun = time.time()
    for number in range(200):
        site.get(f"/item/{number}?page=1", User_Agent=f"test/{number % 7}", Referer="http://shop.example/")
    for path in ("/gone", "/broken"):
        site.get(path)
    records = receiver.wait_logs(202)
    started.settled("nginx", 202)

    paths = Counter(record.attributes["url.path"] for record in records)
    assert paths == Counter([f"/item/{number}" for number in range(200)] + ["/gone", "/broken"])
    # Several requests are in flight at once, so they arrive in any order.
    lines = site.access_log.read_text().splitlines()
    records.sort(key=lambda record: lines.index(record.text))
    assert [record.text for record in records] == lines

    for record in records[:200]:
        expected = {
            "http.request.method": "GET",
            "url.query": "page=1",
            "http.response.status_code": 200,
            "http.response.body.size": len("hello from nginx\n"),
            "client.address": "127.0.0.1",
            "network.protocol.version": "1.1",
            "log.file.path": str(site.access_log),
        }
        assert expected.items() <= record.attributes.items(), record.attributes
        assert record.attributes["user_agent.original"].startswith("test/")
        assert record.resource["host.name"]
        # nginx writes whole seconds; the record carries the time of the line, and when it was seen.
        written = datetime.strptime(TIME.search(record.text).group(1), "%d/%b/%Y:%H:%M:%S %z")
        assert datetime.fromtimestamp(record.raw.time_unix_nano / 1e9, UTC) == written
        assert begun - 1 <= record.raw.observed_time_unix_nano / 1e9 <= time.time()

    book = started.ledger("nginx")
    assert book == {"read": 202, "delivered": 202, "filtered": 0, "dropped": 0, "in_flight": 0}


def test_the_status_of_a_request_is_its_severity(agent, nginx, http_receiver):
    site = nginx()
    agent(nginx_tail(site, http_receiver))
    for path in ("/", "/redirect", "/gone", "/broken"):
        site.get(path)
    # The redirect is followed: five requests.
    records = http_receiver.wait_logs(5)
    by_status = {record.attributes["http.response.status_code"]: record.raw.severity_number for record in records}
    assert by_status[200] == by_status[302] == 9  # INFO
    assert by_status[410] == 13  # WARN
    assert by_status[500] == 17  # ERROR


def test_a_log_that_logrotate_renames_under_load_loses_nothing(agent, nginx, receiver, tmp_path):
    site = nginx()
    started = agent(nginx_tail(site, receiver))
    rules = tmp_path / "logrotate.conf"
    rules.write_text(
        f"""{site.access_log} {{
            su root root
            rotate 50
            create 0640 root root
            sharedscripts
            postrotate
                kill -USR1 $(cat {site.directory}/nginx.pid)
            endscript
        }}"""
    )
    sent, done = 0, threading.Event()

    def rotate():
        for _ in range(8):
            done.wait(0.2)
            subprocess.run(["logrotate", "-f", "-s", tmp_path / "logrotate.state", rules], check=True, timeout=30)
        done.set()

    rotator = threading.Thread(target=rotate)
    rotator.start()
    try:
        while not done.is_set():
            site.get(f"/item/{sent}")
            sent += 1
    finally:
        done.set()
        rotator.join()
    assert len(list(site.directory.glob("access.log.*"))) == 8

    records = receiver.wait_logs(sent)
    paths = Counter(record.attributes["url.path"] for record in records)
    assert paths == Counter(f"/item/{number}" for number in range(sent))
    started.settled("nginx", sent)


def test_a_log_that_appears_later_is_read_from_its_beginning(agent, nginx, http_receiver, tmp_path):
    started = agent(tailing(tmp_path / "nginx0/access.log", http_receiver, parse="nginx_combined", start_at="end"))
    site = nginx()
    site.get("/first")
    (record,) = http_receiver.wait_logs(1)
    assert record.attributes["url.path"] == "/first"
    until(lambda: started.ledger("app")["delivered"] == 1, "it is delivered")
