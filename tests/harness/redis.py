"""A real redis: plain, with a password, with users of their own rights, with TLS, on a unix socket.

    Redis(directory, password=None, certificate=None, client_ca=None, config="")    # or the fixture `redis`
    server.host, server.port, server.socket, server.tls
    server.url(user=None)                # redis://… or rediss://…, with the password that is needed
    server.cli("PING", user=None)        # what redis-cli says, by the way the server listens
    server.stop() .start() .pause() .resume()

Users besides the default one: `probe` may PING and read keys that start with `shop:`; `mute` may do nothing (NOPERM).
Both have PASSWORD. `shop:orders` is 3.
"""

import os
import subprocess
from pathlib import Path
from urllib.parse import quote

from .ports import free_port
from .process import Process

PASSWORD = "s3cret/word"


class Redis:
    """See the module. `client_ca`: who connects has to show a certificate of it."""

    host = "127.0.0.1"

    def __init__(self, directory, password=None, certificate=None, client_ca=None, config=""):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.socket = self.directory / "redis.sock"
        self.tls = certificate
        self.password = password
        lines = [
            f"bind {self.host}",
            f"dir {self.directory}",
            f"unixsocket {self.socket.name}",  # from its directory: a path may be too long for a socket
            'save ""',
            "appendonly no",
            f"user probe on >{PASSWORD} ~shop:* +ping +get +info +hello +auth",
            f"user mute on >{PASSWORD} -@all",
        ]
        if password:
            lines.append(f'requirepass "{password}"')
        if certificate:
            lines += [
                "port 0",
                f"tls-port {self.port}",
                f"tls-cert-file {certificate.cert_file}",
                f"tls-key-file {certificate.key_file}",
                f"tls-ca-cert-file {client_ca or certificate.ca_file}",
                f"tls-auth-clients {'yes' if client_ca else 'no'}",
            ]
        else:
            lines.append(f"port {self.port}")
        self.config_file = self.directory / "redis.conf"
        self.config_file.write_text("\n".join(lines) + "\n" + config)
        self.process = None
        self.start()

    def start(self):
        self.process = Process(["redis-server", self.config_file], self.directory / "redis.log", cwd=self.directory)
        self.process.ready(self._answers, "redis answers")
        return self

    def _answers(self):
        # On the socket: it needs no certificate.
        said = self._cli("-s", self.socket.name, "SET", "shop:orders", "3")
        return said == "OK" or "READONLY" in said or "CLUSTERDOWN" in said

    def cli(self, *command, user=None, args=()):
        """`args` are options of redis-cli, as `--cert`."""
        where = ["-h", self.host, "-p", str(self.port)]
        if self.tls:
            where += ["--tls", "--cacert", str(self.tls.ca_file)]
        return self._cli(*where, *args, *command, user=user)

    def _cli(self, *args, user=None):
        credentials = ["--user", user] if user else []
        env = {"PATH": os.environ["PATH"]}
        if user or self.password:
            env["REDISCLI_AUTH"] = PASSWORD if user else self.password
        done = subprocess.run(
            ["redis-cli", *credentials, *map(str, args)],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            env=env,
            cwd=self.directory,
        )
        return (done.stdout + done.stderr).strip()

    def url(self, user=None):
        scheme = "rediss" if self.tls else "redis"
        credentials = ""
        if user or self.password:
            credentials = f"{user or 'default'}:{quote(PASSWORD if user else self.password, safe='')}@"
        return f"{scheme}://{credentials}{self.host}:{self.port}"

    def pause(self):
        """It is stopped: connections are established by the kernel, and nobody answers."""
        self.process.freeze()

    def resume(self):
        self.process.thaw()

    def stop(self):
        self.process.stop()
