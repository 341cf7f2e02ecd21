"""Metrics made from logs: they agree with what was written, whoever wrote it and whoever reads them."""

import json
import re
from collections import Counter

from harness.offsets import wait_saved
from harness.prometheus import Prometheus, promtool_check_metrics
from harness.scrape import OPENMETRICS, strict
from harness.sections import otlp, tail
from harness.traced import TRACE
from harness.wait import until


def logs(*sources, **sections):
    return {"collectors": {"logs": list(sources)}} | sections


def write(path, *records):
    with path.open("a") as file:
        file.writelines((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)


def series(agent, name):
    """The values of a metric by its labels, without the source."""
    rows = agent.scrape().series(name)
    return {tuple(sorted((k, v) for k, v in row.labels.items() if k != "source")): row.value for row in rows}


def labels(**pairs):
    return tuple(sorted(pairs.items()))


def test_requests_of_a_real_nginx_are_counted_by_method_route_and_status(agent, nginx):
    site = nginx()
    metrics = [{"http": {"routes": ["/shops/{shop}"]}}]
    running = agent(logs(tail(site.access_log, name="nginx", parse="nginx_combined", metrics=metrics)))
    for number in range(40):
        site.get(f"/users/{number}?page={number}")
    for shop in ("paris", "rome", "oslo"):
        site.get(f"/shops/{shop}")
    for path in ("/gone", "/broken", "/status/404"):
        site.get(path)
    expected = {
        labels(method="GET", route="/users/{id}", status="200"): 40,
        labels(method="GET", route="/shops/{shop}", status="200"): 3,
        labels(method="GET", route="/gone", status="410"): 1,
        labels(method="GET", route="/broken", status="500"): 1,
        labels(method="GET", route="/status/{id}", status="404"): 1,
    }
    until(lambda: series(running, "http_requests_total") == expected, "all requests are counted")
    assert promtool_check_metrics(running.get("/metrics?collect[]=logs").text) == ("", 0)


def test_the_histogram_of_durations_points_to_traces_and_prometheus_takes_it(agent, tmp_path):
    log = tmp_path / "app.log"
    log.touch()
    running = agent(logs(tail(log, parse="json", trace_id="trace", metrics=[{"http": {"duration": "took_ms"}}])))
    request = {"http.request.method": "GET", "url.path": "/a", "http.response.status_code": 200}
    write(log, *(request | {"took_ms": took, "trace": TRACE} for took in (3, 30, 300, 30000)))
    key = labels(method="GET", route="/a", status="200")
    until(lambda: series(running, "http_server_request_duration_seconds_count").get(key) == 4, "all are observed")
    total = series(running, "http_server_request_duration_seconds_sum")[key]
    assert abs(total - 30.333) < 1e-9

    page = running.get("/metrics", headers={"Accept": OPENMETRICS}).text
    strict(page)
    pattern = r'^http_server_request_duration_seconds_bucket\{.*le="([^"]+)".*# \{trace_id="(\w+)"\} (\S+) \S+$'
    assert re.findall(pattern, page, re.M) == [
        ("0.005", TRACE, "0.003"),
        ("0.05", TRACE, "0.03"),
        ("0.5", TRACE, "0.3"),
        ("+Inf", TRACE, "30"),
    ]
    assert "# {" not in running.get("/metrics").text, "text 0.0.4 knows no exemplars"

    server = Prometheus(tmp_path / "prometheus", [running.url.removeprefix("http://")])
    try:
        query = 'http_server_request_duration_seconds_bucket{le="0.5",source="app"}'
        until(lambda: [value for _, value in server.query(query)] == [3], "Prometheus has the buckets", 30)
    finally:
        server.process.stop()


def test_what_is_listed_is_there_at_0_and_what_is_too_much_is_named(agent, tmp_path):
    log = tmp_path / "app.log"
    log.touch()
    counter = {
        "name": "orders_total",
        "help": "Paid orders",
        "when": {"field": "event", "equals": "paid"},
        "labels": {"shop": "shop"},
        "start": [{"shop": "paris"}, {"shop": "rome"}],
        "max_series": 3,
    }
    amounts = {"name": "amount_euros", "field": "amount", "buckets": [10, 50]}
    metrics = [{"counter": counter}, {"histogram": amounts}, {"gauge": {"name": "queue", "field": "jobs.waiting"}}]
    running = agent(logs(tail(log, parse="json", metrics=metrics)))
    zeros = {labels(shop="paris"): 0, labels(shop="rome"): 0}
    until(lambda: series(running, "orders_total") == zeros, "the listed ones are there before any record")

    shops = ["rome", "oslo", "bern", "rome", "bonn"]
    write(log, *({"event": "paid", "shop": shop, "amount": 20} for shop in shops))
    write(
        log,
        {"event": "lost", "shop": "rome", "amount": "1,024"},
        {"jobs": {"waiting": 7}},
        {"jobs": {"waiting": "4.5"}},
    )
    expected = {labels(shop="paris"): 0, labels(shop="rome"): 2, labels(shop="oslo"): 1, labels(shop="other"): 2}
    until(lambda: series(running, "orders_total") == expected, "the orders are counted")
    until(lambda: series(running, "queue") == {(): 4.5}, "the last value is told")
    assert series(running, "amount_euros_count") == {(): 5}
    overflow, errors = "vigie_log_metric_overflow_total", "vigie_log_metric_errors_total"
    until(lambda: running.value(overflow, source="app", metric="orders_total") == 2, "what is too much is counted")
    until(lambda: running.value(errors, metric="amount_euros", reason="not_a_number") == 1, "so is what is no number")
    assert promtool_check_metrics(running.get("/metrics?collect[]=logs").text) == ("", 0)


def test_two_sources_share_a_family_which_is_told_once(agent, tmp_path):
    sources = []
    for name in ("one", "two"):
        (tmp_path / f"{name}.log").write_text("x\n" * len(name))
        metrics = [{"counter": {"name": "lines_total", "help": "Lines"}}]
        sources.append(tail(tmp_path / f"{name}.log", name=name, metrics=metrics))
    running = agent(logs(*sources))
    until(lambda: all(running.value("lines_total", source=name) == 3 for name in ("one", "two")), "both are counted")
    page = running.get("/metrics").text
    assert page.count("# TYPE lines_total counter") == page.count("# HELP lines_total Lines") == 1
    only = running.get("/metrics?collect[]=logs").text
    assert promtool_check_metrics(only) == ("", 0)
    assert "\nlines_total{" in only and "node_" not in only
    assert "\nlines_total{" not in running.get("/metrics?exclude[]=logs").text


def test_they_go_out_as_otlp_metrics_where_that_is_asked_for(agent, http_receiver, tmp_path):
    (tmp_path / "app.log").write_text("x\n" * 5)
    source = tail(tmp_path / "app.log", metrics=[{"counter": {"name": "lines_total"}}])
    exporter = otlp(http_receiver, signals=["logs", "metrics"])
    agent(logs(source, exporters={"otlp": [exporter]}), env={"OTEL_METRIC_EXPORT_INTERVAL": "200"})

    def told():
        named = [metric for metric in http_receiver.metrics if metric.name.startswith("lines")]
        return [point.as_double or point.as_int for metric in named for point in metric.raw.sum.data_points]

    until(lambda: 5 in told(), "the counter arrives")


def test_security_events_are_there_from_the_start_and_counted_by_reason(agent, tmp_path):
    log = tmp_path / "auth.log"
    log.touch()
    running = agent(logs(tail(log, metrics=[{"security": {}}])))
    name = "log_security_events_total"
    until(lambda: len(series(running, name)) >= 10, "all reasons are there")
    assert set(series(running, name).values()) == {0}
    head, tail_ = "May  1 10:00:00 web1", "from 203.0.113.9 port 4222"
    write(
        log,
        f"{head} sshd[81]: Invalid user evil-name {tail_}",
        f"{head} sshd[81]: Failed password for invalid user evil-name {tail_} ssh2",
        f"{head} sshd[82]: message repeated 2 times: [ Failed password for root {tail_} ssh2]",
        f"{head} sudo:      bob : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id",
        f"{head} su[7]: pam_unix(su:auth): authentication failure; logname=bob uid=1000 euid=0 tty=pts/0 ruser=bob",
    )
    expected = {"ssh_invalid_user": 1, "ssh_failed_login": 3, "sudo_not_allowed": 1, "pam_failed": 1}

    def told():
        return {dict(key)["reason"]: value for key, value in series(running, name).items() if value}

    until(lambda: told() == expected, "the events are counted")
    assert "evil-name" not in running.get("/metrics").text


def test_a_restart_counts_nothing_twice(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    log.write_text("".join(f"line {number}\n" for number in range(2000)))
    source = tail(log, metrics=[{"counter": {"name": "lines_total"}}])
    running = agent(logs(source, exporters={"otlp": [otlp(http_receiver)]}))
    running.settled("app", 2000)
    wait_saved(running, log)
    running.restart()
    write(log, *(f"more {number}" for number in range(100)))
    until(lambda: series(running, "lines_total") == {(): 100}, "what is new is counted, once")
    counts = Counter(record.text for record in http_receiver.logs)
    assert len(counts) == 2100
