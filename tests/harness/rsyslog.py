"""A real rsyslog that writes what it is sent in the two forms of syslog, and `logger`, which sends.

Rsyslog(directory, zone="UTC")      # or the fixture `rsyslog`
server.log("-p", "auth.warning", "-t", "sshd", "Invalid user bob", form="--rfc3164")    # as logger takes it
server.traditional      # RSYSLOG_TraditionalFileFormat, that of RFC 3164 without the priority
server.protocol23       # RSYSLOG_SyslogProtocol23Format, that of RFC 5424
"""

import subprocess
from pathlib import Path

from .ports import listens
from .process import Process

CONFIG = """
global(workDirectory="{directory}")
module(load="imtcp")
input(type="imtcp" port="0" address="127.0.0.1" listenPortFileName="{directory}/port")
action(type="omfile" file="{directory}/traditional.log" template="RSYSLOG_TraditionalFileFormat")
action(type="omfile" file="{directory}/protocol23.log" template="RSYSLOG_SyslogProtocol23Format")
"""


class Rsyslog:
    """See the module. `zone` is what its local time is of."""

    def __init__(self, directory, zone="UTC"):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "TZ": zone}
        self.traditional = self.directory / "traditional.log"
        self.protocol23 = self.directory / "protocol23.log"
        self._port = self.directory / "port"
        config = self.directory / "rsyslog.conf"
        config.write_text(CONFIG.format(directory=self.directory))
        self.process = Process(
            ["rsyslogd", "-n", "-f", config, "-i", self.directory / "pid"],
            self.directory / "rsyslog.log",
            self.environment,
        )
        self.process.ready(lambda: listens("127.0.0.1", int(self._port.read_text())), "rsyslog listens")

    def log(self, *arguments, form="--rfc5424"):
        """Sends by TCP. Returns the line as logger formed it, with its priority."""
        where = ("--tcp", "--server", "127.0.0.1", "--port", self._port.read_text().strip())
        command = ("logger", "--stderr", *where, form, *arguments)
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30, check=True)
        return done.stderr

    def stop(self):
        self.process.stop()
