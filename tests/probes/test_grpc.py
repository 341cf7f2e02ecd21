"""Probes of a real gRPC server by the standard health protocol, and of peers that are none."""

import pytest
from harness.peer import reset, says, silent
from harness.probes import patience
from harness.sections import probing
from harness.wait import until


def run(agent, address, timeout="5s", trace=False, **settings):
    """The page after a run of this probe."""
    entry = {"name": "orders", "grpc": {"address": address} | settings}
    entry |= {"interval": "1h", "timeout": timeout, "trace": trace}
    started = agent(probing(entry))

    def done():
        page = started.scrape()
        return page if page.value("vigie_probe_runs_total") > 0 else None

    return until(done, f"{address} is asked")


def failure(page):
    """Reason and phase, or None."""
    found = [(sample.labels["reason"], sample.labels["phase"]) for sample in page.series("probe_failure_info")]
    assert len(found) == 1 - page.value("probe_success"), found
    return found[0] if found else None


def health(page):
    """What the service said, or nothing."""
    return {s.labels["serving_status"] for s in page.series("probe_grpc_healthcheck_response") if s.value}


def test_a_service_that_serves(agent, grpc_health):
    server = grpc_health()
    page = run(agent, server.address, service="shop.Orders", metadata={"x-token": ["hush"], "x-raw-bin": ["a\nb"]})
    assert failure(page) is None and health(page) == {"SERVING"}
    assert page.value("probe_grpc_status_code") == 0 and page.value("probe_grpc_ssl") == 0
    phases = {sample.labels["phase"]: sample.value for sample in page.series("probe_grpc_duration_seconds")}
    assert phases.keys() == {"resolve", "connect", "tls", "check"}
    assert phases["check"] > 0 and phases["tls"] == 0
    call = server.calls[0]
    assert call["method"] == "/grpc.health.v1.Health/Check"
    assert call["metadata"]["x-token"] == "hush" and call["metadata"]["x-raw-bin"] == b"a\nb".hex()
    (check,) = server.recorded("check")
    assert check["service"] == "shop.Orders" and 0 < check["remaining"] <= 5


def test_a_traced_call_carries_its_trace(agent, grpc_health, http_receiver):
    server = grpc_health()
    assert failure(run(agent, server.address, trace=True)) is None
    version, trace, span, flags = server.calls[0]["metadata"]["traceparent"].split("-")
    assert (version, flags) == ("00", "01") and int(trace, 16) and int(span, 16)


def test_a_service_over_tls(agent, grpc_health, authority):
    server = grpc_health(certificate=authority.issue())
    tls = {"tls": True, "tls_config": {"ca_file": str(server.tls.ca_file), "server_name": "localhost"}}
    page = run(agent, server.address, **tls)
    assert failure(page) is None and health(page) == {"SERVING"}
    assert page.value("probe_grpc_ssl") == 1
    assert page.value("probe_ssl_earliest_cert_expiry") > 0
    page = run(agent, server.address, tls=True)
    assert failure(page) == ("tls_untrusted", "tls")
    assert page.value("probe_grpc_status_code") == 14 and health(page) == set()
    # In plain text to a server that wants TLS.
    assert failure(run(agent, server.address))[1] == "check"


@pytest.mark.parametrize("service, status", [("shop.Stock", "NOT_SERVING"), ("shop.New", "UNKNOWN")])
def test_a_service_that_does_not_serve(agent, grpc_health, service, status):
    page = run(agent, grpc_health().address, service=service)
    assert failure(page) == ("grpc_not_serving", "check")
    assert health(page) == {status} and page.value("probe_grpc_status_code") == 0


@pytest.mark.parametrize(
    "options, settings, code",
    [({}, {"service": "absent"}, 5), ({"health": False}, {}, 12), ({"code": "UNAVAILABLE"}, {}, 14)],
)
def test_a_call_that_fails(agent, grpc_health, options, settings, code):
    page = run(agent, grpc_health(**options).address, **settings)
    assert failure(page) == ("grpc_status", "check")
    assert page.value("probe_grpc_status_code") == code and health(page) == set()


def test_an_answer_that_comes_too_late(agent, grpc_health):
    server = grpc_health(late=5)
    page = run(agent, server.address, timeout="1s")
    assert failure(page)[1] == "check" and failure(page)[0] in ("timeout", "grpc_status")
    assert page.value("probe_grpc_status_code") == 4
    assert server.wait_recorded("check")[0]["remaining"] <= 1


def test_a_port_where_nothing_listens(agent, refused):
    page = run(agent, f"127.0.0.1:{refused.port}")
    assert failure(page) == ("tcp_refused", "connect")
    assert page.value("probe_grpc_status_code") == 14


def hangs_up(call):
    """Reads all that comes, and closes."""
    call.wait(0.3)
    call.receive()


@pytest.mark.parametrize(
    "fault, reason",
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "grpc_protocol"),
        (hangs_up, "closed"),
        (reset(after=20), "tcp_reset"),
        (silent(), "timeout"),
    ],
    ids=["http1", "closed", "reset", "silent"],
)
def test_a_peer_that_is_no_grpc_server(agent, peer, fault, reason):
    server = peer(fault)
    page = run(agent, f"{server.host}:{server.port}", timeout=patience(reason))
    assert failure(page) == (reason, "check")


def test_an_http2_server_without_grpc(agent, nginx):
    server = nginx()
    page = run(agent, f"{server.host}:{server.port}")
    assert failure(page)[0] in ("grpc_protocol", "grpc_status")


def test_series_and_verdicts_are_blackbox_exporters(agent, blackbox, grpc_health):
    server = grpc_health()
    services = ["", "shop.Orders", "shop.Stock", "shop.New", "absent"]
    probes = {service or "server": {"service": service, "preferred_ip_protocol": "ip4"} for service in services}
    theirs = blackbox({name: {"prober": "grpc", "timeout": "2s", "grpc": probe} for name, probe in probes.items()})
    for name, probe in probes.items():
        page = theirs.probe(server.address, name)
        ours = run(agent, server.address, **probe)
        shape = {(s.name, frozenset(s.labels.items())) for s in page.samples if s.name.startswith("probe_")}
        # Debian's version has it without TLS as well, later ones have not.
        shape -= {("probe_ssl_earliest_cert_expiry", frozenset())}
        own = {
            (s.name, frozenset((k, v) for k, v in s.labels.items() if k not in ("instance", "probe")))
            for s in ours.samples
        }
        assert shape - own == set(), name
        for key in ("probe_success", "probe_grpc_status_code", "probe_grpc_ssl"):
            assert ours.value(key) == page.value(key), (name, key)
        assert health(ours) == health(page)
        kinds = {
            key: (f.kind, f.help)
            for key, f in page.families.items()
            if key.startswith("probe_") and key != "probe_ssl_earliest_cert_expiry"
        }
        assert {key: (ours.families[key].kind, ours.families[key].help) for key in kinds} == kinds
