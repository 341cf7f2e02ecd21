"""HTTP_PROXY, HTTPS_PROXY and NO_PROXY: the way to a destination that is not reached directly."""

import base64

import pytest
from harness.oracle import Writer, judge
from harness.proxy import Proxy
from harness.receiver import GrpcReceiver, HttpReceiver
from harness.sections import tailing
from harness.wait import until

BASIC = "Basic " + base64.b64encode(b"user:hunter2").decode()


@pytest.fixture
def proxied(request, agent, tmp_path):
    """`proxied(receiver, variable)`: an agent that knows the receiver as otlp.example; (agent, proxy, writer)."""

    def start(receiver, variable, refuses=False, **env):
        request.addfinalizer(receiver.down)
        proxy = Proxy(receiver, refuses)
        request.addfinalizer(proxy.close)
        log = tmp_path / "app.log"
        scheme = "https" if receiver.tls else "http"
        exporter = {"endpoint": f"{scheme}://otlp.example:4318", "timeout": "2s"}
        env = {variable: proxy.url("user:hunter2@")} | env
        started = agent(tailing(log, receiver, exporter=exporter), env=env)
        return started, proxy, Writer(log)

    return start


def arrives(agent, receiver, writer):
    writer.write(500)
    agent.settled("app", 500)
    verdict = judge(receiver.lines, 500)
    assert verdict.exactly_once(), verdict
    assert "hunter2" not in agent.log


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_plain_requests_are_handed_to_the_proxy_whole(proxied, variable):
    receiver = HttpReceiver()
    started, proxy, writer = proxied(receiver, variable)
    arrives(started, receiver, writer)
    assert set(proxy.asked) == {("POST", "http://otlp.example:4318/v1/logs", BASIC)}


@pytest.mark.parametrize("kind", [HttpReceiver, GrpcReceiver])
def test_tls_goes_through_a_tunnel(proxied, authority, kind):
    receiver = kind(tls=authority.issue(names=("otlp.example",)))
    started, proxy, writer = proxied(receiver, "HTTPS_PROXY")
    arrives(started, receiver, writer)
    assert set(proxy.asked) == {("CONNECT", "otlp.example:4318", BASIC)}


def test_grpc_without_tls_goes_through_a_tunnel_too(proxied):
    receiver = GrpcReceiver()
    started, proxy, writer = proxied(receiver, "HTTP_PROXY")
    arrives(started, receiver, writer)
    assert set(proxy.asked) == {("CONNECT", "otlp.example:4318", BASIC)}


def test_a_proxy_that_refuses_is_told_apart_from_a_destination_that_does(proxied):
    receiver = GrpcReceiver()
    started, proxy, writer = proxied(receiver, "HTTP_PROXY", refuses=True)
    writer.write(10)
    errors = {"exporter": "to0", "phase": "proxy", "signal": "logs"}
    until(lambda: started.value("vigie_export_connection_errors_total", **errors) >= 2, "the proxy is in the way")
    assert "proxy: answered `HTTP/1.1 407 Proxy Authentication Required`" in started.log
    assert started.ledger("app")["dropped"] == 0
    proxy.refuses = False
    started.settled("app", 10)
    assert "hunter2" not in started.log


def test_who_is_exempt_is_not_looked_for_behind_the_proxy(proxied):
    receiver = HttpReceiver()
    started, proxy, writer = proxied(receiver, "HTTP_PROXY", NO_PROXY="10.0.0.0/8, .example")
    writer.write(10)
    errors = {"exporter": "to0", "phase": "resolve", "signal": "logs"}
    until(lambda: started.value("vigie_export_connection_errors_total", **errors) >= 1, "the name leads nowhere", 30)
    assert proxy.asked == []


def test_loopback_is_not_looked_for_behind_the_proxy(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    nowhere = "http://127.0.0.1:1"
    started = agent(tailing(log, receiver), env={"HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere})
    arrives(started, receiver, Writer(log))


def test_a_variable_that_names_no_proxy_is_said_without_quoting_it(unstarted, http_receiver, tmp_path):
    exporter = {"endpoint": "http://otlp.example"}
    one = unstarted(
        tailing(tmp_path / "app.log", http_receiver, exporter=exporter), env={"HTTP_PROXY": "socks5://user:hunter2@a"}
    )
    one.start(ready=False)
    until(lambda: "HTTP_PROXY: not the URL of a proxy" in one.log, "it is said")
    assert "hunter2" not in one.log
