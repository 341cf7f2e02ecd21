"""Records for some destinations only: each gets exactly what is for it, whoever else is slow, dead, or crashes."""

import threading
import time

import pytest
from harness.oracle import Oracle, record
from harness.receiver import HttpReceiver
from harness.sections import otlp, tailing
from harness.wait import until

SIZE = 200


@pytest.fixture
def receivers(request):
    made = {name: HttpReceiver() for name in ("all", "alerts", "audit")}
    for receiver in made.values():
        request.addfinalizer(receiver.down)
    return made


def routed(path, receivers, **sections):
    """`alert` lines go to alerts alone, `both` lines to alerts and audit, the rest to all three."""
    transforms = [
        {"route": {"to": ["alerts"], "when": {"regex": "^s=alert "}}},
        {"route": {"to": ["alerts", "audit"], "when": {"regex": "^s=both "}}},
    ]
    config = tailing(path, transforms=transforms)
    config["exporters"]["otlp"] = [otlp(receiver, name=name) for name, receiver in receivers.items()]
    return config | sections


EXPECTED = {"all": ["rest"], "alerts": ["alert", "both", "rest"], "audit": ["both", "rest"]}


class Streams:
    """Appends numbered records of the three streams in turn."""

    def __init__(self, path):
        self.path = path
        self.count = 0

    def write(self, count):
        numbers = range(self.count, self.count + count)
        text = "".join(record(n, SIZE, stream) + "\n" for n in numbers for stream in ("alert", "rest", "both"))
        with open(self.path, "a") as file:
            file.write(text)
        self.count += count


def verdict(receiver, name, count):
    return Oracle().take(receiver.lines).verdict({stream: count for stream in EXPECTED[name]})


def wait_for_all(receivers, count, names=EXPECTED, timeout=60):
    def have_all():
        return all(len(set(receivers[name].lines)) >= count * len(EXPECTED[name]) for name in names)

    until(have_all, f"all records have come to {list(names)}", timeout, 0.1)


def test_each_destination_gets_what_is_for_it_and_nothing_else(agent, receivers, tmp_path):
    streams = Streams(tmp_path / "app.log")
    streams.write(2000)
    started = agent(routed(streams.path, receivers))
    wait_for_all(receivers, 2000)
    started.settled("app", 6000)
    for name, receiver in receivers.items():
        found = verdict(receiver, name, 2000)
        assert found.exactly_once(), f"{name}: {found}"
    page = started.scrape()
    elsewhere = {name: page.total("vigie_events_routed_elsewhere_total", exporter=name) for name in receivers}
    assert elsewhere == {"all": 4000, "alerts": 0, "audit": 2000}


def test_a_kill_loses_nothing_of_any_route(agent, receivers, tmp_path):
    streams = Streams(tmp_path / "app.log")
    streams.write(100)
    started = agent(routed(streams.path, receivers))
    for _ in range(5):
        streams.write(400)
        time.sleep(0.15)
        started.kill9()
        streams.write(100)
        started.start()
    wait_for_all(receivers, streams.count)
    for name, receiver in receivers.items():
        found = verdict(receiver, name, streams.count)
        assert found.none_lost(duplicates=10**6), f"{name}: {found}"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("dead", ["alerts", "all"])
def test_a_dead_destination_holds_up_nobody_and_gets_its_own_when_it_is_back(agent, receivers, tmp_path, dead):
    receivers[dead].down()
    streams = Streams(tmp_path / "app.log")
    config = routed(streams.path, receivers, agent={"memory_limit": "16MiB"})
    started = agent(config)
    done = threading.Event()

    def write():
        while not done.wait(0.05) and streams.count < 60_000:
            streams.write(1000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        living = [name for name in receivers if name != dead]
        until(lambda: "reads for itself" in started.log, "the dead one is set apart", 60, 0.1)
    finally:
        done.set()
        writer.join()
    streams.write(1000)
    wait_for_all(receivers, streams.count, living)
    # The positions of the others do not wait for it, and its own does not pass what it has not got.
    started.restart()
    streams.write(500)
    wait_for_all(receivers, streams.count, living)
    receivers[dead].up()
    wait_for_all(receivers, streams.count, timeout=120)
    for name, receiver in receivers.items():
        found = verdict(receiver, name, streams.count)
        assert found.none_lost(duplicates=10**6), f"{name}: {found}"
    until(lambda: started.scrape().total("vigie_events_in_flight") == 0, "nothing is in flight")
