"""Spans from access logs: server spans in the traces of the requests, as safe as the records they are made with."""

from harness.receiver import accept, refuse
from harness.sections import tailing
from harness.traced import CALLER, SECTION, TRACE, request
from harness.wait import until

OWN = "b7ad6b7169203331"


def line(number, **over):
    return request(number, **over) + "\n"


def traced(log, *receivers, **over):
    return tailing(log, *receivers, **(SECTION | over))


def test_requests_are_server_spans_below_those_of_their_callers(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    log.write_text(line(1) + line(2, **{"http.response.status_code": 503}) + line(3, span_id=OWN))
    log.open("a").write(line(4, traceparent="-") + line(5, took_ms="soon") + '{"message": "no request"}\n')
    running = agent(traced(log, receiver, metrics=[{"http": {}}]))
    until(lambda: len(receiver.spans) == 3, "three spans")
    receiver.wait_logs(6)
    spans = sorted((span for span in receiver.spans), key=lambda span: span.raw.end_time_unix_nano)
    for span in spans:
        assert (span.raw.trace_id.hex(), span.raw.parent_span_id.hex()) == (TRACE, CALLER)
        assert (span.raw.name, span.raw.kind) == ("GET /users/{id}", 2)
        assert span.raw.end_time_unix_nano - span.raw.start_time_unix_nano == 250_000_000
        assert span.attributes["http.route"] == "/users/{id}"
        assert span.attributes["client.address"] == "203.0.113.9"
    assert [span.attributes["http.response.status_code"] for span in spans] == [200, 503, 200]
    assert [span.raw.status.code for span in spans] == [0, 2, 0]
    assert spans[2].raw.span_id.hex() == OWN
    assert len({span.raw.span_id for span in spans}) == 3
    expected = {"no_trace": 1, "no_duration": 1, "no_time": 0}

    def told():
        rows = running.scrape().series("vigie_log_requests_without_span_total", source="app")
        return {row.labels["reason"]: row.value for row in rows}

    until(lambda: told() == expected, "what is no span is counted by reason")


def test_what_is_read_again_after_a_crash_is_the_same_span_and_none_is_missing(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    log.write_text("")
    http_receiver.answers(lambda found: refuse(503) if hasattr(found[0].raw, "parent_span_id") else accept())
    running = agent(traced(log, http_receiver))
    with log.open("a") as file:
        file.writelines(line(number) for number in range(50))
    http_receiver.wait_logs(50)
    # The records have arrived, their spans have not: the position must not have passed them.
    running.kill9()
    http_receiver.answers_normally()
    running.start()
    until(lambda: len({span.raw.span_id for span in http_receiver.spans}) == 50, "every span arrives")
    paths = {span.attributes["url.path"]: span.raw.span_id for span in http_receiver.spans}
    assert paths.keys() == {f"/users/{number}" for number in range(50)}
    http_receiver.wait_logs(100)


def test_where_nobody_takes_spans_records_go_on(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    log.write_text("".join(line(number) for number in range(50)))
    running = agent(traced(log, http_receiver, exporter={"signals": ["logs"]}))
    running.settled("app", 100)  # records and spans
    page = running.scrape()
    counted = {"source": "app", "signal": "traces"}
    until(
        lambda: running.scrape().total("vigie_events_total", **counted, outcome="dropped", reason="no_exporter") == 50,
        "spans are counted as dropped",
    )
    assert page.total("vigie_events_in_flight", source="app", signal="logs") == 0
    running.terminate()
    running.start()
    until(lambda: running.value("vigie_log_open_files", source="app") == 1, "the file is followed again")
    assert running.ledger("app")["read"] == 0, "the position passed what nobody takes"
    assert not http_receiver.spans
