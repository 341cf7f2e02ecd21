"""A real PostgreSQL, on TCP with and without TLS and on a unix socket, with a user for each way to log in.

    Postgres(certificate)                # or the fixture `postgres`, one for all tests that a worker runs
    server.host, server.port, server.socket_dir, server.database ("shop")
    server.url("scram", tls=True)        # postgres://…, with the password
    server.psql("SELECT 1")              # as the superuser: what comes out, unaligned
    server.psql("SELECT 1", as_user="scram", sslmode="verify-full")
    server.stop() .start() .pause() .resume()   # of the shared one only what is undone before the test ends

| user | how |
|---|---|
| `scram` | scram-sha-256 |
| `hashed` | md5 |
| `clear` | the password as it is |
| `trusted` | none is asked for |
| `tls_only` | scram-sha-256, refused without TLS (28000) |
| `certified` | a client certificate with this name: `authority.client("certified")` |
| `rejected` | refused by the server's rules (28000) |
| `crowded` | one connection too many (53300) |

Each has PASSWORD. All may read `orders`: (1, 9.99, true), (2, 25.00, false), (3, 12.50, true).
"""

import signal
from pathlib import Path
from urllib.parse import quote, urlencode

from .ports import free_port
from .room import Room

PASSWORD = "p@ss word'1"

HBA = """
local   all postgres    trust
local   all trusted     trust
local   all all         scram-sha-256
host    all trusted     127.0.0.1/32 trust
host    all scram       127.0.0.1/32 scram-sha-256
host    all crowded     127.0.0.1/32 scram-sha-256
host    all hashed      127.0.0.1/32 md5
host    all clear       127.0.0.1/32 password
hostssl all tls_only    127.0.0.1/32 scram-sha-256
hostssl all certified   127.0.0.1/32 cert
host    all rejected    127.0.0.1/32 reject
"""

CONFIG = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{directory}'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 16MB
max_connections = 60
autovacuum = off
log_connections = on
log_min_messages = warning
ssl = {ssl}
"""

SETUP = """
CREATE DATABASE shop;
\\connect shop
CREATE TABLE orders (id int PRIMARY KEY, amount numeric(8,2), paid boolean);
INSERT INTO orders VALUES (1, 9.99, true), (2, 25, false), (3, 12.5, true);
CREATE ROLE readers;
GRANT SELECT ON orders TO readers;
{users}
SET password_encryption = md5;
ALTER ROLE hashed PASSWORD {password};
ALTER ROLE crowded CONNECTION LIMIT 0;
"""

USERS = ("scram", "hashed", "clear", "trusted", "tls_only", "certified", "rejected", "crowded")


class Postgres:
    """See the module. Without a certificate it has no TLS."""

    host = "127.0.0.1"
    database = "shop"

    def __init__(self, certificate=None):
        self.room = Room("postgres")
        self.data = self.room.directory / "data"
        self.socket_dir = self.room.directory
        self.port = free_port()
        self.tls = self.room.keep(certificate) if certificate else None
        self.process = None
        try:
            self._make()
        except BaseException:
            self.remove()
            raise

    def _make(self):
        options = ("--no-sync", "--no-instructions", "--auth=trust", "-U", "postgres", "--locale=C", "-E", "UTF8")
        self.room.run(program("initdb"), "-D", self.data, *options)
        config = CONFIG.format(port=self.port, directory=self.socket_dir, ssl="on" if self.tls else "off")
        hba = HBA
        if self.tls:
            config += f"ssl_cert_file = '{self.tls.cert_file}'\nssl_key_file = '{self.tls.key_file}'\n"
            config += f"ssl_ca_file = '{self.tls.ca_file}'\n"
        else:
            hba = "".join(line for line in HBA.splitlines(keepends=True) if not line.startswith("hostssl"))
        self.room.write("data/postgresql.auto.conf", config)
        self.room.write("data/pg_hba.conf", hba)
        self.start()
        password = "'" + PASSWORD.replace("'", "''") + "'"
        users = "\n".join(f"CREATE ROLE {user} LOGIN IN ROLE readers PASSWORD {password};" for user in USERS)
        self.psql(None, database="postgres", input=SETUP.format(users=users, password=password))

    def start(self):
        self.process = self.room.start(program("postgres"), "-D", self.data)
        self.process.ready(self._answers, "PostgreSQL answers", 30)
        return self

    def _answers(self):
        return self.psql("SELECT 1", database="postgres") == "1"

    def psql(self, sql, as_user="postgres", database="shop", **settings):
        """As the superuser over the socket, as another user over TCP; `settings` as `sslmode`, or `input`."""
        given = {"input": settings.pop("input")} if "input" in settings else {}
        host = self.socket_dir if as_user == "postgres" else self.host
        conninfo = {"host": host, "port": self.port, "user": as_user, "dbname": database, "password": PASSWORD}
        if self.tls and "sslrootcert" not in settings:
            settings["sslrootcert"] = self.tls.ca_file
        info = " ".join(f"{key}='{_escaped(value)}'" for key, value in (conninfo | settings).items())
        asked = ("-f", "-") if given else ("-c", sql)
        command = ("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", info, *asked)
        return self.room.run(*command, **given).strip()

    def url(self, user="scram", tls=False, **settings):
        settings = {"sslmode": "verify-full" if tls else "disable"} | settings
        return f"postgres://{user}:{quote(PASSWORD)}@{self.host}:{self.port}/{self.database}?{urlencode(settings)}"

    def pause(self):
        """It is stopped: connections are established by the kernel, and nobody answers."""
        self.process.freeze()

    def resume(self):
        self.process.thaw()

    def stop(self):
        """At once: open connections are cut."""
        if self.process and self.process.running:
            self.process.thaw()
            self.process.signal(signal.SIGINT)
            self.process.wait(30)

    def remove(self):
        self.stop()
        self.room.remove()


def program(name):
    """Debian keeps them apart by version: the newest there is."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    assert found, f"{name} is not there: install postgresql"
    return found[-1]


def _escaped(value):
    return str(value).replace("\\", "\\\\").replace("'", "\\'")
