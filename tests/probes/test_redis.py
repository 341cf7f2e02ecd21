"""Probes of a real Redis, and how each way of failing shows."""

import socket

import pytest
from harness.ports import free_port
from harness.probes import failed, probed
from harness.redis import PASSWORD
from harness.sections import otlp, probing
from harness.wait import until

PHASES = {"resolve", "connect", "tls", "login", "query"}


def probe(server, **redis):
    """A probe of `server`, with these settings of the kind; what its series call it."""
    address = f"{server.host}:{server.port}"
    return {"name": "cache", "redis": {"address": address} | redis, "labels": {"instance": "cache"}}


def test_a_value_that_is_read_becomes_a_series(agent, redis):
    server = redis()
    page = probed(agent(probing(probe(server, command=["GET", "shop:orders"]))), "cache")
    assert page.value("probe_success", instance="cache") == 1
    assert page.value("probe_redis_value", instance="cache") == 3
    assert page.value("probe_ip_protocol", instance="cache") == 4
    (info,) = page.series("probe_redis_info", instance="cache")
    assert (info.labels["role"], info.labels["mode"]) == ("master", "standalone")
    assert info.labels["version"] in server.cli("INFO", "server")
    phases = {s.labels["phase"]: s.value for s in page.series("probe_redis_duration_seconds", instance="cache")}
    assert phases.keys() == PHASES
    assert phases["connect"] > 0 and phases["login"] > 0 and phases["query"] > 0
    assert sum(phases.values()) <= page.value("probe_duration_seconds", instance="cache") + 0.001


def test_a_user_logs_in_with_a_password_from_a_file_over_tls(agent, redis, authority, tmp_path):
    server = redis(password="other", certificate=authority.issue())
    (tmp_path / "password").write_text(PASSWORD + "\n")
    settings = {"username": "probe", "password_file": str(tmp_path / "password"), "command": ["GET", "shop:orders"]}
    tls = {"tls": True, "tls_config": {"ca_file": str(authority.ca_file)}}
    page = probed(agent(probing(probe(server, **settings, **tls))), "cache")
    assert page.value("probe_success", instance="cache") == 1
    assert page.value("probe_redis_value", instance="cache") == 3
    assert page.value("probe_redis_duration_seconds", instance="cache", phase="tls") > 0
    assert page.value("probe_ssl_earliest_cert_expiry", instance="cache") > 0


def test_a_server_is_reached_by_its_socket(agent, redis):
    server = redis(password="other")
    path = f"/proc/{server.process.pid}/cwd/{server.socket.name}"  # a path that is never too long
    page = probed(agent(probing(probe(server, address=f"unix:{path}", password="other"))), "cache")
    assert page.value("probe_success", instance="cache") == 1


@pytest.mark.parametrize(
    "settings, reason, phase",
    [
        ({}, "redis_auth", "login"),
        ({"password": "wrong"}, "redis_auth", "login"),
        ({"username": "mute", "password": PASSWORD}, "redis_permission", "query"),
        ({"password": "right", "database": 99}, "redis_error", "login"),
        ({"password": "right", "role": "replica"}, "redis_role", "login"),
        ({"password": "right", "command": ["LLEN", "shop:orders"]}, "redis_error", "query"),
        ({"password_file": "/nonexistent/password"}, "credentials", "login"),
        ({"password": "right", "tls": True}, "tls_timeout", "tls"),
    ],
)
def test_what_a_server_refuses_has_its_reason(agent, redis, settings, reason, phase):
    page = failed(agent(probing(probe(redis(password="right"), **settings))), "cache", reason, phase)
    assert {s.labels["phase"] for s in page.series("probe_redis_duration_seconds", instance="cache")} == PHASES


def test_a_replica_that_has_lost_its_master_says_so(agent, redis):
    config = f"replicaof 127.0.0.1 {free_port()}\nreplica-serve-stale-data no\n"
    server = redis(config=config)
    failed(agent(probing(probe(server, command=["GET", "shop:orders"]))), "cache", "redis_master_down", "query")


def test_a_server_with_too_many_clients_says_so(agent, redis):
    server = redis(config="maxclients 1\n")
    with socket.create_connection((server.host, server.port)) as taken:
        taken.sendall(b"PING\r\n")
        assert taken.recv(64) == b"+PONG\r\n"
        failed(agent(probing(probe(server))), "cache", "redis_too_many_connections", "login")


def test_a_server_that_comes_and_goes_is_followed(agent, redis):
    server = redis()
    running = agent(probing(probe(server)))
    assert probed(running, "cache").value("probe_success", instance="cache") == 1
    server.stop()
    failed(running, "cache", "tcp_refused", "connect")
    server.start()
    until(lambda: running.scrape().value("probe_success", instance="cache") == 1, "it is up again")


def test_a_server_that_says_nothing_times_out(agent, redis):
    server = redis()
    running = agent(probing(probe(server) | {"timeout": "1s"}))
    probed(running, "cache")
    server.pause()
    page = failed(running, "cache", "timeout", "login")
    assert page.value("probe_redis_duration_seconds", instance="cache", phase="login") > 0.2
    server.resume()
    until(lambda: running.scrape().value("probe_success", instance="cache") == 1, "it is up again")


def test_spans_and_records_name_the_database_and_never_the_password(receiver, agent, redis):
    server = redis(password="hush-hush")
    sections = {"exporters": {"otlp": [otlp(receiver)]}}
    right = probe(server, password="hush-hush", command=["STRLEN", "shop:orders"]) | {"trace": True}
    wrong = {"name": "wrong", "redis": right["redis"] | {"password": "hush-wrong"}, "trace": True}
    running = agent(probing(right, wrong, **sections))

    def roots():
        found = [span for span in receiver.spans if not span.raw.parent_span_id]
        return found if {span.attributes["vigie.probe.name"] for span in found} == {"cache", "wrong"} else None

    for span in until(roots, "spans arrive"):
        attributes = span.attributes
        assert span.name == "STRLEN"
        assert attributes["db.system.name"] == "redis"
        assert attributes["db.operation.name"] == "STRLEN"
        assert attributes["db.namespace"] == "0"
        assert (attributes["server.address"], attributes["server.port"]) == (server.host, server.port)
        if attributes["vigie.probe.name"] == "wrong":
            assert attributes["error.type"] == "redis_auth"
            assert attributes["db.response.status_code"] == "WRONGPASS"
        assert "hush" not in str(span.raw)
    assert "hush" not in running.log + running.get("/metrics").text
