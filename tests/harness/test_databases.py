"""PostgreSQL, redis and MariaDB let in whom they should, as their own clients see it."""

import pytest

from harness.postgres import Postgres
from harness.redis import PASSWORD

SUM = "SELECT sum(amount) FROM orders"
PLAIN = {"sslmode": "disable"}


@pytest.mark.parametrize("user", ["scram", "hashed", "clear", "trusted"])
def test_postgres_lets_in_with_and_without_tls(postgres, user):
    assert postgres.psql(SUM, user, **PLAIN) == "47.49"
    assert postgres.psql(SUM, user, sslmode="verify-full") == "47.49"


def test_postgres_asks_each_user_as_it_should(postgres):
    kept = postgres.psql("SELECT rolname, left(rolpassword, 4) FROM pg_authid WHERE rolname IN ('scram', 'hashed')")
    assert sorted(kept.splitlines()) == ["hashed|md5" + kept.split("hashed|md5")[1][0], "scram|SCRA"]
    for user in ("scram", "hashed", "clear"):
        with pytest.raises(AssertionError, match="password authentication failed"):
            postgres.psql(SUM, user, password="wrong", **PLAIN)
    assert postgres.psql(SUM, "trusted", password="wrong", **PLAIN) == "47.49"


def test_postgres_keeps_out(postgres, authority, tmp_path):
    with pytest.raises(AssertionError, match="no encryption"):
        postgres.psql(SUM, "tls_only", **PLAIN)
    assert postgres.psql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", "tls_only") == "t"
    with pytest.raises(AssertionError, match="pg_hba.conf rejects"):
        postgres.psql(SUM, "rejected", **PLAIN)
    with pytest.raises(AssertionError, match="too many connections"):
        postgres.psql(SUM, "crowded", **PLAIN)
    with pytest.raises(AssertionError, match="certificate"):
        postgres.psql(SUM, "certified")
    shown = postgres.room.keep(authority.client("certified"))
    files = {"sslcert": shown.cert_file, "sslkey": shown.key_file}
    assert postgres.psql(SUM, "certified", sslmode="verify-full", **files) == "47.49"


def test_postgres_takes_the_url_and_the_socket(postgres):
    def over(url):
        return postgres.room.run("psql", "-X", "-A", "-t", url, "-c", SUM).strip()

    assert over(postgres.url()) == "47.49"
    assert over(postgres.url("tls_only", tls=True, sslrootcert=postgres.tls.ca_file)) == "47.49"
    assert postgres.psql(SUM, "scram", host=postgres.socket_dir) == "47.49"
    with pytest.raises(AssertionError, match="permission denied"):
        postgres.psql("DELETE FROM orders", "scram")


def test_postgres_goes_away_and_comes_back_and_leaves_nothing():
    server = Postgres()
    try:
        with pytest.raises(AssertionError, match="does not support SSL"):
            server.psql(SUM, "scram", sslmode="require")
        server.pause()
        with pytest.raises(AssertionError, match="timeout expired"):
            server.psql(SUM, "scram", connect_timeout=2)
        server.resume()
        assert server.psql(SUM, "scram") == "47.49"
        server.stop()
        with pytest.raises(AssertionError, match="refused"):
            server.psql(SUM, "scram")
        assert server.start().psql(SUM, "scram") == "47.49"
    finally:
        server.remove()
    assert not server.room.directory.exists() and not server.process.running


def test_redis_is_open_until_it_has_a_password(redis):
    assert redis().cli("PING") == "PONG"
    closed = redis(password="open sesame/1")
    assert closed.cli("PING") == "PONG"
    by_url, closed.password = closed.url(), None
    assert closed.cli("PING", args=("-u", by_url)).startswith("PONG")
    assert closed.cli("PING").startswith("NOAUTH")
    closed.password = "wrong"
    assert "WRONGPASS" in closed.cli("PING")


def test_redis_gives_its_users_their_rights(redis):
    server = redis()
    assert server.cli("GET", "shop:orders", user="probe") == "3"
    assert server.cli("GET", "other", user="probe").startswith("NOPERM")
    assert server.cli("SET", "shop:orders", "4", user="probe").startswith("NOPERM")
    assert server.cli("PING", user="mute").startswith("NOPERM")
    assert "/" in PASSWORD and server.cli("PING", args=("-u", server.url("probe"))).startswith("PONG")


def test_redis_over_tls_and_with_certificates(redis, authority):
    server = redis(certificate=authority.issue())
    assert server.cli("PING") == "PONG"
    assert server._cli("-p", server.port, "PING").startswith("Error: ")
    strict = redis(certificate=authority.issue(), client_ca=authority.ca_file)
    client = authority.client()
    assert "PONG" not in strict.cli("PING")
    assert strict.cli("PING", args=("--cert", client.cert_file, "--key", client.key_file)) == "PONG"


def test_redis_without_its_master_says_so(redis, refused):
    server = redis(config=f"replicaof {refused.host} {refused.port}\nreplica-serve-stale-data no\n")
    assert server.cli("PING").startswith("MASTERDOWN")


def test_redis_goes_away_and_comes_back(redis):
    server = redis()
    server.stop()
    assert "refused" in server.cli("PING")
    assert server.start().cli("PING") == "PONG"


def ssl(server):
    return ("--ssl", f"--ssl-ca={server.tls.ca_file}", "--ssl-verify-server-cert")


@pytest.mark.parametrize("user", ["native", "signed", "empty"])
def test_mariadb_lets_in_with_and_without_tls(mariadb, user):
    status = "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'ssl_cipher'"
    for args, encrypted in ((("--skip-ssl",), "0"), (ssl(mariadb), "1")):
        assert mariadb.client(SUM, user, "shop", *args) == "47.49"
        assert mariadb.client(status, user, *args) == encrypted


def test_mariadb_asks_each_user_as_it_should(mariadb):
    rows = mariadb.client("SELECT user, json_value(priv, '$.plugin') FROM mysql.global_priv").splitlines()
    plugins = dict(row.split("\t") for row in rows)
    assert (plugins["native"], plugins["signed"]) == ("mysql_native_password", "ed25519")
    for user in ("native", "signed"):
        with pytest.raises(AssertionError, match="1045"):
            mariadb.client(SUM, user, "--password=wrong", "shop")


def test_mariadb_keeps_out(mariadb, authority):
    with pytest.raises(AssertionError, match="1045"):
        mariadb.client(SUM, "tls_only", "--skip-ssl", "shop")
    assert mariadb.client(SUM, "tls_only", "shop", *ssl(mariadb)) == "47.49"
    with pytest.raises(AssertionError, match="1045"):
        mariadb.client(SUM, "certified", "shop", *ssl(mariadb))
    shown = mariadb.room.keep(authority.client())
    files = (f"--ssl-cert={shown.cert_file}", f"--ssl-key={shown.key_file}")
    assert mariadb.client(SUM, "certified", "shop", *ssl(mariadb), *files) == "47.49"
    with pytest.raises(AssertionError, match="4151"):
        mariadb.client(SUM, "locked", "shop")
    with pytest.raises(AssertionError, match="1044"):
        mariadb.client(SUM, "nowhere", "shop")
    assert mariadb.client(SUM, "nobody", "shop", over="socket") == "47.49"


def test_mariadb_goes_away_and_comes_back_on_its_port(mariadb):
    mariadb.stop()
    with pytest.raises(AssertionError, match="2002|2003"):
        mariadb.client(SUM, "native", "shop")
    assert mariadb.start().client(SUM, "native", "shop") == "47.49"
