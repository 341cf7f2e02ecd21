"""What makes a file the same file: inode, content before the offset, and where links lead."""

import os
import threading
import time

from harness.oracle import Writer, judge, record
from harness.sections import tailing
from harness.wait import holds, until


def delivered(receiver, written, timeout=30):
    receiver.wait_logs(written, timeout)
    return judge(receiver.lines, written)


def test_a_file_with_the_inode_of_a_deleted_one_is_read_from_its_beginning(agent, http_receiver, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    started = agent(tailing(logs / "*.log", http_receiver))
    writer, inodes = Writer(logs / "0.log"), set()
    for generation in range(200):
        writer.path = logs / f"{generation}.log"
        writer.write(3)
        inode = writer.path.stat().st_ino
        until(lambda: len(http_receiver.logs) >= writer.next, "it is read")
        if inode in inodes:
            break
        inodes.add(inode)
        # While the agent is stopped nothing keeps the inode from being used again.
        assert started.terminate() == 0
        writer.path.unlink()
        started.spawn()
    else:
        raise AssertionError("no inode came twice")
    verdict = delivered(http_receiver, writer.next)
    assert verdict.none_lost(), verdict


def test_200_files_that_begin_with_the_same_4_kib_are_told_apart(agent, http_receiver, tmp_path):
    header = "#" * 4095 + "\n"
    numbers = iter(range(100_000))
    files = [tmp_path / f"{n}.log" for n in range(200)]

    def append(path, count=2):
        with open(path, "a") as file:
            file.writelines(record(next(numbers)) + "\n" for _ in range(count))

    for path in files:
        path.write_text(header)
        append(path)
    started = agent(tailing(tmp_path / "*.log", http_receiver, drop=[{"regex": "^#"}]))
    http_receiver.wait_logs(400)
    assert started.terminate() == 0
    for number, path in enumerate(files):
        append(path)
        if number % 3 == 0:
            os.rename(path, tmp_path / f"moved-{number}.log")
    started.start()
    verdict = delivered(http_receiver, 800)
    assert verdict.exactly_once(), verdict


def test_a_file_of_one_byte_is_known_again(agent, http_receiver, tmp_path):
    (tmp_path / "newline.log").write_text("\n")
    (tmp_path / "short.log").write_text("ten bytes\n")
    half = tmp_path / "half.log"
    half.write_text("x")
    started = agent(tailing(tmp_path / "*.log", http_receiver))
    http_receiver.wait_logs(1)
    started.settled("app", 1)
    assert started.terminate() == 0
    started.start()
    with open(half, "a") as file:
        file.write("yz\n")
    http_receiver.wait_logs(2)
    holds(lambda: http_receiver.lines == ["ten bytes", "xyz"], "nothing comes twice", 1.5)


def test_a_link_is_followed_where_it_leads_and_a_dangling_one_is_awaited(agent, http_receiver, tmp_path):
    (tmp_path / "logs").mkdir()
    targets = tmp_path / "targets"
    targets.mkdir()
    link = tmp_path / "logs/app.log"
    link.symlink_to(targets / "0")
    agent(tailing(tmp_path / "logs/*.log", http_receiver))
    writer = Writer(targets / "0")
    for generation in range(5):
        writer.path = targets / str(generation)
        writer.write(50)
        # What comes to the old target while the link leads on is read as well.
        until(lambda: len(http_receiver.logs) >= writer.next, "it is read through the link")
        fresh = tmp_path / "fresh"
        fresh.symlink_to(targets / str(generation + 1))
        os.replace(fresh, link)
        writer.write(50)
    verdict = delivered(http_receiver, writer.next)
    assert verdict.exactly_once(), verdict


def test_a_hole_of_8_gib_costs_no_memory_and_the_line_behind_it_is_intact(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    started = agent(tailing(log, http_receiver))
    writer = Writer(log)
    writer.write(100)
    started.settled("app", 100)
    with open(log, "r+") as file:
        file.truncate(0)
        # A writer without O_APPEND goes on where it was.
        file.seek(8 << 30)
        file.write(record(100) + "\n")
    verdict = delivered(http_receiver, 101)
    assert verdict.exactly_once(), verdict
    hole = lambda: started.value("vigie_log_hole_bytes_total", source="app")  # noqa: E731
    until(lambda: hole() == 8 << 30, "the hole is counted")
    assert started.value("process_resident_memory_bytes") < 128 << 20


def test_copytruncate_under_load_loses_only_what_is_written_while_it_copies(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    started = agent(tailing(f"{log}*", http_receiver))
    writer = Writer(log)
    for generation in range(10):
        for _ in range(20):
            writer.write(25)
        # The copy and the truncation, without a write between them: nothing is in the window.
        (tmp_path / f"app.log.{generation}").write_bytes(log.read_bytes())
        os.truncate(log, 0)
    verdict = delivered(http_receiver, writer.next)
    assert not verdict.missing and not verdict.corrupt, verdict
    until(lambda: started.value("vigie_log_lag_bytes", source="app") == 0, "all is read")
    page = started.scrape()
    written = page.value("vigie_log_written_bytes_total", source="app")
    known = page.value("vigie_log_read_bytes_total", source="app")
    known += page.total("vigie_log_hole_bytes_total", source="app")
    known += page.value("vigie_log_copied_bytes_total", source="app")
    known += page.total("vigie_log_lost_bytes_total", source="app")
    assert written == known


def test_copytruncate_beside_a_writer_loses_only_what_is_written_between_its_two_steps(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    agent(tailing(f"{log}*", http_receiver))
    writer, done, windows = Writer(log), threading.Event(), []

    def write():
        while not done.is_set():
            writer.write(20)
            time.sleep(0.001)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for generation in range(15):
            time.sleep(0.1)
            before = writer.next
            (tmp_path / f"app.log.{generation}").write_bytes(log.read_bytes())
            os.truncate(log, 0)
            # What is being written now counts only when it is.
            windows.append(range(before, writer.next + 20))
    finally:
        done.set()
        thread.join()
    writer.write(1)
    is_window = {number for window in windows for number in window}
    settled = lambda: set(judge(http_receiver.lines, writer.next).missing) <= is_window  # noqa: E731
    until(settled, "nothing is missing but what was written in a window", 30, every=0.3)
    verdict = judge(http_receiver.lines, writer.next)
    # A write that a copy or a truncation cuts in two leaves half a line.
    assert len(verdict.corrupt) <= 2 * len(windows), verdict
