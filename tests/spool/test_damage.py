"""Whatever is in the directory of a spool, the agent starts, says what it set aside, and delivers what is whole."""

import shutil
import struct
import zlib

import pytest
from harness.agent import Agent
from harness.offsets import wait_saved
from harness.oracle import Writer, judge
from harness.receiver import HttpReceiver
from harness.spool import buffer, directory, dumped, listed, parsed, segments, spooled, wait_stored, waiting
from harness.wait import until

RECORDS = 30
LINES = 1_500
IN_A_RECORD = LINES // RECORDS


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    """What a killed agent leaves: several segments of records with some lines each, none of them delivered."""
    root = tmp_path_factory.mktemp("crashed")
    receiver = HttpReceiver()
    receiver.down()
    writer = Writer(root / "app.log")
    agent = Agent(root / "agent", spooled(writer.path, receiver, spool={"max_size": "1MiB"}))
    try:
        agent.start()
        for _ in range(RECORDS):
            writer.write(IN_A_RECORD)
            wait_stored(agent, writer.next)
        # What the spool has is not read again.
        wait_saved(agent, writer.path)
        agent.kill9()
    finally:
        agent.stop()
    assert len(segments(agent)) >= 5
    assert listed(agent)["to0", "logs"]["records"] == RECORDS
    return agent.state_dir


@pytest.fixture
def left(unstarted, http_receiver, crashed, tmp_path):
    """An agent with a copy of it, not started; nothing can be read again from the file."""
    agent = unstarted(spooled(tmp_path / "app.log", http_receiver, spool={"max_size": "1MiB"}))
    shutil.copytree(crashed, agent.state_dir, dirs_exist_ok=True)
    return agent


def check_delivers_the_rest(agent, receiver, whole):
    """These lines arrive, each once, and the spool goes on with what comes next."""
    agent.start()
    writer = Writer(agent.directory.parent / "app.log")
    writer.next = LINES
    writer.write(10)
    until(lambda: len(receiver.logs) >= len(whole) + 10, "what is whole arrives", timeout=30)
    until(lambda: waiting(agent) == 0, "nothing waits")
    verdict = judge(receiver.lines, LINES + 10)
    assert set(verdict.missing) == set(range(LINES)) - whole
    assert not verdict.duplicates and not verdict.corrupt
    return verdict.missing


def numbers(items):
    return {int(item.text.split()[0].removeprefix("n=")) for item in items}


def quarantined(agent):
    return sorted(file.name for file in (directory(agent) / "quarantine").glob("*"))


def change(path, at, make):
    data = bytearray(path.read_bytes())
    at = int(len(data) * at) if isinstance(at, float) else at % len(data)
    data[at:] = make(data[at:])
    path.write_bytes(data)


DAMAGES = {
    "a flipped bit": lambda rest: bytes([rest[0] ^ 4]) + rest[1:],
    "zeros": lambda rest: bytes(50) + rest[50:],
    "garbage": lambda rest: b"\xff\x00garbage\n" * 4 + rest[40:],
}


@pytest.mark.parametrize("at", [0, 9, 16, 30, 70, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("number", [0, 2, -1], ids=["oldest", "middle", "newest"])
def test_a_damaged_place_costs_the_records_it_touches(left, http_receiver, number, damage, at):
    change(segments(left)[number], at, DAMAGES[damage])
    whole = numbers(parsed(buffer(left, "dump").stdout))
    missing = check_delivers_the_rest(left, http_receiver, whole)
    # At the edge of two records a place may touch both; what stands before the first record is none.
    assert len(missing) <= 2 * IN_A_RECORD and len(missing) % IN_A_RECORD == 0
    if missing:
        assert "WARN" in left.log and "quarantine" in left.log or "set aside" in left.log
        assert quarantined(left)
        until(lambda: corrupt(left) == 1, "it is counted")


def corrupt(agent):
    return agent.value("vigie_spool_corrupt_records_total", exporter="to0", signal="logs")


@pytest.mark.parametrize("at", [0, 10, 16, 40, 0.4, -1])
@pytest.mark.parametrize("number", [0, 2, -1], ids=["oldest", "middle", "newest"])
def test_a_segment_that_is_cut_costs_what_is_cut_off(left, http_receiver, number, at):
    change(segments(left)[number], at, lambda rest: b"")
    whole = numbers(parsed(buffer(left, "dump").stdout))
    missing = check_delivers_the_rest(left, http_receiver, whole)
    assert missing == list(range(missing[0], missing[-1] + 1)), "no record before the cut, none of another segment"
    if number != -1:
        lost = lambda: left.scrape().total("vigie_spool_events_total", exporter="to0", reason="spool_damaged")  # noqa: E731
        known = len(missing) if number else 0
        # What was before the first record that is known of no one can tell but the cursor.
        until(lambda: lost() >= known, "what is lost is counted")


def test_a_segment_that_is_gone_is_counted_to_the_event(left, http_receiver):
    segments(left)[2].unlink()
    whole = numbers(parsed(buffer(left, "dump").stdout))
    missing = check_delivers_the_rest(left, http_receiver, whole)
    assert missing
    until(
        lambda: (
            left.scrape().total("vigie_export_events_total", exporter="to0", reason="spool_damaged") == len(missing)
        ),
        "what is lost is counted",
    )


def strange(spool):
    (spool / "notes.txt").write_text("mine")
    (spool / "00000000000000000500.segment").mkdir()
    (spool / "directory").mkdir()


def garbage(spool):
    (spool / "00000000000000000500.segment").write_bytes(b"no segment, but words\n" * 1_000)


def random_bytes(spool):
    (spool / "00000000000000000500.segment").write_bytes(bytes(n * 7919 % 251 for n in range(300_000)))


def empty(spool):
    (spool / "00000000000000000500.segment").touch()


def zeros(spool):
    (spool / "00000000000000000500.segment").write_bytes(bytes(100_000))


def highest(spool):
    (spool / "18446744073709551615.segment").touch()


def cursor_of(text):
    def write(spool):
        for name in ("cursor", "cursor.old"):
            (spool / name).write_bytes(text)

    return write


@pytest.mark.parametrize(
    "do, told",
    [
        pytest.param(strange, "not files of a spool", id="strange files"),
        pytest.param(garbage, "set aside", id="garbage"),
        pytest.param(random_bytes, "set aside", id="random bytes"),
        pytest.param(empty, "", id="an empty segment"),
        pytest.param(zeros, "", id="a segment of zeros"),
        pytest.param(highest, "", id="the highest number"),
        pytest.param(cursor_of(b""), "set aside", id="an empty cursor"),
        pytest.param(cursor_of(b"vigie spool cursor 1 99999999 00000000\n"), "set aside", id="a wrong cursor"),
        pytest.param(cursor_of(b"\0" * 5_000), "set aside", id="a cursor of zeros"),
    ],
)
def test_what_has_no_business_there_is_no_obstacle(left, http_receiver, do, told):
    do(directory(left))
    check_delivers_the_rest(left, http_receiver, set(range(LINES)))
    assert told in left.log
    if do is strange:
        assert (directory(left) / "notes.txt").read_text() == "mine"
    if do in (garbage, random_bytes):
        assert quarantined(left) == ["00000000000000000500.segment"]
        assert listed(left)["to0", "logs"]["quarantined"] == 1


def test_a_segment_of_a_later_version_is_set_aside_whole(left, http_receiver):
    start = b"vigieSPL" + struct.pack("<I", 9)
    later = directory(left) / "00000000000000000500.segment"
    later.write_bytes(start + struct.pack("<I", zlib.crc32(start)) + b"who knows")
    content = later.read_bytes()
    check_delivers_the_rest(left, http_receiver, set(range(LINES)))
    assert "set aside" in left.log and "foreign=1" in left.log
    assert (directory(left) / "quarantine" / later.name).read_bytes() == content


def test_everything_damaged_is_an_agent_that_works(left, http_receiver):
    for segment in segments(left):
        segment.write_bytes(b"\xff" * 20_000)
    check_delivers_the_rest(left, http_receiver, set())
    assert len(quarantined(left)) >= 5
    until(lambda: dumped(left) == [], "that all of it was delivered is saved")
