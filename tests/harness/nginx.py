"""A real nginx, plain and TLS, in a directory of its own."""

import signal
import socket
from pathlib import Path

from .http import request
from .ports import free_port
from .process import Process
from .wait import until

CONFIG = """
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log {directory}/access.log combined;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {tls}
        location / {{ return 200 "hello from nginx\\n"; }}
        location /redirect {{ return 302 /; }}
        location /loop {{ return 302 /loop; }}
        location /gone {{ return 410 "gone\\n"; }}
        location /broken {{ return 500 "broken\\n"; }}
        {locations}
    }}
}}
"""


class Nginx:
    """Answers 200 everywhere but at /redirect (302 to /), /loop, /gone (410) and /broken (500)."""

    def __init__(self, directory, certificate=None, locations=""):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.scheme = "https" if certificate else "http"
        self.access_log = self.directory / "access.log"
        self.locations = locations
        self.config_file = self.directory / "nginx.conf"
        self._configure(certificate)
        self.process = Process(
            ["nginx", "-e", self.directory / "error.log", "-p", self.directory, "-c", self.config_file],
            self.directory / "nginx.log",
        )
        until(self._listens, "nginx listens")

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def _configure(self, certificate):
        tls = ""
        if certificate:
            tls = f"ssl_certificate {certificate.cert_file}; ssl_certificate_key {certificate.key_file};"
            port = f"{self.port} ssl"
        else:
            port = self.port
        self.config_file.write_text(
            CONFIG.format(directory=self.directory, port=port, tls=tls, locations=self.locations)
        )

    def _listens(self):
        self.process.check_running()
        with socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True

    def get(self, path="/", **headers):
        return request(self.url + path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    def reopen_logs(self):
        """What logrotate tells nginx after it renamed the log."""
        self.process.signal(signal.SIGUSR1)
        until(self.access_log.exists, "nginx opened its log anew")

    def stop(self):
        self.process.stop()
