"""A real MariaDB, on TCP with and without TLS and on a unix socket, with a user for each way to log in.

    MariaDb(certificate)                 # or the fixture `mariadb`, one for all tests that a worker runs
    server.host, server.port, server.socket, server.database ("shop")
    server.client("SELECT 1")            # as root over the socket: what comes out, tabs between columns
    server.client("SELECT 1", "native", "--ssl", "--ssl-ca=…")   # as another user, over TCP
    server.stop() .start() .pause() .resume()   # of the shared one only what is undone before the test ends

| user | how |
|---|---|
| `native` | mysql_native_password |
| `signed` | ed25519, a plugin of MariaDB's own |
| `empty` | no password |
| `tls_only` | mysql_native_password, refused without TLS (1045) |
| `certified` | mysql_native_password and a certificate of the authority |
| `nobody` | the user of the operating system, by the socket: who `room.run` runs as |
| `locked` | an account that is locked (4151) |
| `nowhere` | may log in, but to no database (1044) |

Those that have a password have PASSWORD. All but `nowhere` may read `orders`: (1, 9.99, 1), (2, 25.00, 0),
(3, 12.50, 1).
"""

from .ports import free_port
from .room import USER, Room

PASSWORD = "p@ss word'1"

SETUP = """
INSTALL SONAME 'auth_ed25519';
CREATE DATABASE shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, amount decimal(8,2), paid boolean);
INSERT INTO shop.orders VALUES (1, 9.99, true), (2, 25, false), (3, 12.5, true);
CREATE USER native@'%' IDENTIFIED BY {password};
CREATE USER signed@'%' IDENTIFIED VIA ed25519 USING PASSWORD({password});
CREATE USER empty@'%';
CREATE USER tls_only@'%' IDENTIFIED BY {password} REQUIRE SSL;
CREATE USER certified@'%' IDENTIFIED BY {password} REQUIRE X509;
CREATE USER {user}@localhost IDENTIFIED VIA unix_socket;
CREATE USER locked@'%' IDENTIFIED BY {password} ACCOUNT LOCK;
CREATE USER nowhere@'%' IDENTIFIED BY {password};
{grants}
"""

READERS = ("native@'%'", "signed@'%'", "empty@'%'", "tls_only@'%'", "certified@'%'", "locked@'%'")


class MariaDb:
    """See the module. Without a certificate it has no TLS."""

    host = "127.0.0.1"
    database = "shop"

    def __init__(self, certificate=None):
        self.room = Room("mariadb")
        self.data = self.room.directory / "data"
        self.socket = self.room.directory / "mariadb.sock"
        self.port = free_port()
        self.tls = self.room.keep(certificate) if certificate else None
        self.process = None
        try:
            self._make()
        except BaseException:
            self.remove()
            raise

    def _make(self):
        self.room.run(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={self.data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-log-file-size=8M",
        )
        self.start()
        password = "'" + PASSWORD.replace("'", "''") + "'"
        me = f"{USER}@localhost"
        grants = "\n".join(f"GRANT SELECT ON shop.* TO {user};" for user in (*READERS, me))
        self.client(None, input=SETUP.format(password=password, user=USER, grants=grants))

    def start(self):
        options = [
            "--no-defaults",
            f"--datadir={self.data}",
            f"--port={self.port}",
            f"--socket={self.socket}",
            f"--bind-address={self.host}",
            f"--pid-file={self.room.directory / 'pid'}",
            "--innodb-buffer-pool-size=8M",
            "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-fast-shutdown=2",
            "--skip-name-resolve",
        ]
        if self.tls:
            options += [
                f"--ssl-cert={self.tls.cert_file}",
                f"--ssl-key={self.tls.key_file}",
                f"--ssl-ca={self.tls.ca_file}",
            ]
        self.process = self.room.start("mariadbd", *options)
        self.process.ready(self._answers, "MariaDB answers", 60)
        return self

    def _answers(self):
        return self.client("SELECT 1") == "1"

    def client(self, sql, user="root", *args, input=None, over="auto"):
        """`over`: `socket` or `tcp`; root comes by the socket unless told otherwise, all others by TCP."""
        by_socket = over == "socket" or (over == "auto" and user == "root")
        where = [f"--socket={self.socket}"] if by_socket else ["-h", self.host, f"--port={self.port}", "--protocol=tcp"]
        env = {"MYSQL_PWD": PASSWORD} if user not in ("root", "empty", USER) else {}
        command = ["mariadb", "--no-defaults", "--batch", "--skip-column-names", *where, "-u", user, *args]
        command += [] if input else [f"--execute={sql}"]
        given = {"input": input} if input else {}
        return self.room.run(*command, env=env, **given).strip()

    def pause(self):
        """It is stopped: connections are established by the kernel, and nobody answers."""
        self.process.freeze()

    def resume(self):
        self.process.thaw()

    def stop(self):
        if self.process:
            self.process.stop(30)

    def remove(self):
        self.stop()
        self.room.remove()
