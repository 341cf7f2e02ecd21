"""The exporters the agent takes the place of, as Debian ships them."""

from pathlib import Path

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
