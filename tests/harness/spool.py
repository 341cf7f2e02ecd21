"""Files of a spool, and what `vigie buffer` says of them."""

import json

from .agent import vigie
from .otlp import REQUESTS, items
from .receiver import from_json
from .sections import tailing
from .wait import until


def spooled(path, *receivers, spool=None, **over):
    """From a file to the receivers, each with a spool on disk: the whole configuration."""
    return tailing(path, *receivers, exporter={"spool": {"mode": "disk"} | (spool or {})}, **over)


def directory(agent, exporter="to0", signal="logs"):
    return agent.state_dir / "spool" / exporter / signal


def segments(agent, exporter="to0", signal="logs"):
    """Its segments, oldest first."""
    return sorted(directory(agent, exporter, signal).glob("*.segment"))


def waiting(agent, exporter="to0", signal="logs"):
    """Events that the running agent has in a spool."""
    return agent.value("vigie_spool_waiting_events", exporter=exporter, signal=signal)


def buffer(agent, *args):
    """`vigie buffer …`, whether the agent runs or not."""
    return vigie("buffer", *args, "--config.file", agent.config_file)


def listed(agent, *args):
    """The rows of `vigie buffer ls`, by exporter and signal."""
    done = buffer(agent, "ls", "--format", "json", *args)
    assert done.returncode == 0, done.stderr
    return {(row["exporter"], row["signal"]): row for row in json.loads(done.stdout)}


def wait_stored(agent, events):
    """Waits until the spool of logs has so many events, by its files: a page may be a second old."""
    until(lambda: listed(agent)["to0", "logs"]["events"] >= events, f"{events} events are in the spool")


def dumped(agent, *args, signal="logs"):
    """What `vigie buffer dump` prints, read by the official definitions."""
    done = buffer(agent, "dump", "--signal", signal, *args)
    assert done.returncode == 0, done.stderr
    return parsed(done.stdout, signal)


def parsed(text, signal="logs"):
    return [item for line in text.splitlines() for item in items(signal, from_json(REQUESTS[signal], line))]
