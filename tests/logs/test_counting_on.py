"""What was counted in logs goes on when the section of their source changes; only what is defined anew begins anew."""

import json
import signal

from harness.sections import tailing
from harness.wait import until

TRACEBACK = 'Traceback (most recent call last):\n  File "/srv/shop.py", line 3, in pay\n    charge()\nValueError: order'
NAMES = (
    "lines_total",
    "orders_total",
    "queue",
    "amount_euros_count",
    "http_requests_total",
    "http_server_request_duration_seconds_count",
    "log_security_events_total",
    "log_exceptions_total",
    "vigie_log_redactions_total",
)


def write(path, count):
    """So many rounds of an order, a request that is refused, and an exception."""
    with path.open("a") as file:
        for number in range(count):
            order = {"shop": f"s{number % 2}", "amount": 20, "waiting": 7, "contact": "ann@example.org"}
            request = {"http.request.method": "GET", "url.path": "/pay", "http.response.status_code": 401, "took": 0.1}
            for line in (order, request, {"exc_info": TRACEBACK}):
                file.write(json.dumps(line) + "\n")


def metrics(**over):
    """The metrics of the source by name, with what is changed of them; None leaves one out."""
    by_name = {
        "http": {"http": {"duration": "took"}},
        "security": {"security": {}},
        "lines_total": {"counter": {"name": "lines_total"}},
        "orders_total": {
            "counter": {
                "name": "orders_total",
                "when": {"field": "amount", "exists": True},
                "labels": {"shop": "shop"},
                "start": [{"shop": "s0"}, {"shop": "missspelt"}],
            }
        },
        "queue": {"gauge": {"name": "queue", "field": "waiting"}},
        "amount_euros": {"histogram": {"name": "amount_euros", "field": "amount", "buckets": [10, 50]}},
    }
    return [metric for metric in (by_name | over).values() if metric]


def told(agent):
    """The sums of the metrics, and how many series each has."""
    page = agent.scrape()
    rows = {name: [row.value for row in page.series(name, source="app")] for name in NAMES}
    return {name: (sum(values), len(values)) for name, values in rows.items() if values}


def expected(rounds, **over):
    counted = {
        "lines_total": (3 * rounds, 1),
        "orders_total": (rounds, 3),
        "queue": (7, 1),
        "amount_euros_count": (rounds, 1),
        "http_requests_total": (rounds, 1),
        "http_server_request_duration_seconds_count": (rounds, 1),
        "log_security_events_total": (rounds, 11),
        "log_exceptions_total": (rounds, 1),
        "vigie_log_redactions_total": (2 * rounds, 1),  # in the attribute, and in the line
    }
    return {name: value for name, value in (counted | over).items() if value}


def wait_told(agent, values):
    def are_told():
        assert told(agent) == values
        return True

    until(are_told, "all is told")


def test_another_metric_resets_none_of_the_others_and_one_that_is_defined_anew_begins_anew(
    agent, http_receiver, tmp_path
):
    log = tmp_path / "app.log"
    log.touch()

    def source(**over):
        return tailing(
            log,
            http_receiver,
            parse="json",
            metrics=metrics(**over),
            exceptions={"enabled": True},
            redact=["email"],
        )

    started = agent(source())
    write(log, 10)
    wait_told(started, expected(10))

    # Another metric; `start` is mended, and a bound is another one.
    start = [{"shop": "s0"}, {"shop": "misspelt"}, {"shop": "s1"}]
    orders = metrics()[3]["counter"] | {"start": start, "max_series": 50, "help": "Orders"}
    more = {"more": {"counter": {"name": "more_total"}}, "orders_total": {"counter": orders}}
    started.configure(source(**more))
    started.process.signal(signal.SIGHUP)
    until(lambda: started.value("more_total") == 0, "the new metric is there")
    assert told(started) == expected(10)
    labels = {row.labels["shop"] for row in started.scrape().series("orders_total")}
    assert labels == {"s0", "s1", "misspelt"}
    write(log, 5)
    wait_told(started, expected(15))

    # Other buckets and another condition are another metric; one that is configured no more is gone.
    amounts = metrics()[5]["histogram"] | {"buckets": [10, 20]}
    orders |= {"when": {"field": "amount", "above": 10}}
    other = more | {"orders_total": {"counter": orders}, "amount_euros": {"histogram": amounts}, "queue": None}
    assert started.reload(source(**other)).status == 200
    anew = {"orders_total": (0, 3), "amount_euros_count": (0, 1), "queue": None}
    wait_told(started, expected(15, **anew))
    write(log, 2)
    anew |= {"orders_total": (2, 3), "amount_euros_count": (2, 1)}
    wait_told(started, expected(17, **anew))
    assert started.value("more_total") == 21


def test_counters_go_on_also_where_a_destination_takes_nothing(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    log.write_text("line\n" * 10)
    lines, more = ({"counter": {"name": name}} for name in ("lines_total", "more_total"))
    over = {"agent": {"shutdown_grace": "1s"}}
    started = agent(tailing(log, http_receiver, metrics=[lines]) | over)
    started.settled("app", 10)
    http_receiver.down()
    with log.open("a") as file:
        file.write("line\n" * 5)
    until(lambda: started.value("lines_total") == 15, "the lines are counted")
    assert started.reload(tailing(log, http_receiver, metrics=[lines, more]) | over).status == 200
    until(lambda: started.value("more_total") == 5, "what was not delivered is read again")
    assert started.value("lines_total") >= 15, "it never goes back"
    http_receiver.up()
    started.settled("app", 15)


def test_a_source_that_is_taken_out_and_put_back_begins_anew(agent, tmp_path):
    log = tmp_path / "app.log"
    log.write_text("line\n" * 10)
    counting = tailing(log, metrics=[{"counter": {"name": "lines_total"}}])
    started = agent(counting)
    until(lambda: started.value("lines_total") == 10, "the lines are counted")
    other = tailing(log, name="other", metrics=[{"counter": {"name": "lines_total"}}])
    assert started.reload(other).status == 200
    until(lambda: started.value("lines_total", source="other") == 0, "another source is another")
    assert not started.scrape().series("lines_total", source="app")
    assert started.reload(counting).status == 200
    until(lambda: started.value("lines_total", source="app") == 0, "it begins anew")
