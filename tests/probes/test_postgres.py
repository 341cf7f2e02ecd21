"""Probes of a real PostgreSQL by every way to log in, and how each way of failing shows."""

import re

import pytest
from harness.postgres import PASSWORD
from harness.probes import failed, failure, probed
from harness.sections import otlp, probing
from harness.wait import until

PHASES = {"resolve", "connect", "tls", "login", "query"}
COUNT = "SELECT count(*) FROM orders WHERE paid"


def probe(server, user="scram", **settings):
    """A probe of `server` as `user`, without TLS unless the settings say so."""
    own = {"address": f"{server.host}:{server.port}", "user": user, "database": server.database, "tls": "disable"}
    own |= {"password": PASSWORD} if "password_file" not in settings else {}
    return {"name": "orders", "postgres": own | settings, "labels": {"instance": "orders"}}


def secured(authority, **tls):
    return {"tls": "require", "tls_config": {"ca_file": str(authority.ca_file)} | tls}


def phases(page):
    return {s.labels["phase"]: s.value for s in page.series("probe_postgres_duration_seconds", instance="orders")}


@pytest.mark.parametrize("user", ["scram", "hashed", "trusted"])
def test_a_user_logs_in_and_the_value_becomes_a_series(agent, postgres, user):
    page = probed(agent(probing(probe(postgres, user, query=COUNT))), "orders")
    assert failure(page, "orders") is None
    assert page.value("probe_postgres_value", instance="orders") == 2
    assert page.value("probe_postgres_rows", instance="orders") == 1
    assert page.value("probe_ip_protocol", instance="orders") == 4
    (info,) = page.series("probe_postgres_info", instance="orders")
    assert info.labels["version"].split()[0] in postgres.psql("SHOW server_version")
    assert info.labels["hot_standby"] == "off"
    assert phases(page).keys() == PHASES
    assert all(phases(page)[phase] > 0 for phase in ("connect", "login", "query"))
    assert sum(phases(page).values()) <= page.value("probe_duration_seconds", instance="orders") + 0.001


@pytest.mark.parametrize("user", ["scram", "clear", "tls_only"])
def test_a_user_logs_in_over_tls(agent, postgres, authority, user, tmp_path):
    (tmp_path / "password").write_text(PASSWORD + "\n")
    settings = {"password_file": str(tmp_path / "password"), "query": "SELECT amount FROM orders ORDER BY id"}
    page = probed(agent(probing(probe(postgres, user, **settings, **secured(authority)))), "orders")
    assert failure(page, "orders") is None
    assert page.value("probe_postgres_value", instance="orders") == 9.99
    assert page.value("probe_postgres_rows", instance="orders") == 3
    assert phases(page)["tls"] > 0
    assert page.value("probe_ssl_earliest_cert_expiry", instance="orders") > 0


def test_a_certificate_can_stand_for_the_password(agent, postgres, authority):
    client = authority.client("certified")
    tls = secured(authority, cert_file=str(client.cert_file), key_file=str(client.key_file))
    page = probed(agent(probing(probe(postgres, "certified", **tls))), "orders")
    assert failure(page, "orders") is None


def test_the_socket_is_found_by_its_path(agent, postgres):
    socket = f"unix:{postgres.socket_dir}/.s.PGSQL.{postgres.port}"
    page = probed(agent(probing(probe(postgres, address=socket, tls="require"))), "orders")
    assert failure(page, "orders") is None


@pytest.mark.parametrize(
    "user, settings, reason, phase",
    [
        ("scram", {"password": "wrong"}, "postgres_login", "login"),
        ("hashed", {"password": "wrong"}, "postgres_login", "login"),
        ("clear", {}, "postgres_login", "login"),
        ("rejected", {}, "postgres_login", "login"),
        ("tls_only", {}, "postgres_login", "login"),
        ("scram", {"database": "nowhere"}, "postgres_database", "login"),
        ("crowded", {}, "postgres_too_many_connections", "login"),
        ("scram", {"query": "SELECT * FROM missing"}, "postgres_query", "query"),
        ("scram", {"query": "SELECT pg_read_file('/etc/passwd')"}, "postgres_permission", "query"),
        ("scram", {"query": "SELECT 1; SELECT 2"}, "postgres_query", "query"),
        ("scram", {"query": "SELECT repeat('x', 300000)"}, "postgres_protocol", "query"),
        ("scram", {"query": "SELECT repeat('x', 100000) FROM generate_series(1, 60)"}, "postgres_too_large", "query"),
        ("scram", {"tls": "prefer"}, "tls_untrusted", "tls"),
        ("scram", {"password_file": "/nonexistent/password"}, "credentials", "login"),
    ],
)
def test_what_a_server_refuses_has_its_reason(agent, postgres, user, settings, reason, phase):
    page = failed(agent(probing(probe(postgres, user, **settings))), "orders", reason, phase)
    assert phases(page).keys() == PHASES
    assert page.value("probe_postgres_rows", instance="orders") == 0


def test_a_query_that_writes_changes_nothing(agent, postgres):
    postgres.psql("CREATE TABLE IF NOT EXISTS written (id int); GRANT ALL ON written TO scram")
    before = postgres.psql("SELECT count(*) FROM written")
    query = "INSERT INTO written VALUES (1)"
    failed(agent(probing(probe(postgres, query=query))), "orders", "postgres_read_only", "query")
    assert postgres.psql("SELECT count(*) FROM written") == before


def test_a_query_that_takes_too_long_is_ended_in_the_server_too(agent, postgres):
    settings = probe(postgres, "trusted", query="SELECT 42 FROM pg_sleep(600)")
    running = agent(probing(settings | {"timeout": "1s", "interval": "1h"}))
    page = failed(running, "orders", "timeout", "query")
    assert phases(page)["query"] > 0.2
    asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT 42 FROM pg_sleep%'"
    until(lambda: postgres.psql(asked) == "0", "nothing is left in the server")


def test_the_servers_log_stays_clean(agent, postgres):
    log = postgres.room.directory / "log"
    before = len(log.read_text())
    running = agent(probing(probe(postgres), probe(postgres, query="SELECT 1/0") | {"name": "wrong"}))
    until(lambda: running.scrape().total("vigie_probe_runs_total") > 8, "runs")
    lines = log.read_text()[before:].splitlines()
    told = [line for line in lines if re.search(r"LOG|WARNING|FATAL", line) and " connection " not in line]
    told = [line for line in told if "authorized" not in line and "received" not in line]
    assert told == []


def test_a_server_that_goes_and_comes_back_is_followed(agent, authority):
    from harness.postgres import Postgres

    server = Postgres()
    try:
        running = agent(probing(probe(server, "trusted") | {"timeout": "1s"}))
        assert failure(probed(running, "orders"), "orders") is None
        server.pause()
        failed(running, "orders", "timeout", "login")
        server.resume()
        until(lambda: failure(running.scrape(), "orders") is None, "it is up again")
        server.stop()
        failed(running, "orders", "tcp_refused", "connect")
    finally:
        server.remove()


def test_spans_name_the_database_and_the_query_and_never_the_password(receiver, agent, postgres):
    right = probe(postgres, query=COUNT) | {"trace": True}
    wrong = probe(postgres, query=COUNT, password="hush-wrong") | {"trace": True, "name": "wrong"}
    wrong["labels"] = {"instance": "wrong"}
    running = agent(probing(right, wrong, exporters={"otlp": [otlp(receiver)]}))

    def roots():
        found = [span for span in receiver.spans if not span.raw.parent_span_id]
        return found if {span.attributes["vigie.probe.name"] for span in found} == {"orders", "wrong"} else None

    for span in until(roots, "spans arrive"):
        attributes = span.attributes
        assert attributes["db.system.name"] == "postgresql"
        assert attributes["db.namespace"] == postgres.database
        assert attributes["db.query.text"] == COUNT
        assert (attributes["server.address"], attributes["server.port"]) == (postgres.host, postgres.port)
        if attributes["vigie.probe.name"] == "wrong":
            assert attributes["error.type"] == "postgres_login"
            assert attributes["db.response.status_code"] == "28P01"
        assert "hush" not in str(span.raw) and PASSWORD not in str(span.raw)
    told = running.log + running.get("/metrics").text
    assert "hush" not in told and PASSWORD not in told and COUNT not in running.get("/metrics").text
