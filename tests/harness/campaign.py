"""kill -9 at random points, again and again: while files are written and rotated, and while the receiver misbehaves.

Four files are written at a steady rate, each rotated in a way of its own; none of these ways loses a line by itself:

* `glob`: renamed within what the patterns match, up to three times in a row;
* `shift`: renamed as logrotate does (.1 becomes .2), out of what the patterns match, up to three times in a row;
* `again`: deleted when all of it has arrived, and created again: often with the same inode;
* `halves`: never rotated, but written in pieces that end anywhere within a line.

Rotated files are deleted when all of them has arrived, as one who keeps enough of them does.
"""

import os
import random
import shutil
import threading
import time
from dataclasses import dataclass

from .oracle import Oracle, record
from .receiver import accept, hang_up, refuse, slow
from .sections import otlp, tail

WAYS = ("glob", "shift", "again", "halves")

# What encoded records may take in memory, in the agent's own configuration of a campaign.
MEMORY = 4 << 20


class Stream:
    """A file that is written to and rotated in one way."""

    def __init__(self, directory, way, oracle, rng):
        self.way = way
        self.path = directory / way / "app.log"
        self.path.parent.mkdir()
        self.oracle = oracle
        self.rng = rng
        self.written = 0
        self.half = ""
        self.rotated = []  # (path, records written when it was rotated)
        self.rotations = 0

    def include(self):
        return f"{self.path}*" if self.way == "glob" else str(self.path)

    def write(self, count):
        """Appends `count` records; of `halves` the last one only in part, its rest with the next."""
        numbers = range(self.written, self.written + count)
        text = self.half + "".join(record(number, 100, self.way) + "\n" for number in numbers)
        self.half = ""
        if self.way == "halves":
            cut = self.rng.randrange(1, 100)
            text, self.half = text[:-cut], text[-cut:]
        with open(self.path, "a") as file:
            file.write(text)
        self.written += count

    def rotate(self):
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            if self.way == "glob":
                self._keep(self.path.with_name(f"app.log-{self.rotations}"))
            elif self.way == "shift":
                for number in range(len(self.rotated), 0, -1):
                    os.rename(f"{self.path}.{number}", f"{self.path}.{number + 1}")
                self.rotated = [(self.path.with_name(f"app.log.{i + 2}"), n) for i, (_, n) in enumerate(self.rotated)]
                self._keep(self.path.with_name("app.log.1"), at=0)
            elif self.way == "again" and self.oracle.has_all(self.way, self.written):
                self.path.unlink()
                self.rotations += 1
            self.write(self.rng.randrange(1, 20))
        self._discard()

    def _keep(self, name, at=None):
        os.rename(self.path, name)
        self.rotated.insert(len(self.rotated) if at is None else at, (name, self.written))
        self.rotations += 1

    def _discard(self):
        """Deletes what has arrived: the oldest first, and never the two youngest."""
        by_age = sorted(self.rotated, key=lambda kept: kept[1])
        for kept in by_age[:-2]:
            if not self.oracle.has_all(self.way, kept[1]):
                break
            kept[0].unlink()
            self.rotated.remove(kept)

    def finish(self):
        """Writes what is left of the last line."""
        with open(self.path, "a") as file:
            file.write(self.half)
        self.half = ""


class Writing(threading.Thread):
    """Writes and rotates all streams until told to end; `rate` in lines per second and file."""

    def __init__(self, streams, rate, rng):
        super().__init__(daemon=True)
        self.streams, self.rate, self.rng = streams, rate, rng
        self.ended = threading.Event()
        self.error = None

    def run(self):
        try:
            due, begun = 0.0, time.monotonic()
            while not self.ended.wait(0.01):
                due += (time.monotonic() - begun) * self.rate
                begun = time.monotonic()
                whole, due = int(due), due % 1
                for stream in self.streams:
                    if whole:
                        stream.write(whole)
                    if self.rng.random() < 0.01:  # about once a second
                        stream.rotate()
        except Exception as error:
            self.error = error

    def end(self):
        self.ended.set()
        self.join()
        if self.error:
            raise self.error
        for stream in self.streams:
            stream.finish()


def misbehave(receiver, rng):
    """Has the receiver do something until the next time; half the time what it should."""
    rules = (refuse(503), refuse(429, retry_after=1), hang_up(), slow(0.3), sometimes(refuse(503), rng))
    receiver.answers(rng.choice((accept(),) * len(rules) + rules))


def sometimes(answer, rng):
    """Every other batch, at random: so a later one is taken before an earlier one."""
    return lambda items: answer if rng.random() < 0.5 else accept()


@dataclass
class Outcome:
    """What a campaign came to."""

    kills: int
    verdict: object
    rotations: int
    seconds: float
    most_at_once: int  # duplicates that one kill brought

    def __str__(self):
        return (
            f"{self.kills} kills, {self.rotations} rotations, {self.verdict.expected} records in {self.seconds:.0f} s: "
            f"{self.verdict}; most duplicates after one kill {self.most_at_once}"
        )


def bound(rate):
    """How many records may come twice after one kill: what fills the memory, and what was acknowledged after the
    last save of the offsets, half a second ago at most and a second on a busy machine."""
    return MEMORY // 100 + len(WAYS) * rate


def campaign(agent, receiver, directory, kills, seed, spool=None, rate=400, pause=(0.05, 0.6), tell=lambda _: None):
    """Runs one with `agent`, which is not started yet. Returns its `Outcome`."""
    rng = random.Random(seed)
    oracle = Oracle()
    receiver.hands_to(lambda items: oracle.take(item.text for item in items))
    directory.mkdir(parents=True, exist_ok=True)
    streams = [Stream(directory, way, oracle, random.Random(rng.random())) for way in WAYS]
    exporter = otlp(receiver, **({"spool": spool} if spool else {}))
    agent.configure(
        {
            "agent": {"memory_limit": f"{MEMORY}B"},
            "collectors": {"logs": [tail(s.path, name=s.way, include=[s.include()]) for s in streams]},
            "exporters": {"otlp": [exporter]},
        }
    )
    begun = time.monotonic()
    # What is renamed out of the patterns before anybody has looked, nobody can find.
    agent.start()
    writing = Writing(streams, rate, random.Random(rng.random()))
    writing.start()
    most = before = 0
    try:
        for kill in range(kills):
            if rng.random() < 0.1:
                receiver.down()
                time.sleep(rng.uniform(*pause))
                receiver.up()
            misbehave(receiver, rng)
            time.sleep(rng.uniform(*pause))
            agent.kill9()
            most, before = max(most, oracle.duplicates - before), oracle.duplicates
            agent.spawn()
            if kill % 50 == 49:
                # Let it catch up, so that kills meet it reading at the end of its files as well.
                receiver.answers_normally()
                arrived(oracle, [(s.way, s.written - 1) for s in streams])  # of the last there may be only a half
                tell(f"{kill + 1} kills, {sum(s.written for s in streams)} records, {oracle.duplicates} duplicates")
    finally:
        receiver.answers_normally()
        writing.end()
    arrived(oracle, [(s.way, s.written) for s in streams])
    most = max(most, oracle.duplicates - before)
    agent.wait_listening()
    agent.check_ledgers(15)
    verdict = oracle.verdict({s.way: s.written for s in streams})
    outcome = Outcome(kills, verdict, sum(s.rotations for s in streams), time.monotonic() - begun, most)
    if not verdict.missing:
        shutil.rmtree(directory)
    return outcome


def arrived(oracle, wanted, timeout=60):
    """Waits until so many records of each stream have come, or the time is over: the verdict says what is missing."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and not all(oracle.has_all(*one) for one in wanted):
        time.sleep(0.05)
