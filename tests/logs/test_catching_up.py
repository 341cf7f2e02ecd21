"""Catching up after an outage: fresh lines of other files do not wait for the end of the backlog."""

import os
import threading
import time

import pytest
from harness.oracle import RECORD, record
from harness.receiver import slow
from harness.sections import otlp, tail
from harness.wait import until

MEGABYTES = int(os.environ.get("VIGIE_BACKLOG_MEGABYTES", "100"))
LINE = 4000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("sources", [1, 2], ids=["one-source", "two-sources"])
def test_fresh_lines_of_another_file_arrive_within_seconds_while_it_catches_up(agent, http_receiver, tmp_path, sources):
    behind, fresh = tmp_path / "behind.log", tmp_path / "fresh.log"
    old, delays, written = set(), [], {}

    def take(items):
        now = time.monotonic()
        for item in items:
            stream, number = RECORD.fullmatch(item.text).group(1, 2)
            if stream == "behind":
                old.add(int(number))
            else:
                delays.append((now - written[int(number)], len(old)))

    http_receiver.hands_to(take)
    # Not at once: catching up is to take longer than a moment.
    http_receiver.answers(slow(0.2))
    http_receiver.down()
    total = MEGABYTES * 1_000_000 // LINE
    text = "".join(record(number, LINE - 1, "behind") + "\n" for number in range(total))
    behind.write_text(text)
    del text
    paths = [[behind, fresh]] if sources == 1 else [[behind], [fresh]]
    logs = [
        tail(tmp_path / "none", name=f"s{number}", include=list(map(str, paths))) for number, paths in enumerate(paths)
    ]
    config = {
        "agent": {"memory_limit": "16MiB"},
        "collectors": {"logs": logs},
        "exporters": {"otlp": [otlp(http_receiver, compression="none")]},
    }
    started = agent(config)
    until(lambda: started.scrape().total("vigie_events_in_flight") > 100, "the backlog waits")
    done = threading.Event()

    def write():
        with open(fresh, "a", buffering=1) as file:
            while not done.wait(0.1):
                written[len(written)] = time.monotonic()
                file.write(record(len(written) - 1, 80, "fresh") + "\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(0.5)
        http_receiver.up()
        resumed = time.monotonic()
        until(lambda: len(old) == total, "the backlog has come", 240, 0.1)
        took = time.monotonic() - resumed
    finally:
        done.set()
        writer.join()
    until(lambda: len(delays) >= len(written), "every fresh line has come")
    # Those that were written and arrived while there was a backlog, after the outage.
    during = sorted(delay for delay, seen in delays if seen < total * 0.95)
    assert took > 3 and len(during) >= 10, f"caught up within {took:.1f} s: too fast to tell"
    print(f"caught up {MEGABYTES} MB in {took:.1f} s; {len(during)} fresh lines, the slowest after {during[-1]:.2f} s")
    # Behind the backlog they would come at its end.
    assert during[-1] < min(10, took / 2), f"{during[-5:]} of {took:.1f} s"
