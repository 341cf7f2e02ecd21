"""The real binary, started on a port of its own with a state directory of its own."""

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

import yaml

from .http import request
from .ledger import unbalanced
from .process import Process
from .scrape import Scrape
from .wait import until

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("VIGIE_BIN", ROOT / "target/release/vigie")).resolve()

# In whichever format the log is: the line that says where the agent listens.
LISTENING = re.compile(r'^(?=.*\blistening\b).*\baddress"?[=:]\s*"?(https?://[^\s",}]+)', re.M)


def environment(extra=None):
    """An environment in which nothing of the caller's changes what the agent does."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    return kept | {"NO_COLOR": "1"} | (extra or {})


def vigie(*args, env=None, timeout=30, **popen):
    """Runs a command to its end: `vigie("check", "-c", file)`."""
    return subprocess.run(
        [str(BINARY), *map(str, args)],
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        **popen,
    )


def merged(base, over):
    """`over` laid on `base`, section by section; lists are replaced."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


class Agent:
    """An agent, its configuration file and its state, across kills and restarts."""

    def __init__(self, directory, config=None, args=(), env=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.state_dir = self.directory / "state"
        self.state_dir.mkdir(exist_ok=True)
        self.config_file = self.directory / "vigie.yaml"
        self.log_file = self.directory / "vigie.log"
        self.args = list(args)
        self.env = dict(env or {})
        self.wrapped_in = []  # a command that runs the agent, as one that limits it
        self.process = None
        self.url = None
        self._log_start = 0
        self.configure(config or {})

    # Configuration

    def configure(self, config):
        """Writes the file: a dict is laid on what a test needs (a free port, its own state), text is taken as it is."""
        if isinstance(config, dict):
            own = {
                "agent": {"state_dir": str(self.state_dir)},
                "server": {"listen": "127.0.0.1:0"},
            }
            config = yaml.safe_dump(merged(own, config), sort_keys=False)
        fresh = self.config_file.with_suffix(".new")
        fresh.write_text(config)
        fresh.replace(self.config_file)

    def reload(self, config=None):
        """Asks for a reload by HTTP and returns the answer."""
        if config is not None:
            self.configure(config)
        return request(self.url + "/-/reload", "POST")

    # Life

    def start(self, ready=True):
        """Starts, waits until it listens and, unless told otherwise, until it says it is ready."""
        self.spawn()
        self.wait_listening()
        if ready:
            self.wait_ready()
        return self

    def wait_listening(self):
        self.url = until(self._address, "the agent listens")

    def spawn(self):
        """Starts without waiting for anything."""
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        command = [*self.wrapped_in, BINARY, "run", "--config.file", self.config_file, *self.args]
        self.process = Process(command, self.log_file, environment(self.env), self.directory)
        return self.process

    def _address(self):
        if not self.process.running:
            # An assertion would count as "not yet"; this ends the wait at once.
            raise RuntimeError(f"the agent ended with {self.process.child.returncode}:\n{self.log}")
        found = LISTENING.search(self.log)
        return found and found.group(1).rstrip("/")

    def wait_ready(self, timeout=30):
        until(lambda: request(self.url + "/-/ready").status == 200, "the agent is ready", timeout)

    def kill9(self):
        """The crash: nothing is flushed, nothing is said."""
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, timeout=30):
        """SIGTERM, then the exit code."""
        self.process.signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def restart(self):
        """kill -9 and a new start on the same state."""
        self.kill9()
        return self.start()

    def stop(self):
        """Ends it at once, as a second signal does: nobody waits for what it would still deliver."""
        if self.process is None:
            return
        if self.process.running:
            self.process.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.5)
        self.process.stop()

    # What it says

    @property
    def log(self):
        """What it has logged since its last start."""
        if not self.log_file.exists():
            return ""
        return self.log_file.read_bytes()[self._log_start :].decode(errors="replace")

    def get(self, path, **kwargs):
        return request(self.url + path, **kwargs)

    def scrape(self, path="/metrics"):
        answer = self.get(path)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text[:500]}"
        return Scrape(answer.text)

    def value(self, name, /, **labels):
        return self.scrape().value(name, **labels)

    # The ledger

    def ledger(self, source):
        """The book of one source: read, delivered, filtered, dropped, in flight."""
        page = self.scrape()
        book = {
            outcome: page.total("vigie_events_total", source=source, outcome=outcome)
            for outcome in ("read", "delivered", "filtered", "dropped")
        }
        return book | {"in_flight": page.total("vigie_events_in_flight", source=source)}

    def settled(self, source, read, timeout=60):
        """Waits until that many records were read and none is in flight; checks that the book balances."""

        def done():
            book = self.ledger(source)
            return book if book["read"] >= read and book["in_flight"] == 0 else None

        book = until(done, f"{read} records of {source} settled", timeout, every=0.05)
        assert book["read"] == book["delivered"] + book["filtered"] + book["dropped"], book
        return book

    def check_ledgers(self, timeout=5):
        """Every book balances: of each source, and of each destination that is there.

        Nothing to check where it does not run, or where its page is not to be had by a plain GET.
        """
        if self.process is None or not self.process.running or not self.url or self.url.startswith("https"):
            return
        try:
            answer = self.get("/metrics", timeout=5)
        except OSError:
            return
        if answer.status == 200:
            # What destinations and spools count is not counted in one step with what sources do.
            until(lambda: not unbalanced(self.scrape()), "every ledger balances", timeout, every=0.2)
