"""What a probe tells besides its values: with `trace: true` a span with a child for each phase, and its changes of state."""

import re
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, HTTPServer

from harness.sections import otlp, probing
from harness.wait import until


def test_each_probe_is_a_span_with_a_child_for_each_phase(agent, nginx, receiver):
    site = nginx()
    probe = {"name": "home", "http": {"url": site.url + "/traced"}, "trace": True}
    agent(probing(probe, exporters={"otlp": [otlp(receiver)]}))

    def families():
        """Roots by trace, with the spans below them."""
        by_trace = defaultdict(list)
        for span in receiver.spans:
            by_trace[span.raw.trace_id].append(span)
        return [spans for spans in by_trace.values() if any(not span.raw.parent_span_id for span in spans)]

    until(lambda: len(families()) >= 3, "three probes")
    for spans in families()[:3]:
        (root,) = [span for span in spans if not span.raw.parent_span_id]
        children = [span for span in spans if span.raw.parent_span_id]
        assert {child.name for child in children} == {"resolve", "connect", "processing", "transfer"} or {
            child.name for child in children
        } == {"connect", "processing", "transfer"}
        for child in children:
            assert child.raw.parent_span_id == root.raw.span_id
            assert root.raw.start_time_unix_nano <= child.raw.start_time_unix_nano
            assert child.raw.start_time_unix_nano <= child.raw.end_time_unix_nano <= root.raw.end_time_unix_nano
        assert root.raw.kind == 3  # client
        assert root.attributes["http.request.method"] == "GET"
        assert root.attributes["http.response.status_code"] == 200
        assert root.attributes["url.full"] == site.url + "/traced"


def test_the_target_is_told_the_trace(agent, http_receiver, tmp_path):
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.headers["traceparent"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        agent(probing({"name": "home", "http": {"url": url}, "trace": True}, exporters={"otlp": [otlp(http_receiver)]}))
        until(lambda: heard and http_receiver.spans, "a probe and its span")
        version, trace, span, flags = heard[0].split("-")
        assert (version, flags) == ("00", "01")
        until(
            lambda: any(
                (item.raw.trace_id.hex(), item.raw.span_id.hex()) == (trace, span) for item in http_receiver.spans
            ),
            "the span the target was told of",
        )
    finally:
        server.shutdown()
        server.server_close()


def test_a_failed_probe_is_a_span_with_an_error(agent, nginx, http_receiver):
    url = nginx().url + "/broken"
    started = agent(
        probing({"name": "home", "http": {"url": url}, "trace": True}, exporters={"otlp": [otlp(http_receiver)]})
    )
    root = until(lambda: [span for span in http_receiver.spans if not span.raw.parent_span_id], "its span")[0]
    assert root.raw.status.code == 2  # error
    assert root.attributes["http.response.status_code"] == 500
    until(lambda: started.scrape().total("vigie_events_total", signal="traces", outcome="delivered") > 0, "counted")


def test_without_trace_there_are_no_spans(agent, nginx, http_receiver):
    site = nginx()
    agent(probing({"name": "home", "http": {"url": site.url + "/"}}, exporters={"otlp": [otlp(http_receiver)]}))
    until(lambda: site.access_log.exists() and site.access_log.read_text().count("\n") >= 5, "five probes")
    assert http_receiver.spans == []


def test_a_change_of_state_is_a_log_record(agent, nginx, http_receiver):
    site = nginx()
    config = probing({"name": "home", "http": {"url": site.url + "/"}}, exporters={"otlp": [otlp(http_receiver)]})
    started = agent(config)
    until(lambda: started.value("probe_success", instance=site.url + "/") == 1, "up")
    site.stop()
    until(lambda: any("home is down" in line for line in http_receiver.lines), "the record of going down")
    (down,) = [record for record in http_receiver.logs if "home is down" in record.text]
    assert down.raw.severity_number == 17  # error
    assert down.attributes["url.full"] == site.url + "/"
    assert down.attributes["vigie.probe.phase"] == "connect"


def test_a_probe_is_the_parent_of_what_the_application_does_for_it(agent, shop, http_receiver):
    app = shop(http_receiver)
    probe = {"name": "shop", "http": {"url": app.url + "/orders/7"}, "trace": True}
    running = agent(probing(probe, exporters={"otlp": [otlp(http_receiver)]}))

    def joined():
        """A span of the application with the span of the probe that it belongs to."""
        ours = {
            (span.raw.trace_id, span.raw.span_id): span
            for span in http_receiver.spans
            if span.resource.get("service.name") == "vigie" and not span.raw.parent_span_id
        }
        for span in app.spans:
            if parent := ours.get((span.raw.trace_id, span.raw.parent_span_id)):
                return parent, span
        return None

    parent, child = until(joined, "a server span below the span of the probe")
    assert (parent.raw.kind, child.raw.kind) == (3, 2), "client and server"
    assert parent.raw.start_time_unix_nano <= child.raw.start_time_unix_nano
    assert child.raw.end_time_unix_nano <= parent.raw.end_time_unix_nano
    assert parent.attributes["url.full"] == app.url + "/orders/7"

    page = running.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}).text
    exemplars = re.findall(
        r'^vigie_probe_duration_seconds_bucket.* # \{trace_id="(\w+)",span_id="(\w+)"\} \S+ \S+$', page, re.M
    )
    assert exemplars, "the histogram points to a trace"
    known = {(span.raw.trace_id.hex(), span.raw.span_id.hex()) for span in http_receiver.spans}
    until(
        lambda: set(exemplars) <= {(s.raw.trace_id.hex(), s.raw.span_id.hex()) for s in http_receiver.spans} | known,
        "the spans that the histogram points to",
    )
    assert "# {" not in running.get("/metrics").text, "text 0.0.4 knows no exemplars"


def test_the_record_of_a_failure_shows_what_was_answered_without_its_secrets(agent, http_receiver):
    page = b'{"error": "no such shop", "access_token": "s3cr3t-of-the-shop", "echo": "Bearer hunter2-hunter2"}'
    head = f"HTTP/1.1 503 Service Unavailable\r\ncontent-length: {len(page)}\r\nconnection: close\r\n\r\n"
    server = serving(head.encode() + page)
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        http = {"url": url, "authorization": {"credentials": "hunter2-hunter2"}}
        running = agent(probing({"name": "shop", "http": http}, exporters={"otlp": [otlp(http_receiver)]}))
        (record,) = http_receiver.wait_logs(1)[:1]
        assert record.attributes["error.type"] == "http_status"
        shown = record.attributes["vigie.probe.response"]
        assert "no such shop" in shown
        everything = shown + record.text + running.log + running.get("/metrics").text
        assert "s3cr3t" not in everything and "hunter2" not in everything
    finally:
        server.shutdown()
        server.server_close()


def serving(answer):
    """Answers every request with these bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.wfile.write(answer)
            self.close_connection = True

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
