"""The read side: what is on the page, and in which form it is given."""

import gzip
import socket

import pytest
from harness.exporters import node_exporter
from harness.http import request
from harness.prometheus import promtool_check_metrics
from harness.scrape import OPENMETRICS, TEXT, Scrape, strict
from harness.wait import until

GROUPS = [
    "cpu", "meminfo", "loadavg", "stat", "vmstat", "diskstats", "filesystem", "netdev", "netstat", "sockstat",
    "filefd", "pressure", "uname", "time", "os",
]  # fmt: skip


def test_the_first_page_links_the_metrics(agent):
    page = agent().get("/")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert 'href="/metrics"' in page.text


def test_text_is_the_default_format(agent):
    page = agent().get("/metrics")
    assert page.headers["Content-Type"].startswith(TEXT)
    assert "# EOF" not in page.text
    assert Scrape(page.text).value("vigie_build_info") == 1


@pytest.mark.parametrize(
    "accept",
    [
        OPENMETRICS,
        # What Prometheus 2.42 sends.
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    ],
)
def test_openmetrics_is_given_to_those_who_ask_and_is_strictly_right(agent, accept):
    page = agent().get("/metrics", headers={"Accept": accept})
    assert page.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in strict(page.text)}
    assert families["node_load1"].type == "gauge"
    assert families["node_cpu_seconds"].type == "counter"


def test_text_is_given_to_those_who_prefer_it(agent):
    accept = "application/openmetrics-text;version=1.0.0;q=0.1,text/plain;version=0.0.4;q=0.9"
    assert agent().get("/metrics", headers={"Accept": accept}).headers["Content-Type"].startswith(TEXT)


def test_both_formats_hold_the_same_samples(agent):
    started = agent()
    text = started.scrape()
    openmetrics = strict(started.get("/metrics", headers={"Accept": OPENMETRICS}).text)
    # A counter that upstream calls without `_total` has it in OpenMetrics, which knows no other.
    series = {
        (sample.name.removesuffix("_total"), frozenset(sample.labels.items()))
        for family in openmetrics
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    only_one = series ^ {
        (sample.name.removesuffix("_total"), frozenset(sample.labels.items())) for sample in text.samples
    }
    # What counts the scrapes themselves may have got a new reason in between.
    assert {name for name, _ in only_one if not name.startswith("vigie_")} == set()


def test_a_page_is_compressed_for_those_who_ask(agent):
    started = agent()
    plain = started.get("/metrics")
    packed = started.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 3
    assert Scrape(gzip.decompress(packed.body).decode()).names("node_") == Scrape(plain.text).names("node_")
    assert "Content-Encoding" not in started.get("/metrics", headers={"Accept-Encoding": "gzip;q=0"}).headers


def test_every_group_says_how_long_it_took_and_that_it_worked(agent):
    page = agent().scrape()
    for group in GROUPS:
        assert page.value("node_scrape_collector_success", collector=group) == 1, group
        assert 0 <= page.value("node_scrape_collector_duration_seconds", collector=group) < 5


def test_groups_can_be_chosen_by_the_scrape(agent):
    started = agent()
    only = started.scrape("/metrics?collect[]=loadavg&collect[]=time")
    assert only.series("node_load1") and only.series("node_time_seconds")
    assert not only.series("node_cpu_seconds_total") and not only.series("node_memory_MemTotal_bytes")
    without = started.scrape("/metrics?exclude[]=cpu")
    assert without.series("node_load1") and not without.series("node_cpu_seconds_total")


def test_a_group_that_does_not_exist_is_an_error_not_an_empty_page(agent):
    answer = agent().get("/metrics?collect[]=nonsense")
    assert answer.status == 400 and "nonsense" in answer.text


def test_samples_are_fresh_for_every_scrape(agent):
    started = agent()
    first = started.value("node_time_seconds")
    until(lambda: started.value("node_time_seconds") > first + 1, "the clock goes on from scrape to scrape")


def test_series_by_which_dashboards_find_a_host_are_there(agent):
    page = agent().scrape()
    assert page.value("node_uname_info", nodename=socket.gethostname()) == 1
    for name in (
        "node_exporter_build_info",
        "process_exporter_build_info",
        "blackbox_exporter_build_info",
        "blackbox_exporter_config_last_reload_successful",
        "vigie_build_info",
    ):
        assert page.value(name) == 1, name
    for name in ("process_resident_memory_bytes", "process_start_time_seconds"):
        assert page.value(name) > 0, name
    assert page.value("process_cpu_seconds_total") >= 0


def test_promtool_says_no_more_than_of_the_exporters_themselves(agent, node_page):
    told, _ = promtool_check_metrics(agent().scrape().text)
    known, _ = promtool_check_metrics(node_page)
    more = set(told.splitlines()) - set(known.splitlines())
    # process-exporter's own names for its errors, the kernel's for what it counts, and cAdvisor's.
    upstream = ("namedprocess_scrape_", "node_netstat_", "container_memory_failcnt")
    assert {line for line in more if not line.startswith(upstream)} == set()


@pytest.fixture
def node_page(tmp_path):
    """A page of Debian's node_exporter: under its names the agent cannot do better than it."""
    exporter = node_exporter(tmp_path / "node_exporter")
    yield exporter.scrape().text
    exporter.stop()


def test_health_and_readiness_answer(agent):
    started = agent()
    assert started.get("/-/healthy").status == 200
    assert started.get("/-/ready").status == 200


def test_nothing_to_depend_on_is_ready(agent):
    started = agent()
    answer = started.get("/-/ready/dependencies")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == {"status": "ready", "checks": []}
    head = request(started.url + "/-/ready/dependencies", "HEAD")
    assert (head.status, head.text) == (200, "")
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert request(started.url + "/-/ready/dependencies", "POST").status == 405
    assert 'href="/-/ready/dependencies"' in started.get("/").text


def test_what_is_not_there_is_not_found_and_what_is_not_allowed_is_refused(agent):
    started = agent()
    assert started.get("/nothing").status == 404
    assert started.get("/-/reload").status == 405
    assert request(started.url + "/metrics", "DELETE").status == 405


def test_an_endless_request_head_is_refused(agent):
    started = agent()
    host, port = started.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        try:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Filler: ")
            for _ in range(64):
                connection.sendall(b"x" * 65536)
            answer = connection.recv(64)
        except (ConnectionResetError, BrokenPipeError):
            answer = b""
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
    assert started.get("/-/healthy").status == 200


def test_idle_connections_do_not_shut_others_out(agent):
    started = agent({"server": {"max_connections": 8}})
    host, port = started.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port)), timeout=10) for _ in range(7)]
    try:
        assert started.get("/metrics").status == 200
    finally:
        for connection in idle:
            connection.close()
