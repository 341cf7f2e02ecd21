"""How a push looks on the wire: compression, headers, TLS, resource and scope, and the OTEL_ variables."""

import pytest
from harness.oracle import Writer, judge
from harness.receiver import GrpcReceiver, HttpReceiver
from harness.sections import otlp, tail, tailing
from harness.wait import until


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_each_compression_is_understood_by_an_http_receiver(agent, http_receiver, tmp_path, compression):
    writer = Writer(tmp_path / "app.log")
    writer.write(1000)
    agent(tailing(writer.path, http_receiver, exporter={"compression": compression}))
    http_receiver.wait_logs(1000)
    assert judge(http_receiver.lines, 1000).exactly_once()
    request = http_receiver.requests[0]
    assert request.headers.get("content-encoding") == (None if compression == "none" else compression)
    assert request.headers["content-type"] == "application/x-protobuf"
    assert "vigie/" in request.headers["user-agent"]


def test_headers_reach_the_receiver_and_no_log(agent, receiver, tmp_path):
    (tmp_path / "token").write_text("s3cr3t-token\n")
    writer = Writer(tmp_path / "app.log")
    writer.write(10)
    headers = {"authorization": f"Bearer ${{file:{tmp_path}/token}}", "x-tenant": "shop"}
    started = agent(
        tailing(writer.path, receiver, exporter={"headers": headers}) | {"agent": {"log": {"level": "debug"}}}
    )
    receiver.wait_logs(10)
    assert receiver.requests[0].headers["authorization"] == "Bearer s3cr3t-token"
    assert receiver.requests[0].headers["x-tenant"] == "shop"
    assert "s3cr3t" not in started.log
    assert "s3cr3t" not in started.scrape().text


@pytest.mark.parametrize("kind", [HttpReceiver, GrpcReceiver])
def test_a_receiver_behind_tls_is_verified(agent, authority, tmp_path, kind):
    receiver = kind(tls=authority.issue())
    try:
        writer = Writer(tmp_path / "app.log")
        writer.write(100)
        started = agent(tailing(writer.path, receiver))
        receiver.wait_logs(100)
        assert judge(receiver.lines, 100).exactly_once()

        # Without the authority that signed it the same receiver is not to be trusted.
        stranger = tailing(writer.path, receiver, exporter={"tls": {}})
        count = len(receiver.requests)
        doubting = agent(stranger)
        until(
            lambda: "certificate" in doubting.log.lower() or "issuer" in doubting.log.lower(), "the refusal is logged"
        )
        assert len(receiver.requests) == count
        assert started.process.running
    finally:
        receiver.down()


def test_records_say_where_they_come_from(agent, receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    writer.write(1)
    config = tailing(writer.path, receiver, attributes={"team": "shop"})
    config["agent"] = {"service": "watcher", "resource": {"deployment.environment.name": "prod"}}
    agent(config)
    (record,) = receiver.wait_logs(1)
    assert record.resource["service.name"] == "watcher"
    assert record.resource["deployment.environment.name"] == "prod"
    assert record.resource["host.name"] and record.resource["os.type"] == "linux"
    assert record.attributes["team"] == "shop"
    assert record.attributes["log.file.path"] == str(writer.path)
    assert record.attributes["log.file.name"] == "app.log"


def test_otel_variables_are_honoured_and_the_file_wins(agent, http_receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    writer.write(10)
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": http_receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=shop%20one",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_SERVICE_NAME": "from-environment",
        "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shops,service.name=loses",
    }
    agent({"collectors": {"logs": [tail(writer.path)]}}, env=env)
    record = http_receiver.wait_logs(10)[0]
    assert record.resource["service.name"] == "from-environment"
    assert record.resource["service.namespace"] == "shops"
    headers = http_receiver.requests[0].headers
    assert headers["x-tenant"] == "shop one" and "content-encoding" not in headers


def test_an_endpoint_for_one_signal_is_used_as_it_is(agent, http_receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    writer.write(10)
    env = {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": http_receiver.url + "/v1/logs"}
    agent({"collectors": {"logs": [tail(writer.path)]}}, env=env)
    http_receiver.wait_logs(10)


def test_metrics_are_pushed_where_they_are_named(agent, receiver):
    env = {"OTEL_METRIC_EXPORT_INTERVAL": "500"}
    agent({"exporters": {"otlp": [otlp(receiver, signals=["metrics"])]}}, env=env)
    metrics = until(lambda: {metric.name: metric for metric in receiver.metrics}, "metrics at the receiver", 90)
    load = metrics["node_load1"].raw
    assert load.WhichOneof("data") == "gauge" and load.gauge.data_points[0].as_double >= 0
    seconds = metrics["node_cpu_seconds_total"].raw
    assert seconds.sum.is_monotonic and seconds.sum.aggregation_temporality == 2  # cumulative
