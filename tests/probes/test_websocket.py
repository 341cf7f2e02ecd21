"""Probes of a real websocket server, and each way of failing."""

import pytest
from harness.peer import answers, says, shut, silent
from harness.probes import failure, patience, probed
from harness.sections import otlp, probing

PHASES = {"resolve", "connect", "tls", "processing", "transfer", "ping"}
HELLO = [
    {"expect": "^hello from (.*)$", "send": "hi $1", "labels": [{"name": "who", "value": "$1"}]},
    {"expect": "^hi the server$"},
]


def run(agent, url, timeout="2s", **websocket):
    return probed(agent(probing({"name": "events", "websocket": {"url": url} | websocket, "timeout": timeout})), url)


def test_a_websocket_that_answers_a_ping_is_up(agent, websocket):
    server = websocket()
    url = server.url + "/echo?x=1"
    page = run(agent, url)
    assert failure(page, url) is None
    assert page.value("probe_websocket_status_code", instance=url) == 101
    assert page.value("probe_websocket_connection_upgraded", instance=url) == 1
    assert page.value("probe_websocket_failed_due_to_regex", instance=url) == 0
    phases = page.series("probe_websocket_duration_seconds", instance=url)
    assert {sample.labels["phase"] for sample in phases} == PHASES
    assert page.value("probe_websocket_duration_seconds", instance=url, phase="ping") > 0
    assert server.wait_recorded("closed")[0]["code"] == 1000
    assert server.requests[0]["path"] == "/echo?x=1"


def test_a_conversation_goes_message_by_message(agent, websocket, authority):
    certificate = authority.issue()
    url = websocket(certificate).url + "/greet"
    config = {"tls_config": {"ca_file": str(certificate.ca_file)}}
    page = run(agent, url, query_response=HELLO, http_config=config)
    assert failure(page, url) is None
    assert page.value("probe_expect_info", instance=url, who="the server") == 1
    assert page.value("probe_ssl_earliest_cert_expiry", instance=url) == certificate.expires
    assert page.value("probe_websocket_duration_seconds", instance=url, phase="transfer") > 0
    page = run(agent, url, query_response=[{"expect": "^bye"}], http_config=config)
    assert failure(page, url) == ("expect_mismatch", "transfer")
    assert page.value("probe_websocket_failed_due_to_regex", instance=url) == 1
    assert failure(run(agent, url), url) == ("tls_untrusted", "tls")


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refused_upgrade_tells_its_status(agent, websocket, status):
    url = f"{websocket().url}/refuse/{status}"
    page = run(agent, url)
    assert failure(page, url) == ("websocket_refused", "processing")
    assert page.value("probe_websocket_status_code", instance=url) == status
    assert page.value("probe_websocket_connection_upgraded", instance=url) == 0


def test_who_the_probe_is_goes_along_and_is_not_shown(agent, websocket, tmp_path):
    server = websocket()
    (tmp_path / "key").write_text("hush-key\n")
    headers = {"x-key": {"files": [str(tmp_path / "key")]}, "sec-websocket-protocol": {"values": ["chat"]}}
    config = {"basic_auth": {"username": "me", "password": "hush"}}
    url = server.url + "/echo"
    started = agent(probing({"name": "events", "websocket": {"url": url, "headers": headers, "http_config": config}}))
    page = probed(started, url)
    assert failure(page, url) is None
    sent = server.requests[0]["headers"]
    assert (sent["authorization"], sent["x-key"], sent["sec-websocket-protocol"]) == (
        "Basic bWU6aHVzaA==",
        "hush-key",
        "chat",
    )
    assert "hush" not in started.log + page.text


def test_the_context_of_the_trace_goes_along(agent, websocket, http_receiver):
    server = websocket()
    probe = {"name": "events", "websocket": {"url": server.url + "/echo"}, "trace": True}
    agent(probing(probe, exporters={"otlp": [otlp(http_receiver)]}))
    sent = server.wait_recorded("request")[0]["headers"]
    assert sent["traceparent"].startswith("00-") and sent["traceparent"].endswith("-01")


@pytest.mark.parametrize(
    "path, query, expected",
    [
        ("/close/1011", [{"send": "x"}, {"expect": "x"}], ("websocket_closed", "transfer")),
        ("/mute", [{"send": "x"}, {"expect": "x"}], ("timeout", "transfer")),
        ("/echo", [{"send": "x"}, {"expect": "y"}], ("expect_mismatch", "transfer")),
    ],
    ids=["close", "mute", "other"],
)
def test_each_fault_of_a_conversation_has_its_reason(agent, websocket, path, query, expected):
    url = websocket().url + path
    assert failure(run(agent, url, timeout=patience(expected[0]), query_response=query), url) == expected


@pytest.mark.parametrize(
    "fault, expected",
    [
        (answers(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), ("websocket_refused", "processing")),
        (answers(b"220 hello\r\n\r\n"), ("websocket_protocol", "processing")),
        (
            answers(b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"),
            ("websocket_protocol", "processing"),
        ),
        (says(b"", then=shut()), ("closed", "processing")),
        (silent(), ("timeout", "processing")),
    ],
    ids=["no-upgrade", "not-http", "no-accept", "end", "silent"],
)
def test_each_fault_of_the_upgrade_has_its_reason(agent, peer, fault, expected):
    url = f"ws://{peer(fault).address}/"
    found = failure(run(agent, url, timeout=patience(expected[0])), url)
    # Who closes at once may have done so before the request was sent.
    assert found == expected or (expected[0], found) == ("closed", ("tcp_reset", "processing"))


def test_a_port_where_nobody_listens_refuses(agent, refused):
    url = f"ws://{refused.address}/"
    assert failure(run(agent, url), url) == ("tcp_refused", "connect")
