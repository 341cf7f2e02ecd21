"""Rotation in all its forms, judged record by record."""

import os
import subprocess
import threading
import time

import pytest
from harness.oracle import Writer, judge, record
from harness.sections import tailing
from harness.wait import holds, until


def delivered(receiver, written, timeout=30):
    """Waits until as many records have come, and judges them."""
    receiver.wait_logs(written, timeout)
    return judge(receiver.lines, written)


def test_a_renamed_file_is_read_to_its_end_and_its_successor_from_the_beginning(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    started = agent(tailing(f"{log}*", receiver))
    writer = Writer(log)
    for generation in range(12):
        writer.write(500)
        os.rename(log, f"{log}.{generation}")
    writer.write(500)
    verdict = delivered(receiver, writer.next)
    # Generations are files of their own: order holds within each.
    assert verdict.none_lost(), verdict
    book = started.settled("app", writer.next)
    assert book["delivered"] == writer.next


def test_a_file_renamed_out_of_the_glob_is_read_to_its_end(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    agent(tailing(log, http_receiver))
    writer = Writer(log)
    for generation in range(10):
        writer.write(400)
        # The last lines come after the agent knows the file, when it is about to go.
        until(lambda: len(http_receiver.logs) > writer.next - 400, "the generation is being read")
        with open(log, "a") as held:
            os.rename(log, tmp_path / f"old-{generation}")
            number = writer.next
            for line in range(20):
                held.write(record(number + line) + "\n")
            writer.next += 20
    verdict = delivered(http_receiver, writer.next)
    assert verdict.none_lost(), verdict


def test_rotations_while_the_agent_is_stopped_lose_nothing(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    started = agent(tailing(f"{log}*", http_receiver))
    writer = Writer(log)
    writer.write(1000)
    started.settled("app", 1000)
    assert started.terminate() == 0
    for generation in range(3):
        writer.write(1000)
        os.rename(log, f"{log}.{generation}")
    writer.write(1000)
    started.start()
    verdict = delivered(http_receiver, writer.next)
    assert verdict.none_lost(), verdict


def test_copytruncate_between_writes_loses_nothing(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    started = agent(tailing(log, http_receiver))
    rules = tmp_path / "logrotate.conf"
    rules.write_text(f"{log} {{\n su root root\n rotate 20\n copytruncate\n}}\n")
    writer = Writer(log)
    for generation in range(8):
        writer.write(300 + generation)
        started.settled("app", writer.next)
        subprocess.run(["logrotate", "-f", "-s", tmp_path / "logrotate.state", rules], check=True, timeout=30)
        assert log.stat().st_size == 0
    writer.write(300)
    verdict = delivered(http_receiver, writer.next)
    assert verdict.exactly_once(), verdict


def test_a_truncated_file_that_grows_past_the_saved_offset_is_read_from_its_beginning(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    # Both begin alike, for longer than a fingerprint of the beginning: only what is before the offset differs.
    header = "#" * 4095 + "\n"
    log.write_text(header)
    started = agent(tailing(log, http_receiver, drop=[{"regex": "^#"}]))
    writer = Writer(log)
    writer.write(100)
    started.settled("app", 100)
    assert started.terminate() == 0
    log.write_text(header)
    writer.write(500)
    started.start()
    verdict = delivered(http_receiver, writer.next)
    assert verdict.none_lost(), verdict


def test_a_writer_at_full_speed_and_a_rotation_every_200_ms(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    started = agent(tailing(f"{log}*", receiver))
    writer, lock, done = Writer(log), threading.Lock(), threading.Event()

    def write():
        while not done.is_set():
            with lock:
                writer.write(100)
            time.sleep(0.001)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for generation in range(20):
            time.sleep(0.2)
            with lock:
                os.rename(log, f"{log}.{generation}")
                writer.write(1)
    finally:
        done.set()
        thread.join()
    verdict = delivered(receiver, writer.next, timeout=60)
    assert verdict.none_lost(), verdict
    started.settled("app", writer.next)


def test_a_file_that_lives_for_300_ms_is_read_whole(agent, http_receiver, tmp_path):
    directory = tmp_path / "jobs"
    directory.mkdir()
    agent(tailing(directory / "*.log", http_receiver)).process.goes_first()
    log = directory / "short.log"
    writer = Writer(log)
    writer.write(100)
    time.sleep(0.3)
    log.unlink()
    verdict = delivered(http_receiver, 100)
    assert verdict.exactly_once(), verdict


def test_where_reading_starts_is_asked_only_of_files_that_were_there_before(agent, http_receiver, tmp_path):
    old, new = tmp_path / "old.log", tmp_path / "new.log"
    old.write_text("before\n")
    agent(tailing(tmp_path / "*.log", http_receiver, start_at="end"))
    new.write_text("born later\n")
    with open(old, "a") as file:
        file.write("after\n")
    http_receiver.wait_logs(2)
    assert sorted(http_receiver.lines) == ["after", "born later"]


def test_excluded_files_are_not_read(agent, http_receiver, tmp_path):
    (tmp_path / "keep.log").write_text("yes\n")
    (tmp_path / "debug.log").write_text("no\n")
    started = agent(tailing(tmp_path / "*.log", http_receiver, exclude=[str(tmp_path / "debug*")]))
    http_receiver.wait_logs(1)
    started.settled("app", 1)
    assert http_receiver.lines == ["yes"]


def test_a_double_star_finds_files_in_directories_that_come_later(agent, http_receiver, tmp_path):
    agent(tailing(tmp_path / "tree/**/*.log", http_receiver))
    for path in ("tree/a.log", "tree/x/b.log", "tree/x/y/z/c.log"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path + "\n")
    http_receiver.wait_logs(3)
    assert sorted(http_receiver.lines) == ["tree/a.log", "tree/x/b.log", "tree/x/y/z/c.log"]


def test_files_compressed_by_their_rotation_are_read_once_across_a_kill_in_the_middle(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    started = agent(tailing(f"{log}*", http_receiver))
    writer = Writer(log, size=1000)
    for generation in range(6):
        writer.write(3000)
        os.rename(log, f"{log}.{generation}")
        writer.write(10)
        if generation % 2 == 0:
            started.settled("app", 1)
            packing = subprocess.Popen(["gzip", f"{log}.{generation}"])
            started.kill9()
            assert packing.wait(30) == 0
            started.start()
        else:
            subprocess.run(["gzip", f"{log}.{generation}"], check=True, timeout=30)
    # Some come twice, so their count says nothing.
    until(lambda: not judge(http_receiver.lines, writer.next).missing, "all is there", 60, every=0.5)
    verdict = judge(http_receiver.lines, writer.next)
    # What was in flight at one of the three kills: never a whole generation each time.
    assert verdict.none_lost(duplicates=verdict.expected // 2), verdict
    assert all("\x1f" not in line for line in http_receiver.lines)
    until(lambda: started.scrape().total("vigie_log_lag_bytes", source="app") == 0, "all is read")
    before = len(http_receiver.lines)
    assert started.terminate() == 0
    started.start()
    writer.write(1)
    http_receiver.wait_logs(before + 1)
    holds(lambda: len(http_receiver.lines) == before + 1, "nothing of it comes again", 1.5)


@pytest.mark.parametrize("pack", [["gzip"], ["zstd", "-q", "--rm"]], ids=["gzip", "zstd"])
def test_files_compressed_while_the_agent_is_stopped_are_unpacked(agent, http_receiver, tmp_path, pack):
    log = tmp_path / "app.log"
    started = agent(tailing(log, http_receiver))
    writer = Writer(log)
    writer.write(1000)
    started.settled("app", 1000)
    assert started.terminate() == 0
    for generation in range(3):
        writer.write(1000)
        os.rename(log, f"{log}.{generation}")
        subprocess.run([*pack, f"{log}.{generation}"], check=True, timeout=30)
    writer.write(1000)
    started.start()
    verdict = delivered(http_receiver, writer.next)
    assert verdict.exactly_once(), verdict
    assert not list((started.state_dir / "logs").glob("unpacked*")), "what is unpacked has no name"
