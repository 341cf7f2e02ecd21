"""Reload after reload under load: what a part had in flight may come twice, nothing is missing.

VIGIE_RELOADS=1000 does as many instead of a hundred.
"""

import os
import threading
import time

import pytest
from harness.oracle import Writer, judge
from harness.sections import otlp, tail
from harness.wait import until

RELOADS = int(os.environ.get("VIGIE_RELOADS", "100"))


@pytest.fixture
def writing(request, tmp_path):
    """A thread that writes 2,000 lines a second; returns its writer, and a function that ends it."""
    writer, done = Writer(tmp_path / "app.log"), threading.Event()

    def write():
        while not done.wait(0.01):
            writer.write(20)

    thread = threading.Thread(target=write)
    thread.start()

    def end():
        done.set()
        thread.join()

    request.addfinalizer(end)
    return writer, end


def configured(receiver, path, name, **over):
    return {"collectors": {"logs": [tail(path, name=name, **over)]}, "exporters": {"otlp": [otlp(receiver)]}}


def check(receiver, writer, reloads):
    until(lambda: not judge(receiver.lines, writer.next).missing, "every record has come", 60)
    verdict = judge(receiver.lines, writer.next)
    print(f"{reloads} reloads: {verdict}")
    # A part that stops waits for what it has in flight. Should that take too long on a busy machine, what was in
    # flight comes twice, once: a batch waits 20 ms, and 2,000 lines come in a second.
    assert verdict.none_lost(duplicates=reloads * 40), verdict


@pytest.mark.timeout(60 + RELOADS)
def test_a_source_that_is_rebuilt_again_and_again_neither_loses_nor_repeats(agent, receiver, writing):
    writer, end = writing
    started = agent(configured(receiver, writer.path, "app"))
    for number in range(RELOADS):
        answer = started.reload(configured(receiver, writer.path, "app", attributes={"n": str(number)}))
        assert answer.status == 200, answer.text
    end()
    check(receiver, writer, RELOADS)


@pytest.mark.timeout(60 + RELOADS)
def test_a_source_that_is_called_differently_goes_on_where_it_was(agent, receiver, writing):
    writer, end = writing
    started = agent(configured(receiver, writer.path, "app"))
    renames = RELOADS // 5
    for number in range(renames):
        answer = started.reload(configured(receiver, writer.path, f"app-{number}"))
        assert answer.status == 200, answer.text
        time.sleep(0.05)
    end()
    check(receiver, writer, renames)
