"""`vigie buffer ls | verify | dump`: what is in the spools, while the agent runs and while it does not."""

import re
import shutil
import subprocess

import pytest
from harness.agent import BINARY, environment, vigie
from harness.offsets import wait_saved
from harness.oracle import Writer, judge
from harness.spool import buffer, directory, dumped, listed, parsed, segments, spooled, wait_stored, waiting
from harness.wait import until

LINES = 2_000


@pytest.fixture
def filled(agent, http_receiver, tmp_path):
    """An agent whose spool holds so many lines for a receiver that is down."""
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, http_receiver))
    # In records of their own.
    for _ in range(10):
        writer.write(LINES // 10)
        wait_stored(started, writer.next)
    wait_saved(started, writer.path)
    return started


def digest(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_what_waits_is_listed_verified_and_dumped(filled, running):
    if not running:
        filled.kill9()
    before = digest(directory(filled))
    row = listed(filled)["to0", "logs"]
    assert (row["waiting"], row["events"], row["faults"], row["quarantined"]) == (LINES, LINES, 0, 0)
    assert row["segments"] == len(segments(filled)) > 0
    assert row["bytes"] == sum(segment.stat().st_size for segment in segments(filled))
    verified = buffer(filled, "verify")
    assert verified.returncode == 0 and "nothing is damaged" in verified.stdout, verified
    records = dumped(filled)
    assert judge([record.text for record in records], LINES).exactly_once()
    assert records[0].scope == "app" and records[0].attributes["log.file.name"] == "app.log"
    assert digest(directory(filled)) == before, "looking changes nothing"


def test_the_list_is_a_table_for_people(filled):
    done = buffer(filled, "ls")
    head, row, of_traces = done.stdout.splitlines()
    assert of_traces.split()[:3] == ["to0", "traces", "0"]
    assert head.split() == [
        *("EXPORTER", "SIGNAL", "SEGMENTS", "BYTES", "RECORDS", "EVENTS"),
        *("WAITING", "OLDEST", "CURSOR", "FAULTS", "QUARANTINED"),
    ]
    cells = row.split()
    assert cells[:2] == ["to0", "logs"] and cells[5:7] == [str(LINES)] * 2
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", cells[7])


def test_what_is_delivered_waits_no_more(filled, http_receiver):
    http_receiver.up()
    http_receiver.wait_logs(LINES)
    until(lambda: listed(filled)["to0", "logs"]["waiting"] == 0, "the cursor is saved")
    assert dumped(filled) == []
    until(lambda: waiting(filled) == 0, "nothing waits")


def test_a_flipped_bit_is_found_with_its_file_and_place(filled):
    filled.kill9()
    segment = segments(filled)[0]
    damaged = bytearray(segment.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    segment.write_bytes(damaged)
    verified = buffer(filled, "verify")
    assert verified.returncode == 1
    told = re.search(rf"^{re.escape(str(segment))}: offset (\d+): (\d+) bytes are damaged$", verified.stdout, re.M)
    begin, length = int(told.group(1)), int(told.group(2))
    assert begin <= len(damaged) // 2 < begin + length
    assert "to0 logs: " in verified.stdout and "1 fault" in verified.stdout
    # What is left can still be had, with the word that it is not all.
    dump = buffer(filled, "dump")
    assert dump.returncode == 1 and str(segment) in dump.stderr
    verdict = judge([record.text for record in parsed(dump.stdout)], LINES)
    assert len(verdict.missing) == LINES // 10 and not verdict.corrupt and not verdict.duplicates


def test_a_segment_that_was_taken_away_is_missed(filled):
    filled.kill9()
    only = segments(filled)[0]
    filled.start()
    # What comes after a restart goes to another segment.
    writer = Writer(filled.directory.parent / "app.log")
    writer.next = LINES
    writer.write(10)
    filled.settled("app", 10)
    filled.kill9()
    assert len(segments(filled)) == 2
    save(filled)
    only.unlink()
    verified = buffer(filled, "verify")
    assert verified.returncode == 1 and f"events 0 to {LINES - 1} are missing before it" in verified.stdout, verified


def save(agent):
    """A cursor, as it is there once anything was delivered."""
    from zlib import crc32

    said = "vigie spool cursor 1 0"
    (directory(agent) / "cursor").write_text(f"{said} {crc32(said.encode()):08x}\n")


def test_a_copy_is_read_without_a_configuration(filled, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(filled.state_dir, copy)
    done = vigie("buffer", "dump", "--exporter", "to0", "--state-dir", copy)
    assert done.returncode == 0
    assert judge([record.text for record in parsed(done.stdout)], LINES).exactly_once()


def test_what_is_not_there_is_said(filled, tmp_path):
    unknown = buffer(filled, "verify", "--exporter", "to1")
    assert unknown.returncode == 1 and "no spool of `to1`" in unknown.stderr
    empty = vigie("buffer", "ls", "--state-dir", tmp_path)
    assert (empty.returncode, empty.stdout) == (0, "no spools\n")
    assert listed(filled, "--signal", "traces").keys() == {("to0", "traces")}


def test_a_wrong_configuration_and_a_wrong_question_have_their_exit_codes(tmp_path):
    wrong = tmp_path / "vigie.yaml"
    wrong.write_text("agent: { state_dri: /x }\n")
    assert vigie("buffer", "ls", "--config.file", wrong).returncode == 78
    assert vigie("buffer").returncode == 2
    assert vigie("buffer", "look").returncode == 2


def test_a_reader_that_has_seen_enough_is_no_failure(filled):
    dump = [BINARY, "buffer", "dump", "--config.file", filled.config_file]
    with subprocess.Popen(dump, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.stdout.close()
        assert child.wait(15) == 0, child.stderr.read()
