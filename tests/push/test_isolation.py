"""A destination that takes nothing costs the others nothing, and gets everything when it takes again."""

import pytest
from harness.offsets import wait_saved
from harness.oracle import Writer, judge
from harness.receiver import HttpReceiver, refuse
from harness.sections import tailing
from harness.wait import until

SIZE = 2000  # bytes of a record
COUNT = 10_000  # records: several times the memory that one destination may take


@pytest.fixture
def pair(request):
    """Two receivers, the second of which refuses everything for the time being."""
    made = [HttpReceiver(), HttpReceiver()]
    for receiver in made:
        request.addfinalizer(receiver.down)
    made[1].answers(refuse(503))
    return made


def config(path, pair, **over):
    return {"agent": {"memory_limit": "8MiB"}} | tailing(path, *pair, **over)


def arrived(receiver, count):
    until(lambda: not judge(receiver.lines, count).missing, "every record has come", 60, every=0.1)
    return judge(receiver.lines, count)


def behind(agent):
    return agent.scrape().total("vigie_log_behind_bytes", source="app", exporter="to1")


def test_one_that_refuses_everything_holds_up_nobody_and_gets_all_in_the_end(agent, pair, tmp_path):
    writer = Writer(tmp_path / "app.log", SIZE)
    started = agent(config(tmp_path / "app.log", pair))
    alive, dead = pair
    for _ in range(10):
        writer.write(COUNT // 10)
    assert arrived(alive, COUNT).exactly_once()
    assert behind(started) > SIZE * COUNT / 2
    # What comes now comes at once, although the other one is megabytes behind.
    writer.write(10)
    until(lambda: len(alive.lines) == COUNT + 10, "fresh records have come")

    dead.answers_normally()
    verdict = arrived(dead, COUNT + 10)
    assert verdict.exactly_once(), verdict
    verdict = judge(alive.lines, COUNT + 10)
    assert verdict.exactly_once(), verdict
    # It has caught up: from now on lines are read once for both.
    until(lambda: "has caught up" in started.log, "it is taken back", 40)
    until(lambda: not started.scrape().series("vigie_log_behind_bytes"), "its series leaves")
    writer.write(100)
    for receiver in pair:
        verdict = arrived(receiver, COUNT + 110)
        assert verdict.exactly_once(), verdict
    # The book is about what was read, not about how often.
    assert started.settled("app", COUNT + 110)["read"] == COUNT + 110


def test_each_goes_on_where_it_was_after_a_crash(agent, pair, tmp_path):
    log = tmp_path / "app.log"
    writer = Writer(log, SIZE)
    started = agent(config(f"{log}*", pair))
    alive, dead = pair
    writer.write(COUNT)
    arrived(alive, COUNT)
    until(lambda: behind(started) > 0, "the other one is set apart")
    log.rename(tmp_path / "app.log.1")
    writer.write(100)
    arrived(alive, COUNT + 100)
    until(lambda: started.value("vigie_log_lag_bytes", source="app") == 0, "all was looked at")
    for path in (log, tmp_path / "app.log.1"):
        wait_saved(started, path)
    started.kill9()
    dead.answers_normally()
    started.start()
    writer.write(100)
    verdict = arrived(dead, COUNT + 200)
    assert verdict.exactly_once(), verdict
    verdict = arrived(alive, COUNT + 200)
    # In flight at most: a batch or two of what was read last.
    assert verdict.none_lost(duplicates=400), verdict


def test_one_taken_out_of_the_configuration_lets_the_others_go_on(agent, pair, tmp_path):
    log = tmp_path / "app.log"
    writer = Writer(log, SIZE)
    started = agent(config(log, pair))
    writer.write(COUNT)
    arrived(pair[0], COUNT)
    assert started.reload(config(log, pair[:1])).status == 200
    writer.write(100)
    verdict = arrived(pair[0], COUNT + 100)
    assert verdict.exactly_once(), verdict
    book = started.settled("app", COUNT + 100)
    assert book["read"] == COUNT + 100
