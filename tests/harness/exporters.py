"""The exporters the agent takes the place of, as Debian ships them.

node_exporter(directory, *flags)  process_exporter(directory, *flags)     # `.scrape(path="/metrics")`
Blackbox(directory, modules)         # or the fixture `blackbox`; modules as in its configuration, a dict
theirs.probe(target, "http_2xx", timeout=None, **parameters)   # a Scrape
theirs.reload(modules)               # whether it took them
"""

from pathlib import Path
from urllib.parse import urlencode

import yaml

from .http import request
from .ports import free_port
from .process import Process
from .scrape import Scrape


class Exporter:
    """An exporter that takes --web.listen-address; `flags` come besides."""

    def __init__(self, directory, binary, flags=(), listen="--web.listen-address"):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        address = self.url.removeprefix("http://")
        self.process = Process([binary, f"{listen}={address}", *flags], directory / f"{binary}.log")
        self.process.ready(self._answers, f"{binary} answers")

    def _answers(self):
        return request(self.url + "/").status in (200, 404)

    def scrape(self, path="/metrics"):
        answer = request(self.url + path)
        assert answer.status == 200, answer.text
        return Scrape(answer.text)

    def stop(self):
        self.process.stop()


def node_exporter(directory, *flags):
    return Exporter(directory, "prometheus-node-exporter", flags)


def process_exporter(directory, *flags):
    return Exporter(directory, "prometheus-process-exporter", flags, listen="-web.listen-address")


def blackbox_exporter(directory, *flags):
    return Exporter(directory, "prometheus-blackbox-exporter", flags)


class Blackbox(Exporter):
    """A blackbox_exporter with the given modules."""

    def __init__(self, directory, modules):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.config_file = directory / "blackbox.yml"
        self._write(modules)
        super().__init__(directory, "prometheus-blackbox-exporter", [f"--config.file={self.config_file}"])

    def _write(self, modules):
        self.config_file.write_text(yaml.safe_dump({"modules": modules}, sort_keys=False))

    def ask(self, target, module, timeout=None, **parameters):
        """The answer of /probe as it is; `timeout` is what Prometheus would say, in seconds."""
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": str(timeout)} if timeout else {}
        query = urlencode({"target": target, "module": module} | parameters)
        return request(f"{self.url}/probe?{query}", headers=headers, timeout=(timeout or 120) + 5)

    def probe(self, target, module, timeout=None, **parameters):
        answer = self.ask(target, module, timeout, **parameters)
        assert answer.status == 200, answer.text
        return Scrape(answer.text)

    def debug(self, target, module, **parameters):
        """What it says of a probe with `debug=true`: its log, the metrics and the module."""
        return self.ask(target, module, debug="true", **parameters).text

    def reload(self, modules):
        self._write(modules)
        return request(self.url + "/-/reload", "POST").status == 200
