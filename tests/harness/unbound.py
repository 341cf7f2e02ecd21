"""A real DNS server, unbound, with answers of every kind, by UDP, TCP and, with a certificate, TLS (DoT).

    Unbound(directory, certificate=None, port=None)     # or the fixture `unbound`
    server.host, server.port (UDP and TCP), server.tls_port, server.address, server.tls_address
    server.answer("new.live.test", "A", "192.0.2.9")   # from now on; `.forget("new.live.test")`
    server.stop() .start() .pause() .resume()

| name | answer |
|---|---|
| `vigie.test` | SOA, NS, MX (10 and 20), TXT, CAA, A |
| `www.vigie.test` | A 192.0.2.1 and 192.0.2.2, AAAA 2001:db8::1 |
| `alias.vigie.test` | CNAME to www.vigie.test, and its addresses; `far.vigie.test` to `alias.vigie.test` |
| `loopback.vigie.test` | A 127.0.0.1, AAAA ::1 |
| `_sip._tcp.vigie.test` | SRV 10 60 5060 and 20 10 5061 |
| `text.vigie.test` | TXT, two of them, one of two strings |
| `large.vigie.test` | TXT of 6,000 bytes: cut over UDP (TC), whole over TCP and TLS |
| `*.wild.vigie.test` | A 192.0.2.50 |
| `1.2.0.192.in-addr.arpa` | PTR www.vigie.test |
| `absent.vigie.test` | NXDOMAIN, with the SOA; `www.vigie.test` MX: no data |
| `refused.test` | REFUSED, and all else that is not named here |
| `broken.test` | SERVFAIL |
| `dropped.test` | no answer at all |
| `live.test` | what `answer` made of it, else NXDOMAIN |
"""

import socket
import subprocess
from pathlib import Path

import dns.message
import dns.query
import dns.rcode

from .ports import free_port
from .process import Process

CONFIG = """
server:
    directory: "{directory}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    verbosity: 1
    do-daemonize: no
    num-threads: 1
    module-config: "iterator"
    interface: {host}@{port}
    access-control: {host} allow
    outgoing-interface: 127.0.0.1
    do-ip6: no
    do-not-query-localhost: no
    root-hints: ""
    cache-max-ttl: 0
    max-udp-size: 1232
    minimal-responses: no
    local-zone: "." refuse
    local-zone: "vigie.test." transparent
    local-zone: "2.0.192.in-addr.arpa." transparent
    local-zone: "broken.test." transparent
    local-zone: "refused.test." refuse
    local-zone: "dropped.test." deny
    local-zone: "live.test." static
{tls}
remote-control:
    control-enable: yes
    control-interface: "{directory}/control"
    control-use-cert: no
auth-zone:
    name: "vigie.test."
    zonefile: "vigie.test.zone"
    fallback-enabled: no
    for-upstream: yes
    for-downstream: yes
auth-zone:
    name: "2.0.192.in-addr.arpa."
    zonefile: "reverse.zone"
    fallback-enabled: no
    for-upstream: yes
    for-downstream: yes
auth-zone:
    name: "broken.test."
    fallback-enabled: no
    for-upstream: yes
    for-downstream: yes
"""

TLS = """
    interface: {host}@{port}
    tls-port: {port}
    tls-service-key: "{key}"
    tls-service-pem: "{pem}"
"""

LARGE = "\n".join(f'large 300 IN TXT "{number:04d}{"x" * 196}"' for number in range(30))

ZONE = f"""
$ORIGIN vigie.test.
$TTL 300
@        IN SOA ns1.vigie.test. hostmaster.vigie.test. 2024010101 7200 3600 1209600 60
@        IN NS ns1.vigie.test.
@        IN NS ns2.vigie.test.
@        IN A 192.0.2.1
@        IN MX 10 mx1.vigie.test.
@        IN MX 20 mx2.vigie.test.
@        IN TXT "v=spf1 -all"
@        IN CAA 0 issue "ca.example"
ns1      IN A 192.0.2.10
ns2      IN A 192.0.2.11
mx1      IN A 192.0.2.20
mx2      IN A 192.0.2.21
www      IN A 192.0.2.1
www      IN A 192.0.2.2
www      IN AAAA 2001:db8::1
alias    IN CNAME www
far      IN CNAME alias
loopback IN A 127.0.0.1
loopback IN AAAA ::1
_sip._tcp IN SRV 10 60 5060 www
_sip._tcp IN SRV 20 10 5061 www
text     IN TXT "one string"
text     IN TXT "of two " "strings"
*.wild   IN A 192.0.2.50
{LARGE}
"""

REVERSE = """
$ORIGIN 2.0.192.in-addr.arpa.
$TTL 300
@ IN SOA ns1.vigie.test. hostmaster.vigie.test. 2024010101 7200 3600 1209600 60
@ IN NS ns1.vigie.test.
1 IN PTR www.vigie.test.
"""


class Unbound:
    """See the module."""

    host = "127.0.0.1"

    def __init__(self, directory, certificate=None, port=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or _free_port()
        self.tls = certificate
        self.tls_port = free_port() if certificate else None
        (self.directory / "vigie.test.zone").write_text(ZONE)
        (self.directory / "reverse.zone").write_text(REVERSE)
        tls = ""
        if certificate:
            files = {"key": certificate.key_file, "pem": certificate.cert_file}
            tls = TLS.format(host=self.host, port=self.tls_port, **files)
        self.config_file = self.directory / "unbound.conf"
        self.config_file.write_text(CONFIG.format(directory=self.directory, host=self.host, port=self.port, tls=tls))
        self.process = None
        self.start()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    @property
    def tls_address(self):
        return f"{self.host}:{self.tls_port}"

    def start(self):
        self.process = Process(["unbound", "-d", "-c", self.config_file], self.directory / "unbound.log")
        self.process.ready(self._answers, "unbound answers")
        return self

    def _answers(self):
        try:
            return self.ask("vigie.test", "SOA", timeout=0.3).rcode() == dns.rcode.NOERROR
        except dns.exception.Timeout as error:
            raise OSError("no answer") from error

    def ask(self, name, kind="A", over="udp", timeout=5):
        """The answer that dnspython gets, over `udp`, `tcp` or `tls` (verified)."""
        question = dns.message.make_query(name, kind)
        if over == "tls":
            return dns.query.tls(
                question, self.host, timeout, self.tls_port, server_hostname="localhost", verify=str(self.tls.ca_file)
            )
        asked = dns.query.tcp if over == "tcp" else dns.query.udp
        return asked(question, self.host, timeout, self.port)

    def answer(self, name, kind, data, ttl=0):
        """One more record of `live.test`."""
        self._control("local_data", f"{name}.", str(ttl), "IN", kind, data)

    def forget(self, name):
        self._control("local_data_remove", f"{name}.")

    def _control(self, *command):
        subprocess.run(
            ["unbound-control", "-c", str(self.config_file), *command], check=True, capture_output=True, timeout=10
        )

    def pause(self):
        """It is stopped: what is asked by UDP waits unread, connections stand unanswered."""
        self.process.freeze()

    def resume(self):
        self.process.thaw()

    def stop(self):
        self.process.stop()


def _free_port():
    """Free for TCP and for UDP."""
    while True:
        port = free_port()
        with socket.socket(type=socket.SOCK_DGRAM) as other:
            try:
                other.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
