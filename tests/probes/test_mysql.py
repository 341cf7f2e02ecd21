"""Probes of a real MariaDB by every way to log in, and how each way of failing shows."""

import pytest
from harness.mariadb import PASSWORD, MariaDb
from harness.probes import failed, failure, probed
from harness.sections import otlp, probing
from harness.wait import until

PHASES = {"resolve", "connect", "tls", "login", "query"}
COUNT = "SELECT count(*) FROM orders WHERE paid"


def probe(server, user="native", **settings):
    """A probe of `server` as `user`, without TLS unless the settings say so."""
    own = {"address": f"{server.host}:{server.port}", "user": user, "database": server.database, "tls": "disable"}
    own |= {"password": PASSWORD} if "password_file" not in settings else {}
    settings = {key: value for key, value in (own | settings).items() if value is not None}
    return {"name": "shop", "mysql": settings, "labels": {"instance": "shop"}}


def secured(authority, **tls):
    return {"tls": "require", "tls_config": {"ca_file": str(authority.ca_file)} | tls}


def phases(page):
    return {s.labels["phase"]: s.value for s in page.series("probe_mysql_duration_seconds", instance="shop")}


@pytest.mark.parametrize("user", ["native", "empty"])
def test_a_user_logs_in_and_the_value_becomes_a_series(agent, mariadb, user):
    settings = {"password": None} if user == "empty" else {}
    page = probed(agent(probing(probe(mariadb, user, query=COUNT, **settings))), "shop")
    assert failure(page, "shop") is None
    assert page.value("probe_mysql_value", instance="shop") == 2
    assert page.value("probe_mysql_rows", instance="shop") == 1
    assert page.value("probe_ip_protocol", instance="shop") == 4
    (info,) = page.series("probe_mysql_info", instance="shop")
    assert mariadb.client("SELECT version()").split("-")[0] in info.labels["version"]
    assert phases(page).keys() == PHASES
    assert all(phases(page)[phase] > 0 for phase in ("connect", "login", "query"))
    assert sum(phases(page).values()) <= page.value("probe_duration_seconds", instance="shop") + 0.001


@pytest.mark.parametrize("user", ["native", "tls_only"])
def test_a_user_logs_in_over_tls(agent, mariadb, authority, user, tmp_path):
    (tmp_path / "password").write_text(PASSWORD + "\n")
    settings = {"password_file": str(tmp_path / "password"), "query": "SELECT amount FROM orders ORDER BY id"}
    page = probed(agent(probing(probe(mariadb, user, **settings, **secured(authority)))), "shop")
    assert failure(page, "shop") is None
    assert page.value("probe_mysql_value", instance="shop") == 9.99
    assert page.value("probe_mysql_rows", instance="shop") == 3
    assert phases(page)["tls"] > 0
    assert page.value("probe_ssl_earliest_cert_expiry", instance="shop") > 0


def test_a_certificate_can_be_asked_for(agent, mariadb, authority):
    client = authority.client("certified")
    tls = secured(authority, cert_file=str(client.cert_file), key_file=str(client.key_file))
    assert failure(probed(agent(probing(probe(mariadb, "certified", **tls))), "shop"), "shop") is None


def test_the_socket_is_found_by_its_path(agent, mariadb):
    page = probed(agent(probing(probe(mariadb, address=f"unix:{mariadb.socket}", tls="require"))), "shop")
    assert failure(page, "shop") is None


@pytest.mark.parametrize(
    "user, settings, reason, phase",
    [
        ("native", {"password": "wrong"}, "mysql_login", "login"),
        ("signed", {}, "mysql_login", "login"),
        ("tls_only", {}, "mysql_login", "login"),
        ("locked", {}, "mysql_login", "login"),
        ("nowhere", {}, "mysql_permission", "login"),
        ("native", {"database": "missing"}, "mysql_permission", "login"),
        ("native", {"query": "SELECT * FROM mysql.user"}, "mysql_permission", "query"),
        ("native", {"query": "SELECT FROM"}, "mysql_query", "query"),
        ("native", {"query": "SELECT 1; SELECT 2"}, "mysql_query", "query"),
        ("native", {"query": "SELECT repeat('x', 300000)"}, "mysql_protocol", "query"),
        ("native", {"query": "SELECT repeat('x', 100000) FROM seq_1_to_60"}, "mysql_too_large", "query"),
        ("native", {"tls": "prefer"}, "tls_untrusted", "tls"),
        ("native", {"password_file": "/nonexistent/password"}, "credentials", "login"),
    ],
)
def test_what_a_server_refuses_has_its_reason(agent, mariadb, user, settings, reason, phase):
    page = failed(agent(probing(probe(mariadb, user, **settings))), "shop", reason, phase)
    assert phases(page).keys() == PHASES
    assert page.value("probe_mysql_rows", instance="shop") == 0


def test_a_query_that_writes_changes_nothing(agent, mariadb):
    mariadb.client("CREATE TABLE IF NOT EXISTS shop.written (id int); GRANT ALL ON shop.written TO native@'%'")
    query = "INSERT INTO written VALUES (1)"
    failed(agent(probing(probe(mariadb, query=query))), "shop", "mysql_read_only", "query")
    assert mariadb.client("SELECT count(*) FROM shop.written") == "0"


def test_a_query_that_takes_too_long_is_ended_in_the_server_too(agent, mariadb):
    settings = probe(mariadb, query="SELECT 42 + sleep(600)") | {"timeout": "1s", "interval": "1h"}
    page = failed(agent(probing(settings)), "shop", "timeout", "query")
    assert phases(page)["query"] > 0.2
    asked = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT 42 +%'"
    until(lambda: mariadb.client(asked) == "0", "nothing is left in the server")


def test_the_server_counts_no_aborted_connection(agent, mariadb):
    counted = "SHOW GLOBAL STATUS LIKE 'Aborted%'"
    before = mariadb.client(counted)
    running = agent(probing(probe(mariadb), probe(mariadb, query="SELECT FROM") | {"name": "wrong"}))
    until(lambda: running.scrape().total("vigie_probe_runs_total") > 8, "runs")
    assert mariadb.client(counted) == before


def test_a_server_that_goes_and_comes_back_is_followed(agent):
    server = MariaDb()
    try:
        running = agent(probing(probe(server) | {"timeout": "1s"}))
        assert failure(probed(running, "shop"), "shop") is None
        server.pause()
        failed(running, "shop", "timeout", "login")
        server.resume()
        until(lambda: failure(running.scrape(), "shop") is None, "it is up again")
        server.stop()
        failed(running, "shop", "tcp_refused", "connect")
    finally:
        server.remove()


def test_spans_name_the_database_and_the_query_and_never_the_password(receiver, agent, mariadb):
    right = probe(mariadb, query=COUNT) | {"trace": True}
    wrong = probe(mariadb, query=COUNT, password="hush-wrong") | {"trace": True, "name": "wrong"}
    wrong["labels"] = {"instance": "wrong"}
    running = agent(probing(right, wrong, exporters={"otlp": [otlp(receiver)]}))

    def roots():
        found = [span for span in receiver.spans if not span.raw.parent_span_id]
        return found if {span.attributes["vigie.probe.name"] for span in found} == {"shop", "wrong"} else None

    for span in until(roots, "spans arrive"):
        attributes = span.attributes
        assert attributes["db.system.name"] == "mariadb"
        assert attributes["db.namespace"] == mariadb.database
        assert attributes["db.query.text"] == COUNT
        assert (attributes["server.address"], attributes["server.port"]) == (mariadb.host, mariadb.port)
        if attributes["vigie.probe.name"] == "wrong":
            assert attributes["error.type"] == "mysql_login"
            assert attributes["db.response.status_code"] == "1045"
        assert "hush" not in str(span.raw) and PASSWORD not in str(span.raw)
    page = running.get("/metrics").text
    assert "hush" not in running.log + page and PASSWORD not in running.log + page and COUNT not in page
