"""The agent's own spans go out through opentelemetry-otlp when asked for, and only then."""

from harness.sections import probing
from harness.wait import until


def environment(receiver, **over):
    return {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.url + "/v1/traces", "OTEL_BSP_SCHEDULE_DELAY": "100"} | over


def test_collection_and_reload_are_spans_when_asked_for(agent, http_receiver):
    started = agent(env=environment(http_receiver, OTEL_TRACES_EXPORTER="otlp"))
    started.scrape()
    assert started.reload({"agent": {"log": {"level": "debug"}}}).status == 200
    until(lambda: "reload" in {span.name for span in http_receiver.spans}, "the reload is a span")
    until(lambda: any("collect" in span.name for span in http_receiver.spans), "the collection is a span")
    assert {span.resource["service.name"] for span in http_receiver.spans} == {"vigie"}
    for span in http_receiver.spans:
        assert span.raw.start_time_unix_nano <= span.raw.end_time_unix_nano


def test_no_own_spans_unless_asked_for(agent, http_receiver, nginx):
    site = nginx()
    started = agent(probing({"name": "home", "http": {"url": site.url + "/"}}), env=environment(http_receiver))
    assert started.reload().status == 200
    until(lambda: site.access_log.exists() and site.access_log.read_text().count("\n") >= 5, "five probes")
    assert http_receiver.spans == []
