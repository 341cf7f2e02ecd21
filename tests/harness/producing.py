"""Programs of others that log: started, made to log, ended.

Gunicorn(directory)         # Flask behind gunicorn: `access_log`, and `log` with all else; or the fixture
Uvicorn(directory)          # FastAPI in uvicorn: `log` has all that is said; or the fixture
Django(directory)           # its development server: `log`; or the fixture
site.get("/orders/1")       # 200
site.get("/pay/7")          # 500 and a traceback with a cause: `MissingPrice`
site.get("/restock/none")   # 500 and another one: `ValueError`
site.get("/low/apples")     # a warning (Flask and FastAPI)
run_python("loguru_app", log, 1, 7)     # appends to `log` what a program of harness/producers says
run_java(log, 1, 7)
"""

import re
import subprocess
import sys
from pathlib import Path

from .http import request
from .process import Process

TESTS = Path(__file__).resolve().parents[1]
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "TZ": "UTC"}


class Site:
    """A server that says in `log` where it listens."""

    listening = re.compile(r"http://127\.0\.0\.1:(\d+)")

    def __init__(self, directory, *command):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / "server.log"
        self.process = Process([sys.executable, "-m", *command], self.log, ENVIRONMENT, TESTS)
        self.process.ready(self._listens, f"{command[0]} listens", 30)

    def _listens(self):
        found = self.listening.search(self.log.read_text())
        self.url = found and found.group()
        return found and request(self.url + "/orders/0").status == 200

    def get(self, path):
        return request(self.url + path)

    def stop(self):
        self.process.stop()


class Gunicorn(Site):
    """Access lines go to a file of their own, all else to `log`."""

    def __init__(self, directory):
        self.access_log = Path(directory) / "access.log"
        super().__init__(
            directory,
            *("gunicorn", "--bind", "127.0.0.1:0", "--no-control-socket"),
            *("--access-logfile", self.access_log, "--capture-output", "harness.producers.flask_app:app"),
        )


class Uvicorn(Site):
    """One log for all."""

    def __init__(self, directory):
        super().__init__(directory, "uvicorn", "--port", "0", "harness.producers.fastapi_app:app")


class Django(Site):
    """The development server."""

    def __init__(self, directory):
        super().__init__(directory, "harness.producers.django_app", "runserver", "--noreload", "127.0.0.1:0")


def run_python(program, log, *arguments):
    """Runs a program of harness/producers to its end."""
    _run(log, sys.executable, "-m", f"harness.producers.{program}", *arguments)


def run_java(log, *arguments):
    options = ("-Duser.language=en", "-Duser.timezone=UTC", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    _run(log, "java", *options, TESTS / "harness/producers/Shop.java", *arguments)


def _run(log, *command):
    """Its standard error goes to the end of `log`."""
    with open(log, "ab") as out:
        command = [str(part) for part in command]
        subprocess.run(command, env=ENVIRONMENT, cwd=TESTS, stderr=out, timeout=60, check=True)
