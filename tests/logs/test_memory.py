"""`memory_limit` holds: in a control group with a little more than that, under ten times the load it can pass on."""

import json
import threading
import time
from dataclasses import dataclass

import pytest
from harness.cgroup import limited
from harness.oracle import Oracle, record
from harness.receiver import slow
from harness.sections import otlp, tail
from harness.wait import until

MIB = 1 << 20
BUDGET = 32 * MIB

# The program itself, its threads, and what the kernel keeps for it.
ROOM = 24 * MIB


@dataclass
class Load:
    """Files under `sources` sources with lines of `size` bytes."""

    sources: int
    files: int
    size: int
    megabytes: int
    parse: str = "none"
    compression: str = "gzip"

    def line(self, number, stream):
        text = record(number, self.size, stream)
        if self.parse == "none":
            return text
        return json.dumps({"level": "info", "n": number, "user": {"id": f"u{number}"}, "message": text})

    def section(self, directory, number):
        over = {"parse": self.parse, "body": "message"} if self.parse == "json" else {}
        return tail(directory / f"{number}-*.log", name=f"s{number}", **over)


LOADS = {
    "json-in-50-files": Load(1, 50, 700, 60, parse="json"),
    "32-sources": Load(32, 64, 500, 60),
    "lines-of-a-mebibyte": Load(2, 4, MIB - 1000, 200),
    "small-lines": Load(1, 4, 60, 20, compression="none"),
    "zstd": Load(4, 8, 700, 60, parse="json", compression="zstd"),
}


@pytest.fixture
def group(request):
    made = limited(BUDGET + ROOM)
    request.addfinalizer(made.remove)
    return made


@pytest.mark.timeout(300)
@pytest.mark.parametrize("load", list(LOADS.values()), ids=list(LOADS))
def test_ten_times_the_capacity_is_neither_killed_nor_lost(group, unstarted, http_receiver, tmp_path, load):
    logs = tmp_path / "logs"
    logs.mkdir()
    oracle, arrived = Oracle(), [0]

    def take(items):
        arrived[0] += sum(len(item.text) for item in items)
        oracle.take(item.text for item in items)

    http_receiver.hands_to(take)
    http_receiver.answers(slow(4))
    agent = unstarted(
        {
            "agent": {"memory_limit": f"{BUDGET}B"},
            "collectors": {
                "system": {"enable": [], "deadline": "5s"},
                "logs": [load.section(logs, number) for number in range(load.sources)],
            },
            "exporters": {"otlp": [otlp(http_receiver, compression=load.compression)]},
        }
    )
    agent.wrapped_in = group.command
    peak = Peak(group)
    agent.start()
    with peak:
        begun = time.monotonic()
        expected, written = write(load, logs)
        # All room is taken, and stays so for a while.
        time.sleep(max(0, 8 - (time.monotonic() - begun)))
        while_slow = arrived[0]
        assert agent.process.running and group.kills == 0, agent.log
        assert written >= 10 * while_slow, f"{while_slow} of {written} bytes arrived: that is not ten times too much"
        http_receiver.answers_normally()
        wanted = list(expected.items())
        until(lambda: all(oracle.has_all(*one) for one in wanted), f"all {sum(expected.values())} arrive", 240, 0.5)
    print(
        f"{group.kind} of {(BUDGET + ROOM) / MIB:.0f} MiB: peak {peak.bytes / MIB:.1f} MiB; resident {peak.hwm(agent)}"
    )
    assert group.kills == 0 and agent.process.running
    verdict = oracle.verdict(expected)
    # A request that takes longer than its deadline is sent again.
    assert verdict.none_lost(duplicates=verdict.expected), verdict
    until(lambda: agent.scrape().total("vigie_events_in_flight") == 0, "everything is settled")
    page = agent.scrape()
    assert page.total("vigie_events_total", outcome="dropped") == 0
    assert page.total("vigie_events_total", outcome="delivered", signal="logs") >= verdict.expected


def write(load, logs):
    """Writes all files in turns, about a second's worth at a time. Returns how many lines each has, and the bytes."""
    expected = dict.fromkeys((f"{n}" for n in range(load.files)), 0)
    written, part = 0, max(1, 64_000 // load.size)
    while written < load.megabytes * 1_000_000:
        for number, stream in enumerate(expected):
            text = "".join(load.line(expected[stream] + i, stream) + "\n" for i in range(part))
            with open(logs / f"{number % load.sources}-{number}.log", "a") as file:
                file.write(text)
            expected[stream] += part
            written += len(text)
    return expected, written


class Peak:
    """The most that was used while it was looked."""

    def __init__(self, group):
        self.group, self.bytes = group, 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self._done.wait(0.05):
            self.bytes = max(self.bytes, self.group.used)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def hwm(self, agent):
        with open(f"/proc/{agent.process.pid}/status") as status:
            return next(line.split(":")[1].strip() for line in status if line.startswith("VmHWM"))
