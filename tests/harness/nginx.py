"""A real nginx in a directory of its own: plain, with TLS or with HTTP/2, with answers of every kind.

    Nginx(directory, certificate=None, locations="", *, protocols="TLSv1.2 TLSv1.3", http2=False, client_ca=None,
          crl=None, host="127.0.0.1", upstream=None, server="", log_format=None)

`log_format` is one of one's own: each request is a line of it in `own.log`.

| path | answer |
|---|---|
| `/` and all else | 200, `hello from nginx` |
| `/gone` `/broken` `/status/N` | 410, 500, the status N |
| `/redirect` `/redirect/N` | 302, or N of 301 302 303 307 308, to `/` |
| `/chain/N` `/loop` `/to?url=U` | N redirects, redirects without end, 302 to U |
| `/private` | 401 but for USER and PASSWORD |
| `/token` `/bearer` | an OAuth2 token as JSON; 401 but for this token |
| `/login` `/member` | 302 to `/member` with a cookie; 401 but for this cookie |
| `/echo` | the body of the request |
| `/headers` | `X-Request-Id: 42`, `X-Twice: one` and `X-Twice: two`, `Server-Timing` |
| `/json` | JSON, see ANSWER |
| `/text` `/plain-text` | TEXT, 200 KB: gzip or Brotli as the client wants; never compressed |
| `/late/S` | the first byte after S seconds |
| `/trickle` | TEXT, 2 KB a second |
| `/huge` | 1 GiB of zeros |
| `/upstream/…` | what the given upstream says, `host:port` |
| `/files/NAME` | what `write(NAME, text)` wrote |

`requests` tells of each request that was answered: method, uri, version, host, status, bytes, traceparent, agent,
authorization, encoding, tls, cipher, name (SNI), client (subject of its certificate), body.
For a reset in the middle of an answer put `faulty.Faulty(site).does(cut_answer(after=n))` before it.
"""

import json
import os
import signal
from pathlib import Path

from .http import request
from .ports import free_port, listens
from .process import Process
from .wait import until

USER, PASSWORD = "alice", "correct horse"
TOKEN = "s3cr3t-token"
ANSWER = {"status": "ok", "version": "1.2.3", "queue": {"length": 7, "oldest": None}, "checks": [{"name": "db"}]}
TEXT = "".join(f"line {number} of a text that compresses well\n" for number in range(5_000))
HUGE = 1 << 30

MODULES = Path("/usr/lib/nginx/modules")
REDIRECTS = (301, 302, 303, 307, 308)
STATUSES = (200, 201, 204, 304, 400, 401, 403, 404, 405, 418, 429, 500, 502, 503, 504)

CONFIG = """
daemon off;
{modules}
{user}
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    types {{ text/plain txt; text/html html; application/json json; }}
    default_type text/plain;
    log_format requests escape=json '{{"method":"$request_method","uri":"$request_uri","version":"$server_protocol",'
        '"host":"$http_host","status":$status,"bytes":$body_bytes_sent,"traceparent":"$http_traceparent",'
        '"agent":"$http_user_agent","authorization":"$http_authorization","encoding":"$http_accept_encoding",'
        '"tls":"$ssl_protocol","cipher":"$ssl_cipher","name":"$ssl_server_name","client":"$ssl_client_s_dn",'
        '"body":"$request_body"}}';
    access_log {directory}/access.log combined;
    access_log {directory}/requests.log requests;
    {own_log}
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000;
    server {{
        listen {listen};
        {tls}
        root {directory}/www;
        location / {{ return 200 "hello from nginx\\n"; }}
        location = /redirect {{ return 302 /; }}
        location = /loop {{ return 302 /loop; }}
        location = /to {{ return 302 $arg_url; }}
        location = /gone {{ return 410 "gone\\n"; }}
        location = /broken {{ return 500 "broken\\n"; }}
        location = /private {{
            auth_basic "members";
            auth_basic_user_file {directory}/passwords;
            try_files /welcome.txt =404;
        }}
        location = /token {{
            default_type application/json;
            return 200 '{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}';
        }}
        location = /bearer {{
            if ($http_authorization != "Bearer {token}") {{ return 401 "no\\n"; }}
            return 200 "welcome\\n";
        }}
        location = /login {{
            add_header Set-Cookie "session={token}; Path=/; HttpOnly" always;
            return 302 /member;
        }}
        location = /member {{
            if ($cookie_session != "{token}") {{ return 401 "no\\n"; }}
            return 200 "welcome\\n";
        }}
        location = /echo {{
            client_body_in_single_buffer on;
            echo_read_request_body;
            echo_request_body;
        }}
        location = /headers {{
            add_header X-Request-Id 42;
            add_header X-Twice one;
            add_header X-Twice two;
            add_header Server-Timing "db;dur=53.2";
            return 200 "headers\\n";
        }}
        location = /json {{ try_files /answer.json =404; }}
        location = /text {{
            gzip on; gzip_types *; gzip_min_length 1; gzip_vary on;
            {brotli}
            try_files /text.txt =404;
        }}
        location = /plain-text {{ try_files /text.txt =404; }}
        location ~ ^/late/([0-9.]+)$ {{ echo_sleep $1; echo late; }}
        location = /trickle {{ limit_rate 2k; try_files /text.txt =404; }}
        location = /huge {{ try_files /huge.bin =404; }}
        location /files/ {{ alias {directory}/www/; }}
        {made}
        {locations}
    }}
}}
"""


class Nginx:
    """Started and answering when it is made; see the module. `certificate` makes it speak TLS."""

    def __init__(
        self,
        directory,
        certificate=None,
        locations="",
        *,
        protocols="TLSv1.2 TLSv1.3",
        http2=False,
        client_ca=None,
        crl=None,
        host="127.0.0.1",
        upstream=None,
        server="",
        log_format=None,
    ):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.tls = certificate
        self.scheme = "https" if certificate else "http"
        self.protocol = "h2" if http2 else "http/1.1"
        self.host = host
        self.port = free_port()
        self.access_log = self.directory / "access.log"
        self.config_file = self.directory / "nginx.conf"
        self._write_files()
        self.config_file.write_text(
            CONFIG.format(
                directory=self.directory,
                # Its workers would be of a user that may not read here.
                user="user root;" if os.geteuid() == 0 else "",
                modules=_modules("echo", "brotli_filter"),
                brotli="brotli on; brotli_types *; brotli_min_length 1;" if has_brotli() else "",
                listen=self.address + (" ssl" if certificate else "") + (" http2" if http2 else ""),
                tls=_tls(certificate, protocols, client_ca, crl) + server,
                made=_made(upstream),
                locations=locations,
                token=TOKEN,
                own_log=f"log_format own '{log_format}'; access_log {self.directory}/own.log own;"
                if log_format
                else "",
            )
        )
        self.process = None
        self.start()

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self):
        return f"{self.scheme}://{self.address}"

    def _write_files(self):
        www = self.directory / "www"
        www.mkdir(exist_ok=True)
        (self.directory / "passwords").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        self.write("answer.json", json.dumps(ANSWER))
        self.write("text.txt", TEXT)
        self.write("welcome.txt", "welcome\n")
        with open(www / "huge.bin", "wb") as file:
            file.truncate(HUGE)  # a hole: it takes no room

    def write(self, name, text):
        """A file under /files/, or a new text for one that is there; the next request gets it whole."""
        path = self.directory / "www" / name
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text)
        fresh.replace(path)

    def start(self):
        """Starts it, or starts it again on the same port."""
        self.process = Process(
            ["nginx", "-e", self.directory / "error.log", "-p", self.directory, "-c", self.config_file],
            self.directory / "nginx.log",
        )
        self.process.ready(lambda: listens(self.host, self.port), "nginx listens")
        return self

    def get(self, path="/", **headers):
        return request(self.url + path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    @property
    def requests(self):
        """What was asked and answered so far, in the order of the answers."""
        log = self.directory / "requests.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def wait_requests(self, count, timeout=15):
        return until(lambda: len(self.requests) >= count and self.requests, f"{count} requests at nginx", timeout)

    def reload(self):
        """Reads its certificates and its configuration again."""
        self.process.signal(signal.SIGHUP)

    def reopen_logs(self):
        """What logrotate tells nginx after it renamed the log."""
        self.process.signal(signal.SIGUSR1)
        until(self.access_log.exists, "nginx opened its log anew")

    def stop(self):
        self.process.stop()


def has_brotli():
    """Debian has the module since bookworm."""
    return (MODULES / "ngx_http_brotli_filter_module.so").exists()


def _modules(*names):
    files = [MODULES / f"ngx_http_{name}_module.so" for name in names]
    return "\n".join(f"load_module {file};" for file in files if file.exists())


def _tls(certificate, protocols, client_ca, crl):
    if not certificate:
        return ""
    lines = [
        f"ssl_certificate {certificate.cert_file};",
        f"ssl_certificate_key {certificate.key_file};",
        f"ssl_protocols {protocols};",
    ]
    if client_ca:
        lines += [f"ssl_client_certificate {client_ca};", "ssl_verify_client on;", "ssl_verify_depth 3;"]
    if crl:
        lines.append(f"ssl_crl {crl};")
    return "\n        ".join(lines)


def _made(upstream):
    """The locations of which there is one for each number."""
    lines = [f'location = /status/{status} {{ return {status} "status {status}\\n"; }}' for status in STATUSES]
    lines += [f"location = /redirect/{status} {{ return {status} /; }}" for status in REDIRECTS]
    lines += [f"location = /chain/{number} {{ return 302 /chain/{number - 1}; }}" for number in range(1, 31)]
    if upstream:
        lines.append(f"location /upstream/ {{ proxy_pass http://{upstream}/; proxy_buffering off; }}")
    return "\n        ".join(lines)
