"""What is in the files: parts of lines, lines of containers, stack traces, lines without end, bytes of all kinds."""

import json
import os
import random
import threading
import time

import pytest
from harness.oracle import Writer, judge, record
from harness.receiver import refuse
from harness.sections import tailing
from harness.wait import holds, until

TIME = "2026-01-02T03:04:05.678901234Z"
NANOS = 1767323045_678901234


def append(path, data):
    """By a descriptor opened anew, as a writer does that reopens its file when that was rotated."""
    with open(path, "ab") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def cri(stream, tag, text, at=TIME):
    return f"{at} {stream} {tag} {text}\n"


def docker(stream, text, at=TIME):
    return json.dumps({"log": text, "stream": stream, "time": at}) + "\n"


# Lines that are written in parts


def test_a_line_that_is_written_in_parts_at_random_delays_is_one_record(agent, http_receiver, tmp_path):
    chance = random.Random(31)
    logs = [tmp_path / f"{number}.log" for number in range(8)]
    per_file = 6
    started = agent(tailing(tmp_path / "*.log", http_receiver))

    def write(file, seed):
        chance = random.Random(seed)
        for line in range(per_file):
            text = record(file * per_file + line, chance.randint(60, 3000)) + "\n"
            cuts = sorted(chance.sample(range(1, len(text)), 2))
            for part in (text[: cuts[0]], text[cuts[0] : cuts[1]], text[cuts[1] :]):
                append(logs[file], part)
                time.sleep(chance.choice([0.01, 0.1, 1.2]))

    threads = [threading.Thread(target=write, args=(file, chance.random())) for file in range(len(logs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = len(logs) * per_file
    http_receiver.wait_logs(expected)
    verdict = judge(http_receiver.lines, expected)
    assert verdict.exactly_once(), verdict
    assert not any("vigie.line.partial" in item.attributes for item in http_receiver.logs)
    started.settled("app", expected)


def test_half_a_line_of_a_file_that_is_gone_is_delivered_and_marked(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    started = agent(tailing(log, http_receiver))
    append(log, record(0) + "\n" + record(1))
    http_receiver.wait_logs(1)
    holds(lambda: len(http_receiver.logs) == 1, "the half line is held", 1.5)
    log.unlink()
    http_receiver.wait_logs(2)
    assert judge(http_receiver.lines, 2).exactly_once()
    marks = [item.attributes.get("vigie.line.partial") for item in http_receiver.logs]
    assert marks == [None, True]
    until(lambda: started.value("vigie_log_partial_lines_total", source="app") == 1, "it is counted")


# Lines of containers


@pytest.mark.parametrize(
    ("parse", "wrap"), [("cri", lambda s, t: cri(s, "F", t)), ("docker", lambda s, t: docker(s, t + "\n"))]
)
def test_a_line_of_a_container_has_its_time_its_stream_and_its_text(agent, receiver, tmp_path, parse, wrap):
    log = tmp_path / "0.log"
    append(log, wrap("stdout", "a line") + "not wrapped\n" + wrap("stderr", 'a "second" € one'))
    started = agent(tailing(log, receiver, parse=parse))
    first, odd, second = receiver.wait_logs(3)
    assert [first.text, odd.text, second.text] == ["a line", "not wrapped", 'a "second" € one']
    assert [item.attributes.get("log.iostream") for item in (first, odd, second)] == ["stdout", None, "stderr"]
    assert [item.raw.time_unix_nano for item in (first, odd, second)] == [NANOS, 0, NANOS]
    assert first.raw.observed_time_unix_nano > NANOS
    until(lambda: started.value("vigie_log_parse_errors_total", source="app", reason="format") == 1, "it is counted")


def parts_of(number, stream, parse, size=20_000, part=4096):
    """Record `number` as a runtime writes it: cut into parts, each at its own time."""
    text = record(number, size)
    cuts = [text[at : at + part] for at in range(0, len(text), part)]
    times = [f"2026-01-02T03:04:05.{number:04}{place:05}Z" for place in range(len(cuts))]
    if parse == "docker":
        cuts[-1] += "\n"
        return [docker(stream, cut, at) for cut, at in zip(cuts, times, strict=True)]
    tags = ["P"] * (len(cuts) - 1) + ["F"]
    return [cri(stream, tag, cut, at) for tag, cut, at in zip(tags, cuts, times, strict=True)]


@pytest.mark.parametrize("parse", ["cri", "docker"])
@pytest.mark.parametrize("crash", [False, True], ids=["running", "killed"])
def test_a_line_that_a_rotation_cuts_into_two_files_is_one_record(agent, http_receiver, tmp_path, parse, crash):
    log = tmp_path / "0.log"
    started = agent(tailing(log, http_receiver, parse=parse))
    chance = random.Random(32)
    append(log, "".join(parts_of(0, "stdout", parse)))
    http_receiver.wait_logs(1)
    number = 1
    for generation in range(6):
        # Both streams are in the middle of a line when the file is rotated.
        out, err = parts_of(number, "stdout", parse), parts_of(number + 1, "stderr", parse)
        number += 2
        before = chance.randint(1, len(out) - 1)
        for pair in zip(out[:before], err[:before], strict=True):
            append(log, "".join(pair))
        time.sleep(chance.choice([0, 0.1, 0.5]))
        if crash and generation % 2:
            started.kill9()
        os.rename(log, tmp_path / f"0.log.{generation}")
        for pair in zip(out[before:], err[before:], strict=True):
            append(log, "".join(pair))
        if crash and generation % 2:
            started.start()
        time.sleep(chance.choice([0, 0.1, 1.1]))
    until(lambda: not judge(http_receiver.lines, number).missing, "every record has come", 30)
    verdict = judge(http_receiver.lines, number)
    # What was delivered and not acknowledged in time comes again.
    assert verdict.none_lost(duplicates=number if crash else 0), verdict
    if not crash:
        assert not any("vigie.line.partial" in item.attributes for item in http_receiver.logs)


def test_a_part_that_waits_is_read_again_after_a_crash(agent, http_receiver, tmp_path):
    log = tmp_path / "0.log"
    started = agent(tailing(log, http_receiver, parse="cri"))
    waiting = parts_of(0, "stderr", "cri")
    append(log, "".join(waiting[:2]))
    for number in range(1, 50):
        append(log, "".join(parts_of(number, "stdout", "cri", size=200)))
    started.settled("app", 49)
    time.sleep(1)
    started.kill9()
    append(log, "".join(waiting[2:]))
    started.start()
    until(lambda: not judge(http_receiver.lines, 50).missing, "every record has come")
    # What the other stream wrote behind the part that waited comes again.
    verdict = judge(http_receiver.lines, 50)
    assert verdict.none_lost(duplicates=49), verdict


def test_a_line_of_a_container_without_an_end_is_delivered_and_marked(agent, http_receiver, tmp_path):
    log = tmp_path / "0.log"
    append(log, cri("stdout", "P", "half a line"))
    agent(tailing(log, http_receiver, parse="cri"))
    (item,) = http_receiver.wait_logs(1)
    assert item.text == "half a line" and item.attributes["vigie.line.partial"] is True


# Stack traces


# What is read of an exception is another matter: here it is which lines become one record.
JOINED = {"exceptions": {"enabled": False}}


def traceback(file, number):
    """A traceback with a chained exception, that says in each line whose it is."""
    head = "Traceback (most recent call last):"
    frame = f'  File "/srv/{file}.py", line {number}, in pay\n    pay({file}, {number})'
    first = f"{head}\n{frame}\nKeyError: {file}"
    second = f"{head}\n{frame}\nValueError: {file} {number}"
    return f"{first}\n\nDuring handling of the above exception, another exception occurred:\n\n{second}"


def test_tracebacks_of_a_hundred_files_do_not_mix_and_the_last_one_comes_by_itself(agent, http_receiver, tmp_path):
    files, each = 100, 3
    agent(tailing(tmp_path / "*.log", http_receiver, multiline={"preset": "python", "flush_after": "5s"}, **JOINED))
    texts = {}
    for file in range(files):
        events = []
        for number in range(each):
            events += [f"INFO {file} {number}", traceback(file, number)]
        texts[file] = events
    # All files grow at the same time, by some lines each.
    pending = {file: "\n".join(events).split("\n") for file, events in texts.items()}
    chance = random.Random(33)
    while any(pending.values()):
        for file, lines in pending.items():
            count = chance.randint(1, 6)
            if lines:
                append(tmp_path / f"{file}.log", "".join(line + "\n" for line in lines[:count]))
                del lines[:count]
    expected = sorted(text for events in texts.values() for text in events)
    http_receiver.wait_logs(len(expected))
    assert sorted(http_receiver.lines) == expected


def test_a_traceback_that_is_cut_by_a_rotation_is_one_record(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    agent(tailing(log, http_receiver, multiline={"preset": "python", "flush_after": "5s"}, **JOINED))
    lines = traceback(1, 2).split("\n")
    append(log, "before\n" + "\n".join(lines[:7]) + "\n")
    http_receiver.wait_logs(1)
    os.rename(log, tmp_path / "app.log.1")
    append(log, "\n".join(lines[7:]) + "\nafter\n")
    http_receiver.wait_logs(3)
    assert http_receiver.lines == ["before", traceback(1, 2), "after"]


def test_a_traceback_waits_for_a_receiver_that_is_down_and_comes_whole_after_a_crash(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    http_receiver.answers(refuse(503))
    started = agent(tailing(log, http_receiver, multiline={"preset": "python"}, **JOINED))
    lines = traceback(1, 2).split("\n")
    append(log, "before\n" + "\n".join(lines[:4]) + "\n")
    http_receiver.wait_requests(1)
    started.kill9()
    append(log, "\n".join(lines[4:]) + "\nafter\n")
    http_receiver.answers_normally()
    started.start()
    http_receiver.wait_logs(3)
    assert http_receiver.lines == ["before", traceback(1, 2), "after"]


@pytest.mark.parametrize("rule", [{"start": r"^\d{4}-"}, {"continue": r"^(\s|$)"}], ids=["start", "continue"])
def test_an_expression_says_which_lines_belong_together(agent, http_receiver, tmp_path, rule):
    log = tmp_path / "app.log"
    events = ["2026-01-02 one\n  more\n\n  of it", "2026-01-02 two", "2026-01-03 three\n\tend"]
    append(log, "\n".join(events) + "\n")
    agent(tailing(log, http_receiver, multiline=rule))
    http_receiver.wait_logs(3)
    assert http_receiver.lines == events


# Lines without end


def status(agent, key):
    """A value of /proc/PID/status, in bytes."""
    with open(f"/proc/{agent.process.pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key + ":"))


def bytes_read(agent):
    """What it has read of all files since it was started."""
    with open(f"/proc/{agent.process.pid}/io") as file:
        return int(file.readline().split()[1])


def test_a_gibibyte_without_a_newline_takes_no_memory_and_costs_no_following_line(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    started = agent(tailing(log, http_receiver))
    append(log, "before\n")
    http_receiver.wait_logs(1)
    piece = b"x" * (64 << 20)
    cpu = []
    for _ in range(16):
        before = bytes_read(started)
        append(log, piece)
        # It is looked at while it grows: a reader that begins anew each time takes quadratic time.
        until(lambda before=before: bytes_read(started) >= before + len(piece), "it is read")
        cpu.append(time.clock_gettime(~started.process.pid << 3 | 2))  # clock_getcpuclockid(3)
    writer = Writer(log)
    append(log, "\n")
    writer.write(100)
    items = http_receiver.wait_logs(102, timeout=60)
    # Several requests are in flight at once, and that with the long line takes the longest.
    (long,) = [item for item in items if "vigie.line.truncated" in item.attributes]
    assert long.text == "x" * (1 << 20) and long.attributes["vigie.line.truncated"] is True
    verdict = judge([item.text for item in items if item is not long and item.text != "before"], 100)
    assert verdict.exactly_once(), verdict
    until(lambda: started.value("vigie_log_truncated_lines_total", source="app") == 1, "it is counted")
    until(lambda: started.value("vigie_log_read_bytes_total", source="app") == log.stat().st_size, "so are its bytes")
    assert status(started, "VmHWM") < 100 << 20
    first, second = cpu[7] - cpu[0], cpu[15] - cpu[8]
    assert second < 2 * first + 1, f"{first} s for the first half, {second} s for the second"
    started.settled("app", 102)
    log.unlink()


# Bytes of all kinds


def test_bytes_of_all_kinds_arrive_as_text(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    every = bytes(byte for byte in range(256) if byte != 0x0A)
    lines = [
        (every, every.decode(errors="replace")),
        (b"windows\r", "windows"),
        (b"a lone\rcarriage return", "a lone\rcarriage return"),
        (b"NUL \0 inside\0", "NUL \0 inside\0"),
        (b"\xc3", "\ufffd"),
        (b"cut \xf0\x9f\x98", "cut \ufffd"),
        (b"\xed\xa0\x80 surrogate", "\ufffd\ufffd\ufffd surrogate"),
        ("whole 😀 é 漢".encode(), "whole 😀 é 漢"),
    ]
    append(log, b"\xef\xbb\xbf" + b"".join(line + b"\n" for line, _ in lines))
    started = agent(tailing(log, receiver))
    receiver.wait_logs(len(lines))
    assert receiver.lines == [text for _, text in lines]
    until(lambda: started.value("vigie_log_invalid_utf8_lines_total", source="app") == 4, "they are counted")
    started.settled("app", len(lines))


def test_one_line_that_is_not_utf8_harms_no_other(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    with open(log, "wb") as file:
        for number in range(6787):
            file.write(record(number).encode() + b"\n")
            if number % 1000 == 500:
                file.write(b"\xff\xfe poison \x80\n")
    agent(tailing(log, receiver))
    items = receiver.wait_logs(6787 + 7)
    verdict = judge([item.text for item in items if "poison" not in item.text], 6787)
    assert verdict.exactly_once(), verdict


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_in_utf16_is_decoded(agent, receiver, tmp_path, encoding):
    log = tmp_path / "app.log"
    append(log, ("\ufeff" + "first é 漢 😀\r\n" + "second\n" + "hal").encode(encoding))
    started = agent(tailing(log, receiver))
    receiver.wait_logs(2)
    started.settled("app", 2)
    started.restart()
    append(log, "f\nlast\n".encode(encoding))
    until(lambda: "last" in receiver.lines, "the last line has come")
    assert list(dict.fromkeys(receiver.lines)) == ["first é 漢 😀", "second", "half", "last"]
    assert started.value("vigie_log_invalid_utf8_lines_total", source="app") == 0
