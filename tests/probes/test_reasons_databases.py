"""Reasons of databases that a server gives only in a state that a test has to bring it into, and to bring it out of."""

import pytest
from harness.failing import Fault, Watched
from harness.peer import says
from harness.ports import listens
from harness.postgres import PASSWORD, Postgres, program
from harness.process import Process
from harness.wait import until

SLOTS = range(16384)


def redis(server, mend=None, begin=None, timeout="2s", **settings):
    target = f"{server.host}:{server.port}"
    return Fault("redis", target, {"address": target} | settings, mend, timeout, begin)


def postgres(server, mend=None, begin=None, user="trusted", **settings):
    target = f"{server.host}:{server.port}"
    login = {"user": user, "password": PASSWORD, "database": server.database, "tls": "disable"}
    return Fault("postgres", target, {"address": target} | login | settings, mend, "5s", begin)


def script_that_does_not_end(use):
    server = use("redis")(config="lua-time-limit 50\n")

    def begin():
        command = ["redis-cli", "-p", server.port, "EVAL", "while true do end", "0"]
        use("request").addfinalizer(Process(command, server.directory / "script.log").stop)

    return redis(server, lambda: server.cli("SCRIPT", "KILL"), begin)


def cluster_without_slots(use):
    server = use("redis")(config="cluster-enabled yes\n")

    def mend():
        server.cli("CLUSTER", "ADDSLOTS", *SLOTS)
        until(lambda: server.cli("SET", "shop:orders", "3") == "OK", "the cluster is whole")

    return redis(server, mend, command=["GET", "shop:orders"])


def slow_load(use):
    """Its data take it seconds to read."""
    server = use("redis")(config="rdbcompression no\n")
    server.cli("EVAL", "for i = 1, 100 do redis.call('SET', 'key' .. i, string.rep('x', 2000)) end", "0")
    assert server.cli("SAVE") == "OK"
    server.stop()
    with open(server.config_file, "a") as config:
        config.write("key-load-delay 80000\nloading-process-events-interval-bytes 1024\n")
    log = server.directory / "redis.log"
    server.process = Process(["redis-server", server.config_file], log, cwd=server.directory)
    until(lambda: "LOADING" in server.cli("GET", "key1"), "it reads its data")
    return redis(server, lambda: None)


def no_redis(use):
    return redis(use("peer")(says(b"SSH-2.0-OpenSSH_9.2\r\n")))


def no_room_for_a_sort(use):
    server = use("postgres")
    server.psql("ALTER ROLE trusted SET temp_file_limit = 64; ALTER ROLE trusted SET work_mem = 64")
    use("request").addfinalizer(lambda: server.psql("ALTER ROLE trusted RESET ALL"))
    query = "SELECT max(x) FROM (SELECT x, row_number() OVER (ORDER BY x DESC) FROM generate_series(1, 100000) x) y"
    return postgres(server, lambda: server.psql("ALTER ROLE trusted RESET ALL"), query=query)


def session_ended_by_an_administrator(use):
    server = use("postgres")
    asleep = "FROM pg_stat_activity WHERE query LIKE 'SELECT 43 FROM pg_sleep%' AND state = 'active'"

    def begin():
        until(lambda: server.psql(f"SELECT pg_terminate_backend(pid) {asleep}") == "t", "it is ended")

    return postgres(server, lambda: None, begin, query="SELECT 43 FROM pg_sleep(2)")


def standby(use):
    """One that replays what another would send it, and takes nobody in meanwhile."""
    server = Postgres()
    use("request").addfinalizer(server.remove)
    server.stop()
    server.room.write("data/standby.signal", "")
    with open(server.data / "postgresql.auto.conf", "a") as config:
        config.write("hot_standby = off\n")
    server.process = server.room.start(program("postgres"), "-D", server.data)
    server.process.ready(lambda: listens(server.host, server.port), "PostgreSQL listens")
    promote = (program("pg_ctl"), "promote", "--no-wait", "-D", server.data)
    # It refuses until it has begun to replay.
    return postgres(server, lambda: until(lambda: server.room.run(*promote), "it is promoted"))


def mysql(server, mend=None, begin=None, user="native", **settings):
    target = f"{server.host}:{server.port}"
    login = {"user": user, "password": PASSWORD, "database": server.database, "tls": "disable"}
    return Fault("mysql", target, {"address": target} | login | settings, mend, "5s", begin)


def undone(use, *statements):
    """What is done to the server that all tests share is undone when this test is over."""
    for statement in statements:
        use("request").addfinalizer(lambda statement=statement: use("mariadb").client(statement))


def no_such_database(use):
    server = use("mariadb")
    server.client("GRANT SELECT ON *.* TO empty@'%'")
    undone(use, "REVOKE SELECT ON *.* FROM empty@'%'", "DROP DATABASE IF EXISTS elsewhere")
    create = lambda: server.client("CREATE DATABASE elsewhere")  # noqa: E731
    return mysql(server, create, user="empty", password="", database="elsewhere")


def as_many_connections_as_it_may(use):
    server = use("mariadb")
    allow = "ALTER USER native@'%' WITH MAX_CONNECTIONS_PER_HOUR 0; FLUSH USER_RESOURCES"
    undone(use, allow)
    server.client("ALTER USER native@'%' WITH MAX_CONNECTIONS_PER_HOUR 1; FLUSH USER_RESOURCES")
    return mysql(server, lambda: server.client(allow))


def refused_with(code, text):
    """The first packet is an error, as of a server that ends, or of one that a host has failed to log in to too often."""

    def make(use):
        error = b"\xff" + code.to_bytes(2, "little") + text.encode()
        made = use("peer")(says(len(error).to_bytes(3, "little") + b"\0" + error))
        made.database = "shop"
        return mysql(made)

    return make


FAULTS = {
    "a script that does not end": (script_that_does_not_end, "redis_busy", "query", "BUSY"),
    "a cluster without slots": (cluster_without_slots, "redis_cluster", "query", "CLUSTERDOWN"),
    "data that are still read": (slow_load, "redis_loading", "query", "LOADING"),
    "no Redis": (no_redis, "redis_protocol", "login", "not a reply of Redis"),
    "no room for a sort": (no_room_for_a_sort, "postgres_resources", "query", "temp_file_limit"),
    "a session that was ended": (session_ended_by_an_administrator, "postgres_shutting_down", "query", "administrator"),
    "no such database": (no_such_database, "mysql_database", "login", "elsewhere"),
    "no more connections": (as_many_connections_as_it_may, "mysql_too_many_connections", "login", "1226"),
    "a server that ends": (
        refused_with(1053, "Server shutdown in progress"),
        "mysql_shutting_down",
        "login",
        "1053 Server shutdown",
    ),
    "a host that is blocked": (
        refused_with(1129, "Host '192.0.2.7' is blocked because of many connection errors"),
        "mysql_host_blocked",
        "login",
        "is blocked",
    ),
    "a standby": (standby, "postgres_starting_up", "login", "database system"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_state_of_a_database_has_its_reason_until_it_ends(fault, agent, http_receiver, request):
    make, reason, phase, *says = fault
    watched = Watched(agent, http_receiver, make(request.getfixturevalue))
    watched.fails_with(reason, phase, *says).recovers()
